/* SPDX-License-Identifier: Apache-2.0 */
/* Actions that output, in text: output in its three forms, group, controller, enqueue, bundle. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/color.h"
#include "openflow/action_text.h"

/* --- output --- */

static char *parse_truncate(char *arg, const struct action_parse *p)
{
    struct ofpact_output_trunc a = {.port = OFPP_NONE};
    char *key, *value;
    while (text_next_key_value(&arg, &key, &value)) {
        if (!strcmp(key, "port")) {
            if (!ofp_port_parse(value, p->names, &a.port)) {
                return xasprintf("output to unknown truncate port: %s", value);
            }
            if (a.port >= OFPP_MAX && a.port != OFPP_LOCAL && a.port != OFPP_IN_PORT) {
                return xasprintf("output to unsupported truncate port: %s", value);
            }
        } else if (!strcmp(key, "max_len")) {
            char *error = text_to_u32(value, &a.max_len);
            if (error) {
                return error;
            }
            if (a.max_len < 14) {
                return xasprintf("max_len %u is less than the minimum value 14", a.max_len);
            }
        } else {
            return xasprintf("invalid key '%s' in output_trunc argument", key);
        }
    }
    struct ofpact_output_trunc *out = OFPACT_PUT(OUTPUT_TRUNC, p->out);
    out->port = a.port;
    out->max_len = a.max_len;
    return NULL;
}

char *ofpact_parse_OUTPUT(char *arg, const struct action_parse *p)
{
    uint32_t port;
    if (strstr(arg, "port") && strstr(arg, "max_len")) {
        return parse_truncate(arg, p);
    }
    if (ofp_port_parse(arg, p->names, &port)) {
        struct ofpact_output *a = OFPACT_PUT(OUTPUT, p->out);
        a->port = port;
        a->max_len = port == OFPP_CONTROLLER ? OFPCML_NO_BUFFER : 0;
        return NULL;
    }
    struct subfield src;
    char *error = subfield_parse(arg, &src);
    if (error) {
        free(error);
        return xasprintf("%s: output to unknown port", arg);
    }
    struct ofpact_output_reg *a = OFPACT_PUT(OUTPUT_REG, p->out);
    a->max_len = UINT16_MAX;
    a->src = src;
    return NULL;
}

char *ofpact_parse_OUTPUT_REG(char *arg, const struct action_parse *p)
{
    return ofpact_parse_OUTPUT(arg, p);
}

char *ofpact_parse_OUTPUT_TRUNC(char *arg, const struct action_parse *p)
{
    return ofpact_parse_OUTPUT(arg, p);
}

void ofpact_format_OUTPUT(const struct ofpact_output *a, const struct action_format *f)
{
    if (a->port < OFPP_MAX) {
        color_puts(f->s, COLOR_SPECIAL, "output:");
    }
    ofp_port_format(a->port, f->names, f->s);
    if (a->port == OFPP_CONTROLLER) {
        strbuf_printf(f->s, ":%u", a->max_len);
    }
}

void ofpact_format_OUTPUT_REG(const struct ofpact_output_reg *a, const struct action_format *f)
{
    color_puts(f->s, COLOR_SPECIAL, "output:");
    subfield_format(&a->src, f->s);
}

void ofpact_format_OUTPUT_TRUNC(const struct ofpact_output_trunc *a, const struct action_format *f)
{
    color_puts(f->s, COLOR_SPECIAL, "output");
    strbuf_puts(f->s, "(port=");
    ofp_port_format(a->port, f->names, f->s);
    strbuf_printf(f->s, ",max_len=%u)", a->max_len);
}

/* --- group --- */

char *ofpact_parse_GROUP(char *arg, const struct action_parse *p)
{
    return text_to_u32(arg, &OFPACT_PUT(GROUP, p->out)->group_id);
}

void ofpact_format_GROUP(const struct ofpact_group *a, const struct action_format *f)
{
    color_puts(f->s, COLOR_SPECIAL, "group:");
    strbuf_printf(f->s, "%u", a->group_id);
}

/* --- controller --- */

static char *parse_controller_key(const char *key, char *value, struct ofpact_controller *c,
                                  struct bytebuf *userdata)
{
    if (!strcmp(key, "reason")) {
        enum ofp_packet_in_reason reason;
        if (!ofp_packet_in_reason_from_name(value, &reason)) {
            return xasprintf("unknown reason \"%s\"", value);
        }
        c->reason = reason;
        return NULL;
    } else if (!strcmp(key, "max_len")) {
        return text_to_u16(value, "max_len", &c->max_len);
    } else if (!strcmp(key, "id")) {
        return text_to_u16(value, "id", &c->controller_id);
    } else if (!strcmp(key, "userdata")) {
        bytebuf_clear(userdata);
        return *text_to_hex(value, userdata) ? xstrdup("bad hex digit in `controller' action `userdata'")
                                             : NULL;
    } else if (!strcmp(key, "pause")) {
        c->pause = true;
        return NULL;
    } else if (!strcmp(key, "meter_id")) {
        return text_to_u32(value, &c->meter_id);
    }
    return xasprintf("unknown key \"%s\" parsing controller action", key);
}

