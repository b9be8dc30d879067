/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 3. Packet in, flow key out: parses L2 to L4 and takes over the packet's metadata. Never reads past
 * the packet's end; what a damaged packet does not have is left zero in the key, as the reference leaves it.
 *
 * Thread-safety: any thread, each with packets of its own. The VLAN limit is set by the control thread and
 * read by all (a relaxed atomic). */
#ifndef FLOW_EXTRACT_H
#define FLOW_EXTRACT_H 1

#include "flow/key.h"
#include "packet/packet.h"

/* Parses the packet and its metadata. Writes those blocks of KEY that the packet needs, the hot one always,
 * each as a whole; sets the packet's key_blocks to them, and its l2_5_ofs, l3_ofs and l4_ofs. The others stay
 * as they were: complete them with flow_key_complete(). */
void flow_key_extract(struct packet *, struct flow_key *);
/* Each packet of the batch into KEYS[i]; its key_blocks into BLOCKS[i] too. */
void flow_extract_batch(struct packet_batch *, struct flow_key *keys, uint16_t *blocks);
/* The same, and all of the key is defined. For the slow path. */
void flow_key_extract_complete(struct packet *, struct flow_key *);

/* The other way: gives the packet the metadata that KEY says (in_port, recirc_id, mark, priority, dp_hash,
 * connection, packet_type, tunnel). KEY is complete. ENOMEM if the tunnel's memory cannot be had. */
int flow_key_to_metadata(const struct flow_key *, struct packet *);

/* How many VLAN tags are parsed: 0 to FLOW_MAX_VLANS. other_config:vlan-limit; FLOW_VLAN_LIMIT_DEFAULT
 * without it. */
#define FLOW_VLAN_LIMIT_DEFAULT 1
void flow_set_vlan_limit(unsigned);
unsigned flow_vlan_limit(void);

#endif
