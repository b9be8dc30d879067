/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 5. Ports on the wire: descriptions, features replies, port status, port mods, port and queue
 * statistics. Pure functions. */
#ifndef OPENFLOW_PORT_CODEC_H
#define OPENFLOW_PORT_CODEC_H 1

#include "openflow/msg.h"
#include "openflow/port_props.h"

#define OFPPC_PORT_DOWN    0x01
#define OFPPC_NO_STP       0x02
#define OFPPC_NO_RECV      0x04
#define OFPPC_NO_RECV_STP  0x08
#define OFPPC_NO_FLOOD     0x10
#define OFPPC_NO_FWD       0x20
#define OFPPC_NO_PACKET_IN 0x40

/* Port state, one set of bits for all versions; the codec maps. */
#define OFPPS_LINK_DOWN   0x1
#define OFPPS_BLOCKED     0x2
#define OFPPS_LIVE        0x4
#define OFPPS_STP_LISTEN  0x000
#define OFPPS_STP_LEARN   0x100
#define OFPPS_STP_FORWARD 0x200
#define OFPPS_STP_BLOCK   0x300
#define OFPPS_STP_MASK    0x300

#define OFP_PORT_NAME_LEN 16
#define OFP_PORT_FIELDS   8

/* Features (curr, advertised ...) as OpenFlow 1.1's bits; OpenFlow 1.0's are mapped. */
struct ofp_port {
    uint32_t port_no;
    struct eth_addr hw_addr;
    char name[64]; /* NUL-terminated; on the wire 16 bytes */
    uint32_t config, state;
    uint32_t curr, advertised, supported, peer;
    uint32_t curr_speed, max_speed; /* kbit/s */
    /* 1.5: fields of the pipeline that the port sets in what it receives, and reads in what it sends. For
     * encoding. */
    const struct field *input[OFP_PORT_FIELDS], *output[OFP_PORT_FIELDS];
    uint8_t n_input, n_output;
    /* Properties (1.4 and later) as on the wire, port_props.h. Decoded, they are in the message; encoded,
     * Ethernet's is passed over. */
    const uint8_t *properties;
    size_t properties_len;
};
uint32_t ofp_port_features_speed(uint32_t features); /* the fastest of them, kbit/s */
void ofp_port_encode(struct bytebuf *, const struct ofp_port *, enum ofp_version);
enum ofperr ofp_port_decode(struct reader *, enum ofp_version, struct ofp_port *);

struct ofp_features {
    uint64_t datapath_id;
    uint32_t n_buffers;
    uint8_t n_tables, auxiliary_id;
    uint32_t capabilities; /* as OpenFlow 1.3 has them; 1 << 31: STP of OpenFlow 1.0, 1 << 7: ARP_MATCH_IP */
    uint32_t actions;      /* OpenFlow 1.0: 1 << OFPAT_* */
};
/* The ports follow in OpenFlow 1.0 to 1.2. Returns where the message starts, for ofp_msg_end(). */
size_t ofp_features_encode_begin(struct bytebuf *, const struct ofp_features *, enum ofp_version,
                                 uint32_t xid);
enum ofperr ofp_features_decode(const struct ofp_msg *, struct ofp_features *, struct reader *ports);

void port_status_encode(struct bytebuf *, uint8_t reason, const struct ofp_port *, enum ofp_version);
enum ofperr port_status_decode(const struct ofp_msg *, uint8_t *reason, struct ofp_port *);

struct port_mod {
    uint32_t port_no;
    struct eth_addr hw_addr;
    uint32_t config, mask, advertise;
    bool has_optical; /* 1.4 and later */
    struct ofp_optical_mod optical;
};
void port_mod_encode(struct bytebuf *, const struct port_mod *, enum ofp_version, uint32_t xid);
enum ofperr port_mod_decode(const struct ofp_msg *, struct port_mod *);

/* Counters that are not known are UINT64_MAX. */
struct port_stats {
    uint32_t port_no;
    uint32_t duration_sec, duration_nsec; /* duration_sec UINT32_MAX: not known */
    uint64_t rx_packets, tx_packets, rx_bytes, tx_bytes, rx_dropped, tx_dropped, rx_errors, tx_errors;
    uint64_t rx_frame_err, rx_over_err, rx_crc_err, collisions;
};
void port_stats_request_encode(struct bytebuf *, uint32_t port_no, enum ofp_version, uint32_t xid);
enum ofperr port_stats_request_decode(const struct ofp_msg *, uint32_t *port_no);
void port_stats_encode(struct bytebuf *, const struct port_stats *, enum ofp_version);
enum ofperr port_stats_decode(struct reader *, enum ofp_version, struct port_stats *,
                              struct reader *properties);

struct queue_stats {
    uint32_t port_no, queue_id, duration_sec, duration_nsec;
    uint64_t tx_bytes, tx_packets, tx_errors;
};
void queue_stats_request_encode(struct bytebuf *, uint32_t port_no, uint32_t queue, enum ofp_version,
                                uint32_t xid);
enum ofperr queue_stats_request_decode(const struct ofp_msg *, uint32_t *port_no, uint32_t *queue);
void queue_stats_encode(struct bytebuf *, const struct queue_stats *, enum ofp_version);
enum ofperr queue_stats_decode(struct reader *, enum ofp_version, struct queue_stats *);

#endif
