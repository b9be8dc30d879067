/* SPDX-License-Identifier: Apache-2.0 */
#include "l2/cfm.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/compiler.h"
#include "base/hash.h"

/* The message: 802.1ag, 21.6.1; what the extended mode has is in the space of ITU-T's counters. */
enum {
    CCM_OPCODE = 1,
    CCM_FLAGS = 2,
    CCM_TLV_OFFSET = 3,
    CCM_SEQUENCE = 4,
    CCM_MPID = 8,
    CCM_MAID = 10,
    CCM_INTERVAL_X = 58,
    CCM_MPID_X = 60,
    CCM_OPDOWN_X = 68,
    CCM_END = 74,
    MAID_LEN = 48,
    OPCODE_CCM = 1,
    TLV_OFFSET = 70,
    FLAG_RDI = 0x80,
};
#define CHECKS_PER_HEALTH 6
#define CCMS_PER_HEALTH   21

static const uint8_t maid[MAID_LEN] = {4, 3, 'o', 'v', 's', 2, 3, 'o', 'v', 's'};

struct remote {
    uint64_t mpid;
    uint32_t next_seq;
    bool seq_known, recv, rdi, opup;
    unsigned healthy; /* messages in order and without RDI, since health was reckoned */
    int64_t last_ms;
};

struct cfm {
    struct cfm_settings settings;
    int interval_ms;
    uint8_t interval_code;
    uint32_t seq;
    unsigned faults, pending; /* pending: found since the last check */
    int override;
    bool data, checked_once;
    uint64_t flap_count;
    int health;
    unsigned checks;
    int64_t next_tx, next_check;
    size_t n_remotes;
    struct remote remotes[CFM_MAX_REMOTES];
    size_t n_mpids;
    uint64_t mpids[CFM_MAX_REMOTES]; /* as of the last check */
};

static const int intervals[] = {3, 10, 100, 1000, 10000, 60000, 600000};

const char *cfm_fault_name(unsigned bit)
{
    static const char *const names[CFM_N_FAULTS] = {"recv",     "rdi",      "maid",    "loopback",
                                                    "overflow", "override", "interval"};
    return bit < CFM_N_FAULTS ? names[bit] : "";
}

static int fault_interval(const struct cfm *cfm)
{
    int interval = cfm->interval_ms;
    if (cfm->settings.extended && cfm->settings.demand) {
        interval = MAX(interval, 500);
    }
    return interval * 7 / 2;
}

void cfm_configure(struct cfm *cfm, const struct cfm_settings *settings, int64_t now_ms)
{
    bool same = settings->mpid == cfm->settings.mpid && settings->interval_ms == cfm->settings.interval_ms &&
                settings->extended == cfm->settings.extended && settings->demand == cfm->settings.demand;
    cfm->settings = *settings;
    if (same) {
        return;
    }
    cfm->interval_code = 0;
    if (settings->extended) {
        cfm->interval_ms = MAX(1, MIN(settings->interval_ms, UINT16_MAX));
    } else {
        cfm->interval_code = 1;
        while (cfm->interval_code < ARRAY_SIZE(intervals) &&
               intervals[cfm->interval_code] <= settings->interval_ms) {
            cfm->interval_code++;
        }
        cfm->interval_ms = intervals[cfm->interval_code - 1];
    }
    cfm->next_tx = now_ms;
    cfm->next_check = now_ms + fault_interval(cfm);
}

struct cfm *cfm_create(const struct cfm_settings *settings, int64_t now_ms)
{
    struct cfm *cfm = xzalloc(sizeof *cfm);
    cfm->settings.interval_ms = -1; /* unlike any */
    cfm->override = -1;
    cfm->health = -1;
    cfm_configure(cfm, settings, now_ms);
    return cfm;
}

void cfm_destroy(struct cfm *cfm)
{
    free(cfm);
}

/* ---- Messages ---- */

static uint64_t get(const uint8_t *p, unsigned n)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < n; i++) {
        v = v << 8 | p[i];
    }
    return v;
}
static void put(uint8_t *p, uint64_t v, unsigned n)
{
    while (n-- > 0) {
        p[n] = (uint8_t)v;
        v >>= 8;
    }
}

