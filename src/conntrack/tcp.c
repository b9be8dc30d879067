/* SPDX-License-Identifier: Apache-2.0 */
#include "conntrack/tcp.h"

#include <string.h>

#include "base/compiler.h"
#include "base/types.h"
#include "wire/l4.h"

/* How far behind or before what was acknowledged an acknowledgement may lie: a window and a segment. */
#define MAX_ACK_WINDOW (0xffff + 1500)

#define OPT_END    0
#define OPT_NOP    1
#define OPT_WSCALE 3

/* Sequence numbers are compared on the circle (RFC 9293, section 3.4). */
static inline bool seq_gt(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0;
}
static inline bool seq_geq(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) >= 0;
}

/* A reset is believed at the very place only. */
static bool is_next(uint32_t seq, uint32_t expected)
{
    return seq == expected || seq == expected + 1 || seq + 1 == expected;
}

const char *ct_tcp_state_name(unsigned state)
{
    static const char *const names[] = {
#define X(NAME) #NAME,
        CT_TCP_STATES(X)
#undef X
    };
    return state < CT_TCP_N_STATES ? names[state] : "unknown";
}

enum ct_tcp_state ct_tcp_joined_state(const uint8_t state[2])
{
    unsigned s = MAX(state[0], state[1]);
    return s == CT_TCP_FIN_WAIT_2 ? CT_TCP_TIME_WAIT : (enum ct_tcp_state)s;
}

/* A segment's header, read once. */
struct segment {
    uint16_t flags;
    uint32_t seq, ack;
    uint16_t win;
    uint32_t space; /* sequence numbers that it takes: payload, SYN and FIN */
};

static struct segment segment_read(const uint8_t *l4, uint32_t l4_len)
{
    const struct tcp_header *tcp = (const struct tcp_header *)(const void *)l4;
    struct segment s = {
        .flags = CONST_BE16(TCP_FLAGS_BE(tcp->ctl)),
        .seq = CONST_BE32(tcp->seq),
        .ack = CONST_BE32(tcp->ack),
        .win = CONST_BE16(tcp->window),
        .space = l4_len - TCP_OFFSET_BYTES(tcp->ctl),
    };
    s.space += (s.flags & TCP_SYN ? 1 : 0) + (s.flags & TCP_FIN ? 1 : 0);
    return s;
}

/* Combinations of flags that no stack sends. */
static bool flags_make_sense(uint16_t flags)
{
    if (flags & TCP_SYN) {
        if (flags & (TCP_RST | TCP_FIN)) {
            return false;
        }
    } else if (!(flags & (TCP_ACK | TCP_RST))) {
        return false;
    }
    return flags & TCP_ACK || !(flags & (TCP_FIN | TCP_PSH | TCP_URG));
}

/* The window scale option of a SYN; 0: none. */
static uint8_t read_wscale(const uint8_t *l4)
{
    const struct tcp_header *tcp = (const struct tcp_header *)(const void *)l4;
    const uint8_t *p = l4 + TCP_HEADER_LEN, *end = l4 + TCP_OFFSET_BYTES(tcp->ctl);
    while (p < end && *p != OPT_END) {
        if (*p == OPT_NOP) {
            p++;
            continue;
        }
        if (end - p < 2 || p[1] < 2 || p[1] > end - p) {
            break;
        }
        if (*p == OPT_WSCALE && p[1] == 3) {
            return CT_TCP_WSCALE | MIN(p[2], CT_TCP_WSCALE_MAX);
        }
        p += p[1];
    }
    return 0;
}

/* A window that was offered in a SYN is not scaled; kept as one that is. */
static uint16_t unscaled(uint16_t win, uint8_t shift)
{
    return (uint16_t)((win + (1u << shift) - 1) >> shift);
}

bool ct_tcp_may_begin(const uint8_t *l4)
{
    const struct tcp_header *tcp = (const struct tcp_header *)(const void *)l4;
    uint16_t flags = CONST_BE16(TCP_FLAGS_BE(tcp->ctl));
    /* A SYN with ACK answers something that nobody saw. */
    return flags_make_sense(flags) && !((flags & TCP_SYN) && (flags & TCP_ACK));
}

