/* SPDX-License-Identifier: Apache-2.0 */
/* Helpers: FTP's messages read and written, and conversations of two ends that count their bytes, with
 * addresses translated between them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rcu.h"
#include "conntrack/conntrack.h"
#include "conntrack/ftp.h"
#include "conntrack/tuple.h"
#include "flow/extract.h"
#include "flow/key.h"
#include "packet/csum.h"
#include "wire/eth.h"
#include "wire/ipv4.h"
#include "wire/l4.h"

static void test_messages(void **state)
{
    static const struct {
        const char *message;
        bool from_server;
        enum ftp_result result;
        uint32_t addr;
        uint16_t port;
        const char *again; /* what is read, written; NULL: as it was */
    } rows[] = {
        {"PORT 10,0,0,1,20,1\r\n", false, FTP_ENDPOINT, 0x0a000001, 5121, "10,0,0,1,20,1"},
        {"port  10,0,0,1,255,255", false, FTP_ENDPOINT, 0x0a000001, 65535, "10,0,0,1,255,255"},
        {"PORT 10,0,0,1,20,1", true, FTP_NOTHING, 0, 0, NULL},
        {"PORT 10,0,0,1,0,0\r\n", false, FTP_BAD, 0, 0, NULL},
        {"PORT 10,0,0,256,20,1\r\n", false, FTP_BAD, 0, 0, NULL},
        {"PORT 10,0,0,1,20\r\n", false, FTP_BAD, 0, 0, NULL},
        {"PORT ", false, FTP_BAD, 0, 0, NULL},
        {"PORT", false, FTP_NOTHING, 0, 0, NULL},
        {"PORT 4294967297,0,0,1,20,1\r\n", false, FTP_BAD, 0, 0, NULL},
        {"EPRT |1|10.0.0.1|6666|\r\n", false, FTP_ENDPOINT, 0x0a000001, 6666, "|1|10.0.0.1|6666|"},
        {"EPRT !1!10.0.0.1!6666!\r\n", false, FTP_ENDPOINT, 0x0a000001, 6666, "!1!10.0.0.1!6666!"},
        {"EPRT |2|::a00:1|6666|\r\n", false, FTP_ENDPOINT, 0, 6666, "|2|::10.0.0.1|6666|"},
        {"EPRT |3|10.0.0.1|6666|\r\n", false, FTP_BAD, 0, 0, NULL},
        {"EPRT |1|10.0.0.1|66666|\r\n", false, FTP_BAD, 0, 0, NULL},
        {"EPRT |1|10.0.0.1|66", false, FTP_BAD, 0, 0, NULL},
        {"EPRT |1|aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa|6|", false,
         FTP_BAD, 0, 0, NULL},
        {"227 Entering Passive Mode (10,0,0,2,30,5).\r\n", true, FTP_ENDPOINT, 0x0a000002, 7685,
         "10,0,0,2,30,5"},
        {"227 =10,0,0,2,30,5\r\n", true, FTP_ENDPOINT, 0x0a000002, 7685, "10,0,0,2,30,5"},
        {"227 nothing\r\n", true, FTP_BAD, 0, 0, NULL},
        {"229 Entering Extended Passive Mode (|||7777|)\r\n", true, FTP_ENDPOINT, 0, 7777, "|||7777|"},
        {"229 Entering Extended Passive Mode (||x|7777|)\r\n", true, FTP_BAD, 0, 0, NULL},
        {"229 7777\r\n", true, FTP_BAD, 0, 0, NULL},
        {"220 hello\r\n", true, FTP_NOTHING, 0, 0, NULL},
        {"", true, FTP_NOTHING, 0, 0, NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        /* Exactly as long as it is, so that a sanitizer sees what is read behind it. */
        uint32_t len = (uint32_t)strlen(rows[i].message);
        uint8_t *message = malloc(len + 1);
        struct ftp_endpoint e;
        char text[FTP_TEXT_MAX];
        memcpy(message, rows[i].message, len);
        assert_int_equal(ftp_parse(message, len, rows[i].from_server, &e), rows[i].result);
        if (rows[i].result == FTP_ENDPOINT) {
            assert_int_equal(e.port, rows[i].port);
            assert_int_equal(CONST_BE32(e.addr.be32[0]), rows[i].addr);
            assert_memory_equal(message + e.ofs, rows[i].message + e.ofs, e.len);
            uint32_t n = ftp_format(&e, text);
            assert_int_equal(n, strlen(rows[i].again));
            assert_memory_equal(text, rows[i].again, n);
        }
        for (uint32_t cut = 0; cut < len; cut++) {
            uint8_t *shorter = malloc(cut + 1);
            memcpy(shorter, message, cut);
            ftp_parse(shorter, cut, rows[i].from_server, &e);
            free(shorter);
        }
        free(message);
    }
}

