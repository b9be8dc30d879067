/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/field.h"

#include <ctype.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "wire/eth.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

static const struct field fields[] = {
#define X(ID, NAME, ALIAS, BYTES, BITS, OFFSET, SIZE, STORE, SHIFT, MASKING, FORMAT, PREREQ, ACCESS)         \
    {FIELD_##ID, BYTES, BITS, NAME, ALIAS, OFFSET, SIZE, STORE, SHIFT, MASKING, FORMAT, PREREQ, ACCESS},
    FIELD_TABLE(X)
#undef X
};
_Static_assert(ARRAY_SIZE(fields) == FIELD_N, "one row for each field");

#define OXM_HEADER(CLASS, NUMBER, BYTES, EXPERIMENTER)                                                       \
    ((uint64_t)(CLASS) << 48 | (uint64_t)(NUMBER) << 41 |                                                    \
     (uint64_t)((BYTES) + ((EXPERIMENTER) ? 4 : 0)) << 32 | (EXPERIMENTER))

/* Bytes of each field, for the codes' lengths. */
enum {
#define X(ID, NAME, ALIAS, BYTES, ...) BYTES_##ID = (BYTES),
    FIELD_TABLE(X)
#undef X
};

static const struct field_oxm oxms[] = {
#define X(ID, NAME, CLASS, EXPERIMENTER, NUMBER, VERSION)                                                    \
    {OXM_HEADER(CLASS, NUMBER, BYTES_##ID, EXPERIMENTER), NAME, FIELD_##ID, VERSION},
    FIELD_OXM_TABLE(X)
#undef X
};

/* --- Look-up ------------------------------------------------------------------------------------------- */

const struct field *field_from_id(enum field_id id)
{
    return &fields[id];
}

/* Look-up tables, filled before main(): names and codes hashed with linear probing, 0 for an empty slot and
 * otherwise the row's number plus 1; and the code to send by field and version. Read-only afterwards. */
#define TABLE_SIZE 1024
_Static_assert(2 * FIELD_N < TABLE_SIZE / 2 && ARRAY_SIZE(oxms) < TABLE_SIZE / 2, "tables stay half empty");
static uint16_t names_table[TABLE_SIZE], headers_table[TABLE_SIZE], oxm_names_table[TABLE_SIZE];
static const struct field_oxm *oxm_by_version[FIELD_N][6];
/* tun_metadataN of 0, 4 ... 120 bytes. */
static struct field shorter_fields[FLOW_N_TUN_MD][TUN_MD_MAX_LEN / 4];

/* Class, number and experimenter. */
#define OXM_IDENTITY (~(UINT64_C(0x1ff) << 32))

static void table_add(uint16_t *table, uint32_t hash, size_t row)
{
    while (table[hash % TABLE_SIZE]) {
        hash++;
    }
    table[hash % TABLE_SIZE] = (uint16_t)(row + 1);
}

#define TABLE_FOR_EACH(ROW, TABLE, HASH)                                                                     \
    for (uint32_t h__ = (HASH); ((ROW) = (TABLE)[h__ % TABLE_SIZE]) != 0; h__++)

static bool name_is(const char *name, const char *text, size_t len)
{
    return name && !strncmp(name, text, len) && !name[len];
}

const struct field *field_from_name_len(const char *name, size_t len)
{
    uint16_t row;
    TABLE_FOR_EACH(row, names_table, hash_bytes(name, len, 0))
    {
        const struct field *f = &fields[row - 1];
        if (name_is(f->name, name, len) || name_is(f->alias, name, len)) {
            return f;
        }
    }
    return NULL;
}

const struct field *field_from_name(const char *name)
{
    return field_from_name_len(name, strlen(name));
}

const struct field_oxm *field_oxm_from_header(uint64_t header)
{
    uint16_t row;
    TABLE_FOR_EACH(row, headers_table, hash_u64(header & OXM_IDENTITY, 0))
    {
        if (!((oxms[row - 1].header ^ header) & OXM_IDENTITY)) {
            return &oxms[row - 1];
        }
    }
    return NULL;
}

const struct field_oxm *field_oxm_from_name_len(const char *name, size_t len)
{
    uint16_t row;
    TABLE_FOR_EACH(row, oxm_names_table, hash_bytes(name, len, 0))
    {
        if (name_is(oxms[row - 1].name, name, len)) {
            return &oxms[row - 1];
        }
    }
    return NULL;
}

/* How well CODE serves a message of VERSION: more is better. */
static int oxm_rank(const struct field_oxm *code, int version)
{
    bool is_nxm = FIELD_OXM_CLASS(code->header) < 2;
    if (version < 3) {
        return is_nxm ? 100 : 50 - code->version;
    }
    /* A later standard over an earlier one; then NXM; a code of the future rather than none. */
    return !is_nxm && code->version <= version ? 100 + code->version : is_nxm ? 90 : 50 - code->version;
}

const struct field_oxm *field_oxm_of(const struct field *f, int version)
{
    return oxm_by_version[f->id][MAX(MIN(version, 6), 1) - 1];
}

static void __attribute__((constructor)) fill_tables(void)
{
    for (size_t i = 0; i < FIELD_N; i++) {
        table_add(names_table, hash_string(fields[i].name, 0), i);
        if (fields[i].alias) {
            table_add(names_table, hash_string(fields[i].alias, 0), i);
        }
    }
    for (unsigned i = 0; i < FLOW_N_TUN_MD; i++) {
        for (unsigned words = 0; words < TUN_MD_MAX_LEN / 4; words++) {
            struct field *f = &shorter_fields[i][words];
            *f = fields[FIELD_TUN_METADATA(i)];
            f->n_bytes = (uint8_t)(words * 4);
            f->n_bits = (uint16_t)(words * 32);
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(oxms); i++) {
        const struct field_oxm *code = &oxms[i];
        table_add(headers_table, hash_u64(code->header & OXM_IDENTITY, 0), i);
        table_add(oxm_names_table, hash_string(code->name, 0), i);
        for (int version = 1; version <= 6; version++) {
            const struct field_oxm **best = &oxm_by_version[code->field][version - 1];
            if (!*best || oxm_rank(code, version) > oxm_rank(*best, version)) {
                *best = code;
            }
        }
    }
}

/* --- Members as numbers -------------------------------------------------------------------------------- */

/* The bits of a field's value that mean something, as a number; for fields of up to 8 bytes. */
static uint64_t value_bits(const struct field *f)
{
    switch (f->id) {
    case FIELD_IP_TOS:
        return IP_DSCP_MASK;
    case FIELD_VLAN_VID:
        return VLAN_VID_MASK | VLAN_CFI;
    default:
        return f->n_bits >= 64 ? UINT64_MAX : (UINT64_C(1) << f->n_bits) - 1;
    }
}

static uint64_t value_to_number(const struct field *f, const union field_value *v)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < f->n_bytes; i++) {
        n = n << 8 | v->b[i];
    }
    return n;
}

static void number_to_value(const struct field *f, uint64_t n, union field_value *v)
{
    for (unsigned i = f->n_bytes; i-- > 0; n >>= 8) {
        v->b[i] = (uint8_t)n;
    }
}

static const uint8_t *member(const struct field *f, const struct flow_key *key)
{
    return (const uint8_t *)key + f->offset;
}

/* The whole member in host byte order. */
static uint32_t member_load(const struct field *f, const struct flow_key *key)
{
    const uint8_t *m = member(f, key);
    bool be = f->store != FIELD_NUM && f->store != FIELD_OFP;
    switch (f->size) {
    case 1:
        return *m;
    case 2:
        return be ? CONST_BE16(get_be16(m)) : get_be16(m);
    default:
        return be ? CONST_BE32(get_be32(m)) : get_be32(m);
    }
}

static void member_store(const struct field *f, struct flow_key *key, uint32_t v)
{
    uint8_t *m = (uint8_t *)key + f->offset;
    bool be = f->store != FIELD_NUM && f->store != FIELD_OFP;
    switch (f->size) {
    case 1:
        *m = (uint8_t)v;
        break;
    case 2:
        put_be16(m, be ? CONST_BE16(v) : (uint16_t)v);
        break;
    default:
        put_be32(m, be ? CONST_BE32(v) : v);
        break;
    }
}

static uint32_t member_ones(const struct field *f)
{
    return f->size >= 4 ? UINT32_MAX : (UINT32_C(1) << (f->size * 8)) - 1;
}

/* The member's bits that the field covers, in place. */
static uint32_t member_bits(const struct field *f)
{
    return (uint32_t)(value_bits(f) << f->shift) & member_ones(f);
}

static bool all_ones(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] != 0xff) {
            return false;
        }
    }
    return true;
}

