/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 3. Ingress policing: what a port receives above a rate is dropped, by bytes, by packets, or both
 * (ovs-vswitchd.conf.db(5), "ingress_policing_rate"). Two token buckets, full at first.
 *
 * A segment of 64 KiB stands for many packets of the wire. It passes when one of them would, and its bytes
 * are all taken: the bucket may go below zero, so that the rate holds on the whole, whatever the burst.
 *
 * Thread-safety: policer_set() by the control thread, policer_admit() by any: a mutex, taken once a burst and
 * only where policing is on. */
#ifndef PORT_POLICER_H
#define PORT_POLICER_H 1

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct packet;

/* As in the Interface table. A rate of 0: not policed. A burst of 0: the default, 8,000 kbit and 16 kpkts. */
struct policer_config {
    uint32_t rate_kbps, burst_kb, rate_kpkts, burst_kpkts;
};

struct policer {
    pthread_mutex_t mutex;
    struct policer_config config; /* m */
    int64_t filled_us;            /* m; 0: never */
    int64_t bytes, packets;       /* m: tokens, in millionths of a byte, and of a packet */
    _Atomic bool active;
};

void policer_init(struct policer *);
void policer_fini(struct policer *);

/* The buckets are full afterwards. True: the configuration is another than before. */
bool policer_set(struct policer *, const struct policer_config *);

static inline bool policer_is_active(const struct policer *p)
{
    return atomic_load_explicit(&p->active, memory_order_relaxed);
}

/* A burst comes in at NOW_US: a bitmap of the packets that pass. */
uint32_t policer_admit(struct policer *, struct packet *const *, uint32_t n, int64_t now_us);

#endif
