/* SPDX-License-Identifier: Apache-2.0 */
/* From actions in memory to the wire: one function for each action, in the order of OFPACTS, and the
 * flattened instructions. */
#include "openflow/action_wire_private.h"
#include "openflow/oxs.h"

/* --- Framing --- */

static size_t experimenter_begin(struct bytebuf *b, uint32_t vendor, uint16_t subtype)
{
    size_t start = b->len;
    put_u16(b, 0xffff);
    put_u16(b, 0);
    put_u32(b, vendor);
    put_u16(b, subtype);
    return start;
}

size_t nx_begin(struct bytebuf *b, enum nx_action subtype)
{
    return experimenter_begin(b, OFP_VENDOR_NX, subtype);
}

size_t std_begin(struct bytebuf *b, uint16_t type)
{
    size_t start = b->len;
    put_u16(b, type);
    put_u16(b, 0);
    return start;
}

void action_end(struct bytebuf *b, size_t start)
{
    put_pad_from(b, start, 8);
    set_u16(b, start + 2, b->len - start);
}

bool header_is_short(const struct field *field, enum ofp_version version)
{
    const struct field_oxm *oxm = field_oxm_of(field, version);
    if (!oxm) {
        oxm = field_oxm_of(field, OFP15);
    }
    return oxm && FIELD_OXM_CLASS(oxm->header) != 0xffff;
}

void put_ofs_nbits(struct bytebuf *b, const struct subfield *sf)
{
    put_u16(b, sf->ofs << 6 | (sf->n_bits - 1));
}

/* Actions without arguments, and with one number. */
static void nx_null(const struct action_encode *e, enum nx_action subtype)
{
    action_end(e->b, nx_begin(e->b, subtype));
}

static void std_null(const struct action_encode *e, uint16_t type)
{
    action_end(e->b, std_begin(e->b, type));
}

static void std_u8(const struct action_encode *e, uint16_t type, uint8_t v)
{
    size_t start = std_begin(e->b, type);
    put_u8(e->b, v);
    action_end(e->b, start);
}

static void std_u16(const struct action_encode *e, uint16_t type, uint16_t v)
{
    size_t start = std_begin(e->b, type);
    put_u16(e->b, v);
    action_end(e->b, start);
}

static void std_u32(const struct action_encode *e, uint16_t type, uint32_t v)
{
    size_t start = std_begin(e->b, type);
    put_u32(e->b, v);
    action_end(e->b, start);
}

/* Two bytes of padding, then the number. */
static void nx_pad2_u32(const struct action_encode *e, enum nx_action subtype, uint32_t v)
{
    size_t start = nx_begin(e->b, subtype);
    put_u16(e->b, 0);
    put_u32(e->b, v);
    action_end(e->b, start);
}

#define ENCODE(ENUM) static void encode_##ENUM(const struct action_encode *e, const ofpact_struct_##ENUM *a)

/* --- Output --- */

static void put_output(const struct action_encode *e, uint32_t port, uint16_t max_len)
{
    size_t start = std_begin(e->b, 0);
    if (e->version == OFP10) {
        put_u16(e->b, port);
    } else {
        put_u32(e->b, ofp_port_to_11(port));
    }
    put_u16(e->b, max_len);
    action_end(e->b, start);
}

ENCODE(OUTPUT)
{
    put_output(e, a->port, a->max_len);
}

ENCODE(OUTPUT_REG)
{
    bool v1 = header_is_short(a->src.field, OFP10);
    size_t start = nx_begin(e->b, v1 ? NXAST_OUTPUT_REG : NXAST_OUTPUT_REG2);
    put_ofs_nbits(e->b, &a->src);
    if (v1) {
        oxm_put_header(e->b, a->src.field, OFP10, false);
        put_u16(e->b, a->max_len);
        bytebuf_put_zeros(e->b, 6);
    } else {
        put_u16(e->b, a->max_len);
        oxm_put_header(e->b, a->src.field, OFP10, false);
    }
    action_end(e->b, start);
}

ENCODE(OUTPUT_TRUNC)
{
    size_t start = nx_begin(e->b, NXAST_OUTPUT_TRUNC);
    put_u16(e->b, a->port);
    put_u32(e->b, a->max_len);
    action_end(e->b, start);
}

