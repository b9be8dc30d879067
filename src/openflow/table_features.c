/* SPDX-License-Identifier: Apache-2.0 */
#include "openflow/table_features.h"

#include "openflow/oxm.h"

enum {
    PROP_INSTRUCTIONS = 0,
    PROP_NEXT_TABLES = 2,
    PROP_WRITE_ACTIONS = 4,
    PROP_APPLY_ACTIONS = 6,
    PROP_MATCH = 8,
    PROP_WILDCARDS = 10,
    PROP_WRITE_SETFIELD = 12,
    PROP_APPLY_SETFIELD = 14,
    PROP_SYNC_FROM = 16,       /* 1.4 */
    PROP_WRITE_COPYFIELD = 18, /* 1.5 */
    PROP_APPLY_COPYFIELD = 20,
    PROP_PACKET_TYPES = 22,    /* 1.5 */
    PROP_EXPERIMENTER = 0xfffe /* and 0xffff */
};
/* Those that a description has to have. */
#define PROPS_REQUIRED                                                                                       \
    (1u << PROP_INSTRUCTIONS | 1u << PROP_NEXT_TABLES | 1u << PROP_WRITE_ACTIONS |                           \
     1u << PROP_APPLY_ACTIONS | 1u << PROP_MATCH | 1u << PROP_WILDCARDS | 1u << PROP_WRITE_SETFIELD |        \
     1u << PROP_APPLY_SETFIELD)

/* Those that a version has. */
static bool is_known(uint16_t type, enum ofp_version v)
{
    return (type <= PROP_APPLY_SETFIELD + 1 && type != PROP_MATCH + 1 && type != PROP_WILDCARDS + 1) ||
           (type == PROP_SYNC_FROM && v >= OFP14) ||
           (type >= PROP_WRITE_COPYFIELD && type <= PROP_PACKET_TYPES && v >= OFP15) ||
           type >= PROP_EXPERIMENTER;
}

/* Ids of instructions or actions: type, length, the experimenter's behind. */
static enum ofperr get_ids(struct reader *r, uint64_t *ids)
{
    *ids = 0;
    while (r->n) {
        uint16_t type = get_u16(r), len = get_u16(r);
        if (r->bad || len < 4 || len - 4u > r->n) {
            return OFPERR_OFPBPC_BAD_LEN;
        }
        get_skip(r, len - 4u);
        if (type < 64) {
            *ids |= UINT64_C(1) << type;
        }
    }
    return OFPERR_NONE;
}

/* OXM headers; MASK gets those that say that they have a mask. */
static enum ofperr get_fields(struct reader *r, bool strict, struct field_set *set, struct field_set *masks)
{
    memset(set, 0, sizeof *set);
    while (r->n) {
        const struct field *field;
        bool masked;
        enum ofperr error = oxm_get_header(r, &field, &masked, NULL);
        if (error) {
            return error;
        }
        if (!field) {
            if (strict) {
                return OFPERR_OFPBMC_BAD_FIELD;
            }
            continue;
        }
        if (masked && (!masks || field->masking == FIELD_EXACT)) {
            return OFPERR_OFPBMC_BAD_MASK;
        }
        field_set_add(set, field->id);
        if (masked) {
            field_set_add(masks, field->id);
        }
    }
    return OFPERR_NONE;
}

static enum ofperr get_next_tables(struct reader *r, uint64_t next[4])
{
    memset(next, 0, 4 * sizeof *next);
    while (r->n) {
        uint8_t table = get_u8(r);
        next[table / 64] |= UINT64_C(1) << table % 64;
    }
    return OFPERR_NONE;
}

/* OXM fields with their values: the types of packet that the table takes. */
static enum ofperr get_packet_types(struct reader *r, bool strict, struct table_features *t)
{
    while (r->n) {
        const struct field *field;
        bool masked;
        unsigned len;
        enum ofperr error = oxm_get_header(r, &field, &masked, &len);
        struct reader value = get_sub(r, len);
        if (error || r->bad) {
            return error ? error : OFPERR_OFPBPC_BAD_LEN;
        }
        if (!field || field->id != FIELD_PACKET_TYPE || masked || len != 4) {
            if (strict) {
                return OFPERR_OFPBPC_BAD_VALUE;
            }
            continue;
        }
        if (t->n_packet_types == TABLE_MAX_PACKET_TYPES) {
            return OFPERR_OFPBPC_TOO_MANY;
        }
        t->packet_types[t->n_packet_types++] = get_u32(&value);
    }
    return OFPERR_NONE;
}