static bool all_zero(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i]) {
            return false;
        }
    }
    return true;
}

/* OpenFlow 1.1's 32 bits for a port number, and back. */
static uint32_t port_to_of11(uint32_t port)
{
    return port >= OFPORT_MAX ? port | 0xffff0000u : port;
}
static uint32_t port_from_of11(uint32_t port)
{
    return port >= 0xffffff00u ? port & 0xffff : port;
}

static void copy_regs(uint8_t *dst, const uint8_t *src, unsigned n)
{
    for (unsigned i = 0; i < n; i += 4) {
        put_be32(dst + i, CONST_BE32(get_be32(src + i)));
    }
}

/* --- In a key ------------------------------------------------------------------------------------------ */

void field_get(const struct field *f, const struct flow_key *key, union field_value *v)
{
    switch (f->store) {
    case FIELD_BYTES:
        memcpy(v->b, member(f, key), f->n_bytes);
        break;
    case FIELD_REGS:
        copy_regs(v->b, member(f, key), f->n_bytes);
        break;
    case FIELD_OFP: {
        uint32_t port = member_load(f, key);
        number_to_value(f, f->format == FIELD_PORT_OXM ? port_to_of11(port) : port, v);
        break;
    }
    case FIELD_TUNMD:
        memset(v->b, 0, f->n_bytes);
        break;
    default:
        number_to_value(f, (member_load(f, key) >> f->shift) & value_bits(f), v);
        break;
    }
}