static struct remote *find_remote(struct cfm *cfm, uint64_t mpid)
{
    for (size_t i = 0; i < cfm->n_remotes; i++) {
        if (cfm->remotes[i].mpid == mpid) {
            return &cfm->remotes[i];
        }
    }
    if (cfm->n_remotes == CFM_MAX_REMOTES) {
        cfm->pending |= CFM_FAULT_OVERFLOW;
        return NULL;
    }
    struct remote *remote = &cfm->remotes[cfm->n_remotes++];
    *remote = (struct remote){.mpid = mpid};
    return remote;
}

bool cfm_receive(struct cfm *cfm, const void *message, size_t len, int64_t now_ms)
{
    const uint8_t *p = message;
    if (len < CCM_END || p[CCM_OPCODE] != OPCODE_CCM) {
        return false;
    }
    if (memcmp(p + CCM_MAID, maid, MAID_LEN)) {
        cfm->pending |= CFM_FAULT_MAID;
        return true;
    }
    bool extended = cfm->settings.extended;
    uint64_t mpid = extended ? get(p + CCM_MPID_X, 8) : get(p + CCM_MPID, 2);
    int interval = extended ? (int)get(p + CCM_INTERVAL_X, 2) : p[CCM_FLAGS] & 7;
    if (interval != (extended ? cfm->interval_ms : cfm->interval_code)) {
        cfm->pending |= CFM_FAULT_INTERVAL;
    }
    if (mpid == cfm->settings.mpid) {
        cfm->pending |= CFM_FAULT_LOOPBACK;
    }
    struct remote *remote = find_remote(cfm, mpid);
    if (remote) {
        uint32_t seq = (uint32_t)get(p + CCM_SEQUENCE, 4);
        bool in_order = !remote->seq_known || seq == remote->next_seq;
        remote->seq_known = true;
        remote->next_seq = seq + 1;
        remote->recv = true;
        remote->rdi = p[CCM_FLAGS] & FLAG_RDI;
        remote->opup = !extended || !p[CCM_OPDOWN_X];
        remote->healthy += in_order && !remote->rdi;
        remote->last_ms = now_ms;
    }
    return true;
}

void cfm_make_ccm(struct cfm *cfm, uint8_t p[CFM_CCM_LEN], int64_t now_ms)
{
    bool rdi = cfm->faults & CFM_FAULT_RECV; /* others are not told, as by the reference */
    memset(p, 0, CFM_CCM_LEN);
    p[CCM_OPCODE] = OPCODE_CCM;
    p[CCM_FLAGS] = (uint8_t)((rdi ? FLAG_RDI : 0) | cfm->interval_code);
    p[CCM_TLV_OFFSET] = TLV_OFFSET;
    put(p + CCM_SEQUENCE, ++cfm->seq, 4);
    memcpy(p + CCM_MAID, maid, MAID_LEN);
    if (cfm->settings.extended) {
        put(p + CCM_MPID, hash_u64(cfm->settings.mpid, 0), 2);
        put(p + CCM_INTERVAL_X, (uint64_t)cfm->interval_ms, 2);
        put(p + CCM_MPID_X, cfm->settings.mpid, 8);
        p[CCM_OPDOWN_X] = cfm->settings.opdown;
    } else {
        put(p + CCM_MPID, cfm->settings.mpid, 2);
    }
    cfm->next_tx = now_ms + cfm->interval_ms;
}

void cfm_note_data(struct cfm *cfm)
{
    cfm->data = true;
}

/* ---- Checks ---- */

/* Every 21 intervals: what share of the messages came. */
static void reckon_health(struct cfm *cfm)
{
    if (++cfm->checks < CHECKS_PER_HEALTH) {
        return;
    }
    cfm->checks = 0;
    if (cfm->n_remotes > 1) {
        cfm->health = -1;
    } else {
        int now = cfm->n_remotes ? (int)MIN(cfm->remotes[0].healthy * 100 / CCMS_PER_HEALTH, 100u) : 0;
        now = cfm->faults ? 0 : now >= 90 ? 100 : now; /* a message or two over the edge of the window */
        cfm->health = cfm->health < 0 || !now ? now : (cfm->health + now) / 2;
        cfm->health = cfm->health == 99 ? 100 : cfm->health;
    }
    for (size_t i = 0; i < cfm->n_remotes; i++) {
        cfm->remotes[i].healthy = 0;
    }
}