ENCODE(GROUP)
{
    if (e->version == OFP10) {
        nx_pad2_u32(e, NXAST_GROUP, a->group_id);
    } else {
        std_u32(e, 22, a->group_id);
    }
}

/* A property of NXAST_CONTROLLER2: TYPE, length, N bytes, padding. */
static void put_prop(struct bytebuf *b, uint16_t type, const void *data, size_t n)
{
    size_t start = b->len;
    put_u16(b, type);
    put_u16(b, 4 + n);
    bytebuf_put(b, data, n);
    put_pad_from(b, start, 8);
}

static uint8_t wire_reason(uint8_t reason)
{
    return reason == OFPR_EXPLICIT_MISS || reason == OFPR_IMPLICIT_MISS ? OFPR_NO_MATCH : reason;
}

ENCODE(CONTROLLER)
{
    struct bytebuf *b = e->b;
    uint8_t reason = wire_reason(a->reason);
    if (!a->userdata_len && !a->pause && a->meter_id == OFPM_NONE) {
        size_t start = nx_begin(b, NXAST_CONTROLLER);
        put_u16(b, a->max_len);
        put_u16(b, a->controller_id);
        put_u8(b, reason);
        action_end(b, start);
        return;
    }
    size_t start = nx_begin(b, NXAST_CONTROLLER2);
    bytebuf_put_zeros(b, 6);
    be16 max_len = htons(a->max_len), id = htons(a->controller_id);
    be32 meter = htonl(a->meter_id);
    if (a->max_len != UINT16_MAX) {
        put_prop(b, 0, &max_len, 2);
    }
    if (a->controller_id) {
        put_prop(b, 1, &id, 2);
    }
    if (a->reason != OFPR_ACTION) {
        put_prop(b, 2, &reason, 1);
    }
    if (a->userdata_len) {
        put_prop(b, 3, a->userdata, a->userdata_len);
    }
    if (a->pause) {
        put_prop(b, 4, NULL, 0);
    }
    if (a->meter_id != OFPM_NONE) {
        put_prop(b, 5, &meter, 4);
    }
    action_end(b, start);
}

ENCODE(ENQUEUE)
{
    if (e->version == OFP10) {
        size_t start = std_begin(e->b, 11);
        put_u16(e->b, a->port);
        bytebuf_put_zeros(e->b, 6);
        put_u32(e->b, a->queue);
        action_end(e->b, start);
        return;
    }
    std_u32(e, 21, a->queue);
    put_output(e, a->port, UINT16_MAX);
    nx_null(e, NXAST_POP_QUEUE);
}

/* Nicira's numbers of link choices. */
#define ALG_HRW             0
#define BUNDLE_ALG_BACKUP   0
#define BUNDLE_ALG_HRW      1
#define MEMBER_TYPE_IN_PORT 2 /* NXM_OF_IN_PORT's header */

ENCODE(BUNDLE)
{
    struct bytebuf *b = e->b;
    size_t start = nx_begin(b, a->dst.field ? NXAST_BUNDLE_LOAD : NXAST_BUNDLE);
    put_u16(b, a->algorithm == BUNDLE_HRW ? BUNDLE_ALG_HRW : BUNDLE_ALG_BACKUP);
    put_u16(b, a->fields);
    put_u16(b, a->basis);
    put_u32(b, MEMBER_TYPE_IN_PORT);
    put_u16(b, a->n_members);
    if (a->dst.field) {
        put_ofs_nbits(b, &a->dst);
        oxm_put_header(b, a->dst.field, OFP10, false);
        bytebuf_put_zeros(b, header_is_short(a->dst.field, OFP10) ? 4 : 0);
    } else {
        bytebuf_put_zeros(b, 10);
    }
    for (uint32_t i = 0; i < a->n_members; i++) {
        put_u16(b, a->members[i]);
    }
    action_end(b, start);
}

/* --- Header fields --- */

ENCODE(SET_FIELD)
{
    encode_set_field(e, a);
}