static enum ofperr get_one(uint16_t type, struct reader *q, enum ofp_version v, bool strict,
                           struct table_features *t)
{
    struct table_abilities *a = type & 1 ? &t->miss : &t->hit;
    uint64_t ids;
    enum ofperr error;
    switch (type & ~1) {
    case PROP_INSTRUCTIONS:
        error = get_ids(q, &ids);
        a->instructions = ids;
        return error;
    case PROP_NEXT_TABLES:
        return get_next_tables(q, a->next);
    case PROP_WRITE_ACTIONS:
        return get_ids(q, &a->write.actions);
    case PROP_APPLY_ACTIONS:
        return get_ids(q, &a->apply.actions);
    case PROP_MATCH:
        return get_fields(q, strict, &t->match, &t->mask);
    case PROP_WILDCARDS:
        return get_fields(q, strict, &t->wildcard, NULL);
    case PROP_WRITE_SETFIELD:
        return get_fields(q, strict, &a->write.set_fields, NULL);
    case PROP_APPLY_SETFIELD:
        return get_fields(q, strict, &a->apply.set_fields, NULL);
    case PROP_SYNC_FROM:
        return v >= OFP14 && type == PROP_SYNC_FROM ? get_next_tables(q, t->sync_from) : OFPERR_NONE;
    case PROP_WRITE_COPYFIELD:
        return v >= OFP15 ? get_fields(q, strict, &a->write.copy_fields, NULL) : OFPERR_NONE;
    case PROP_APPLY_COPYFIELD:
        return v >= OFP15 ? get_fields(q, strict, &a->apply.copy_fields, NULL) : OFPERR_NONE;
    case PROP_PACKET_TYPES:
        return v >= OFP15 && type == PROP_PACKET_TYPES ? get_packet_types(q, strict, t) : OFPERR_NONE;
    case PROP_EXPERIMENTER:
        if (q->n < 8) {
            return OFPERR_OFPBPC_BAD_LEN;
        }
        t->n_experimenter += t->n_experimenter < UINT8_MAX;
        return OFPERR_NONE;
    default:
        return OFPERR_NONE; /* of a later version */
    }
}

/* What is not said of misses holds for them as for hits. */
static void complete_misses(struct table_features *t, uint32_t seen)
{
    const struct table_abilities *h = &t->hit;
    if (!(seen & 2u << PROP_INSTRUCTIONS)) {
        t->miss.instructions = h->instructions;
    }
    if (!(seen & 2u << PROP_NEXT_TABLES)) {
        memcpy(t->miss.next, h->next, sizeof h->next);
    }
    if (!(seen & 2u << PROP_WRITE_ACTIONS)) {
        t->miss.write.actions = h->write.actions;
    }
    if (!(seen & 2u << PROP_APPLY_ACTIONS)) {
        t->miss.apply.actions = h->apply.actions;
    }
    if (!(seen & 2u << PROP_WRITE_SETFIELD)) {
        t->miss.write.set_fields = h->write.set_fields;
    }
    if (!(seen & 2u << PROP_APPLY_SETFIELD)) {
        t->miss.apply.set_fields = h->apply.set_fields;
    }
    if (!(seen & 2u << PROP_WRITE_COPYFIELD)) {
        t->miss.write.copy_fields = h->write.copy_fields;
    }
    if (!(seen & 2u << PROP_APPLY_COPYFIELD)) {
        t->miss.apply.copy_fields = h->apply.copy_fields;
    }
}

enum ofperr table_features_decode(struct reader *r, enum ofp_version v, bool strict, struct table_features *t,
                                  bool *more)
{
    *t = (struct table_features){.miss_config = -1, .eviction = -1, .vacancy = -1};
    *more = r->n;
    if (!r->n) {
        return OFPERR_NONE;
    }
    unsigned len = r->n >= 64 ? ntohs(get_be16(r->p)) : 0;
    if (len < 64 || len > r->n) {
        return OFPERR_OFPBPC_BAD_LEN;
    }
    struct reader b = get_sub(r, len);
    get_skip(&b, 2);
    t->table_id = get_u8(&b);
    if (t->table_id == OFPTT_ALL) {
        return OFPERR_OFPTFFC_BAD_TABLE;
    }
    uint8_t command = get_u8(&b);
    t->features = get_u32(&b);
    memcpy(t->name, get_bytes(&b, 32), 32);
    t->metadata_match = get_u64(&b);
    t->metadata_write = get_u64(&b);
    uint32_t config = get_u32(&b);
    t->max_entries = get_u32(&b);
    if (v >= OFP14) {
        t->eviction = !!(config & OFPTC_EVICTION);
        t->vacancy = !!(config & OFPTC_VACANCY);
    }
    if (v >= OFP15) {
        t->command = command;
        if (command > TABLE_FEATURES_DISABLE) {
            return OFPERR_OFPTFFC_BAD_COMMAND;
        }
    } else {
        t->features = 0;
    }
    uint32_t seen = 0;
    while (b.n) {
        uint16_t type;
        struct reader q;
        if (!get_property(&b, &type, &q)) {
            return OFPERR_OFPBPC_BAD_LEN;
        }
        if (strict && !is_known(type, v)) {
            return OFPERR_OFPBPC_BAD_TYPE;
        }
        if (type < 32 && seen >> type & 1) {
            return OFPERR_OFPTFFC_BAD_FEATURES;
        }
        enum ofperr error = get_one(type, &q, v, strict, t);
        if (error) {
            return error;
        }
        seen |= type < 32 ? 1u << type : 0;
    }
    if ((seen & PROPS_REQUIRED) != PROPS_REQUIRED && t->command == TABLE_FEATURES_REPLACE) {
        return OFPERR_OFPTFFC_BAD_FEATURES;
    }
    complete_misses(t, seen);
    /* Whatever may be masked may be wild. */
    for (int i = 0; i < FIELD_SET_WORDS; i++) {
        t->wildcard.bits[i] |= t->mask.bits[i];
    }
    return OFPERR_NONE;
}

