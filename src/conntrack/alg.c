/* SPDX-License-Identifier: Apache-2.0 */
#include "conntrack/alg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/random.h"
#include "conntrack/ftp.h"
#include "conntrack/nat.h"
#include "packet/csum.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/l4.h"

#define MAX_PORT_TRIES 128
#define EPHEMERAL_MIN  1024
#define TFTP_REQUEST   2 /* opcodes up to it ask for a file */
#define TFTP_MIN_LEN   4
#define TCP_OPT_END    0
#define TCP_OPT_NOP    1
#define TCP_OPT_SACK   5
#define SACK_BLOCK_LEN 8

static const char *const helper_names[] = {[CT_ALG_NONE] = "", [CT_ALG_FTP] = "ftp", [CT_ALG_TFTP] = "tftp"};

enum ct_alg_helper ct_alg_from_name(const char *name)
{
    int i = ARRAY_SIZE(helper_names) - 1;
    while (i > CT_ALG_NONE && strcmp(helper_names[i], name)) {
        i--;
    }
    return (enum ct_alg_helper)i;
}

const char *ct_alg_name(enum ct_alg_helper helper)
{
    return helper_names[helper];
}

struct ct_expectations {
    struct spin lock;
    uint32_t seed;
    unsigned n; /* a */
    struct hmap map;
};

struct ct_expectations *ct_expectations_create(void)
{
    struct ct_expectations *e = xzalloc(sizeof *e);
    e->seed = random_u32();
    hmap_init(&e->map);
    return e;
}

void ct_expectations_destroy(struct ct_expectations *e)
{
    if (e) {
        hmap_fini(&e->map);
        free(e);
    }
}

/* ------------------------------------------------------------------ expecting */

static struct ct_expectation *find(const struct ct_expectations *e, const struct ct_tuple *wild)
{
    struct ct_expectation *x;
    HMAP_FOR_EACH_WITH_HASH (x, node, hash_bytes(wild, sizeof *wild, e->seed), &e->map) {
        if (ct_tuple_equal(&x->orig, wild)) {
            return x;
        }
    }
    return NULL;
}

bool ct_alg_expects(struct ct_expectations *e, const struct ct_tuple *tuple, struct ct_expectation *copy)
{
    if (likely(!__atomic_load_n(&e->n, __ATOMIC_RELAXED))) {
        return false;
    }
    struct ct_tuple wild = *tuple;
    wild.tp_src = 0;
    spin_lock(&e->lock);
    struct ct_expectation *x = find(e, &wild);
    if (x) {
        *copy = *x;
    }
    spin_unlock(&e->lock);
    return x != NULL;
}

static void forget(struct ct_expectations *e, struct ct_expectation *x)
{
    if (x->in_use) {
        hmap_remove(&e->map, &x->node);
        x->in_use = false;
        __atomic_fetch_sub(&e->n, 1, __ATOMIC_RELAXED);
    }
}

/* C expects a connection from ORIG to REPLY's source, under a port that nobody else is expected at: ORIG's,
 * if it can be, or another if MAY_MOVE. 0: there is none. */
static uint16_t expect(struct ct_expectations *e, struct ct_conn *c, struct ct_tuple *orig,
                       const struct ct_tuple *reply, bool may_move)
{
    struct ct_alg *alg = c->alg;
    struct ct_expectation want = {.reply = *reply, .parent = c->orig, .in_use = true};
    uint16_t port = CONST_BE16(orig->tp_dst), found = 0;
    want.nat = (memcmp(&orig->src, &reply->dst, sizeof orig->src) ? CT_NAT_SRC : 0) |
               (memcmp(&orig->dst, &reply->src, sizeof orig->dst) ? CT_NAT_DST : 0);
    spin_lock(&c->lock);
    want.mark = c->mark;
    want.label = c->label;
    spin_unlock(&c->lock);

    struct ct_expectation *fresh = alg->expected ? NULL : xcalloc(CT_ALG_EXPECTATIONS, sizeof *alg->expected);
    spin_lock(&e->lock);
    if (!alg->expected) {
        alg->expected = fresh;
        fresh = NULL;
    }
    for (unsigned i = 0; !found && i < CT_ALG_EXPECTATIONS; i++) {
        struct ct_expectation *x = &alg->expected[i];
        if (x->in_use && ct_tuple_equal(&x->reply, reply)) {
            x->mark = want.mark; /* said again */
            x->label = want.label;
            found = CONST_BE16(x->orig.tp_dst);
        }
    }
    for (unsigned tries = 0; !found && !alg->is_over && tries < (may_move ? MAX_PORT_TRIES : 1); tries++) {
        orig->tp_dst = CONST_BE16(port);
        struct ct_expectation *other = find(e, orig);
        if (!other || ct_tuple_equal(&other->parent, &want.parent) || !may_move) {
            if (other) {
                forget(e, other);
            }
            struct ct_expectation *x = &alg->expected[alg->next++ % CT_ALG_EXPECTATIONS];
            forget(e, x);
            want.orig = *orig;
            *x = want;
            hmap_insert(&e->map, &x->node, hash_bytes(orig, sizeof *orig, e->seed));
            __atomic_fetch_add(&e->n, 1, __ATOMIC_RELAXED);
            found = port;
        }
        port = port == UINT16_MAX ? EPHEMERAL_MIN : (uint16_t)(port + 1);
    }
    spin_unlock(&e->lock);
    free(fresh);
    return found;
}

