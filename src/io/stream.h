/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 1. Byte streams: Unix domain sockets, TCP and TLS, active and passive, all non-blocking.
 *
 *   active    unix:FILE      tcp:HOST:PORT     ssl:HOST:PORT
 *   passive   punix:FILE     ptcp:[PORT][:IP]  pssl:[PORT][:IP]
 *
 * HOST is an IP address, IPv6 in brackets, "%scope" allowed; or a name, which is looked up when connecting
 * (blocking; addresses are what daemons use). A PORT that is left out is the caller's default.
 *
 * A stream says when something can be done through stream_watch(): READY is called on the loop's thread when
 * what stream_want() asked for may succeed. The owner then calls connect, recv or send until EAGAIN. Errors
 * are positive errnos or ERROR_EOF. A Unix socket's file made by a listener is removed with the listener; one
 * that was left behind by a dead process is replaced; one that somebody alive holds is EADDRINUSE.
 * Thread-safety: none; a stream belongs to the thread of its loop. stream_ssl_*() before the first stream. */
#ifndef IO_STREAM_H
#define IO_STREAM_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct loop;
struct stream;
struct listener;

enum {
    STREAM_CONNECT = 1,
    STREAM_RECV = 2,
    STREAM_SEND = 4
};

/* The name is one that stream_open(), or listener_open(), understands. Returns NULL or what is wrong with it.
 */
char *stream_check_name(const char *name) WARN_UNUSED;
char *listener_check_name(const char *name) WARN_UNUSED;
bool stream_name_is_active(const char *name);  /* by its method alone */
bool stream_name_is_passive(const char *name); /* by its method alone */

/* Starts connecting to NAME. 0 and *STREAM, or an errno (EAFNOSUPPORT: no such method; EINVAL: malformed).
 * DSCP is the TCP connection's, 0 to 63. */
int stream_open(const char *name, uint16_t default_port, uint8_t dscp, struct stream **);
/* Takes over a connected stream socket: one end of a socket pair, say. */
struct stream *stream_from_fd(int fd, const char *name);
void stream_close(struct stream *); /* NULL is legal */

const char *
stream_name(const struct stream *); /* for logs: "unix:/run/db.sock", "tcp:127.0.0.1:6640", "unix#3" */
/* 0: connected. EAGAIN: not yet. Else why not; the stream is then only good for closing. */
int stream_connect(struct stream *);
/* Up to N bytes into BUF; *GOT > 0 with 0. ERROR_EOF: the other side has closed. */
int stream_recv(struct stream *, void *buf, size_t n, size_t *got);
int stream_send(struct stream *, const void *data, size_t n, size_t *sent);
/* No more is sent; what is under way arrives. */
void stream_shutdown(struct stream *);
/* TLS only: the other side's certificate and ours in use, PEM, "" for none; the caller's to free. */
char *stream_peer_certificate(const struct stream *);
/* The addresses of both ends of a TCP or TLS stream as "IP:PORT"; false for others. */
bool stream_addresses(const struct stream *, char local[64], char remote[64]);

void stream_watch(struct stream *, struct loop *, void (*ready)(void *aux), void *aux);
void stream_want(struct stream *,
                 unsigned what); /* STREAM_*, or-ed; what was asked for before is forgotten */

/* Listens at NAME. ACCEPTED is called with each new connection, whose owner the callee becomes (it may close
 * it). At most MAX_ACCEPTS a turn. *ERROR (may be NULL) gets a text that names the cause, the caller's to
 * free. */
int listener_open(const char *name, uint16_t default_port, uint8_t dscp, struct loop *,
                  void (*accepted)(struct stream *, void *aux), void *aux, struct listener **, char **error);
void listener_close(struct listener *); /* NULL is legal */
const char *listener_name(const struct listener *);
/* The TCP port that is listened on, 0 for Unix sockets: where the kernel chose it. */
uint16_t listener_port(const struct listener *);
/* Turns accepting off and on: when there are too many sessions. The kernel's backlog then fills up. */
void listener_pause(struct listener *, bool paused);

#endif