/* ------------------------------------------------------------------ two ends */

#define CLIENT  0x0a000001u
#define SERVER  0x0a000002u
#define OUTSIDE 0x0a00f064u /* 10.0.240.100: what the server sees */
#define VIRTUAL 0xc6336401u /* 198.51.100.1: what the client sees */

struct end {
    uint32_t addr, peer;
    uint16_t port, peer_port;
    uint32_t next, expected; /* sequence numbers, its own and the other's */
    uint8_t heard[512];      /* payload since the last time it was looked at */
    uint32_t n_heard;
};

struct talk {
    struct packet_pool *pool;
    struct conntrack *ct;
    struct end ends[2]; /* client, server */
    struct ct_request request;
    uint16_t state; /* of the last packet */
    enum packet_csum csum;
};

static struct packet *segment(struct packet_pool *pool, const struct end *e, uint16_t flags,
                              const char *payload)
{
    uint32_t n = (uint32_t)strlen(payload);
    struct packet *p = packet_alloc(pool, ETH_HEADER_LEN + IPV4_HEADER_LEN + TCP_HEADER_LEN + n);
    memset(p->data, 0, p->len);
    p->data[11] = 1;
    put_be16(p->data + 12, CONST_BE16(ETH_TYPE_IPV4));
    struct ipv4_header *ip = (struct ipv4_header *)(void *)(p->data + ETH_HEADER_LEN);
    *ip = (struct ipv4_header){.ver_ihl = IPV4_VER_IHL_PLAIN,
                               .total_len = CONST_BE16((uint16_t)(p->len - ETH_HEADER_LEN)),
                               .ttl = 64,
                               .proto = IP_PROTO_TCP,
                               .src = CONST_BE32(e->addr),
                               .dst = CONST_BE32(e->peer)};
    ip->csum = csum_of(ip, IPV4_HEADER_LEN);
    struct tcp_header *tcp = (struct tcp_header *)(void *)(p->data + ETH_HEADER_LEN + IPV4_HEADER_LEN);
    *tcp = (struct tcp_header){.src = CONST_BE16(e->port),
                               .dst = CONST_BE16(e->peer_port),
                               .seq = CONST_BE32(e->next),
                               .ack = flags & TCP_ACK ? CONST_BE32(e->expected) : 0,
                               .ctl = TCP_CTL(flags, 5),
                               .window = CONST_BE16(20000)};
    memcpy(tcp + 1, payload, n);
    uint32_t pseudo = csum_pseudo_ipv4(ip->src, ip->dst, IP_PROTO_TCP, TCP_HEADER_LEN + n);
    tcp->csum = (be16)~csum_finish(pseudo);
    p->csum = PACKET_CSUM_PARTIAL;
    p->csum_start = ETH_HEADER_LEN + IPV4_HEADER_LEN;
    p->csum_offset = offsetof(struct tcp_header, csum);
    struct flow_key key;
    flow_key_extract(p, &key);
    return p;
}

