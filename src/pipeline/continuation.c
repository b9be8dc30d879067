/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/continuation.h"

#include <string.h>

#include "openflow/actions_wire.h"
#include "openflow/wire.h"

enum {
    PROP_BRIDGE = 0x8000, /* 16 bytes */
    PROP_STACK,
    PROP_MIRRORS,
    PROP_CONNTRACKED,
    PROP_TABLE_ID,
    PROP_COOKIE,
    PROP_ACTIONS, /* several make one list */
    PROP_ACTION_SET,
    PROP_WAS_MPLS = 0x8100,
    PROP_EGRESS = 0x8102,       /* ports, 4 bytes each */
    PROP_INSTRUCTIONS = 0x8101, /* part of the list, too: an instruction among actions */
    PROP_ACTIONS_13 = 0x8103,   /* in a session's terms that has no words for them: as in 1.3 */
    PROP_ACTION_SET_13 = 0x8104,
};

#define VERSION   OFP13 /* of what does not go in the session's */
#define MAX_STACK 65536

static size_t begin_prop(struct bytebuf *b, uint16_t type)
{
    size_t start = b->len;
    put_u16(b, type);
    put_u16(b, 0);
    return start;
}

static void end_prop(struct bytebuf *b, size_t start)
{
    set_u16(b, start + 2, b->len - start);
    put_pad_from(b, start, 8);
}

/* What goes as an instruction of its own; those that do nothing to a packet do not go at all. */
static bool is_instruction(const struct ofpact *a)
{
    return (a->type == OFPACT_WRITE_ACTIONS && ofpact_nest_len(OFPACT_CAST(WRITE_ACTIONS, a))) ||
           a->type == OFPACT_CLEAR_ACTIONS || a->type == OFPACT_WRITE_METADATA ||
           a->type == OFPACT_GOTO_TABLE || a->type == OFPACT_METER;
}

static size_t count(const struct ofpact *actions, size_t len)
{
    size_t n = 0;
    const struct ofpact *a;
    OFPACT_FOR_EACH (a, actions, len) {
        n++;
    }
    return n;
}

/* V can say these actions, and they would come back as they are; or, where there are words for all of them,
 * in other words. */
static bool can_say(const struct ofpact *actions, size_t len, enum ofp_version v)
{
    struct bytebuf wire = BYTEBUF_INITIALIZER, back = BYTEBUF_INITIALIZER;
    actions_encode(&wire, actions, len, v);
    struct reader r = {.p = wire.data, .n = wire.len};
    bool same = !actions_decode(&r, v, &back);
    const struct ofpact *after = (const struct ofpact *)(const void *)back.data;
    same = same && (v >= OFP12 ? count(after, back.len) == count(actions, len)
                               : back.len == len && !memcmp(after, actions, len));
    bytebuf_fini(&wire);
    bytebuf_fini(&back);
    return same;
}

static void put_actions(struct bytebuf *b, uint16_t type, const struct ofpact *actions, size_t len,
                        enum ofp_version session)
{
    enum ofp_version v = type != PROP_INSTRUCTIONS ? session : VERSION;
    if (v != VERSION && !can_say(actions, len, v)) {
        v = VERSION;
        type = type == PROP_ACTIONS ? PROP_ACTIONS_13 : PROP_ACTION_SET_13;
    }
    size_t at = begin_prop(b, type);
    put_u32(b, 0);
    size_t n = type == PROP_INSTRUCTIONS ? instructions_encode(b, actions, len, v)
                                         : actions_encode(b, actions, len, v);
    if (n) {
        end_prop(b, at);
    } else {
        bytebuf_truncate(b, at);
    }
}

/* Runs of actions, and instructions one by one: what follows a goto_table comes from a rule further out. */
static void put_list(struct bytebuf *b, const struct ofpact *list, size_t len, enum ofp_version v)
{
    const struct ofpact *a, *run = list;
    const char *end = (const char *)list + len;
    OFPACT_FOR_EACH (a, list, len) {
        if (is_instruction(a)) {
            size_t n = (size_t)((const char *)a - (const char *)run);
            if (n) {
                put_actions(b, PROP_ACTIONS, run, n, v);
            }
            put_actions(b, PROP_INSTRUCTIONS, a, ROUND_UP(a->len, OFPACT_ALIGN), v);
            run = ofpact_next(a);
        }
    }
    if ((const char *)run < end) {
        put_actions(b, PROP_ACTIONS, run, (size_t)(end - (const char *)run), v);
    }
}

void continuation_encode(const struct frozen_state *s, enum ofp_version v, struct bytebuf *b)
{
    size_t at = begin_prop(b, PROP_BRIDGE);
    put_u64(b, 0);
    put_u64(b, s->ofproto_id);
    end_prop(b, at);
    if (s->stack_len) {
        at = begin_prop(b, PROP_STACK);
        bytebuf_put(b, s->stack, s->stack_len);
        end_prop(b, at);
    }
    if (s->mirrors) {
        at = begin_prop(b, PROP_MIRRORS);
        put_u32(b, s->mirrors);
        end_prop(b, at);
    }
    if (s->conntracked) {
        end_prop(b, begin_prop(b, PROP_CONNTRACKED));
    }
    if (s->was_mpls) {
        end_prop(b, begin_prop(b, PROP_WAS_MPLS));
    }
    if (s->n_egress) {
        at = begin_prop(b, PROP_EGRESS);
        for (unsigned i = 0; i < s->n_egress; i++) {
            put_u32(b, s->egress[i]);
        }
        end_prop(b, at);
    }
    at = begin_prop(b, PROP_TABLE_ID);
    put_u8(b, s->table_id);
    end_prop(b, at);
    at = begin_prop(b, PROP_COOKIE);
    put_u32(b, 0);
    put_u64(b, s->rule_cookie);
    end_prop(b, at);
    if (s->actions_len) {
        put_list(b, s->actions, s->actions_len, v);
    }
    if (s->action_set_len) {
        put_actions(b, PROP_ACTION_SET, s->action_set, s->action_set_len, v);
    }
}

