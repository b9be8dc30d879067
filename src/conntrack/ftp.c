/* SPDX-License-Identifier: Apache-2.0 */
#include "conntrack/ftp.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/compiler.h"

struct cursor {
    const char *p, *end;
};

static bool eat(struct cursor *c, char want)
{
    if (c->p == c->end || *c->p != want) {
        return false;
    }
    c->p++;
    return true;
}

static bool number(struct cursor *c, uint32_t max, uint32_t *n)
{
    const char *start = c->p;
    for (*n = 0; c->p < c->end && *c->p >= '0' && *c->p <= '9'; c->p++) {
        *n = *n * 10 + (uint32_t)(*c->p - '0');
        if (*n > max) {
            return false;
        }
    }
    return c->p > start;
}

/* h1,h2,h3,h4,p1,p2 */
static bool six_numbers(struct cursor *c, struct ftp_endpoint *e)
{
    uint32_t n[6];
    for (int i = 0; i < 6; i++) {
        if ((i && !eat(c, ',')) || !number(c, UINT8_MAX, &n[i])) {
            return false;
        }
    }
    e->addr.be32[0] = CONST_BE32(n[0] << 24 | n[1] << 16 | n[2] << 8 | n[3]);
    e->port = (uint16_t)(n[4] << 8 | n[5]);
    return e->port > 0;
}

/* |family|address|port|, or |||port| */
static bool delimited(struct cursor *c, bool whole, struct ftp_endpoint *e)
{
    uint32_t family = 0, port;
    char address[INET6_ADDRSTRLEN];
    if (c->p == c->end || *c->p < 33 || *c->p > 126) {
        return false;
    }
    e->delimiter = *c->p++;
    if (whole && !number(c, 2, &family)) {
        return false;
    }
    if (!eat(c, e->delimiter)) {
        return false;
    }
    const char *start = c->p;
    while (c->p < c->end && *c->p != e->delimiter && (size_t)(c->p - start) < sizeof address - 1) {
        c->p++;
    }
    size_t n = (size_t)(c->p - start);
    memcpy(address, start, n);
    address[n] = '\0';
    e->is_ipv6 = family == 2;
    if (whole ? (family != 1 && family != 2) ||
                    inet_pton(family == 1 ? AF_INET : AF_INET6, address, &e->addr) != 1
              : n > 0) {
        return false;
    }
    if (!eat(c, e->delimiter) || !number(c, UINT16_MAX, &port) || !eat(c, e->delimiter)) {
        return false;
    }
    e->port = (uint16_t)port;
    return port > 0;
}

static const struct {
    const char *begin;
    enum ftp_kind kind;
    bool from_server;
} messages[] = {
    {"PORT ", FTP_PORT, false},
    {"EPRT ", FTP_EPRT, false},
    {"227 ", FTP_PASV, true},
    {"229 ", FTP_EPSV, true},
};

enum ftp_result ftp_parse(const uint8_t *message, uint32_t len, bool from_server, struct ftp_endpoint *e)
{
    size_t i = 0;
    const char *text = (const char *)message;
    while (i < ARRAY_SIZE(messages) &&
           (messages[i].from_server != from_server || len < strlen(messages[i].begin) ||
            strncasecmp(text, messages[i].begin, strlen(messages[i].begin)))) {
        i++;
    }
    if (i == ARRAY_SIZE(messages)) {
        return FTP_NOTHING;
    }
    *e = (struct ftp_endpoint){.kind = messages[i].kind};
    struct cursor c = {text + strlen(messages[i].begin), text + len};
    while (eat(&c, ' ')) {
    }
    if (from_server) {
        /* Words, then the numbers, in brackets as a rule (RFC 1123, section 4.1.2.6). */
        char first = e->kind == FTP_EPSV ? '(' : 0;
        while (c.p < c.end && *c.p != '\r' && *c.p != '\n' &&
               (first ? *c.p != first : *c.p < '0' || *c.p > '9')) {
            c.p++;
        }
        if (first && !eat(&c, first)) {
            return FTP_BAD;
        }
    }
    e->ofs = (uint32_t)(c.p - text);
    bool ok = e->kind == FTP_PORT || e->kind == FTP_PASV ? six_numbers(&c, e)
                                                         : delimited(&c, e->kind == FTP_EPRT, e);
    e->len = (uint32_t)(c.p - text) - e->ofs;
    return ok ? FTP_ENDPOINT : FTP_BAD;
}

uint32_t ftp_format(const struct ftp_endpoint *e, char text[FTP_TEXT_MAX])
{
    char address[INET6_ADDRSTRLEN], d = e->delimiter;
    uint32_t a = CONST_BE32(e->addr.be32[0]);
    int n;
    switch (e->kind) {
    case FTP_PORT:
    case FTP_PASV:
        n = snprintf(text, FTP_TEXT_MAX, "%u,%u,%u,%u,%u,%u", a >> 24, a >> 16 & 0xff, a >> 8 & 0xff,
                     a & 0xff, e->port >> 8, e->port & 0xff);
        break;
    case FTP_EPRT:
        inet_ntop(e->is_ipv6 ? AF_INET6 : AF_INET, &e->addr, address, sizeof address);
        n = snprintf(text, FTP_TEXT_MAX, "%c%d%c%s%c%u%c", d, e->is_ipv6 ? 2 : 1, d, address, d, e->port, d);
        break;
    case FTP_EPSV:
    default:
        n = snprintf(text, FTP_TEXT_MAX, "%c%c%c%u%c", d, d, d, e->port, d);
        break;
    }
    return (uint32_t)n;
}
