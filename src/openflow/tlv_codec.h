/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 5. Nicira's messages about the TLV table: which tunnel options are tun_metadata0 to 63. Pure
 * functions. */
#ifndef OPENFLOW_TLV_CODEC_H
#define OPENFLOW_TLV_CODEC_H 1

#include "flow/tun_md.h"
#include "openflow/msg.h"

enum tlv_command {
    TLV_ADD,
    TLV_DELETE,
    TLV_CLEAR /* deletes all; what it lists does not matter */
};

/* A mapping as it stands in the messages. */
struct tlv_map {
    struct tun_md_map option;
    uint16_t index; /* of the field, below FLOW_N_TUN_MD */
};

/* *MAPS is a reader of the mappings, all of them good: tlv_map_get() takes them off, each 8 bytes. */
enum ofperr tlv_table_mod_decode(const struct ofp_msg *, enum tlv_command *, struct reader *maps);
/* The mappings follow, tlv_map_put(), then ofp_msg_end(). Returns what that wants. */
size_t tlv_table_mod_encode_begin(struct bytebuf *, enum tlv_command, enum ofp_version, uint32_t xid);

enum ofperr tlv_table_reply_decode(const struct ofp_msg *, uint32_t *max_space, uint16_t *max_fields,
                                   struct reader *maps);
void tlv_table_reply_encode(struct bytebuf *, const struct tun_md_table *, enum ofp_version, uint32_t xid);

#define TLV_MAP_SIZE 8
void tlv_map_put(struct bytebuf *, const struct tlv_map *);
struct tlv_map tlv_map_get(struct reader *);

#endif
