/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 5. Packet-in (all forms) and packet-out on the wire. Pure functions. Pointers that a decoder gives
 * point into the message. */
#ifndef OPENFLOW_PACKET_CODEC_H
#define OPENFLOW_PACKET_CODEC_H 1

#include "flow/match.h"
#include "openflow/actions.h"
#include "openflow/msg.h"
#include "openflow/text.h"

enum packet_in_format {
    PACKET_IN_STANDARD,
    PACKET_IN_NXT,
    PACKET_IN_NXT2
};

struct packet_in {
    const uint8_t *packet;
    size_t packet_len;
    uint32_t total_len; /* of the whole packet, of which `packet` may be the beginning */
    uint32_t buffer_id;
    struct match metadata; /* in_port, tun_id, metadata, registers ... */
    uint64_t cookie;       /* UINT64_MAX: not known */
    uint8_t reason;        /* enum ofp_packet_in_reason */
    uint8_t table_id;      /* of the rule; 0 if not known */
    const uint8_t *userdata;
    size_t userdata_len;
    /* With `pause`: properties that NXT_RESUME brings back unchanged, in the switch's own form. */
    const uint8_t *continuation;
    size_t continuation_len;
    /* Appends it as a session in that version is to get it. NULL: as it is. */
    void (*put_continuation)(struct bytebuf *, const struct packet_in *, enum ofp_version);
};
/* The reason that version V has for it. */
uint8_t packet_in_wire_reason(uint8_t reason, enum ofp_version);
void packet_in_encode(struct bytebuf *, const struct packet_in *, enum ofp_version, enum packet_in_format);
/* NXT_RESUME: what NXT_PACKET_IN2 had. */
void resume_encode(struct bytebuf *, const struct packet_in *, enum ofp_version, uint32_t xid);
enum ofperr packet_in_decode(const struct ofp_msg *, struct packet_in *);

struct packet_out {
    const uint8_t *packet;
    size_t packet_len;
    uint32_t buffer_id;
    struct match metadata;  /* in_port at least; more since OpenFlow 1.5 */
    struct bytebuf ofpacts; /* its own: packet_out_fini() */
};
void packet_out_fini(struct packet_out *);
void packet_out_encode(struct bytebuf *, const struct packet_out *, enum ofp_version, uint32_t xid);
enum ofperr packet_out_decode(const struct ofp_msg *, struct packet_out *);

#endif