/* From end FROM to the other, which checks that it fits what it knows. */
static void say(struct talk *t, int from, uint16_t flags, const char *payload)
{
    struct end *me = &t->ends[from], *other = &t->ends[!from];
    struct packet *p = segment(t->pool, me, flags, payload);
    if (t->csum != PACKET_CSUM_PARTIAL) {
        packet_csum_resolve(p);
        p->csum = t->csum;
    }
    struct packet_batch b;
    batch_init(&b);
    batch_add(&b, p);
    assert_int_equal(conntrack_execute(t->ct, &b, &t->request, 1000), 0);
    t->state = p->ct_state;
    struct flow_key key;
    flow_key_extract_complete(p, &key);
    packet_csum_resolve(p);
    p->csum = PACKET_CSUM_UNKNOWN;
    assert_true(packet_csum_verify(p));
    assert_true(packet_ipv4_csum_ok(p));
    const struct tcp_header *tcp = (const void *)(p->data + p->l4_ofs);
    uint32_t payload_len = p->len - p->l4_ofs - TCP_HEADER_LEN;
    assert_int_equal(key.nw_src, CONST_BE32(other->peer));
    assert_int_equal(key.nw_dst, CONST_BE32(other->addr));
    assert_int_equal(key.tp_dst, CONST_BE16(other->port));
    if (!(flags & TCP_SYN)) {
        assert_int_equal(CONST_BE32(tcp->seq), other->expected);
        assert_int_equal(CONST_BE32(tcp->ack), other->next);
    }
    other->expected = CONST_BE32(tcp->seq) + payload_len + (flags & TCP_SYN ? 1 : 0);
    memcpy(other->heard, p->data + p->l4_ofs + TCP_HEADER_LEN, payload_len);
    other->n_heard = payload_len;
    me->next += (uint32_t)strlen(payload) + (flags & TCP_SYN ? 1 : 0);
    packet_free(p);
}

static void assert_heard(const struct talk *t, int who, const char *text)
{
    assert_int_equal(t->ends[who].n_heard, strlen(text));
    assert_memory_equal(t->ends[who].heard, text, strlen(text));
}

static void begin(struct talk *t, bool snat, bool dnat, enum packet_csum csum)
{
    *t = (struct talk){
        .pool = packet_pool_create_heap(),
        .ct = conntrack_create(),
        .ends = {{CLIENT, dnat ? VIRTUAL : SERVER, 4000, 21, 0xfffffff0u, 0, {0}, 0},
                 {SERVER, snat ? OUTSIDE : CLIENT, 21, 4000, 5000, 0, {0}, 0}},
        .request =
            {.zone = 7, .flags = CT_REQ_COMMIT | CT_REQ_NAT, .helper = CT_ALG_FTP, .mark = 5, .mark_mask = 5},
        .csum = csum,
    };
    if (snat || dnat) {
        t->request.flags |= CT_REQ_NAT_V4 | (snat ? CT_REQ_NAT_SRC : CT_REQ_NAT_DST);
        t->request.nat_min.be32[0] = CONST_BE32(snat ? OUTSIDE : SERVER);
    }
    t->request.flags |= CT_REQ_MARK;
    say(t, 0, TCP_SYN, "");
    assert_int_equal(t->state & FLOW_CS_NEW, FLOW_CS_NEW);
    t->request.flags &= (uint16_t) ~(CT_REQ_NAT_SRC | CT_REQ_NAT_DST | CT_REQ_MARK);
    say(t, 1, TCP_SYN | TCP_ACK, "");
    say(t, 0, TCP_ACK, "");
    say(t, 1, TCP_ACK | TCP_PSH, "220 hello\r\n");
    say(t, 0, TCP_ACK, "");
}

static void end(struct talk *t)
{
    conntrack_destroy(t->ct);
    assert_int_equal(packet_pool_in_use(t->pool), 0);
    packet_pool_destroy(t->pool);
}

