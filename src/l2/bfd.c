/* SPDX-License-Identifier: Apache-2.0 */
#include "l2/bfd.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/alloc.h"
#include "base/compiler.h"
#include "base/types.h"

/* 4.1 */
enum {
    DIAG_NONE = 0,
    DIAG_EXPIRED = 1,
    DIAG_PEER_DOWN = 3,
    DIAG_CPATH_DOWN = 6,
    DIAG_REVERSE_CPATH_DOWN = 8,
    FLAG_MULTIPOINT = 0x01,
    FLAG_DEMAND = 0x02,
    FLAG_AUTH = 0x04,
    FLAG_FINAL = 0x10,
    FLAG_POLL = 0x20,
};
#define VERSION     1
#define SLOW_MS     1000 /* 6.8.3: no faster while not up */
#define DATA_FACTOR 100  /* forwarding_if_rx: one control packet in so many min_rx */

struct bfd {
    struct bfd_settings settings;
    enum bfd_state state, remote_state;
    uint8_t diag, remote_diag;
    uint32_t discr, remote_discr;
    int min_tx, min_rx; /* in force; settings have what is wanted */
    int remote_min_tx, remote_min_rx;
    uint8_t remote_mult, remote_flags, flags;
    bool poll, answer; /* a poll sequence of ours; one of the peer's to answer */
    int64_t next_tx, last_tx, detect;
    int64_t data_until, control_until; /* forwarding_if_rx */
    int override;
    bool forwarding;
    uint64_t flap_count;
    uint32_t jitter;
};

const char *bfd_state_name(enum bfd_state state)
{
    static const char *const names[] = {"admin_down", "down", "init", "up"};
    return names[state & 3];
}

const char *bfd_diag_name(uint8_t diag)
{
    static const char *const names[] = {"No Diagnostic",
                                        "Control Detection Time Expired",
                                        "Echo Function Failed",
                                        "Neighbor Signaled Session Down",
                                        "Forwarding Plane Reset",
                                        "Path Down",
                                        "Concatenated Path Down",
                                        "Administratively Down",
                                        "Reverse Concatenated Path Down"};
    return diag < ARRAY_SIZE(names) ? names[diag] : "Invalid Diagnostic";
}

static int tx_interval(const struct bfd *bfd)
{
    return MAX(bfd->min_tx, bfd->remote_min_rx);
}
static int rx_interval(const struct bfd *bfd)
{
    return MAX(bfd->min_rx, bfd->remote_min_tx);
}

/* 6.8.7: three quarters to all of the interval; with a multiplier of 1, at most nine tenths. */
static void schedule_tx(struct bfd *bfd, int64_t from_ms)
{
    int interval = tx_interval(bfd), spread = bfd->settings.mult == 1 ? 15 : 25;
    bfd->jitter = bfd->jitter * 1664525u + 1013904223u;
    bfd->next_tx = from_ms + interval * 3 / 4 + interval * spread / 100 * (int64_t)(bfd->jitter >> 24) / 256;
}

/* The intervals that the settings ask for; at once, or after a poll sequence. */
static void apply_intervals(struct bfd *bfd)
{
    bfd->min_tx = bfd->state == BFD_UP ? bfd->settings.min_tx_ms : MAX(bfd->settings.min_tx_ms, SLOW_MS);
    bfd->min_rx = bfd->settings.min_rx_ms;
}

/* 6.8.3: until the peer has agreed, send at the faster of the old and the new rate, and expect the slower. */
static void begin_poll(struct bfd *bfd)
{
    bfd->min_tx = MIN(bfd->min_tx, bfd->settings.min_tx_ms);
    bfd->min_rx = MAX(bfd->min_rx, bfd->settings.min_rx_ms);
    bfd->poll = true;
}