/* ------------------------------------------------------------------ the connection's side */

void ct_alg_begin(struct ct_conn *c, enum ct_alg_helper helper, const struct ct_expectation *expected)
{
    uint8_t proto = helper == CT_ALG_FTP ? IP_PROTO_TCP : IP_PROTO_UDP;
    bool helps = !expected && helper && c->orig.proto == proto;
    if (!expected && !helps) {
        return;
    }
    c->alg = xzalloc(sizeof *c->alg);
    c->has_alg = 1;
    c->alg->helper = helps ? (uint8_t)helper : CT_ALG_NONE;
    if (expected) {
        c->alg->is_related = true;
        c->alg->parent = expected->parent;
        c->mark = expected->mark;
        c->label = expected->label;
        static const be128 zero;
        c->has_label = memcmp(&c->label, &zero, sizeof zero) != 0;
    }
}

int ct_alg_insert(struct ct_table *t, struct ct_conn *c, const struct ct_expectation *x, int64_t now_ms)
{
    int error = EADDRINUSE, dir;
    uint16_t port = CONST_BE16(c->orig.tp_src);
    c->nat = x->nat;
    c->reply = x->reply;
    for (unsigned i = 0; error == EADDRINUSE && i < (x->nat & CT_NAT_SRC ? MAX_PORT_TRIES : 1); i++) {
        c->reply.tp_dst = CONST_BE16(port);
        c->reply_hash = ct_table_hash(t, &c->reply);
        error = ct_table_find(t, &c->reply, c->reply_hash, now_ms, &dir) ? EADDRINUSE
                                                                         : ct_table_insert(t, c, now_ms);
        port = (uint16_t)(EPHEMERAL_MIN + random_below(UINT16_MAX - EPHEMERAL_MIN));
    }
    return error;
}

static void free_alg(struct rcu_head *head)
{
    rcu_grace_passed();
    struct ct_alg *alg = CONTAINER_OF(head, struct ct_alg, rcu);
    free(alg->expected);
    free(alg);
}

void ct_alg_end(struct ct_expectations *e, struct ct_conn *c)
{
    if (!c->has_alg) {
        return;
    }
    spin_lock(&e->lock);
    c->alg->is_over = true;
    for (unsigned i = 0; c->alg->expected && i < CT_ALG_EXPECTATIONS; i++) {
        forget(e, &c->alg->expected[i]);
    }
    spin_unlock(&e->lock);
    rcu_postpone(&c->alg->rcu, free_alg);
}

/* ------------------------------------------------------------------ sequence numbers */

static bool seq_after(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0;
}

static uint32_t shift_out(const struct ct_seq_shift *s, uint32_t seq)
{
    return seq + (uint32_t)(seq_after(seq, s->at) ? s->after : s->before);
}

static uint32_t shift_back(const struct ct_seq_shift *s, uint32_t ack)
{
    return ack - (uint32_t)(seq_after(ack - (uint32_t)s->before, s->at) ? s->after : s->before);
}

/* What follows the byte SEQ is N bytes further. */
static void shift_more(struct ct_seq_shift *s, uint32_t seq, int32_t n)
{
    if (s->before == s->after || seq_after(seq, s->at)) {
        s->at = seq;
        s->before = s->after;
        s->after += n;
    }
}

