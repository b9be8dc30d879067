/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7. The collectors that NetFlow, IPFIX and sFlow send to: one UDP socket each, never waited for.
 *
 * Ownership: embedded in who sends. Thread-safety: none; the owner's lock. */
#ifndef PIPELINE_COLLECTORS_H
#define PIPELINE_COLLECTORS_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct collectors {
    int *sockets; /* -1: could not be opened */
    char **targets;
    size_t n;
    uint64_t sent, failed; /* datagrams, one for each collector */
};

/* TARGETS are "IP[:PORT]"; without DEFAULT_PORT (0) the port must be there. Those that are open already stay
 * as they are. What is wrong is logged, and that collector left out. */
void collectors_set(struct collectors *, const char *const *targets, size_t n, uint16_t default_port);
void collectors_close(struct collectors *);
bool collectors_any(const struct collectors *); /* one is open */
void collectors_send(struct collectors *, const void *datagram, size_t);

#endif
