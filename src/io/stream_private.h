/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 1. Between stream.c and listener.c. Thread-safety: as io/stream.h. */
#ifndef IO_STREAM_PRIVATE_H
#define IO_STREAM_PRIVATE_H 1

#include <stdbool.h>
#include <stdint.h>

struct stream;

/* The number of NAME's method, -1 if there is none such; *REST is what follows its colon. */
int stream_method(const char *name, const char **rest);
bool stream_method_is_tls(int method);
bool stream_method_is_unix(int method);
bool stream_method_is_passive(int method);
/* A TCP socket's options: DSCP, no delay. */
void stream_set_tos(int fd, int family, uint8_t dscp);
/* Begins TLS; a failure shows in stream_connect(). Returns STREAM. */
struct stream *stream_make_tls(struct stream *, bool server);

#endif