/* --- Statistics with features: 1.0 to 1.2 --- */

struct bit_field {
    uint8_t bit, field;
};

static void add_fields(const struct bit_field *map, size_t n, uint64_t bits, struct field_set *set)
{
    for (size_t i = 0; i < n; i++) {
        if (bits >> map[i].bit & 1) {
            field_set_add(set, map[i].field);
        }
    }
}

static void decode_10(struct reader *r, struct table_features *t)
{
    static const struct bit_field map[] = {
        {0, FIELD_IN_PORT},   {1, FIELD_VLAN_VID},  {2, FIELD_ETH_SRC},   {3, FIELD_ETH_DST},
        {4, FIELD_ETH_TYPE},  {5, FIELD_IP_PROTO},  {6, FIELD_TCP_SRC},   {7, FIELD_TCP_DST},
        {13, FIELD_IPV4_SRC}, {19, FIELD_IPV4_DST}, {20, FIELD_VLAN_PCP}, {21, FIELD_IP_TOS},
    };
    add_fields(map, ARRAY_SIZE(map), UINT64_MAX, &t->match);
    add_fields(map, ARRAY_SIZE(map), get_u32(r), &t->wildcard);
}

static void decode_11(struct reader *r, struct table_features *t)
{
    static const struct bit_field map[] = {
        {0, FIELD_IN_PORT},    {1, FIELD_VLAN_VID},  {2, FIELD_VLAN_PCP},  {3, FIELD_ETH_TYPE},
        {4, FIELD_IP_TOS},     {5, FIELD_IP_PROTO},  {6, FIELD_TCP_SRC},   {7, FIELD_TCP_DST},
        {8, FIELD_MPLS_LABEL}, {9, FIELD_MPLS_TC},   {11, FIELD_ETH_SRC},  {12, FIELD_ETH_DST},
        {13, FIELD_IPV4_SRC},  {14, FIELD_IPV4_DST}, {15, FIELD_METADATA},
    };
    add_fields(map, ARRAY_SIZE(map), get_u32(r), &t->wildcard);
    add_fields(map, ARRAY_SIZE(map), get_u32(r), &t->match);
    t->hit.instructions = get_u32(r);
    t->hit.write.actions = get_u32(r);
    t->hit.apply.actions = get_u32(r);
}

/* Bits are the numbers of OXM's basic fields. */
static void add_oxm(uint64_t bits, struct field_set *set)
{
    for (unsigned bit = 0; bit < 36; bit++) { /* as many as 1.2 has */
        if (bits >> bit & 1) {
            const struct field_oxm *oxm = field_oxm_from_header((UINT64_C(0x80000000) | bit << 9) << 32);
            if (oxm) {
                field_set_add(set, oxm->field);
            }
        }
    }
}

static void decode_12(struct reader *r, struct table_features *t)
{
    add_oxm(get_u64(r), &t->match);
    add_oxm(get_u64(r), &t->wildcard);
    t->hit.write.actions = get_u32(r);
    t->hit.apply.actions = get_u32(r);
    add_oxm(get_u64(r), &t->hit.write.set_fields);
    add_oxm(get_u64(r), &t->hit.apply.set_fields);
    t->metadata_match = get_u64(r);
    t->metadata_write = get_u64(r);
    t->hit.instructions = get_u32(r);
}

enum ofperr table_stats_features_decode(struct reader *r, enum ofp_version v, struct table_features *t,
                                        struct table_stats *s, bool *more)
{
    *t = (struct table_features){.miss_config = -1, .eviction = -1, .vacancy = -1};
    *s = (struct table_stats){0};
    *more = r->n;
    if (!r->n) {
        return OFPERR_NONE;
    }
    t->table_id = s->table_id = get_u8(r);
    if (v >= OFP13) {
        get_skip(r, 3);
        s->active_count = get_u32(r);
    } else {
        get_skip(r, v == OFP10 ? 3 : 7);
        const uint8_t *name = get_bytes(r, 32);
        if (name) {
            memcpy(t->name, name, 31);
            memcpy(s->name, name, 31);
        }
        (v == OFP10 ? decode_10 : v == OFP11 ? decode_11 : decode_12)(r, t);
        t->miss_config = v == OFP10 ? -1 : (int)(get_u32(r) & OFPTC11_MISS_MASK);
        t->max_entries = s->max_entries = get_u32(r);
        s->active_count = get_u32(r);
        t->miss = t->hit;
    }
    s->lookup_count = get_u64(r);
    s->matched_count = get_u64(r);
    return r->bad ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}
