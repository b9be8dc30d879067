/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/ports.h"

#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/compiler.h"
#include "base/log.h"
#include "base/strbuf.h"

LOG_MODULE(ofp_port);
static struct log_rate_limit rl = LOG_RATE_LIMIT_INIT(1, 1);

static const struct {
    const char *name;
    uint32_t port;
} reserved[] = {
    {"IN_PORT", OFPORT_IN_PORT}, {"TABLE", OFPORT_TABLE}, {"NORMAL", OFPORT_NORMAL},
    {"FLOOD", OFPORT_FLOOD},     {"ALL", OFPORT_ALL},     {"CONTROLLER", OFPORT_CONTROLLER},
    {"LOCAL", OFPORT_LOCAL},     {"ANY", OFPORT_NONE},    {"UNSET", OFPORT_UNSET},
    {"NONE", OFPORT_NONE}, /* read only: written as ANY */
};

static bool needs_quotes(const char *name)
{
    if (!isalpha((unsigned char)*name)) {
        return true;
    }
    for (const char *p = name + 1; *p; p++) {
        if (!isalnum((unsigned char)*p)) {
            return true;
        }
    }
    return false;
}

static void put_quoted(const char *name, struct strbuf *s)
{
    strbuf_put_char(s, '"');
    for (const char *p = name; *p; p++) {
        if (*p == '"' || *p == '\\') {
            strbuf_put_char(s, '\\');
        }
        if ((unsigned char)*p < 0x20) {
            strbuf_printf(s, "\\u%04x", (unsigned)*p);
        } else {
            strbuf_put_char(s, *p);
        }
    }
    strbuf_put_char(s, '"');
}

void port_name_format(const char *name, struct strbuf *s)
{
    if (needs_quotes(name)) {
        put_quoted(name, s);
    } else {
        strbuf_puts(s, name);
    }
}

static const char *reserved_name(uint32_t port)
{
    for (size_t i = 0; i < ARRAY_SIZE(reserved); i++) {
        if (reserved[i].port == port) {
            return reserved[i].name;
        }
    }
    return NULL;
}

void ofport_format(uint32_t port, const struct port_names *names, struct strbuf *s)
{
    if (reserved_name(port)) {
        strbuf_puts(s, reserved_name(port));
        return;
    }
    const char *name = names && names->name ? names->name(names, port) : NULL;
    if (name) {
        port_name_format(name, s);
    } else {
        strbuf_printf(s, "%u", port);
    }
}

/* A quoted name without its quotes, or a copy. NULL if the quoting is wrong. */
static char *unquote(const char *text)
{
    size_t len = strlen(text);
    char *out = xmalloc(len + 1), *o = out;
    if (*text != '"') {
        return strcpy(out, text);
    }
    for (const char *p = text + 1; *p; p++) {
        if (*p == '"') {
            *o = '\0';
            if (!p[1]) {
                return out;
            }
            break;
        }
        if (*p == '\\' && p[1]) {
            p++;
        }
        *o++ = *p;
    }
    free(out);
    return NULL;
}

bool ofport_parse(const char *text, const struct port_names *names, uint32_t *port)
{
    if (isdigit((unsigned char)*text)) {
        char *end;
        unsigned long long v = strtoull(text, &end, 10);
        if (*end) {
            return false;
        }
        if (v > 0xffff && (v < 0xffffff00u || v > UINT32_MAX)) {
            if (v <= UINT32_MAX) {
                LOG_WARN(
                    "port %s is outside the supported range 0 through ffff or 0xffffff00 through 0xffffffff",
                    text);
            }
            return false;
        }
        *port = (uint32_t)v & 0xffff;
        if (v > 0xffff || v < (OFPORT_MAX & 0xffff)) {
            return true;
        }
        /* A reserved port in the 16 bits of OpenFlow 1.0. */
        const char *name = reserved_name(*port);
        if (name) {
            LOG_WARN_RL(
                &rl,
                "referring to port %s as %llu is deprecated for compatibility with OpenFlow 1.1 and later",
                name, v);
        } else {
            LOG_WARN_RL(
                &rl,
                "port %llu is a reserved OF1.0 port number that will be translated to %llu when talking "
                "to an "
                "OF1.1 or later controller",
                v, v + 0xffff0000u);
        }
        return true;
    }
    if (*text == '-' && isdigit((unsigned char)text[1])) {
        LOG_WARN("Negative value %s is not a valid port number.", text);
        return false;
    }
    for (size_t i = 0; i < ARRAY_SIZE(reserved); i++) {
        if (!strcasecmp(text, reserved[i].name)) {
            *port = reserved[i].port;
            return true;
        }
    }
    if (names && names->number) {
        char *name = unquote(text);
        bool found = name && names->number(names, name, port);
        free(name);
        return found;
    }
    return false;
}
