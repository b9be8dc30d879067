/* SPDX-License-Identifier: Apache-2.0 */
/* The builders of action lists. What lists must be is checked in check.c. */
#include "action/action.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const uint16_t dp_set_group_sizes[DP_N_SET_GROUPS] = {
#define X(NAME, STRUCT, TEXT) [DP_SET_##NAME] = sizeof(STRUCT),
    DP_SET_GROUPS(X)
#undef X
};

const char *dp_action_type_name(uint16_t type)
{
    static const char *const names[DP_N_ACTIONS] = {
#define X(NAME, STRUCT, TEXT, TAIL) [DP_ACTION_##NAME] = TEXT,
        DP_ACTIONS(X)
#undef X
    };
    static _Thread_local char unknown[16];
    if (type < DP_N_ACTIONS) {
        return names[type];
    }
    snprintf(unknown, sizeof unknown, "action%u", type);
    return unknown;
}

const struct dp_cookie *dp_cookie_from_userdata(const void *p, size_t n, struct dp_cookie *copy)
{
    if (n != sizeof *copy) {
        return NULL;
    }
    memcpy(copy, p, sizeof *copy);
    return copy->type > DP_COOKIE_UNSPEC && copy->type < DP_N_COOKIES && !copy->reserved ? copy : NULL;
}

/* SIZE zeroed bytes (rounded up) at the end of B with the head filled in. */
static void *put(struct bytebuf *b, enum dp_action_type type, size_t size)
{
    size_t len = ROUND_UP(size, DP_ACTION_ALIGN);
    struct dp_action *a = (struct dp_action *)bytebuf_put_zeros(b, len);
    a->type = (uint16_t)type;
    a->len = (uint16_t)len;
    return a;
}

void dp_actions_put_plain(struct bytebuf *b, enum dp_action_type type)
{
    put(b, type, sizeof(struct dp_action_plain));
}

void dp_actions_put_u32(struct bytebuf *b, enum dp_action_type type, uint32_t value)
{
    struct dp_action_u32 *a = put(b, type, sizeof *a);
    a->value = value;
}

void dp_actions_put_userspace(struct bytebuf *b, const void *userdata, size_t n, uint32_t tunnel_out_port,
                              bool actions)
{
    struct dp_action_userspace *a = put(b, DP_ACTION_USERSPACE, sizeof *a + n);
    a->tunnel_out_port = tunnel_out_port;
    a->userdata_len = (uint16_t)n;
    a->has_userdata = userdata != NULL;
    a->actions = actions;
    if (n) {
        memcpy(a->userdata, userdata, n);
    }
}

void dp_actions_put_set(struct bytebuf *b, enum dp_set_group group, const void *value, const void *mask)
{
    static const struct dp_set_ipv4 settable_ipv4 = {UINT32_MAX, UINT32_MAX, 0, 0xff, 0xff, 0};
    static const struct dp_set_ipv6 settable_ipv6 = {
        {.be32 = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX}},
        {.be32 = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX}},
        CONST_BE32(0xfffff),
        0,
        0xff,
        0xff,
        0,
    };
    static const uint8_t ones[64] = {[0 ... 63] = 0xff};
    size_t size = dp_set_group_sizes[group];
    const uint8_t *m = mask ? mask : ones;
    const uint8_t *v = value;
    uint8_t any = 0;

    if (!mask && group == DP_SET_IPV4) {
        m = (const uint8_t *)&settable_ipv4;
    } else if (!mask && group == DP_SET_IPV6) {
        m = (const uint8_t *)&settable_ipv6;
    }
    for (size_t i = 0; i < size; i++) {
        any |= m[i];
    }
    if (!any) {
        return;
    }
    struct dp_action_set *a = put(b, DP_ACTION_SET, sizeof *a + 2 * size);
    a->group = (uint8_t)group;
    a->size = (uint8_t)size;
    for (size_t i = 0; i < size; i++) {
        a->value[i] = v[i] & m[i];
        a->value[size + i] = m[i];
    }
}

void dp_actions_put_set_tunnel(struct bytebuf *b, const struct dp_tunnel *tunnel, const void *opts)
{
    struct dp_action_set *a = put(b, DP_ACTION_SET, sizeof *a + sizeof *tunnel + tunnel->opts_len);
    a->group = DP_SET_TUNNEL;
    memcpy(a->value, tunnel, sizeof *tunnel);
    if (tunnel->opts_len) {
        memcpy(a->value + sizeof *tunnel, opts, tunnel->opts_len);
    }
}

void dp_actions_put_set_tunnel_key(struct bytebuf *b, const struct flow_key *key)
{
    struct dp_tunnel t = {.erspan_idx = key->erspan_idx, .opts_len = key->tun_opts_len};
    memcpy(&t, &key->tun_id, FLOW_BLOCK_SIZE);
    dp_actions_put_set_tunnel(b, &t, key->tun_opts);
}