ENCODE(MOVE)
{
    struct bytebuf *b = e->b;
    bool std = e->version >= OFP15;
    bool onf = e->version == OFP13 && a->ofpact.raw; /* copy_field: OpenFlow 1.3 knows it as ONF's */
    size_t start = std   ? std_begin(b, 28)
                   : onf ? experimenter_begin(b, OFP_VENDOR_ONF, ONFAT_COPY_FIELD)
                         : nx_begin(b, NXAST_REG_MOVE);
    if (onf) {
        put_u16(b, 0);
    }
    put_u16(b, a->src.n_bits);
    put_u16(b, a->src.ofs);
    put_u16(b, a->dst.ofs);
    if (std || onf) {
        put_u16(b, 0);
    }
    enum ofp_version names = std || onf ? e->version : OFP10;
    oxm_put_header(b, a->src.field, names, false);
    oxm_put_header(b, a->dst.field, names, false);
    action_end(b, start);
}

ENCODE(DELETE_FIELD)
{
    size_t start = nx_begin(e->b, NXAST_DELETE_FIELD);
    oxm_put_header(e->b, a->field, OFP10, false);
    bytebuf_put_zeros(e->b, 24 - (e->b->len - start)); /* it is 24 bytes, whatever the header takes */
    action_end(e->b, start);
}

static void put_stack(const struct action_encode *e, enum nx_action subtype, const struct subfield *sf)
{
    struct bytebuf *b = e->b;
    size_t start = nx_begin(b, subtype);
    put_u16(b, sf->ofs);
    oxm_put_header(b, sf->field, OFP10, false);
    put_u16(b, sf->n_bits);
    put_pad_from(b, start, 8);
    /* Never shorter than the version of it with a short header. */
    if (b->len - start < 24) {
        bytebuf_put_zeros(b, 24 - (b->len - start));
    }
    action_end(b, start);
}

ENCODE(STACK_PUSH)
{
    put_stack(e, NXAST_STACK_PUSH, &a->subfield);
}

ENCODE(STACK_POP)
{
    put_stack(e, NXAST_STACK_POP, &a->subfield);
}

static void put_push_vlan(const struct action_encode *e)
{
    if (e->version > OFP10) {
        std_u16(e, 17, 0x8100);
    }
}

ENCODE(SET_VLAN_VID)
{
    if (e->version == OFP10) {
        std_u16(e, 1, a->vid);
        return;
    }
    if (a->push_if_needed && !a->flow_has_vlan) {
        put_push_vlan(e);
    }
    if (e->version == OFP11) {
        std_u16(e, 1, a->vid);
    } else {
        encode_set_whole(e, FIELD_VLAN_VID, a->vid | 0x1000u);
    }
}

ENCODE(SET_VLAN_PCP)
{
    if (e->version == OFP10) {
        std_u8(e, 2, a->pcp);
        return;
    }
    if (a->push_if_needed && !a->flow_has_vlan) {
        put_push_vlan(e);
    }
    if (e->version == OFP11) {
        std_u8(e, 2, a->pcp);
    } else {
        encode_set_whole(e, FIELD_VLAN_PCP, a->pcp);
    }
}

ENCODE(STRIP_VLAN)
{
    std_null(e, e->version == OFP10 ? 3 : 18);
}

ENCODE(PUSH_VLAN)
{
    /* OpenFlow 1.0 has a tag pushed by setting its vid. */
    if (e->version > OFP10) {
        std_u16(e, 17, ntohs(a->ethertype));
    }
}

static void put_mac(const struct action_encode *e, uint16_t type10, enum field_id id,
                    const struct eth_addr *mac)
{
    if (e->version < OFP12) {
        size_t start = std_begin(e->b, e->version == OFP10 ? type10 : type10 - 1);
        bytebuf_put(e->b, mac, 6);
        bytebuf_put_zeros(e->b, 6);
        action_end(e->b, start);
    } else {
        uint64_t v = 0;
        for (int i = 0; i < 6; i++) {
            v = v << 8 | mac->ea[i];
        }
        encode_set_whole(e, id, v);
    }
}

ENCODE(SET_ETH_SRC)
{
    put_mac(e, 4, FIELD_ETH_SRC, &a->mac);
}

ENCODE(SET_ETH_DST)
{
    put_mac(e, 5, FIELD_ETH_DST, &a->mac);
}

ENCODE(SET_IPV4_SRC)
{
    if (e->version < OFP12) {
        std_u32(e, e->version == OFP10 ? 6 : 5, ntohl(a->ip));
    } else {
        encode_set_whole(e, FIELD_IPV4_SRC, ntohl(a->ip));
    }
}