static void set_state(struct bfd *bfd, enum bfd_state state, uint8_t diag, int64_t now_ms)
{
    if (bfd->settings.cpath_down) {
        diag = DIAG_CPATH_DOWN;
    }
    if (bfd->state == state && bfd->diag == diag) {
        return;
    }
    bool was_up = bfd->state == BFD_UP;
    bfd->state = state;
    bfd->diag = diag;
    if (state <= BFD_DOWN) {
        bfd->remote_state = BFD_DOWN;
        bfd->remote_diag = DIAG_NONE;
        bfd->remote_min_rx = 1;
        bfd->remote_min_tx = 0;
        bfd->remote_flags = 0;
        bfd->remote_discr = 0;
        bfd->poll = bfd->answer = false;
        apply_intervals(bfd);
    } else if (state == BFD_UP && !was_up) {
        begin_poll(bfd);
    }
    schedule_tx(bfd, now_ms);
}

static struct bfd_settings sane(const struct bfd_settings *settings)
{
    struct bfd_settings s = *settings;
    s.min_rx_ms = MAX(1, MIN(s.min_rx_ms, 1000000));
    s.min_tx_ms = MAX(1, MIN(s.min_tx_ms, 1000000));
    s.mult = MAX(s.mult, 1);
    return s;
}

struct bfd *bfd_create(const struct bfd_settings *settings, int64_t now_ms)
{
    struct bfd *bfd = xzalloc(sizeof *bfd);
    while (getrandom(&bfd->discr, sizeof bfd->discr, 0) < 0 || !bfd->discr) {
    }
    bfd->jitter = bfd->discr;
    bfd->settings = sane(settings);
    bfd->override = -1;
    bfd->last_tx = bfd->detect = now_ms;
    set_state(bfd, BFD_DOWN, DIAG_NONE, now_ms);
    return bfd;
}

void bfd_destroy(struct bfd *bfd)
{
    free(bfd);
}

void bfd_configure(struct bfd *bfd, const struct bfd_settings *settings, int64_t now_ms)
{
    struct bfd_settings s = sane(settings);
    bool intervals = s.min_rx_ms != bfd->settings.min_rx_ms || s.min_tx_ms != bfd->settings.min_tx_ms;
    bool cpath = s.cpath_down != bfd->settings.cpath_down;
    bfd->settings = s;
    if (cpath) {
        set_state(bfd, bfd->state, DIAG_NONE, now_ms);
        bfd->next_tx = now_ms;
    }
    if (intervals && bfd->state == BFD_UP) {
        begin_poll(bfd);
        bfd->next_tx = now_ms;
    } else if (intervals) {
        apply_intervals(bfd);
    }
}

static uint32_t get32(const uint8_t *p)
{
    return __builtin_bswap32(get_be32(p));
}
static void put32(uint8_t *p, uint32_t v)
{
    put_be32(p, __builtin_bswap32(v));
}
static int to_ms(uint32_t us)
{
    return us > 1000000000u ? 1000000 : (int)(us / 1000);
}