/* The bits of MASK and VALUE, as stored in the member. Not for FIELD_BYTES and FIELD_REGS. */
static uint32_t number_in_place(const struct field *f, const union field_value *v)
{
    uint64_t n = value_to_number(f, v);
    if (f->store == FIELD_OFP) {
        return f->format == FIELD_PORT_OXM ? port_from_of11((uint32_t)n) : (uint32_t)n;
    }
    return (uint32_t)((n & value_bits(f)) << f->shift) & member_ones(f);
}

/* A tag that is there has an Ethertype, one that is not has nothing. */
static void mend_vlan(struct flow_key *key)
{
    struct flow_vlan *vlan = &key->vlans[0];
    if (!(vlan->tci & FLOW_VLAN_PRESENT)) {
        *vlan = key->vlans[1];
        key->vlans[1] = (struct flow_vlan){0, 0};
    } else if (!vlan->tpid) {
        vlan->tpid = CONST_BE16(ETH_TYPE_VLAN);
    }
}

void field_set(const struct field *f, const union field_value *v, struct flow_key *key)
{
    switch (f->store) {
    case FIELD_BYTES:
        memcpy((uint8_t *)key + f->offset, v->b, f->n_bytes);
        break;
    case FIELD_REGS:
        copy_regs((uint8_t *)key + f->offset, v->b, f->n_bytes);
        break;
    case FIELD_OFP:
        member_store(f, key, number_in_place(f, v));
        break;
    case FIELD_TUNMD:
        break;
    case FIELD_VLAN:
        if (f->id == FIELD_DL_VLAN && v->be16 == CONST_BE16(0xffff)) {
            key->vlans[0].tci = 0;
        } else {
            uint32_t set = f->id == FIELD_DL_VLAN || f->shift ? VLAN_CFI : 0;
            member_store(f, key, (member_load(f, key) & ~member_bits(f)) | number_in_place(f, v) | set);
        }
        mend_vlan(key);
        break;
    default:
        member_store(f, key, (member_load(f, key) & ~member_bits(f)) | number_in_place(f, v));
        break;
    }
}

