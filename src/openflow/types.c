/* SPDX-License-Identifier: Apache-2.0 */
#include "openflow/types.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/log.h"

LOG_MODULE(ofp_table);

static const struct port_names *port_names(const struct ofp_names *names)
{
    return names ? names->ports : NULL;
}

bool ofp_port_parse(const char *text, const struct ofp_names *names, uint32_t *port)
{
    return ofport_parse(text, port_names(names), port);
}

void ofp_port_format(uint32_t port, const struct ofp_names *names, struct strbuf *s)
{
    ofport_format(port, port_names(names), s);
}

bool ofp_table_parse(const char *text, const struct ofp_names *names, uint8_t *table)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (text[0] == '-' && isdigit((unsigned char)text[1]) && !*end) {
        LOG_WARN("Negative value %s is not a valid table number.", text);
        return false;
    }
    if (isdigit((unsigned char)text[0]) && !*end) {
        *table = n;
        if (n > 255) {
            LOG_WARN("table %s is outside the supported range 0 through 255", text);
        }
        return n <= 255;
    }
    if (!names || !names->tables || !names->tables->number) {
        return false;
    }
    size_t len = strlen(text);
    if (len >= 2 && text[0] == '"' && text[len - 1] == '"') {
        char *inner = xmemdup0(text + 1, len - 2);
        bool found = names->tables->number(names->tables, inner, table);
        free(inner);
        return found;
    }
    return names->tables->number(names->tables, text, table);
}

void ofp_table_format(uint8_t table, const struct ofp_names *names, struct strbuf *s)
{
    const char *name =
        names && names->tables && names->tables->name ? names->tables->name(names->tables, table) : NULL;
    if (name) {
        port_name_format(name, s);
    } else {
        strbuf_printf(s, "%u", table);
    }
}

bool ofp_port_from_11(uint32_t wire, uint32_t *port)
{
    *port = wire & 0xffff;
    return wire < OFPP_MAX || wire >= OFPP11_MAX;
}

uint32_t ofp_port_to_11(uint32_t port)
{
    return port < OFPP_MAX ? port : port | 0xffff0000u;
}

void ofp_duration_format(uint32_t sec, uint32_t nsec, struct strbuf *s)
{
    strbuf_printf(s, "%u", sec);
    if (!nsec) {
        return;
    }
    if (nsec % 1000000 == 0) {
        strbuf_printf(s, ".%03u", nsec / 1000000);
    } else if (nsec % 1000 == 0) {
        strbuf_printf(s, ".%06u", nsec / 1000);
    } else {
        strbuf_printf(s, ".%09u", nsec);
    }
}

static const char *const version_names[] = {
    [OFP10] = "OpenFlow10", [OFP11] = "OpenFlow11", [OFP12] = "OpenFlow12",
    [OFP13] = "OpenFlow13", [OFP14] = "OpenFlow14", [OFP15] = "OpenFlow15",
};

const char *ofp_version_name(enum ofp_version version)
{
    return version >= OFP10 && version <= OFP15 ? version_names[version] : "Unknown OpenFlow version";
}

bool ofp_version_from_name(const char *name, enum ofp_version *version)
{
    for (int v = OFP10; v <= OFP15; v++) {
        if (!strcasecmp(name, version_names[v])) {
            *version = v;
            return true;
        }
    }
    return false;
}

static const char *const reason_names[OFPR_N_REASONS] = {
    [OFPR_NO_MATCH] = "no_match",
    [OFPR_ACTION] = "action",
    [OFPR_INVALID_TTL] = "invalid_ttl",
    [OFPR_ACTION_SET] = "action_set",
    [OFPR_GROUP] = "group",
    [OFPR_PACKET_OUT] = "packet_out",
    [OFPR_EXPLICIT_MISS] = "explicit_miss",
    [OFPR_IMPLICIT_MISS] = "implicit_miss",
};

const char *ofp_packet_in_reason_name(enum ofp_packet_in_reason reason)
{
    return reason < OFPR_N_REASONS ? reason_names[reason] : NULL;
}

bool ofp_packet_in_reason_from_name(const char *name, enum ofp_packet_in_reason *reason)
{
    for (int r = 0; r < OFPR_N_REASONS; r++) {
        if (!strcasecmp(name, reason_names[r])) {
            *reason = r;
            return true;
        }
    }
    return false;
}

enum ofp_version ofproto_version(uint32_t protocol)
{
    if (protocol & OFPROTO_10_NXM_ANY) {
        return OFP10;
    }
    int v = OFP11;
    for (uint32_t p = OFPROTO_11; p < OFPROTO_15 && !(protocol & p); p <<= 1) {
        v++;
    }
    return v;
}

static const struct {
    uint32_t bits;
    const char *name;
} protocols[] = {
    {OFPROTO_ANY, "any"},
    {OFPROTO_10, "OpenFlow10-table_id"},
    {OFPROTO_10_TID, "OpenFlow10+table_id"},
    {OFPROTO_10_ALL, "OpenFlow10"},
    {OFPROTO_NXM, "NXM-table_id"},
    {OFPROTO_NXM_TID, "NXM+table_id"},
    {OFPROTO_NXM_ALL, "NXM"},
    {OFPROTO_12_UP, "OXM"},
    {OFPROTO_11, "OpenFlow11"},
    {OFPROTO_12, "OXM-OpenFlow12"},
    {OFPROTO_13, "OXM-OpenFlow13"},
    {OFPROTO_14, "OXM-OpenFlow14"},
    {OFPROTO_15, "OXM-OpenFlow15"},
};

void ofproto_protocols_format(uint32_t bits, struct strbuf *s)
{
    /* Greedy: at each step the widest name whose bits are all there, lowest bit first. */
    static const uint32_t widest[] = {OFPROTO_ANY, OFPROTO_10_ALL, OFPROTO_NXM_ALL, OFPROTO_12_UP,
                                      OFPROTO_10,  OFPROTO_10_TID, OFPROTO_NXM,     OFPROTO_NXM_TID,
                                      OFPROTO_11,  OFPROTO_12,     OFPROTO_13,      OFPROTO_14,
                                      OFPROTO_15};
    if (!bits) {
        strbuf_puts(s, "none");
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(widest) && bits; i++) {
        if ((bits & widest[i]) == widest[i]) {
            for (size_t j = 0; j < ARRAY_SIZE(protocols); j++) {
                if (protocols[j].bits == widest[i]) {
                    strbuf_puts(s, protocols[j].name);
                }
            }
            bits &= ~widest[i];
            if (bits) {
                strbuf_put_char(s, ',');
            }
        }
    }
}

uint32_t ofproto_protocols_parse(const char *names)
{
    char *copy = xstrdup(names), *save = NULL;
    uint32_t bits = 0;
    for (char *name = strtok_r(copy, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
        uint32_t found = 0;
        for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
            if (!strcasecmp(protocols[i].name, name)) {
                found = protocols[i].bits;
            }
        }
        enum ofp_version v;
        if (!found && ofp_version_from_name(name, &v)) {
            found = v == OFP10 ? OFPROTO_10_ALL : OFPROTO_11 << (v - OFP11);
        }
        if (!found) {
            bits = 0;
            break;
        }
        bits |= found;
    }
    free(copy);
    return bits;
}