ENCODE(SET_IPV4_DST)
{
    if (e->version < OFP12) {
        std_u32(e, e->version == OFP10 ? 7 : 6, ntohl(a->ip));
    } else {
        encode_set_whole(e, FIELD_IPV4_DST, ntohl(a->ip));
    }
}

ENCODE(SET_IP_DSCP)
{
    if (e->version < OFP12) {
        std_u8(e, e->version == OFP10 ? 8 : 7, a->value);
    } else {
        encode_set_whole(e, FIELD_IP_DSCP, a->value >> 2);
    }
}

ENCODE(SET_IP_ECN)
{
    if (e->version == OFP11) {
        std_u8(e, 8, a->value);
    } else {
        encode_set_whole(e, FIELD_IP_ECN, a->value);
    }
}

ENCODE(SET_IP_TTL)
{
    if (e->version == OFP10) {
        encode_set_whole(e, FIELD_IP_TTL, a->value);
    } else {
        std_u8(e, 23, a->value);
    }
}

static void put_l4_port(const struct action_encode *e, const struct ofpact_l4_port *a, bool src)
{
    bool tcp = a->flow_ip_proto == 6, udp = a->flow_ip_proto == 17, sctp = a->flow_ip_proto == 132;
    if (e->version < OFP12 || (!tcp && !udp && !sctp)) { /* no field's name says "of whatever it has" */
        std_u16(e, src ? 9 : 10, a->port);
        return;
    }
    enum field_id id = udp    ? (src ? FIELD_UDP_SRC : FIELD_UDP_DST)
                       : sctp ? (src ? FIELD_SCTP_SRC : FIELD_SCTP_DST)
                              : (src ? FIELD_TCP_SRC : FIELD_TCP_DST);
    encode_set_whole(e, id, a->port);
}

ENCODE(SET_L4_SRC_PORT)
{
    put_l4_port(e, a, true);
}

ENCODE(SET_L4_DST_PORT)
{
    put_l4_port(e, a, false);
}

ENCODE(DEC_TTL)
{
    struct bytebuf *b = e->b;
    if (!a->has_ids) {
        if (e->version == OFP10) {
            nx_null(e, NXAST_DEC_TTL);
        } else {
            std_null(e, 24);
        }
        return;
    }
    size_t start = nx_begin(b, NXAST_DEC_TTL_CNT_IDS);
    put_u16(b, a->n_controllers);
    bytebuf_put_zeros(b, 4);
    for (unsigned i = 0; i < a->n_controllers; i++) {
        put_u16(b, a->controllers[i]);
    }
    action_end(b, start);
}

ENCODE(COPY_TTL_IN)
{
    if (e->version > OFP10) {
        std_null(e, 12);
    }
}

ENCODE(COPY_TTL_OUT)
{
    if (e->version > OFP10) {
        std_null(e, 11);
    }
}

ENCODE(SET_MPLS_LABEL)
{
    if (e->version == OFP10) {
        nx_pad2_u32(e, NXAST_SET_MPLS_LABEL, a->value);
    } else if (e->version == OFP11) {
        std_u32(e, 13, a->value);
    } else {
        encode_set_whole(e, FIELD_MPLS_LABEL, a->value);
    }
}

static void nx_u8(const struct action_encode *e, enum nx_action subtype, uint8_t v)
{
    size_t start = nx_begin(e->b, subtype);
    put_u8(e->b, v);
    action_end(e->b, start);
}

ENCODE(SET_MPLS_TC)
{
    if (e->version == OFP10) {
        nx_u8(e, NXAST_SET_MPLS_TC, a->value);
    } else if (e->version == OFP11) {
        std_u8(e, 14, a->value);
    } else {
        encode_set_whole(e, FIELD_MPLS_TC, a->value);
    }
}

ENCODE(SET_MPLS_TTL)
{
    if (e->version == OFP10) {
        nx_u8(e, NXAST_SET_MPLS_TTL, a->value);
    } else {
        std_u8(e, 15, a->value);
    }
}

ENCODE(DEC_MPLS_TTL)
{
    if (e->version == OFP10) {
        nx_null(e, NXAST_DEC_MPLS_TTL);
    } else {
        std_null(e, 16);
    }
}

static void put_mpls(const struct action_encode *e, enum nx_action subtype, uint16_t type, be16 ethertype)
{
    size_t start = e->version == OFP10 ? nx_begin(e->b, subtype) : std_begin(e->b, type);
    put_u16(e->b, ntohs(ethertype));
    action_end(e->b, start);
}