/* A SYN, its answer and what they look like on the other side; state bits of both. */
static void data(struct talk *t, uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport,
                 uint32_t seen_src, uint16_t seen_sport, uint32_t seen_dst, uint16_t seen_dport,
                 bool is_related)
{
    for (int answer = 0; answer < 2; answer++) {
        struct end e = {.addr = answer ? seen_dst : src,
                        .peer = answer ? seen_src : dst,
                        .port = answer ? seen_dport : sport,
                        .peer_port = answer ? seen_sport : dport,
                        .next = answer ? 10 : 100,
                        .expected = 101};
        struct packet *p = segment(t->pool, &e, answer ? TCP_SYN | TCP_ACK : TCP_SYN, "");
        struct packet_batch b;
        struct flow_key key;
        batch_init(&b);
        batch_add(&b, p);
        conntrack_execute(t->ct, &b, &t->request, 1000);
        flow_key_extract_complete(p, &key);
        assert_int_equal(key.nw_src, CONST_BE32(answer ? dst : seen_src));
        assert_int_equal(key.nw_dst, CONST_BE32(answer ? src : seen_dst));
        assert_int_equal(key.tp_src, CONST_BE16(answer ? dport : seen_sport));
        assert_int_equal(key.tp_dst, CONST_BE16(answer ? sport : seen_dport));
        assert_int_equal((p->ct_state & FLOW_CS_REL) != 0, is_related);
        assert_int_equal(p->ct_state & (answer ? FLOW_CS_EST : FLOW_CS_NEW),
                         answer ? FLOW_CS_EST : FLOW_CS_NEW);
        assert_int_equal(p->ct_mark, is_related ? 5 : 0);
        packet_free(p);
    }
}

static void test_plain(void **state)
{
    struct talk t;
    begin(&t, false, false, PACKET_CSUM_PARTIAL);
    data(&t, SERVER, 20, CLIENT, 5121, SERVER, 20, CLIENT, 5121, false);
    say(&t, 0, TCP_ACK | TCP_PSH, "PORT 10,0,0,1,20,2\r\n");
    assert_heard(&t, 1, "PORT 10,0,0,1,20,2\r\n");
    assert_int_equal(t.state, FLOW_CS_TRK | FLOW_CS_EST);
    data(&t, SERVER, 20, CLIENT, 5122, SERVER, 20, CLIENT, 5122, true);
    say(&t, 1, TCP_ACK | TCP_PSH, "229 look (|||7777|)\r\n");
    data(&t, CLIENT, 3333, SERVER, 7777, CLIENT, 3333, SERVER, 7777, true);
    /* Another's address, or none: invalid, and nothing is expected. */
    say(&t, 0, TCP_ACK | TCP_PSH, "PORT 10,0,0,9,20,3\r\n");
    assert_int_equal(t.state & FLOW_CS_INV, FLOW_CS_INV);
    data(&t, SERVER, 20, 0x0a000009, 5123, SERVER, 20, 0x0a000009, 5123, false);
    say(&t, 0, TCP_ACK | TCP_PSH, "PORT 10,0,0\r\n");
    assert_int_equal(t.state & FLOW_CS_INV, FLOW_CS_INV);
    /* Only so many are expected at a time. */
    for (int i = 0; i < 20; i++) {
        char message[64];
        snprintf(message, sizeof message, "PORT 10,0,0,1,40,%d\r\n", i);
        say(&t, 0, TCP_ACK | TCP_PSH, message);
    }
    data(&t, SERVER, 20, CLIENT, 40 * 256 + 10, SERVER, 20, CLIENT, 40 * 256 + 10, false);
    data(&t, SERVER, 20, CLIENT, 40 * 256 + 19, SERVER, 20, CLIENT, 40 * 256 + 19, true);
    /* With the connection goes what it announced. */
    struct ct_match control = {.tp_dst = CONST_BE16(21), .fields = CT_MATCH_TP_DST};
    assert_int_equal(conntrack_flush(t.ct, -1, &control, NULL), 1);
    data(&t, SERVER, 20, CLIENT, 40 * 256 + 18, SERVER, 20, CLIENT, 40 * 256 + 18, false);
    end(&t);
}

