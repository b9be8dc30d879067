/* SPDX-License-Identifier: Apache-2.0 */
/* TABLE_FEATURES: what a table can do, in each of its properties; a miss can do what a match can. */
#include <string.h>

#include "flow/field.h"
#include "openflow/oxm.h"
#include "openflow/types.h"
#include "pipeline/ofproto_impl.h"
#include "pipeline/openflow.h"

#define TABLE_MAX_ENTRIES   1000000 /* what a table says that has no limit */
#define PROP_INSTRUCTIONS   0
#define PROP_NEXT_TABLES    2
#define PROP_WRITE_ACTIONS  4
#define PROP_APPLY_ACTIONS  6
#define PROP_MATCH          8
#define PROP_WILDCARDS      10
#define PROP_WRITE_SETFIELD 12
#define PROP_APPLY_SETFIELD 14

static size_t begin_property(struct bytebuf *b, uint16_t type)
{
    size_t start = b->len;
    put_u16(b, type);
    put_u16(b, 0);
    return start;
}

static void end_property(struct bytebuf *b, size_t start)
{
    set_u16(b, start + 2, (uint16_t)(b->len - start));
    put_pad_from(b, start, 8);
}

/* output; the TTL of MPLS, set and decremented; push and pop of VLAN and MPLS; set_queue, group; the TTL of
 * IP, set and decremented; set_field. */
#define ACTIONS_10 0x00000fffu
#define ACTIONS_11 0x01ffe7ffu
#define ACTIONS_12 0x03ff8001u

uint32_t openflow_action_bits(enum ofp_version v)
{
    return v == OFP10 ? ACTIONS_10 : v == OFP11 ? ACTIONS_11 : ACTIONS_12;
}

static void put_actions(struct bytebuf *b, uint16_t type)
{
    size_t property = begin_property(b, type);
    for (uint16_t i = 0; i < 32; i++) {
        if (ACTIONS_12 >> i & 1) {
            put_u16(b, i);
            put_u16(b, 4);
        }
    }
    end_property(b, property);
}

/* Of MATCH those that can be masked have the mask bit. */
static void put_fields(struct bytebuf *b, uint16_t type, enum ofp_version v)
{
    size_t property = begin_property(b, type);
    for (int i = 0; i < FIELD_N; i++) {
        const struct field *f = field_from_id(i);
        bool settable = type == PROP_WRITE_SETFIELD || type == PROP_APPLY_SETFIELD;
        if (f && field_oxm_of(f, v) && (!settable || f->access == FIELD_RW)) {
            oxm_put_header(b, f, v, type == PROP_MATCH && f->masking == FIELD_MASKABLE);
        }
    }
    end_property(b, property);
}

static void put_table(struct bytebuf *b, const struct oftable *t, unsigned id, enum ofp_version v)
{
    size_t start = b->len;
    put_u16(b, 0);
    put_u8(b, (uint8_t)id);
    bytebuf_put_zeros(b, 5);
    char name[32] = "";
    if (t->name) {
        strncpy(name, t->name, sizeof name - 1);
    }
    bytebuf_put(b, name, sizeof name);
    put_u64(b, UINT64_MAX); /* metadata: matched, written */
    put_u64(b, UINT64_MAX);
    put_u32(b, 0);
    put_u32(b, (uint32_t)MIN(t->max_rules, (size_t)TABLE_MAX_ENTRIES));

    size_t property = begin_property(b, PROP_INSTRUCTIONS);
    uint16_t last = v >= OFP15 ? 5 : 6; /* the meter is an action since 1.5 */
    for (uint16_t i = id + 1 < OFPROTO_TABLE_INTERNAL ? 1 : 2; i <= last; i++) {
        put_u16(b, i);
        put_u16(b, 4);
    }
    end_property(b, property);
    property = begin_property(b, PROP_NEXT_TABLES);
    for (unsigned i = id + 1; i < OFPROTO_TABLE_INTERNAL; i++) {
        put_u8(b, (uint8_t)i);
    }
    end_property(b, property);
    put_actions(b, PROP_WRITE_ACTIONS);
    put_actions(b, PROP_APPLY_ACTIONS);
    put_fields(b, PROP_MATCH, v);
    put_fields(b, PROP_WILDCARDS, v);
    put_fields(b, PROP_WRITE_SETFIELD, v);
    put_fields(b, PROP_APPLY_SETFIELD, v);
    set_u16(b, start, (uint16_t)(b->len - start));
}

enum ofperr openflow_table_features(struct ofconn *c, const struct ofp_msg *m, void *ofproto_)
{
    const struct ofproto *ofproto = ofproto_;
    if (m->body.n) {
        return OFPERR_OFPTFFC_EPERM; /* tables are what they are */
    }
    struct ofconn_multipart reply;
    ofconn_multipart_begin(&reply, c, OFPTYPE_TABLE_FEATURES_REPLY, m);
    for (unsigned i = 0; i < OFPROTO_TABLE_INTERNAL; i++) {
        put_table(ofconn_out(c), &ofproto->tables[i], i, m->version);
        ofconn_multipart_next(&reply);
    }
    ofconn_multipart_end(&reply);
    return OFPERR_NONE;
}