ENCODE(PUSH_MPLS)
{
    put_mpls(e, NXAST_PUSH_MPLS, 19, a->ethertype);
}

ENCODE(POP_MPLS)
{
    put_mpls(e, NXAST_POP_MPLS, 20, a->ethertype);
}

ENCODE(DEC_NSH_TTL)
{
    nx_null(e, NXAST_DEC_NSH_TTL);
}

ENCODE(ENCAP)
{
    struct bytebuf *b = e->b;
    size_t start = nx_begin(b, NXAST_ENCAP);
    put_u16(b, a->hdr_size);
    put_u32(b, ntohl(a->new_pkt_type));
    const uint8_t *p = a->props;
    for (unsigned i = 0; i < a->n_props; i++) {
        const struct ofpact_encap_prop *prop = (const void *)p;
        size_t at = b->len;
        put_u16(b, prop->prop_class);
        put_u8(b, prop->type);
        put_u8(b, prop->type == 1 ? 5 : ROUND_UP(prop->len, 8));
        bytebuf_put(b, prop->data, prop->len - sizeof *prop);
        put_pad_from(b, at, 8);
        p += ROUND_UP(prop->len, 8);
    }
    action_end(b, start);
}

ENCODE(DECAP)
{
    nx_pad2_u32(e, NXAST_DECAP, ntohl(a->new_pkt_type));
}

/* --- Metadata --- */

ENCODE(SET_TUNNEL)
{
    if (e->version >= OFP12) {
        encode_set_whole(e, FIELD_TUN_ID, a->tun_id);
    } else if (a->tun_id <= UINT32_MAX && !a->ofpact.raw) {
        nx_pad2_u32(e, NXAST_SET_TUNNEL, a->tun_id);
    } else {
        size_t start = nx_begin(e->b, NXAST_SET_TUNNEL64);
        bytebuf_put_zeros(e->b, 6);
        put_u64(e->b, a->tun_id);
        action_end(e->b, start);
    }
}

ENCODE(SET_QUEUE)
{
    if (e->version == OFP10) {
        nx_pad2_u32(e, NXAST_SET_QUEUE, a->value);
    } else {
        std_u32(e, 21, a->value);
    }
}

ENCODE(POP_QUEUE)
{
    nx_null(e, NXAST_POP_QUEUE);
}

ENCODE(FIN_TIMEOUT)
{
    size_t start = nx_begin(e->b, NXAST_FIN_TIMEOUT);
    put_u16(e->b, a->idle);
    put_u16(e->b, a->hard);
    action_end(e->b, start);
}

/* --- Pipeline --- */

static void put_resubmit(const struct action_encode *e, uint32_t port, uint8_t table, bool ct)
{
    bool plain = table == 255 && !ct;
    size_t start = nx_begin(e->b, plain ? NXAST_RESUBMIT
                                  : ct  ? NXAST_RESUBMIT_TABLE_CT
                                        : NXAST_RESUBMIT_TABLE);
    put_u16(e->b, port);
    if (!plain) {
        put_u8(e->b, table);
    }
    action_end(e->b, start);
}

ENCODE(RESUBMIT)
{
    if (a->ofpact.raw && a->table_id == OFPTT_ALL && !a->with_ct_orig) {
        put_resubmit(e, a->in_port, a->table_id, false); /* as it came */
        return;
    }
    /* With the table always, as the reference sends it. */
    size_t start = nx_begin(e->b, a->with_ct_orig ? NXAST_RESUBMIT_TABLE_CT : NXAST_RESUBMIT_TABLE);
    put_u16(e->b, a->in_port);
    put_u8(e->b, a->table_id);
    action_end(e->b, start);
}

ENCODE(LEARN)
{
    encode_learn(e, a);
}

ENCODE(CONJUNCTION)
{
    size_t start = nx_begin(e->b, NXAST_CONJUNCTION);
    put_u8(e->b, a->clause);
    put_u8(e->b, a->n_clauses);
    put_u32(e->b, a->id);
    action_end(e->b, start);
}