/* A word of the TCP header at TCP. */
static void set_word(const struct packet *p, uint8_t *tcp, uint8_t *at, uint32_t value)
{
    be32 is = get_be32(at), be = CONST_BE32(value);
    if (is != be && p->csum != PACKET_CSUM_PARTIAL) {
        uint8_t *csum = tcp + offsetof(struct tcp_header, csum);
        /* Words that do not begin at an even place have their bytes the other way about. */
        bool odd = (at - tcp) & 1;
        put_be16(csum, csum_update32(get_be16(csum), odd ? __builtin_bswap32(is) : is,
                                     odd ? __builtin_bswap32(be) : be));
    }
    put_be32(at, be);
}

static void shift_sack(const struct packet *p, uint8_t *tcp, const struct ct_seq_shift *s)
{
    uint8_t *at = tcp + TCP_HEADER_LEN;
    uint8_t *end = tcp + TCP_OFFSET_BYTES(get_be16(tcp + offsetof(struct tcp_header, ctl)));
    while (at < end && *at != TCP_OPT_END) {
        if (*at == TCP_OPT_NOP) {
            at++;
            continue;
        }
        if (end - at < 2 || at[1] < 2 || at[1] > end - at) {
            return;
        }
        if (*at == TCP_OPT_SACK) {
            for (uint8_t *edge = at + 2; edge + 4 <= at + at[1]; edge += 4) {
                set_word(p, tcp, edge, shift_back(s, CONST_BE32(get_be32(edge))));
            }
        }
        at += at[1];
    }
}

void ct_alg_enter(struct packet *p, struct ct_packet *pk, struct ct_conn *c, int dir)
{
    uint8_t *tcp = pk->l4;
    if (c->alg->helper != CT_ALG_FTP || pk->kind != CT_KIND_PLAIN) {
        return;
    }
    spin_lock(&c->lock);
    struct ct_seq_shift s = c->alg->shifts[!dir];
    spin_unlock(&c->lock);
    if ((s.before || s.after) && get_be16(tcp + offsetof(struct tcp_header, ctl)) & CONST_BE16(TCP_ACK)) {
        uint8_t *ack = tcp + offsetof(struct tcp_header, ack);
        set_word(p, tcp, ack, shift_back(&s, CONST_BE32(get_be32(ack))));
        shift_sack(p, tcp, &s);
    }
}

/* ------------------------------------------------------------------ messages */

/* LEN bytes of the payload from OFS on become TEXT. False: there is no room. */
static bool replace(struct packet *p, struct ct_packet *pk, bool is_ipv6, uint32_t header_len, uint32_t ofs,
                    uint32_t len, const char *text, uint32_t text_len)
{
    uint32_t l4 = (uint32_t)(pk->l4 - p->data), new_len = pk->l4_len - len + text_len;
    if (p->gso_type || (text_len > len && packet_reserve_tailroom(p, text_len - len))) {
        return false;
    }
    uint8_t *tcp = pk->l4 = p->data + l4, *ip = p->data + p->l3_ofs, *at = tcp + header_len + ofs;
    memmove(at + text_len, at + len, pk->l4_len - header_len - ofs - len);
    memcpy(at, text, text_len);
    pk->l4_len = new_len;
    p->len = l4 + new_len;
    uint32_t pseudo;
    if (is_ipv6) {
        put_be16(ip + offsetof(struct ipv6_header, payload_len),
                 CONST_BE16((uint16_t)(p->len - p->l3_ofs - IPV6_HEADER_LEN)));
        pseudo = csum_pseudo_ipv6(ip + offsetof(struct ipv6_header, src),
                                  ip + offsetof(struct ipv6_header, dst), IP_PROTO_TCP, new_len);
    } else {
        struct ipv4_header *h = (struct ipv4_header *)(void *)ip;
        be16 total = CONST_BE16((uint16_t)(p->len - p->l3_ofs));
        h->csum = csum_update16(h->csum, h->total_len, total);
        h->total_len = total;
        pseudo = csum_pseudo_ipv4(h->src, h->dst, IP_PROTO_TCP, new_len);
    }
    uint8_t *csum = tcp + offsetof(struct tcp_header, csum);
    if (p->csum == PACKET_CSUM_PARTIAL) {
        put_be16(csum, (be16)~csum_finish(pseudo));
    } else {
        put_be16(csum, 0);
        put_be16(csum, csum_finish(csum_bytes(pseudo, tcp, new_len)));
    }
    return true;
}