void ct_tcp_begin(struct ct_tcp_peer peers[2], const uint8_t *l4, uint32_t l4_len)
{
    struct segment s = segment_read(l4, l4_len);
    struct ct_tcp_peer *src = &peers[0], *dst = &peers[1];
    memset(peers, 0, 2 * sizeof *peers);
    src->seq_lo = s.seq;
    src->seq_hi = s.seq + s.space + 1;
    src->max_win = MAX(s.win, 1);
    if (s.flags & TCP_SYN) {
        src->wscale = read_wscale(l4);
        if (src->wscale) {
            src->max_win = MAX(unscaled(s.win, src->wscale & CT_TCP_WSCALE_MASK), 1);
        }
    } else {
        src->wscale = dst->wscale = CT_TCP_WSCALE_UNKNOWN;
    }
    src->state = CT_TCP_SYN_SENT;
    dst->seq_hi = 1;
    dst->max_win = 1;
    dst->state = CT_TCP_CLOSED;
}

/* The first segment that this end is heard to send. True: nothing is known of what it acknowledges. */
static bool first_of_peer(struct ct_tcp_peer *src, struct ct_tcp_peer *dst, const uint8_t *l4,
                          struct segment *s, uint8_t *sws, uint8_t *dws)
{
    uint32_t end = s->seq + s->space;
    if (s->flags & TCP_SYN) {
        if (dst->wscale & CT_TCP_WSCALE) {
            src->wscale = read_wscale(l4);
            if (src->wscale) {
                *sws = src->wscale & CT_TCP_WSCALE_MASK;
                *dws = dst->wscale & CT_TCP_WSCALE_MASK;
                s->win = unscaled(s->win, *sws);
            } else {
                /* One that scales alone does not scale. */
                dst->max_win =
                    (uint16_t)MIN((uint32_t)dst->max_win << (dst->wscale & CT_TCP_WSCALE_MASK), UINT16_MAX);
                dst->wscale = 0;
            }
        }
    }
    src->seq_lo = s->seq;
    src->state = CT_TCP_SYN_SENT;
    uint32_t hi = end + MAX(1, (uint32_t)dst->max_win << *dws);
    bool anew = src->seq_hi == 1 || seq_geq(hi, src->seq_hi);
    if (anew) {
        src->seq_hi = hi;
    }
    if (s->win > src->max_win) {
        src->max_win = s->win;
    }
    return anew;
}

static void slide(struct ct_tcp_peer *src, struct ct_tcp_peer *dst, const struct segment *s, uint32_t end,
                  uint32_t ack, uint8_t sws)
{
    if (src->max_win < s->win) {
        src->max_win = s->win;
    }
    if (seq_gt(end, src->seq_lo)) {
        src->seq_lo = end;
    }
    uint32_t hi = ack + ((uint32_t)s->win << sws);
    if (seq_geq(hi, dst->seq_hi)) {
        dst->seq_hi = ack + MAX((uint32_t)s->win << sws, 1);
    }
}

static enum ct_timeout timeout_of(unsigned a, unsigned b)
{
    if (a >= CT_TCP_FIN_WAIT_2 && b >= CT_TCP_FIN_WAIT_2) {
        return CT_TIMEOUT_TCP_CLOSED;
    }
    if (a >= CT_TCP_CLOSING && b >= CT_TCP_CLOSING) {
        return CT_TIMEOUT_TCP_FIN_WAIT;
    }
    if (a < CT_TCP_ESTABLISHED || b < CT_TCP_ESTABLISHED) {
        return CT_TIMEOUT_TCP_OPENING;
    }
    return a >= CT_TCP_CLOSING || b >= CT_TCP_CLOSING ? CT_TIMEOUT_TCP_CLOSING : CT_TIMEOUT_TCP_ESTABLISHED;
}