char *ofpact_parse_CONTROLLER(char *arg, const struct action_parse *p)
{
    struct ofpact_controller c = {.reason = OFPR_ACTION, .max_len = UINT16_MAX, .meter_id = OFPM_NONE};
    struct bytebuf userdata = BYTEBUF_INITIALIZER;
    char *error = NULL;
    if (!*arg) {
        /* all of the packet */
    } else if (arg[strspn(arg, "0123456789")] == '\0') {
        error = text_to_u16(arg, "max_len", &c.max_len);
    } else {
        char *key, *value;
        while (!error && text_next_key_value(&arg, &key, &value)) {
            error = parse_controller_key(key, value, &c, &userdata);
        }
    }
    if (!error && c.reason == OFPR_ACTION && !c.controller_id && !userdata.len && !c.pause &&
        c.meter_id == OFPM_NONE) {
        struct ofpact_output *a = OFPACT_PUT(OUTPUT, p->out);
        a->port = OFPP_CONTROLLER;
        a->max_len = c.max_len;
    } else if (!error) {
        size_t ofs = p->out->len;
        struct ofpact_controller *a = OFPACT_PUT(CONTROLLER, p->out);
        a->max_len = c.max_len;
        a->controller_id = c.controller_id;
        a->reason = c.reason;
        a->pause = c.pause;
        a->meter_id = c.meter_id;
        a->provider_meter_id = OFPM_NONE;
        a->userdata_len = userdata.len;
        bytebuf_put(p->out, userdata.data, userdata.len);
        ofpact_finish(p->out, ofs);
    }
    bytebuf_fini(&userdata);
    return error;
}

static void put_hex_bytes(const uint8_t *data, size_t n, struct strbuf *s)
{
    for (size_t i = 0; i < n; i++) {
        strbuf_printf(s, i ? ".%02x" : "%02x", data[i]);
    }
}

void ofpact_format_CONTROLLER(const struct ofpact_controller *a, const struct action_format *f)
{
    if (a->reason == OFPR_ACTION && !a->controller_id && !a->userdata_len && !a->pause &&
        a->meter_id == OFPM_NONE) {
        strbuf_printf(f->s, "CONTROLLER:%u", a->max_len);
        return;
    }
    color_puts(f->s, COLOR_PAREN, "controller(");
    if (a->reason != OFPR_ACTION) {
        const char *name = ofp_packet_in_reason_name(a->reason);
        color_put_name(f->s, "reason");
        if (name) {
            strbuf_printf(f->s, "%s,", name);
        } else {
            strbuf_printf(f->s, "%u,", a->reason);
        }
    }
    if (a->max_len != UINT16_MAX) {
        color_put_name(f->s, "max_len");
        strbuf_printf(f->s, "%u,", a->max_len);
    }
    if (a->controller_id) {
        color_put_name(f->s, "id");
        strbuf_printf(f->s, "%u,", a->controller_id);
    }
    if (a->userdata_len) {
        color_put_name(f->s, "userdata");
        put_hex_bytes(a->userdata, a->userdata_len, f->s);
        strbuf_put_char(f->s, ',');
    }
    if (a->pause) {
        color_puts(f->s, COLOR_VALUE, "pause");
        strbuf_put_char(f->s, ',');
    }
    if (a->meter_id != OFPM_NONE) {
        color_put_name(f->s, "meter_id");
        strbuf_printf(f->s, "%u,", a->meter_id);
    }
    strbuf_chomp(f->s, ',');
    color_puts(f->s, COLOR_PAREN, ")");
}

/* --- enqueue --- */

char *ofpact_parse_ENQUEUE(char *arg, const struct action_parse *p)
{
    static const char ends[] = ":, \t\r\n";
    char *save = NULL;
    char *port = strtok_r(arg, ends, &save);
    char *queue = strtok_r(NULL, "", &save);
    if (!port || !queue) {
        return xstrdup("\"enqueue\" syntax is \"enqueue:PORT:QUEUE\" or \"enqueue(PORT,QUEUE)\"");
    }
    struct ofpact_enqueue *a = OFPACT_PUT(ENQUEUE, p->out);
    if (!ofp_port_parse(port, p->names, &a->port)) {
        return xasprintf("%s: enqueue to unknown port", port);
    }
    return text_to_u32(queue, &a->queue);
}

void ofpact_format_ENQUEUE(const struct ofpact_enqueue *a, const struct action_format *f)
{
    color_puts(f->s, COLOR_PARAM, "enqueue:");
    ofp_port_format(a->port, f->names, f->s);
    strbuf_printf(f->s, ":%u", a->queue);
}

/* --- bundle --- */