ENCODE(MULTIPATH)
{
    struct bytebuf *b = e->b;
    size_t start = nx_begin(b, NXAST_MULTIPATH);
    put_u16(b, a->fields);
    put_u16(b, a->basis);
    put_u16(b, 0);
    put_u16(b, a->algorithm);
    put_u16(b, a->max_link);
    put_u32(b, a->arg);
    put_u16(b, 0);
    put_ofs_nbits(b, &a->dst);
    oxm_put_header(b, a->dst.field, OFP10, false);
    action_end(b, start);
}

ENCODE(NOTE)
{
    size_t start = nx_begin(e->b, NXAST_NOTE);
    bytebuf_put(e->b, a->data, a->n_bytes);
    if (e->b->len - start < 16) {
        bytebuf_put_zeros(e->b, 16 - (e->b->len - start));
    }
    action_end(e->b, start);
}

ENCODE(EXIT)
{
    nx_null(e, NXAST_EXIT);
}

ENCODE(SAMPLE)
{
    struct bytebuf *b = e->b;
    bool v3 = a->direction != SAMPLE_DEFAULT, v2 = v3 || a->sampling_port != OFPP_NONE;
    size_t start = nx_begin(b, v3 ? NXAST_SAMPLE3 : v2 ? NXAST_SAMPLE2 : NXAST_SAMPLE);
    put_u16(b, a->probability);
    put_u32(b, a->collector_set_id);
    put_u32(b, a->obs_domain_id);
    put_u32(b, a->obs_point_id);
    if (v2) {
        put_u16(b, a->sampling_port);
        put_u8(b, a->direction);
        bytebuf_put_zeros(b, 5);
    }
    action_end(b, start);
}

ENCODE(CT)
{
    encode_ct(e, a);
}

ENCODE(CT_CLEAR)
{
    nx_null(e, NXAST_CT_CLEAR);
}

ENCODE(NAT)
{
    encode_nat(e, a);
}

ENCODE(CLONE)
{
    size_t start = nx_begin(e->b, NXAST_CLONE);
    bytebuf_put_zeros(e->b, 6);
    actions_encode_nested(e, a->actions, ofpact_nest_len(a));
    action_end(e->b, start);
}

ENCODE(CHECK_PKT_LARGER)
{
    size_t start = nx_begin(e->b, NXAST_CHECK_PKT_LARGER);
    put_u16(e->b, a->pkt_len);
    put_u16(e->b, a->dst.ofs);
    oxm_put_header(e->b, a->dst.field, OFP10, false);
    put_pad_from(e->b, start, 8);
    if (e->b->len - start < 24) {
        bytebuf_put_zeros(e->b, 24 - (e->b->len - start));
    }
    action_end(e->b, start);
}

ENCODE(DEBUG_RECIRC)
{
    nx_null(e, 255);
}

ENCODE(DEBUG_SLOW)
{
    nx_null(e, 254);
}

/* --- Instructions, where they are sent as actions --- */

ENCODE(METER)
{
    if (e->version >= OFP15) {
        std_u32(e, 29, a->value);
    }
}

ENCODE(CLEAR_ACTIONS)
{
}

ENCODE(WRITE_ACTIONS)
{
}

ENCODE(WRITE_METADATA)
{
    if (e->version == OFP10) {
        size_t start = nx_begin(e->b, NXAST_WRITE_METADATA);
        bytebuf_put_zeros(e->b, 6);
        put_u64(e->b, a->value);
        put_u64(e->b, a->mask);
        action_end(e->b, start);
    }
}

ENCODE(STAT_TRIGGER)
{
}

ENCODE(GOTO_TABLE)
{
    if (e->version == OFP10) {
        put_resubmit(e, OFPP_IN_PORT, a->table_id, false);
    }
}

typedef void encode_fn(const struct action_encode *, const void *);
static encode_fn *const encoders[N_OFPACTS] = {
#define X(ENUM, STRUCT, NAME) [OFPACT_##ENUM] = (encode_fn *)encode_##ENUM,
    OFPACTS
#undef X
};

void actions_encode_nested(const struct action_encode *e, const struct ofpact *list, size_t len)
{
    struct action_encode inner = *e;
    inner.depth++;
    const struct ofpact *a;
    OFPACT_FOR_EACH (a, list, len) {
        encoders[a->type](&inner, a);
    }
}

size_t actions_encode(struct bytebuf *b, const struct ofpact *list, size_t len, enum ofp_version version)
{
    struct action_encode e = {.b = b, .version = version};
    size_t start = b->len;
    actions_encode_nested(&e, list, len);
    return b->len - start;
}

