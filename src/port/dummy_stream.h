/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 3, internal to port/. The socket side of a dummy port: an active connection (`unix:FILE`), a listener
 * (`punix:FILE`) with any number of peers, or both. On each, a frame follows its length, 16 bits in network
 * byte order.
 *
 * Ownership: the port owns its `struct dummy_stream`. Thread-safety: dummy_stream_send() and
 * dummy_stream_is_connected() by any thread that keeps the stream from being destroyed (the port's mutex);
 * everything else is the control thread's. */
#ifndef PORT_DUMMY_STREAM_H
#define PORT_DUMMY_STREAM_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dummy_stream;

/* ACTIVE and PASSIVE: "unix:FILE", "punix:FILE", or NULL. NULL, or an error text. */
char *dummy_stream_create(const char *active, const char *passive, void *owner, struct dummy_stream **);
void dummy_stream_destroy(struct dummy_stream *); /* NULL is legal */
void dummy_stream_send(struct dummy_stream *, const void *frame, size_t len);
bool dummy_stream_is_connected(const struct dummy_stream *);

int dummy_stream_fd(void);      /* epoll's; -1: no stream was ever made */
int64_t dummy_stream_due(void); /* when a lost connection is tried again */
/* Takes in what came: FRAME(owner, bytes, len) for each whole frame. */
void dummy_stream_run(void (*frame)(void *owner, const void *, size_t len));

#endif