static const char *const hash_names[N_HASH_FIELDS] = {
    [HASH_FIELDS_ETH_SRC] = "eth_src",
    [HASH_FIELDS_SYMMETRIC_L4] = "symmetric_l4",
    [HASH_FIELDS_SYMMETRIC_L3L4] = "symmetric_l3l4",
    [HASH_FIELDS_SYMMETRIC_L3L4_UDP] = "symmetric_l3l4+udp",
    [HASH_FIELDS_NW_SRC] = "nw_src",
    [HASH_FIELDS_NW_DST] = "nw_dst",
    [HASH_FIELDS_SYMMETRIC_L3] = "symmetric_l3",
};

const char *hash_fields_name(enum hash_fields fields)
{
    return fields < N_HASH_FIELDS ? hash_names[fields] : "<unknown>";
}

bool hash_fields_from_name(const char *name, enum hash_fields *fields)
{
    for (int i = 0; i < N_HASH_FIELDS; i++) {
        if (!strcasecmp(name, hash_names[i])) {
            *fields = i;
            return true;
        }
    }
    return false;
}

static char *parse_bundle_members(char **save, const struct action_parse *p)
{
    for (;;) {
        char *member = strtok_r(NULL, ", []", save);
        if (!member) {
            return NULL;
        }
        uint32_t port;
        if (!ofp_port_parse(member, p->names, &port)) {
            return xasprintf("%s: bad port number", member);
        }
        bytebuf_put(p->out, &port, sizeof port);
    }
}

static char *parse_bundle(const char *whole, char *arg, const struct action_parse *p)
{
    bool load = !strcasecmp(p->name, "bundle_load");
    char *save = NULL;
    char *fields = strtok_r(arg, ", ", &save);
    char *basis = strtok_r(NULL, ", ", &save);
    char *algorithm = strtok_r(NULL, ", ", &save);
    char *type = strtok_r(NULL, ", ", &save);
    char *dst = load ? strtok_r(NULL, ", ", &save) : NULL;
    char *delimiter = strtok_r(NULL, ": ", &save);
    if (!fields || !basis || !algorithm || !type || (load && !dst) || !delimiter) {
        return xasprintf("%s: not enough arguments to bundle action", whole);
    }
    while (*delimiter == ',' || *delimiter == ' ') {
        delimiter++;
    }
    if (strcasecmp(delimiter, "members") && strcasecmp(delimiter, "slaves")) {
        return xasprintf("%s: missing member delimiter, expected `members', got `%s'", whole, delimiter);
    }
    enum hash_fields hash;
    if (!hash_fields_from_name(fields, &hash)) {
        return xasprintf("%s: unknown fields `%s'", whole, fields);
    }
    size_t ofs = p->out->len;
    struct ofpact_bundle *a = OFPACT_PUT(BUNDLE, p->out);
    a->fields = hash;
    a->basis = text_lax_int(basis);
    if (!strcasecmp(algorithm, "active_backup")) {
        a->algorithm = BUNDLE_ACTIVE_BACKUP;
    } else if (!strcasecmp(algorithm, "hrw")) {
        a->algorithm = BUNDLE_HRW;
    } else {
        return xasprintf("%s: unknown algorithm `%s'", whole, algorithm);
    }
    if (strcasecmp(type, "ofport")) {
        return xasprintf("%s: unknown member_type `%s'", whole, type);
    }
    if (load) {
        char *error = subfield_parse(dst, &a->dst);
        if (error) {
            return error;
        }
        if (a->dst.n_bits < 16) {
            return xasprintf("%s: destination field is not wide enough", whole);
        }
    }
    size_t head = p->out->len;
    char *error = parse_bundle_members(&save, p);
    a = bytebuf_at(p->out, ofs);
    a->n_members = (p->out->len - head) / sizeof(uint32_t);
    ofpact_finish(p->out, ofs);
    return error;
}

char *ofpact_parse_BUNDLE(char *arg, const struct action_parse *p)
{
    char *whole = xstrdup(arg);
    char *error = parse_bundle(whole, arg, p);
    free(whole);
    return error;
}

void ofpact_format_BUNDLE(const struct ofpact_bundle *a, const struct action_format *f)
{
    color_puts(f->s, COLOR_PAREN, a->dst.field ? "bundle_load(" : "bundle(");
    strbuf_printf(f->s, "%s,%u,%s,ofport,", hash_fields_name(a->fields), a->basis,
                  a->algorithm == BUNDLE_HRW             ? "hrw"
                  : a->algorithm == BUNDLE_ACTIVE_BACKUP ? "active_backup"
                                                         : "<unknown>");
    if (a->dst.field) {
        subfield_format(&a->dst, f->s);
        strbuf_put_char(f->s, ',');
    }
    color_puts(f->s, COLOR_PARAM, "members:");
    for (uint32_t i = 0; i < a->n_members; i++) {
        if (i) {
            strbuf_put_char(f->s, ',');
        }
        ofp_port_format(a->members[i], f->names, f->s);
    }
    color_puts(f->s, COLOR_PAREN, ")");
}