static bool is_instruction(const struct ofpact *a, enum ofp_version version)
{
    return a->type > OFPACT_METER || (a->type == OFPACT_METER && version < OFP15);
}

static void put_stat_trigger(struct bytebuf *b, const struct ofpact_stat_trigger *a)
{
    const uint64_t *t = a->thresholds;
    struct oxs s = {.present = (t[STAT_TRIGGER_DURATION] ? 1u << OXS_DURATION : 0) |
                               (t[STAT_TRIGGER_IDLE] ? 1u << OXS_IDLE_TIME : 0) |
                               (t[STAT_TRIGGER_PACKETS] ? 1u << OXS_PACKET_COUNT : 0) |
                               (t[STAT_TRIGGER_BYTES] ? 1u << OXS_BYTE_COUNT : 0),
                    .duration_sec = (uint32_t)(t[STAT_TRIGGER_DURATION] / 1000),
                    .duration_nsec = (uint32_t)(t[STAT_TRIGGER_DURATION] % 1000) * 1000000,
                    .idle_sec = (uint32_t)(t[STAT_TRIGGER_IDLE] / 1000),
                    .idle_nsec = (uint32_t)(t[STAT_TRIGGER_IDLE] % 1000) * 1000000,
                    .packet_count = t[STAT_TRIGGER_PACKETS],
                    .byte_count = t[STAT_TRIGGER_BYTES]};
    size_t start = b->len;
    put_u16(b, 7);
    put_u16(b, 0);
    put_u32(b, a->flags);
    oxs_put(b, &s);
    set_u16(b, start + 2, b->len - start);
}

static void put_instruction(struct bytebuf *b, const struct ofpact *a, enum ofp_version version)
{
    size_t start = b->len;
    switch (a->type) {
    case OFPACT_METER:
        if (version >= OFP13) {
            put_u16(b, 6);
            put_u16(b, 8);
            put_u32(b, OFPACT_CAST(METER, a)->value);
        }
        break;
    case OFPACT_CLEAR_ACTIONS:
        put_u16(b, 5);
        put_u16(b, 8);
        put_u32(b, 0);
        break;
    case OFPACT_WRITE_ACTIONS: {
        const struct ofpact_nest *nest = OFPACT_CAST(WRITE_ACTIONS, a);
        if (!ofpact_nest_len(nest)) {
            break;
        }
        put_u16(b, 3);
        put_u16(b, 0);
        put_u32(b, 0);
        actions_encode(b, nest->actions, ofpact_nest_len(nest), version);
        set_u16(b, start + 2, b->len - start);
        break;
    }
    case OFPACT_WRITE_METADATA:
        put_u16(b, 2);
        put_u16(b, 24);
        put_u32(b, 0);
        put_u64(b, OFPACT_CAST(WRITE_METADATA, a)->value);
        put_u64(b, OFPACT_CAST(WRITE_METADATA, a)->mask);
        break;
    case OFPACT_STAT_TRIGGER:
        if (version >= OFP15) {
            put_stat_trigger(b, OFPACT_CAST(STAT_TRIGGER, a));
        }
        break;
    case OFPACT_GOTO_TABLE:
        put_u16(b, 1);
        put_u16(b, 8);
        put_u8(b, OFPACT_CAST(GOTO_TABLE, a)->table_id);
        bytebuf_put_zeros(b, 3);
        break;
    default:
        break;
    }
}

size_t instructions_encode(struct bytebuf *b, const struct ofpact *list, size_t len, enum ofp_version version)
{
    size_t start = b->len;
    if (version == OFP10) {
        return actions_encode(b, list, len, version);
    }
    const struct ofpact *a = list, *end = ofpact_end(list, len);
    while (a < end) {
        if (is_instruction(a, version)) {
            put_instruction(b, a, version);
            a = ofpact_next(a);
            continue;
        }
        const struct ofpact *first = a;
        while (a < end && !is_instruction(a, version)) {
            a = ofpact_next(a);
        }
        size_t at = b->len;
        put_u16(b, 4);
        put_u16(b, 0);
        put_u32(b, 0);
        actions_encode(b, first, (const char *)a - (const char *)first, version);
        set_u16(b, at + 2, b->len - at);
    }
    return b->len - start;
}
