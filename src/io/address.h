/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 1. Addresses of sockets in words: "HOST:PORT", "[IPV6%SCOPE]:PORT", "[PORT][:IP]", Unix socket files
 * of any length. Thread-safety: any thread. */
#ifndef IO_ADDRESS_H
#define IO_ADDRESS_H 1

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/compiler.h"

/* Where a database's remote is that names no port. */
#define OVSDB_PORT 6640

/* "HOST[:PORT]". A HOST that is a name is looked up, which may wait for the network, unless NUMERIC.
 * Returns NULL, or what is wrong. */
char *address_parse_active(const char *s, uint16_t default_port, bool numeric,
                           struct sockaddr_storage *) WARN_UNUSED;
/* "[PORT][:IP]", IP 0.0.0.0 if not given. */
char *address_parse_passive(const char *s, uint16_t default_port, struct sockaddr_storage *) WARN_UNUSED;
socklen_t address_length(const struct sockaddr_storage *);
uint16_t address_port(const struct sockaddr_storage *);
/* "127.0.0.1:80", "[::1]:80" */
void address_format(const struct sockaddr_storage *, char out[64]);

/* bind() or connect() FD to the Unix socket FILE, also where its name is longer than a sockaddr_un. An errno.
 */
int address_unix(int fd, const char *file, int (*call)(int, const struct sockaddr *, socklen_t));

#endif