enum ct_verdict ct_tcp_update(struct ct_tcp_peer peers[2], int dir, const uint8_t *l4, uint32_t l4_len,
                              bool check_seq, enum ct_timeout *timeout)
{
    struct ct_tcp_peer *src = &peers[dir], *dst = &peers[!dir];
    struct segment s = segment_read(l4, l4_len);
    uint8_t sws = 0, dws = 0;
    bool check_ack = check_seq;
    if (!flags_make_sense(s.flags)) {
        return CT_INVALID;
    }
    if ((s.flags & (TCP_SYN | TCP_ACK)) == TCP_SYN) {
        if (dst->state >= CT_TCP_FIN_WAIT_2 && src->state >= CT_TCP_FIN_WAIT_2) {
            return CT_BEGINS_ANEW;
        }
        if (src->state <= CT_TCP_SYN_SENT) {
            src->state = CT_TCP_SYN_SENT;
            *timeout = CT_TIMEOUT_TCP_FIRST;
            return CT_VALID_NEW;
        }
    }
    if (src->wscale & dst->wscale & CT_TCP_WSCALE && !(s.flags & TCP_SYN)) {
        sws = src->wscale & CT_TCP_WSCALE_MASK;
        dws = dst->wscale & CT_TCP_WSCALE_MASK;
    } else if (src->wscale & dst->wscale & CT_TCP_WSCALE_UNKNOWN && !(s.flags & TCP_SYN)) {
        sws = dws = CT_TCP_WSCALE_MAX; /* seen in its middle: as if it scaled as far as can be */
    }
    if (src->state < CT_TCP_SYN_SENT) {
        check_ack &= !first_of_peer(src, dst, l4, &s, &sws, &dws);
    }
    uint32_t seq = s.seq, end = s.seq + s.space, ack = s.ack;
    if (!(s.flags & TCP_ACK) || (!ack && (s.flags & (TCP_ACK | TCP_RST)) == (TCP_ACK | TCP_RST))) {
        ack = dst->seq_lo; /* it acknowledges nothing, or what it says means nothing */
    }
    if (seq == end) {
        seq = end = src->seq_lo; /* without data, its place does not matter much */
    }
    int32_t ack_skew = check_ack ? (int32_t)(dst->seq_lo - ack) : 0;
    bool in_window = seq_geq(src->seq_hi, end) &&
                     seq_geq(seq, src->seq_lo - ((uint32_t)dst->max_win << dws)) &&
                     ack_skew >= -MAX_ACK_WINDOW && ack_skew <= (int32_t)((uint32_t)MAX_ACK_WINDOW << sws) &&
                     (!(s.flags & TCP_RST) || is_next(s.seq, src->seq_lo));
    if (in_window || !check_seq) {
        slide(src, dst, &s, end, ack, sws);
        if (s.flags & TCP_FIN && src->state < CT_TCP_CLOSING) {
            src->state = CT_TCP_CLOSING;
        }
        if (s.flags & TCP_ACK) {
            if (dst->state == CT_TCP_SYN_SENT) {
                dst->state = CT_TCP_ESTABLISHED;
            } else if (dst->state == CT_TCP_CLOSING) {
                dst->state = CT_TCP_FIN_WAIT_2;
            }
        }
        if (s.flags & TCP_RST) {
            src->state = dst->state = CT_TCP_TIME_WAIT;
        }
        *timeout = timeout_of(src->state, dst->state);
        return CT_VALID;
    }
    /* Both ends open at once, a connection that is picked up in its middle, or one that has just ended. */
    if ((dst->state < CT_TCP_SYN_SENT || dst->state >= CT_TCP_FIN_WAIT_2 ||
         src->state >= CT_TCP_FIN_WAIT_2) &&
        seq_geq(src->seq_hi + MAX_ACK_WINDOW, end) && seq_geq(seq, src->seq_lo - MAX_ACK_WINDOW)) {
        slide(src, dst, &s, end, ack, sws);
        if (s.flags & TCP_FIN && src->state < CT_TCP_CLOSING) {
            src->state = CT_TCP_CLOSING;
        }
        if (s.flags & TCP_RST) {
            src->state = dst->state = CT_TCP_TIME_WAIT;
        }
        return CT_VALID; /* the time goes on as it was */
    }
    return CT_INVALID;
}
