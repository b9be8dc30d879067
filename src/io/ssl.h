/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 1. TLS for `ssl:` and `pssl:` streams: one configuration for the process, of files that are read
 * again when they change. TLS 1.2 or later; both sides must have a certificate that the CA certificate
 * signed. Thread-safety: the functions take a lock; set things up before the first stream all the same. */
#ifndef IO_SSL_H
#define IO_SSL_H 1

#include <stdbool.h>

#include "base/compiler.h"
#include "base/options.h"

struct ssl_st;

/* -p/--private-key, -c/--certificate, -C/--ca-cert, --ssl-protocols, --ssl-ciphers, --bootstrap-ca-cert,
 * --peer-ca-cert. Only notes the values: files are looked at when a stream needs them. */
extern const struct option_group ssl_options;

void ssl_set_key_and_cert(const char *key_file, const char *cert_file);
void ssl_set_ca_cert(const char *ca_file, bool bootstrap);
void ssl_set_protocols(const char *list);  /* "TLSv1.2,TLSv1.3": NULL for the default */
void ssl_set_ciphers(const char *ciphers); /* OpenSSL's syntax: NULL for the default */
void ssl_set_peer_ca_cert(const char *ca_file);

/* Whether key, certificate and CA certificate are set and readable; NULL or what is missing. */
char *ssl_check(void) WARN_UNUSED;

/* Internal to io/: a TLS session on FD. NULL with *ERROR, which the caller frees. */
struct ssl_st *ssl_session_new(int fd, bool server, const char *name, char **error);
/* Internal: after the handshake: with --bootstrap-ca-cert, keeps the peer's CA certificate in the file. */
bool ssl_session_bootstrap(struct ssl_st *, const char *name);

#endif