void field_set_masked(const struct field *f, const union field_value *value, const union field_value *mask,
                      struct flow_key *key)
{
    union field_value v;
    field_get(f, key, &v);
    for (unsigned i = 0; i < f->n_bytes; i++) {
        v.b[i] = (uint8_t)((v.b[i] & ~mask->b[i]) | (value->b[i] & mask->b[i]));
    }
    field_set(f, &v, key);
}

void field_all_ones(const struct field *f, union field_value *v)
{
    if (f->n_bytes > 8 || f->n_bits == 64) {
        memset(v->b, 0xff, f->n_bytes);
    } else {
        number_to_value(f, value_bits(f), v);
    }
}

bool field_is_value_valid(const struct field *f, const union field_value *v)
{
    if (f->n_bytes > 8) {
        return true;
    }
    uint64_t n = value_to_number(f, v);
    if (f->id == FIELD_DL_VLAN && n == 0xffff) {
        return true;
    }
    if (f->id == FIELD_IN_PORT_OXM || f->id == FIELD_ACTSET_OUTPUT) {
        return n < OFPORT_MAX || n >= 0xffffff00u;
    }
    if (f->id == FIELD_ARP_OP) {
        return true;
    }
    if (f->id == FIELD_NSH_TTL) {
        return n <= 63; /* six bits of the header, though the field has eight */
    }
    if (f->id == FIELD_NSH_MDTYPE) {
        return n == 1 || n == 2;
    }
    if (f->id == FIELD_CT_STATE) {
        return !(n & ~UINT64_C(0xff));
    }
    return !(n & ~value_bits(f));
}

void field_get_mask(const struct field *f, const struct flow_key *mask, union field_value *v)
{
    switch (f->store) {
    case FIELD_OFP:
        memset(v->b, member_load(f, mask) ? 0xff : 0, f->n_bytes);
        break;
    case FIELD_NUM:
    case FIELD_BE:
        /* A member that is narrower than the field: all of it is all of the field. */
        if ((member_load(f, mask) & member_bits(f)) == member_bits(f)) {
            field_all_ones(f, v);
            break;
        }
        field_get(f, mask, v);
        break;
    default:
        field_get(f, mask, v);
        break;
    }
}

bool field_is_all_wild(const struct field *f, const struct flow_key *mask)
{
    if (f->store == FIELD_TUNMD) {
        return !((mask->tun_md_present >> (f->id - FIELD_TUN_METADATA0)) & 1);
    }
    union field_value v;
    field_get_mask(f, mask, &v);
    return all_zero(v.b, f->n_bytes);
}

void field_wc_set_bits(const struct field *f, const union field_value *bits, struct flow_key *mask)
{
    uint8_t *m = (uint8_t *)mask + f->offset;
    switch (f->store) {
    case FIELD_BYTES:
        for (unsigned i = 0; i < f->n_bytes; i++) {
            m[i] |= bits->b[i];
        }
        break;
    case FIELD_REGS: {
        union field_value regs;
        copy_regs(regs.b, bits->b, f->n_bytes);
        for (unsigned i = 0; i < f->n_bytes; i++) {
            m[i] |= regs.b[i];
        }
        break;
    }
    case FIELD_OFP:
        member_store(f, mask, UINT32_MAX);
        break;
    case FIELD_TUNMD:
        mask->tun_md_present |= UINT64_C(1) << (f->id - FIELD_TUN_METADATA0);
        break;
    case FIELD_VLAN: {
        uint32_t more = f->id == FIELD_DL_VLAN || f->shift ? VLAN_CFI : 0;
        member_store(f, mask, member_load(f, mask) | number_in_place(f, bits) | more);
        break;
    }
    default:
        member_store(f, mask, member_load(f, mask) | number_in_place(f, bits));
        break;
    }
}