static void check(struct cfm *cfm, int64_t now_ms)
{
    unsigned old = cfm->faults;
    bool on_demand = cfm->settings.extended && cfm->settings.demand && cfm->data && cfm->n_remotes == 1;
    cfm->faults = cfm->pending;
    cfm->pending = 0;
    cfm->data = false;
    size_t n = 0;
    for (size_t i = 0; i < cfm->n_remotes; i++) {
        struct remote *remote = &cfm->remotes[i];
        bool heard =
            remote->recv || (on_demand && now_ms - remote->last_ms < 100 * (int64_t)cfm->interval_ms);
        if (heard) {
            cfm->faults |= remote->rdi ? CFM_FAULT_RDI : 0;
            cfm->mpids[n] = remote->mpid;
            remote->recv = false;
            cfm->remotes[n++] = *remote;
        }
    }
    cfm->n_remotes = cfm->n_mpids = n;
    cfm->faults |= n ? 0 : CFM_FAULT_RECV;
    cfm->faults = cfm->override == 0   ? 0
                  : cfm->override == 1 ? cfm->faults | CFM_FAULT_OVERRIDE
                                       : cfm->faults;
    cfm->flap_count += !old != !cfm->faults;
    cfm->checked_once = true;
    reckon_health(cfm);
}

bool cfm_run(struct cfm *cfm, int64_t now_ms, int64_t *wake)
{
    if (now_ms >= cfm->next_check) {
        check(cfm, now_ms);
        cfm->next_check = now_ms + fault_interval(cfm);
    }
    *wake = MIN(cfm->next_tx, cfm->next_check);
    return now_ms >= cfm->next_tx;
}

void cfm_set_fault(struct cfm *cfm, int override)
{
    unsigned old = cfm->faults;
    cfm->override = override;
    cfm->faults = override == 0   ? 0
                  : override == 1 ? cfm->faults | CFM_FAULT_OVERRIDE
                                  : cfm->faults & ~(unsigned)CFM_FAULT_OVERRIDE;
    cfm->flap_count += !old != !cfm->faults;
}

static bool remotes_are_up(const struct cfm *cfm)
{
    bool up = true;
    for (size_t i = 0; i < cfm->n_remotes; i++) {
        up &= cfm->remotes[i].opup;
    }
    return up;
}

void cfm_get(const struct cfm *cfm, struct cfm_status *status)
{
    *status = (struct cfm_status){.faults = cfm->faults,
                                  .flap_count = cfm->flap_count,
                                  .health = cfm->settings.extended ? cfm->health : -1,
                                  .remote_opstate_up = remotes_are_up(cfm),
                                  .n_remotes = cfm->n_mpids,
                                  .remote_mpids = cfm->mpids};
}

void cfm_format(const struct cfm *cfm, int64_t now_ms, struct strbuf *s)
{
    bool up = !cfm->settings.extended || !cfm->settings.opdown;
    strbuf_printf(s, "MPID %llu:%s%s\n", (unsigned long long)cfm->settings.mpid,
                  cfm->settings.extended ? " extended" : "", cfm->override >= 0 ? " fault_override" : "");
    if (cfm->faults) {
        strbuf_puts(s, "  fault:");
        for (unsigned bit = 0; bit < CFM_N_FAULTS; bit++) {
            if (cfm->faults & 1u << bit) {
                strbuf_printf(s, " %s", cfm_fault_name(bit));
            }
        }
        strbuf_puts(s, "\n");
    }
    if (cfm->health < 0 || !cfm->settings.extended) {
        strbuf_puts(s, "  average health: undefined\n");
    } else {
        strbuf_printf(s, "  average health: %d\n", cfm->health);
    }
    strbuf_printf(s, "  opstate: %s\n", up ? "up" : "down");
    strbuf_printf(s, "  remote_opstate: %s\n", remotes_are_up(cfm) ? "up" : "down");
    strbuf_printf(s, "  interval: %dms\n", cfm->interval_ms);
    strbuf_printf(s, "  next CCM tx: %lldms\n", (long long)(cfm->next_tx - now_ms));
    strbuf_printf(s, "  next fault check: %lldms\n", (long long)(cfm->next_check - now_ms));
    for (size_t i = 0; i < cfm->n_remotes; i++) {
        const struct remote *remote = &cfm->remotes[i];
        strbuf_printf(s, "Remote MPID %llu\n", (unsigned long long)remote->mpid);
        strbuf_printf(s, "  recv since check: %s\n", remote->recv ? "true" : "false");
        strbuf_printf(s, "  opstate: %s\n", remote->opup ? "up" : "down");
    }
}
