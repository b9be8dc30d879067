/* SPDX-License-Identifier: Apache-2.0 */
#include "port/policer.h"

#include <string.h>

#include "base/types.h"
#include "packet/packet.h"

#define DEFAULT_BURST_KB    8000
#define DEFAULT_BURST_KPKTS 16
#define MILLION             1000000
#define BYTES_A_KBIT        125
#define PACKETS_A_KPKT      1000
#define LONGEST_US          ((int64_t)3600 * MILLION) /* so that no product overflows */

void policer_init(struct policer *p)
{
    memset(p, 0, sizeof *p);
    pthread_mutex_init(&p->mutex, NULL);
}

void policer_fini(struct policer *p)
{
    pthread_mutex_destroy(&p->mutex);
}

static int64_t bytes_size(const struct policer_config *c)
{
    return (int64_t)(c->burst_kb ? c->burst_kb : DEFAULT_BURST_KB) * BYTES_A_KBIT * MILLION;
}

static int64_t packets_size(const struct policer_config *c)
{
    return (int64_t)(c->burst_kpkts ? c->burst_kpkts : DEFAULT_BURST_KPKTS) * PACKETS_A_KPKT * MILLION;
}

bool policer_set(struct policer *p, const struct policer_config *config)
{
    pthread_mutex_lock(&p->mutex);
    bool changed = memcmp(&p->config, config, sizeof *config) != 0;
    if (changed) {
        p->config = *config;
        p->bytes = bytes_size(config);
        p->packets = packets_size(config);
        p->filled_us = 0;
    }
    pthread_mutex_unlock(&p->mutex);
    atomic_store(&p->active, config->rate_kbps || config->rate_kpkts);
    return changed;
}

/* RATE is a second's tokens: so it is a microsecond's millionths. */
static int64_t refilled(int64_t tokens, int64_t rate, int64_t elapsed_us, int64_t size)
{
    int64_t more;
    return __builtin_mul_overflow(rate, elapsed_us, &more) ? size
                                                           : MIN(tokens + MIN(more, size - tokens), size);
}

static void refill(struct policer *p, int64_t now_us)
{
    int64_t elapsed = p->filled_us ? MIN(now_us - p->filled_us, LONGEST_US) : 0;
    if (elapsed < 0) {
        return;
    }
    p->filled_us = now_us;
    p->bytes =
        refilled(p->bytes, (int64_t)p->config.rate_kbps * BYTES_A_KBIT, elapsed, bytes_size(&p->config));
    p->packets = refilled(p->packets, (int64_t)p->config.rate_kpkts * PACKETS_A_KPKT, elapsed,
                          packets_size(&p->config));
}

static bool admit_one(struct policer *p, const struct packet *packet)
{
    uint32_t payload = packet->len > packet->gso_hdr_len ? packet->len - packet->gso_hdr_len : 0;
    bool segment = packet->gso_type && packet->gso_size;
    uint32_t count = segment ? MAX((payload + packet->gso_size - 1) / packet->gso_size, 1) : 1;
    uint32_t first =
        segment ? MIN((uint32_t)packet->gso_hdr_len + packet->gso_size, packet->len) : packet->len;
    if ((p->config.rate_kbps && p->bytes < (int64_t)first * MILLION) ||
        (p->config.rate_kpkts && p->packets < MILLION)) {
        return false;
    }
    if (p->config.rate_kbps) {
        p->bytes -= (int64_t)packet->len * MILLION;
    }
    if (p->config.rate_kpkts) {
        p->packets -= (int64_t)count * MILLION;
    }
    return true;
}

uint32_t policer_admit(struct policer *p, struct packet *const *packets, uint32_t n, int64_t now_us)
{
    uint32_t passed = 0;
    pthread_mutex_lock(&p->mutex);
    refill(p, now_us);
    for (uint32_t i = 0; i < n; i++) {
        passed |= (uint32_t)admit_one(p, packets[i]) << i;
    }
    pthread_mutex_unlock(&p->mutex);
    return passed;
}