void field_wc_set(const struct field *f, struct flow_key *mask)
{
    union field_value ones;
    field_all_ones(f, &ones);
    field_wc_set_bits(f, &ones, mask);
    if ((f->store == FIELD_NUM || f->store == FIELD_BE) && f->n_bits > 8u * f->size) {
        member_store(f, mask, member_ones(f));
    } else if (f->store == FIELD_BE && f->size * 8u > f->n_bits && !f->shift && f->size == 2) {
        /* ICMP types and the like stand in 16 bits, of which the upper ones are always 0. */
        member_store(f, mask, member_ones(f));
    }
}

/* --- Prerequisites ------------------------------------------------------------------------------------- */

/* Fields that are looked at to decide go into WC, unless it is NULL. */
static bool prereq_l4(const struct flow_key *key, struct flow_key *wc, uint8_t proto)
{
    if (!flow_key_is_ip(key)) {
        return false;
    }
    if (wc) {
        flow_wc_set(wc, nw_proto);
    }
    return key->nw_proto == proto;
}

static bool prereq_nd(const struct flow_key *key, struct flow_key *wc, bool solicit, bool advert)
{
    if (flow_key_dl_type(key) != CONST_BE16(ETH_TYPE_IPV6) || !prereq_l4(key, wc, IP_PROTO_ICMPV6)) {
        return false;
    }
    if (wc) {
        flow_wc_set(wc, tp_src);
        flow_wc_set(wc, tp_dst);
    }
    return !key->tp_dst && ((solicit && key->tp_src == CONST_BE16(ND_NEIGHBOR_SOLICIT)) ||
                            (advert && key->tp_src == CONST_BE16(ND_NEIGHBOR_ADVERT)));
}

static bool prereqs_check(const struct field *f, const struct flow_key *key, struct flow_key *wc)
{
    be16 type = flow_key_dl_type(key);

    switch ((enum field_prereq)f->prereq) {
    case FIELD_PRE_NONE:
        return true;
    case FIELD_PRE_ETH:
        return key->packet_type == FLOW_PT_ETH;
    case FIELD_PRE_ARP:
        return type == CONST_BE16(ETH_TYPE_ARP) || type == CONST_BE16(ETH_TYPE_RARP);
    case FIELD_PRE_VLAN:
        if (wc) {
            wc->vlans[0].tci |= FLOW_VLAN_PRESENT;
        }
        return key->packet_type == FLOW_PT_ETH && (key->vlans[0].tci & FLOW_VLAN_PRESENT) != 0;
    case FIELD_PRE_IPV4:
        return type == CONST_BE16(ETH_TYPE_IPV4);
    case FIELD_PRE_IPV6:
        return type == CONST_BE16(ETH_TYPE_IPV6);
    case FIELD_PRE_IP:
        return flow_key_is_ip(key);
    case FIELD_PRE_NSH:
        return type == CONST_BE16(ETH_TYPE_NSH);
    case FIELD_PRE_MPLS:
        return eth_type_is_mpls(type);
    case FIELD_PRE_TCP:
        return prereq_l4(key, wc, IP_PROTO_TCP) && !(key->nw_frag & FLOW_NW_FRAG_LATER);
    case FIELD_PRE_UDP:
        return prereq_l4(key, wc, IP_PROTO_UDP) && !(key->nw_frag & FLOW_NW_FRAG_LATER);
    case FIELD_PRE_SCTP:
        return prereq_l4(key, wc, IP_PROTO_SCTP) && !(key->nw_frag & FLOW_NW_FRAG_LATER);
    case FIELD_PRE_ICMPV4:
        return type == CONST_BE16(ETH_TYPE_IPV4) && prereq_l4(key, wc, IP_PROTO_ICMP);
    case FIELD_PRE_ICMPV6:
        return type == CONST_BE16(ETH_TYPE_IPV6) && prereq_l4(key, wc, IP_PROTO_ICMPV6);
    case FIELD_PRE_ND:
        return prereq_nd(key, wc, true, true);
    case FIELD_PRE_ND_SOLICIT:
        return prereq_nd(key, wc, true, false);
    case FIELD_PRE_ND_ADVERT:
        return prereq_nd(key, wc, false, true);
    case FIELD_PRE_CT:
        if (wc) {
            wc->ct_state |= FLOW_CS_TRK;
        }
        if (!(key->ct_state & (FLOW_CS_NEW | FLOW_CS_EST | FLOW_CS_REL | FLOW_CS_RPL | FLOW_CS_INV))) {
            return false;
        }
        if (f->id == FIELD_CT_NW_SRC || f->id == FIELD_CT_NW_DST) {
            return type == CONST_BE16(ETH_TYPE_IPV4);
        }
        if (f->id == FIELD_CT_IPV6_SRC || f->id == FIELD_CT_IPV6_DST) {
            return type == CONST_BE16(ETH_TYPE_IPV6);
        }
        return flow_key_is_ip(key);
    }
    return false;
}