static enum ofperr get_prop(uint16_t type, struct reader *q, uint64_t ofproto_id, enum ofp_version session,
                            struct continuation *c)
{
    struct frozen_state *s = &c->state;
    switch (type) {
    case PROP_BRIDGE:
        get_skip(q, 8);
        s->ofproto_id = get_u64(q);
        return q->bad ? OFPERR_OFPBPC_BAD_LEN : s->ofproto_id == ofproto_id ? OFPERR_NONE : OFPERR_NXR_STALE;
    case PROP_STACK:
        if (q->n > MAX_STACK) {
            return OFPERR_OFPBPC_BAD_LEN;
        }
        bytebuf_put(&c->stack, q->p, q->n);
        return OFPERR_NONE;
    case PROP_MIRRORS:
        s->mirrors = get_u32(q);
        break;
    case PROP_CONNTRACKED:
        s->conntracked = true;
        break;
    case PROP_WAS_MPLS:
        s->was_mpls = true;
        break;
    case PROP_EGRESS:
        if (q->n % 4 || q->n / 4 > FROZEN_MAX_EGRESS) {
            return OFPERR_OFPBPC_BAD_LEN;
        }
        for (s->n_egress = 0; q->n; s->n_egress++) {
            s->egress[s->n_egress] = get_u32(q);
        }
        break;
    case PROP_TABLE_ID:
        s->table_id = get_u8(q);
        break;
    case PROP_COOKIE:
        get_skip(q, 4);
        s->rule_cookie = get_u64(q);
        break;
    case PROP_ACTIONS:
    case PROP_ACTION_SET:
    case PROP_ACTIONS_13:
    case PROP_ACTION_SET_13:
    case PROP_INSTRUCTIONS: {
        bool plain = type == PROP_ACTIONS || type == PROP_ACTION_SET;
        enum ofp_version v = plain ? session : VERSION;
        /* Each is decoded and checked by itself, then appended. */
        struct bytebuf part = BYTEBUF_INITIALIZER;
        get_skip(q, 4);
        enum ofperr error = q->bad                      ? OFPERR_OFPBPC_BAD_LEN
                            : type == PROP_INSTRUCTIONS ? instructions_decode(q, v, &part)
                                                        : actions_decode(q, v, &part);
        bool is_set = type == PROP_ACTION_SET || type == PROP_ACTION_SET_13;
        struct bytebuf *list = is_set ? &c->action_set : &c->actions;
        if (!error) {
            bytebuf_put(list, part.data, part.len);
        }
        bytebuf_fini(&part);
        return error;
    }
    default:
        return OFPERR_OFPBPC_BAD_TYPE;
    }
    return q->bad ? OFPERR_OFPBPC_BAD_LEN : OFPERR_NONE;
}

/* Each entry is its bytes, then how many they are. */
static bool is_stack(const struct bytebuf *stack)
{
    size_t n = stack->len;
    while (n) {
        size_t entry = stack->data[n - 1];
        if (!entry || entry > n - 1) {
            return false;
        }
        n -= entry + 1;
    }
    return true;
}

enum ofperr continuation_decode(const uint8_t *data, size_t len, uint64_t ofproto_id, enum ofp_version v,
                                struct continuation *c)
{
    struct reader r = {.p = data, .n = len};
    *c = (struct continuation){.state = {.rule_cookie = UINT64_MAX}};
    while (r.n) {
        uint16_t type = get_u16(&r), n = get_u16(&r);
        if (r.bad || n < 4) {
            return OFPERR_OFPBPC_BAD_LEN;
        }
        struct reader q = get_sub(&r, n - 4u);
        get_skip(&r, MIN(r.n, (size_t)(ROUND_UP(n, 8) - n)));
        enum ofperr error = r.bad ? OFPERR_OFPBPC_BAD_LEN : get_prop(type, &q, ofproto_id, v, c);
        if (error) {
            return error;
        }
    }
    if (!is_stack(&c->stack)) {
        return OFPERR_OFPBPC_BAD_VALUE;
    }
    struct frozen_state *s = &c->state;
    s->stack = c->stack.data;
    s->stack_len = c->stack.len;
    s->actions = (struct ofpact *)(void *)c->actions.data;
    s->actions_len = c->actions.len;
    s->action_set = (struct ofpact *)(void *)c->action_set.data;
    s->action_set_len = c->action_set.len;
    return s->ofproto_id == ofproto_id ? OFPERR_NONE : OFPERR_NXR_STALE;
}

void continuation_fini(struct continuation *c)
{
    bytebuf_fini(&c->stack);
    bytebuf_fini(&c->actions);
    bytebuf_fini(&c->action_set);
}

void continuation_put(const uint8_t *data, size_t len, enum ofp_version v, struct bytebuf *b)
{
    struct continuation c;
    struct reader r = {.p = data, .n = len};
    if (v == VERSION) {
        bytebuf_put(b, data, len);
        return;
    }
    get_skip(&r, 12); /* the bridge comes first */
    continuation_decode(data, len, get_u64(&r), VERSION, &c);
    continuation_encode(&c.state, v, b);
    continuation_fini(&c);
}