/* 6.8.6 */
bool bfd_receive(struct bfd *bfd, const void *packet, size_t len, int64_t now_ms)
{
    const uint8_t *p = packet;
    if (len < BFD_PACKET_LEN || p[0] >> 5 != VERSION || p[3] < BFD_PACKET_LEN || p[3] > len || !p[2] ||
        (p[1] & (FLAG_MULTIPOINT | FLAG_AUTH))) {
        return false;
    }
    enum bfd_state remote = p[1] >> 6;
    uint32_t my_discr = get32(p + 4), your_discr = get32(p + 8);
    if (!my_discr || (your_discr ? your_discr != bfd->discr : remote > BFD_DOWN)) {
        return false;
    }
    bfd->remote_mult = p[2];
    bfd->remote_discr = my_discr;
    bfd->remote_state = remote;
    bfd->remote_flags = p[1] & 0x3f;
    bfd->remote_diag = p[0] & 31;
    bfd->remote_min_tx = to_ms(get32(p + 12));
    bfd->remote_min_rx = to_ms(get32(p + 16));
    bfd->control_until = now_ms + (int64_t)DATA_FACTOR * bfd->settings.min_rx_ms;
    if ((p[1] & FLAG_FINAL) && bfd->poll) {
        bfd->poll = false;
        apply_intervals(bfd);
    }
    if (bfd->next_tx > now_ms + tx_interval(bfd)) {
        schedule_tx(bfd, now_ms);
    }
    bfd->detect = now_ms + (int64_t)rx_interval(bfd) * bfd->remote_mult;
    if (p[1] & FLAG_POLL) {
        bfd->answer = true;
        bfd->next_tx = now_ms;
    }
    if (bfd->state == BFD_ADMIN_DOWN) {
        return true;
    }
    if (remote == BFD_ADMIN_DOWN || (bfd->state == BFD_UP && remote == BFD_DOWN)) {
        if (bfd->state != BFD_DOWN) {
            set_state(bfd, BFD_DOWN, DIAG_PEER_DOWN, now_ms);
        }
    } else if (bfd->state == BFD_DOWN && remote == BFD_DOWN) {
        set_state(bfd, BFD_INIT, bfd->diag, now_ms);
    } else if ((bfd->state == BFD_DOWN && remote == BFD_INIT) ||
               (bfd->state == BFD_INIT && remote >= BFD_INIT)) {
        set_state(bfd, BFD_UP, DIAG_NONE, now_ms);
    }
    return true;
}

bool bfd_run(struct bfd *bfd, int64_t now_ms, int64_t *wake)
{
    if (bfd->state > BFD_DOWN && now_ms >= bfd->detect) {
        set_state(bfd, BFD_DOWN, DIAG_EXPIRED, now_ms);
    }
    *wake = bfd->state > BFD_DOWN ? MIN(bfd->next_tx, bfd->detect) : bfd->next_tx;
    bfd_forwarding(bfd, now_ms);
    /* 6.8.7: the peer wants no periodic packets if it can receive none. */
    return now_ms >= bfd->next_tx && (bfd->remote_min_rx || bfd->answer || bfd->poll);
}

void bfd_make_packet(struct bfd *bfd, uint8_t p[BFD_PACKET_LEN], int64_t now_ms)
{
    /* An answer does not ask. */
    bfd->flags = bfd->answer ? FLAG_FINAL : bfd->poll ? FLAG_POLL : 0;
    bfd->answer = false;
    p[0] = (uint8_t)(VERSION << 5 | bfd->diag);
    p[1] = (uint8_t)(bfd->state << 6 | bfd->flags);
    p[2] = bfd->settings.mult;
    p[3] = BFD_PACKET_LEN;
    put32(p + 4, bfd->discr);
    put32(p + 8, bfd->remote_discr);
    bool up = bfd->state == BFD_UP;
    put32(p + 12, (uint32_t)(up ? bfd->settings.min_tx_ms : bfd->min_tx) * 1000u);
    put32(p + 16, (uint32_t)(up ? bfd->settings.min_rx_ms : bfd->min_rx) * 1000u);
    put32(p + 20, 0);
    bfd->last_tx = now_ms;
    schedule_tx(bfd, now_ms);
}

void bfd_note_data(struct bfd *bfd, int64_t now_ms)
{
    bfd->data_until = now_ms + (int64_t)bfd->settings.mult * bfd->settings.min_rx_ms;
}

void bfd_set_forwarding(struct bfd *bfd, int override, int64_t now_ms)
{
    bfd->override = override;
    bfd_forwarding(bfd, now_ms);
}