bool field_prereqs_ok(const struct field *f, const struct flow_key *key)
{
    return prereqs_check(f, key, NULL);
}

bool field_match_prereqs_ok(const struct field *f, const struct match *m)
{
    return prereqs_check(f, &m->flow, NULL);
}

void field_wc_set_prereqs(const struct field *f, const struct flow_key *key, struct flow_key *mask)
{
    flow_wc_set(mask, packet_type);
    if (f->prereq > FIELD_PRE_ETH) {
        flow_wc_set(mask, dl_type);
    }
    prereqs_check(f, key, mask);
}

/* --- In a match ---------------------------------------------------------------------------------------- */

/* Without zeros in front. */
static unsigned used_bytes(const uint8_t *p, unsigned n)
{
    while (n && !*p) {
        p++;
        n--;
    }
    return n;
}

/* tun_metadataN. In a match with a layout of its own the value gets the room that it needs. */
static char *match_tunmd(const struct field *f, const union field_value *value, const union field_value *mask,
                         struct match *m)
{
    unsigned n = f->id - FIELD_TUN_METADATA0;
    struct tun_md_layout *layout = &m->tun_md;
    if (!layout->fixed) {
        bool exact = all_ones(mask->b, f->n_bytes);
        unsigned len = used_bytes(value->b, f->n_bytes),
                 mask_len = exact ? 0 : used_bytes(mask->b, f->n_bytes);
        len = MAX(len, mask_len);
        if (layout->known & TUN_MD_BIT(n)) {
            tun_md_clear(layout, n, &m->flow);
            tun_md_clear(layout, n, &m->wc.bits);
            tun_md_layout_remove(layout, n);
        }
        if (!tun_md_layout_add(layout, n, len)) {
            for (uint64_t left = layout->known; left; left &= left - 1) {
                len += layout->slots[__builtin_ctzll(left)].len;
            }
            return xasprintf("field %s exceeds maximum size for tunnel metadata (used %u, max %d)", f->name,
                             len, FLOW_TUN_MD_SIZE);
        }
        layout->exact = exact ? layout->exact | TUN_MD_BIT(n) : layout->exact & ~TUN_MD_BIT(n);
    }
    union field_value v;
    for (unsigned i = 0; i < f->n_bytes; i++) {
        v.b[i] = value->b[i] & mask->b[i];
    }
    tun_md_set(layout, n, mask->b, f->n_bytes, &m->wc.bits);
    tun_md_set(layout, n, v.b, f->n_bytes, &m->flow);
    return NULL;
}

const struct field *field_of_length(const struct field *f, unsigned n_bytes)
{
    return f->store == FIELD_TUNMD && n_bytes < TUN_MD_MAX_LEN
               ? &shorter_fields[f->id - FIELD_TUN_METADATA0][n_bytes / 4]
               : f;
}