/* The tuples of the connection that E announces, which C's packet of direction DIR has said. */
static void announced_tuples(const struct ct_conn *c, int dir, uint16_t port, struct ct_tuple *orig,
                             struct ct_tuple *reply)
{
    /* Who listens is who speaks, and the other one comes to where it sees that. */
    *orig = dir ? c->orig : c->reply;
    *reply = dir ? c->reply : c->orig;
    orig->tp_src = reply->tp_dst = 0;
    orig->tp_dst = reply->tp_src = CONST_BE16(port);
}

static bool leave_ftp(struct ct_expectations *e, struct packet *p, struct ct_packet *pk, struct ct_conn *c,
                      int dir, bool translate)
{
    uint32_t header_len = TCP_OFFSET_BYTES(get_be16(pk->l4 + offsetof(struct tcp_header, ctl)));
    uint32_t seq = CONST_BE32(get_be32(pk->l4 + offsetof(struct tcp_header, seq)));
    struct ftp_endpoint said;
    enum ftp_result result = FTP_NOTHING;
    if (pk->l4_len > header_len) {
        result = ftp_parse(pk->l4 + header_len, pk->l4_len - header_len, dir, &said);
    }
    bool ok = result != FTP_BAD;
    if (result == FTP_ENDPOINT) {
        /* Another's address would make us send others' data there. */
        const struct ct_tuple *mine = dir ? &c->reply : &c->orig;
        bool own = said.kind == FTP_EPSV ||
                   (said.is_ipv6 == mine->is_ipv6 && !memcmp(&said.addr, &mine->src, sizeof said.addr));
        struct ct_tuple orig, reply;
        announced_tuples(c, dir, said.port, &orig, &reply);
        bool moves = translate && (c->nat & (dir ? CT_NAT_DST : CT_NAT_SRC));
        uint16_t port = own ? expect(e, c, &orig, &reply, moves) : 0;
        ok = port != 0;
        if (ok && moves) {
            char text[FTP_TEXT_MAX];
            said.port = port;
            said.addr = orig.dst;
            uint32_t n = ftp_format(&said, text);
            ok = replace(p, pk, mine->is_ipv6, header_len, said.ofs, said.len, text, n);
            if (ok && n != said.len) {
                spin_lock(&c->lock);
                shift_more(&c->alg->shifts[dir], seq, (int32_t)n - (int32_t)said.len);
                spin_unlock(&c->lock);
            }
        }
    }
    spin_lock(&c->lock);
    struct ct_seq_shift s = c->alg->shifts[dir];
    spin_unlock(&c->lock);
    if (translate && (s.before || s.after)) {
        set_word(p, pk->l4, pk->l4 + offsetof(struct tcp_header, seq), shift_out(&s, seq));
    }
    return ok;
}

static void leave_tftp(struct ct_expectations *e, const struct ct_packet *pk, struct ct_conn *c, int dir)
{
    struct ct_tuple orig, reply;
    if (dir || pk->l4_len < UDP_HEADER_LEN + TFTP_MIN_LEN || pk->l4[UDP_HEADER_LEN] ||
        !pk->l4[UDP_HEADER_LEN + 1] || pk->l4[UDP_HEADER_LEN + 1] > TFTP_REQUEST) {
        return;
    }
    announced_tuples(c, 0, CONST_BE16(c->orig.tp_src), &orig, &reply);
    orig.tp_dst = c->reply.tp_dst; /* as the server sees it */
    expect(e, c, &orig, &reply, false);
}

bool ct_alg_leave(struct ct_expectations *e, struct packet *p, struct ct_packet *pk, struct ct_conn *c,
                  int dir, bool translate)
{
    if (pk->kind != CT_KIND_PLAIN) {
        return true;
    }
    if (c->alg->helper == CT_ALG_FTP) {
        return leave_ftp(e, p, pk, c, dir, translate);
    }
    if (c->alg->helper == CT_ALG_TFTP) {
        leave_tftp(e, pk, c, dir);
    }
    return true;
}