bool bfd_forwarding(struct bfd *bfd, int64_t now_ms)
{
    bool by_data = bfd->settings.forwarding_if_rx && now_ms < bfd->data_until && now_ms < bfd->control_until;
    bool forwarding = (bfd->state == BFD_UP || by_data) && bfd->remote_diag != DIAG_CPATH_DOWN &&
                      bfd->remote_diag != DIAG_REVERSE_CPATH_DOWN;
    forwarding = bfd->override >= 0 ? bfd->override != 0 : forwarding;
    bfd->flap_count += forwarding != bfd->forwarding;
    bfd->forwarding = forwarding;
    return forwarding;
}

void bfd_get(struct bfd *bfd, int64_t now_ms, struct bfd_status *status)
{
    bool forwarding = bfd_forwarding(bfd, now_ms);
    *status = (struct bfd_status){.state = bfd->state,
                                  .remote_state = bfd->remote_state,
                                  .diag = bfd->diag,
                                  .remote_diag = bfd->remote_diag,
                                  .forwarding = forwarding,
                                  .flap_count = bfd->flap_count};
}

static void format_flags(uint8_t flags, struct strbuf *s)
{
    static const struct {
        uint8_t flag;
        const char *name;
    } names[] = {{FLAG_MULTIPOINT, "multipoint"}, {FLAG_DEMAND, "demand"}, {FLAG_AUTH, "auth"}, {0x08, "ctl"},
                 {FLAG_FINAL, "final"},           {FLAG_POLL, "poll"}};
    const char *gap = "";
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        if (flags & names[i].flag) {
            strbuf_printf(s, "%s%s", gap, names[i].name);
            gap = " ";
        }
    }
    strbuf_printf(s, "%s\n", flags ? "" : "none");
}

void bfd_format(struct bfd *bfd, int64_t now_ms, struct strbuf *s)
{
    strbuf_printf(s, "  Forwarding: %s\n", bfd_forwarding(bfd, now_ms) ? "true" : "false");
    strbuf_printf(s, "  Detect Multiplier: %d\n", bfd->settings.mult);
    strbuf_printf(s, "  Concatenated Path Down: %s\n", bfd->settings.cpath_down ? "true" : "false");
    strbuf_printf(s, "  TX Interval: Approx %dms\n", tx_interval(bfd));
    strbuf_printf(s, "  RX Interval: Approx %dms\n", rx_interval(bfd));
    strbuf_printf(s, "  Detect Time: now %+lldms\n", (long long)(bfd->detect - now_ms));
    strbuf_printf(s, "  Next TX Time: now %+lldms\n", (long long)(bfd->next_tx - now_ms));
    strbuf_printf(s, "  Last TX Time: now %+lldms\n\n", (long long)(bfd->last_tx - now_ms));
    strbuf_printf(s, "  Local Flags: ");
    format_flags(bfd->flags, s);
    strbuf_printf(s, "  Local Session State: %s\n", bfd_state_name(bfd->state));
    strbuf_printf(s, "  Local Diagnostic: %s\n", bfd_diag_name(bfd->diag));
    strbuf_printf(s, "  Local Discriminator: 0x%x\n", bfd->discr);
    strbuf_printf(s, "  Local Minimum TX Interval: %dms\n", bfd->min_tx);
    strbuf_printf(s, "  Local Minimum RX Interval: %dms\n\n", bfd->min_rx);
    strbuf_printf(s, "  Remote Flags: ");
    format_flags(bfd->remote_flags, s);
    strbuf_printf(s, "  Remote Session State: %s\n", bfd_state_name(bfd->remote_state));
    strbuf_printf(s, "  Remote Diagnostic: %s\n", bfd_diag_name(bfd->remote_diag));
    strbuf_printf(s, "  Remote Discriminator: 0x%x\n", bfd->remote_discr);
    strbuf_printf(s, "  Remote Minimum TX Interval: %dms\n", bfd->remote_min_tx);
    strbuf_printf(s, "  Remote Minimum RX Interval: %dms\n", bfd->remote_min_rx);
    strbuf_printf(s, "  Remote Detect Multiplier: %d\n", bfd->remote_mult);
}
