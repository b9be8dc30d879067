/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 6. A rate limit for packets, fair among ports: what comes faster waits, as many as `burst`; when they
 * are more, the port with the longest queue loses its newest. A token bucket of RATE a second.
 *
 * Ownership: packets that wait are the limiter's copies. Thread-safety: none; its owner's thread. */
#ifndef OFCONN_LIMITER_H
#define OFCONN_LIMITER_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct limiter;

struct limiter_counts {
    uint64_t bypassed, queued, dropped, backlog;
};

struct limiter *limiter_create(int rate, int burst, int64_t now_ms);
void limiter_destroy(struct limiter *);                  /* NULL is legal */
void limiter_set(struct limiter *, int rate, int burst); /* what waits beyond it is dropped */

/* True: PACKET may go at once, and does not become the limiter's. False: it is (queued, or dropped). PACKET
 * is freed with free(). */
bool limiter_admit(struct limiter *, void *packet, uint32_t port, int64_t now_ms);
/* The next that may go now, the caller's to free; NULL: none. */
void *limiter_next(struct limiter *, int64_t now_ms);
/* When limiter_next() has something; INT64_MAX: nothing waits. */
int64_t limiter_due_ms(const struct limiter *);
void limiter_counts(const struct limiter *, struct limiter_counts *);

#endif