static void snat(enum packet_csum csum)
{
    struct talk t;
    begin(&t, true, false, csum);
    /* Longer, shorter, again, from both sides: each end finds what it counted. */
    for (int i = 1; i < 6; i++) {
        char message[64], seen[64];
        snprintf(message, sizeof message, "PORT 10,0,0,1,20,%d\r\n", i);
        snprintf(seen, sizeof seen, "PORT 10,0,240,100,20,%d\r\n", i);
        say(&t, 0, TCP_ACK | TCP_PSH, message);
        assert_heard(&t, 1, seen);
        say(&t, 1, TCP_ACK | TCP_PSH, "200 ok\r\n");
        assert_heard(&t, 0, "200 ok\r\n");
        say(&t, 0, TCP_ACK, "");
        data(&t, SERVER, 20, OUTSIDE, (uint16_t)(5120 + i), SERVER, 20, CLIENT, (uint16_t)(5120 + i), true);
    }
    say(&t, 0, TCP_ACK | TCP_PSH, "EPRT |1|10.0.0.1|6666|\r\n");
    assert_heard(&t, 1, "EPRT |1|10.0.240.100|6666|\r\n");
    say(&t, 1, TCP_ACK | TCP_PSH, "227 here (10,0,0,2,30,5).\r\n");
    assert_heard(&t, 0, "227 here (10,0,0,2,30,5).\r\n");
    data(&t, CLIENT, 4444, SERVER, 7685, OUTSIDE, 4444, SERVER, 7685, true);
    say(&t, 0, TCP_ACK | TCP_FIN, "");
    end(&t);
}

static void dnat(enum packet_csum csum)
{
    struct talk t;
    begin(&t, false, true, csum);
    say(&t, 1, TCP_ACK | TCP_PSH, "227 here (10,0,0,2,30,5).\r\n");
    assert_heard(&t, 0, "227 here (198,51,100,1,30,5).\r\n");
    say(&t, 0, TCP_ACK | TCP_PSH, "PASV\r\n");
    say(&t, 1, TCP_ACK | TCP_PSH, "227 here (10,0,0,2,30,6).\r\n");
    say(&t, 0, TCP_ACK, "");
    data(&t, CLIENT, 4444, VIRTUAL, 7686, CLIENT, 4444, SERVER, 7686, true);
    say(&t, 0, TCP_ACK | TCP_PSH, "PORT 10,0,0,1,20,1\r\n");
    assert_heard(&t, 1, "PORT 10,0,0,1,20,1\r\n");
    data(&t, SERVER, 20, CLIENT, 5121, VIRTUAL, 20, CLIENT, 5121, true);
    end(&t);
}

static void test_translated(void **state)
{
    snat(PACKET_CSUM_PARTIAL);
    snat(PACKET_CSUM_UNKNOWN);
    dnat(PACKET_CSUM_PARTIAL);
    dnat(PACKET_CSUM_UNKNOWN);
}

/* A message that is sent again becomes the same again, and what follows it stays where it is. */
static void test_retransmission(void **state)
{
    struct talk t;
    begin(&t, true, false, PACKET_CSUM_UNKNOWN);
    struct end client = t.ends[0], server = t.ends[1];
    say(&t, 0, TCP_ACK | TCP_PSH, "PORT 10,0,0,1,20,1\r\n");
    struct end after = t.ends[1];
    t.ends[0] = client;
    t.ends[1] = server;
    say(&t, 0, TCP_ACK | TCP_PSH, "PORT 10,0,0,1,20,1\r\n");
    assert_heard(&t, 1, "PORT 10,0,240,100,20,1\r\n");
    assert_int_equal(t.ends[1].expected, after.expected);
    say(&t, 1, TCP_ACK | TCP_PSH, "200 ok\r\n");
    say(&t, 0, TCP_ACK, "");
    end(&t);
}

int main(void)
{
    rcu_register();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_translated),
        cmocka_unit_test(test_retransmission),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rcu_unregister();
    return failed;
}