void field_match_wildcard(const struct field *f, struct match *m)
{
    if (f->store == FIELD_TUNMD) {
        unsigned n = f->id - FIELD_TUN_METADATA0;
        tun_md_clear(&m->tun_md, n, &m->flow);
        tun_md_clear(&m->tun_md, n, &m->wc.bits);
    } else if (f->store == FIELD_BYTES || f->store == FIELD_REGS || f->store == FIELD_OFP) {
        memset((uint8_t *)&m->flow + f->offset, 0, f->size);
        memset((uint8_t *)&m->wc.bits + f->offset, 0, f->size);
    } else if (f->store == FIELD_VLAN) {
        uint32_t bits = f->id == FIELD_VLAN_TCI ? 0xffff : f->shift ? VLAN_PCP_MASK : VLAN_VID_MASK;
        if (!(member_load(f, &m->wc.bits) & ~(bits | VLAN_CFI))) {
            bits |= VLAN_CFI; /* nothing else of the tag is matched */
        }
        member_store(f, &m->flow, member_load(f, &m->flow) & ~bits);
        member_store(f, &m->wc.bits, member_load(f, &m->wc.bits) & ~bits);
    } else {
        uint32_t bits = member_bits(f);
        if (f->store == FIELD_BE && f->size == 2) {
            bits = member_ones(f);
        }
        member_store(f, &m->flow, member_load(f, &m->flow) & ~bits);
        member_store(f, &m->wc.bits, member_load(f, &m->wc.bits) & ~bits);
    }
}

static void match_vlan(const struct field *f, const union field_value *value, const union field_value *mask,
                       struct match *m)
{
    uint32_t tci = number_in_place(f, value), bits = number_in_place(f, mask);
    if (f->id == FIELD_DL_VLAN && value->be16 == CONST_BE16(0xffff)) {
        tci = 0;
        bits = 0xffff;
    } else if (f->id == FIELD_DL_VLAN || f->shift) {
        tci |= VLAN_CFI;
        bits |= VLAN_CFI;
    }
    member_store(f, &m->flow, (member_load(f, &m->flow) & ~bits) | (tci & bits));
    member_store(f, &m->wc.bits, member_load(f, &m->wc.bits) | bits);
}

char *field_match(const struct field *f, const union field_value *value, const union field_value *mask,
                  struct match *m)
{
    union field_value ones;
    memset(&ones, 0xff, sizeof ones);
    if (!mask) {
        mask = &ones;
    }
    if (f->prereq != FIELD_PRE_NONE) {
        match_set_default_packet_type(m);
    }
    if (f->store == FIELD_TUNMD) {
        return match_tunmd(f, value, mask, m);
    }
    bool exact = true;
    union field_value all;
    field_all_ones(f, &all);
    for (unsigned i = 0; i < f->n_bytes; i++) {
        exact &= (mask->b[i] & all.b[i]) == all.b[i];
    }
    field_match_wildcard(f, m);
    if (all_zero(mask->b, f->n_bytes)) {
        return NULL;
    }
    if (!exact && f->masking == FIELD_EXACT) {
        return xasprintf("invalid mask for field %s", f->name);
    }
    if (f->store == FIELD_VLAN) {
        match_vlan(f, value, mask, m);
        return NULL;
    }
    if (f->store == FIELD_BYTES || f->store == FIELD_REGS) {
        union field_value v;
        for (unsigned i = 0; i < f->n_bytes; i++) {
            v.b[i] = value->b[i] & mask->b[i];
        }
        field_set(f, &v, &m->flow);
        field_wc_set_bits(f, mask, &m->wc.bits);
        return NULL;
    }
    if (exact) {
        field_wc_set(f, &m->wc.bits);
    } else {
        field_wc_set_bits(f, mask, &m->wc.bits);
    }
    field_set(f, value, &m->flow);
    uint32_t keep = member_load(f, &m->wc.bits);
    member_store(f, &m->flow, member_load(f, &m->flow) & keep);
    return NULL;
}

void field_match_get(const struct field *f, const struct match *m, union field_value *value,
                     union field_value *mask)
{
    if (f->store == FIELD_TUNMD) {
        unsigned n = f->id - FIELD_TUN_METADATA0;
        tun_md_get(&m->tun_md, n, &m->flow, value->b, f->n_bytes);
        tun_md_get(&m->tun_md, n, &m->wc.bits, mask->b, f->n_bytes);
    } else {
        field_get(f, &m->flow, value);
        field_get_mask(f, &m->wc.bits, mask);
    }
}