void dp_actions_put_push_vlan(struct bytebuf *b, be16 tpid, be16 tci)
{
    struct dp_action_push_vlan *a = put(b, DP_ACTION_PUSH_VLAN, sizeof *a);
    a->tpid = tpid;
    a->tci = tci;
}

static void put_mpls(struct bytebuf *b, enum dp_action_type type, be32 lse, be16 ethertype, bool l3)
{
    struct dp_action_mpls *a = put(b, type, sizeof *a);
    a->lse = lse;
    a->ethertype = ethertype;
    a->l3 = l3;
}

void dp_actions_put_push_mpls(struct bytebuf *b, be32 lse, be16 ethertype)
{
    put_mpls(b, DP_ACTION_PUSH_MPLS, lse, ethertype, true);
}

void dp_actions_put_pop_mpls(struct bytebuf *b, be16 ethertype)
{
    put_mpls(b, DP_ACTION_POP_MPLS, 0, ethertype, true);
}

void dp_actions_put_add_mpls(struct bytebuf *b, be32 lse, be16 ethertype, bool l3)
{
    put_mpls(b, DP_ACTION_ADD_MPLS, lse, ethertype, l3);
}

void dp_actions_put_push_eth(struct bytebuf *b, struct eth_addr src, struct eth_addr dst)
{
    struct dp_action_push_eth *a = put(b, DP_ACTION_PUSH_ETH, sizeof *a);
    a->src = src;
    a->dst = dst;
}

void dp_actions_put_push_nsh(struct bytebuf *b, const struct dp_set_nsh *nsh, const void *metadata, size_t n)
{
    struct dp_action_push_nsh *a = put(b, DP_ACTION_PUSH_NSH, sizeof *a + n);
    a->flags = nsh->flags;
    a->ttl = nsh->ttl;
    a->mdtype = nsh->mdtype;
    a->np = nsh->np;
    a->path_hdr = nsh->path_hdr;
    a->md_len = (uint8_t)n;
    if (n) {
        memcpy(a->metadata, metadata, n);
    }
}

void dp_actions_put_hash(struct bytebuf *b, enum dp_hash_alg alg, uint32_t basis)
{
    struct dp_action_hash *a = put(b, DP_ACTION_HASH, sizeof *a);
    a->alg = alg;
    a->basis = basis;
}

void dp_actions_put_ct(struct bytebuf *b, const struct dp_action_ct *ct)
{
    struct dp_action_ct *a = put(b, DP_ACTION_CT, sizeof *a);
    struct dp_action head = a->a;
    *a = *ct;
    a->a = head;
}

void dp_actions_put_tnl_push(struct bytebuf *b, uint32_t tnl_port, uint32_t out_port, uint32_t tnl_type,
                             const void *header, size_t header_len)
{
    struct dp_action_tnl_push *a = put(b, DP_ACTION_TNL_PUSH, sizeof *a + header_len);
    a->tnl_port = tnl_port;
    a->out_port = out_port;
    a->tnl_type = tnl_type;
    a->header_len = (uint32_t)header_len;
    if (header_len) {
        memcpy(a->header, header, header_len);
    }
}

size_t dp_actions_begin_sample(struct bytebuf *b, uint32_t probability)
{
    size_t mark = b->len;
    dp_actions_put_u32(b, DP_ACTION_SAMPLE, probability);
    return mark;
}

size_t dp_actions_begin_clone(struct bytebuf *b)
{
    size_t mark = b->len;
    dp_actions_put_plain(b, DP_ACTION_CLONE);
    return mark;
}

size_t dp_actions_begin_dec_ttl(struct bytebuf *b)
{
    size_t mark = b->len;
    dp_actions_put_plain(b, DP_ACTION_DEC_TTL);
    return mark;
}

size_t dp_actions_begin_check_pkt_len(struct bytebuf *b, uint16_t size)
{
    size_t mark = b->len;
    struct dp_action_check_pkt_len *a = put(b, DP_ACTION_CHECK_PKT_LEN, sizeof *a);
    a->size = size;
    return mark;
}

void dp_actions_else(struct bytebuf *b, size_t mark)
{
    struct dp_action_check_pkt_len *a = bytebuf_at(b, mark);
    size_t gt_len = b->len - mark - sizeof *a;
    a->gt_len = gt_len <= DP_ACTION_MAX_LEN ? (uint16_t)gt_len : DP_ACTION_MAX_LEN; /* _end() refuses it */
}

int dp_actions_end(struct bytebuf *b, size_t mark)
{
    struct dp_action *a = bytebuf_at(b, mark);
    size_t len = b->len - mark;
    if (len > DP_ACTION_MAX_LEN) {
        bytebuf_truncate(b, mark);
        return EMSGSIZE;
    }
    a->len = (uint16_t)len;
    if (a->type == DP_ACTION_CHECK_PKT_LEN) {
        struct dp_action_check_pkt_len *c = (struct dp_action_check_pkt_len *)(void *)a;
        c->le_len = (uint16_t)(len - sizeof *c - c->gt_len);
    }
    return 0;
}
