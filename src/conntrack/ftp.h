/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. Where an FTP control connection says that data will go (RFC 959, sections 4.1.2 and 4.2; RFC
 * 2428): read, and written anew. One message, at the beginning of a segment. Pure functions. */
#ifndef CONNTRACK_FTP_H
#define CONNTRACK_FTP_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/types.h"

enum ftp_kind {
    FTP_PORT, /* the client listens: PORT h1,h2,h3,h4,p1,p2 */
    FTP_EPRT, /* EPRT |family|address|port| */
    FTP_PASV, /* the server does: 227 ... (h1,h2,h3,h4,p1,p2) */
    FTP_EPSV, /* 229 ... (|||port|), at the address that it has */
};

struct ftp_endpoint {
    enum ftp_kind kind;
    bool is_ipv6;
    struct ipv6_addr addr; /* IPv4 in be32[0]; of FTP_EPSV: zero */
    uint16_t port;
    uint32_t ofs, len; /* where it stands in the message */
    char delimiter;    /* of EPRT and EPSV */
};
static inline bool ftp_is_passive(const struct ftp_endpoint *e)
{
    return e->kind == FTP_PASV || e->kind == FTP_EPSV;
}

enum ftp_result {
    FTP_NOTHING, /* another message */
    FTP_ENDPOINT,
    FTP_BAD, /* it begins like one, and is none */
};
enum ftp_result ftp_parse(const uint8_t *message, uint32_t len, bool from_server, struct ftp_endpoint *);

/* The same with E's kind, address and port, to stand in the place of the old; bytes written. */
#define FTP_TEXT_MAX 64
uint32_t ftp_format(const struct ftp_endpoint *, char text[FTP_TEXT_MAX]);

#endif
