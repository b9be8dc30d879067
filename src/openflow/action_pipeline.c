/* SPDX-License-Identifier: Apache-2.0 */
/* Actions on metadata and on the pipeline, in text: the small ones without a file of their own, and the
 * instructions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/color.h"
#include "openflow/action_text.h"
#include "openflow/protocols.h"

/* --- Actions without an argument: what follows is let pass, as the reference does --- */

#define NULL_ACTION(ENUM, COLOR, TEXT, USABLE)                                                               \
    char *ofpact_parse_##ENUM(char *arg, const struct action_parse *p)                                       \
    {                                                                                                        \
        OFPACT_PUT(ENUM, p->out);                                                                            \
        *p->usable &= USABLE;                                                                                \
        return NULL;                                                                                         \
    }                                                                                                        \
    void ofpact_format_##ENUM(const struct ofpact_null *a, const struct action_format *f)                    \
    {                                                                                                        \
        color_puts(f->s, COLOR, TEXT);                                                                       \
    }
NULL_ACTION(COPY_TTL_IN, COLOR_VALUE, "copy_ttl_in", OFPROTO_11_UP)
NULL_ACTION(COPY_TTL_OUT, COLOR_VALUE, "copy_ttl_out", OFPROTO_11_UP)
NULL_ACTION(DEC_MPLS_TTL, COLOR_VALUE, "dec_mpls_ttl", OFPROTO_ANY)
NULL_ACTION(DEC_NSH_TTL, COLOR_VALUE, "dec_nsh_ttl", OFPROTO_ANY)
NULL_ACTION(POP_QUEUE, COLOR_VALUE, "pop_queue", OFPROTO_ANY)
NULL_ACTION(EXIT, COLOR_SPECIAL, "exit", OFPROTO_ANY)
NULL_ACTION(CT_CLEAR, COLOR_VALUE, "ct_clear", OFPROTO_ANY)
NULL_ACTION(DEBUG_RECIRC, COLOR_VALUE, "debug_recirc", OFPROTO_ANY)
NULL_ACTION(DEBUG_SLOW, COLOR_VALUE, "debug_slow", OFPROTO_ANY)
NULL_ACTION(CLEAR_ACTIONS, COLOR_VALUE, "clear_actions", OFPROTO_ANY)

char *ofpact_parse_STRIP_VLAN(char *arg, const struct action_parse *p)
{
    OFPACT_PUT(STRIP_VLAN, p->out)->ofpact.raw = !strcasecmp(p->name, "pop_vlan");
    return NULL;
}

void ofpact_format_STRIP_VLAN(const struct ofpact_null *a, const struct action_format *f)
{
    color_puts(f->s, COLOR_VALUE, a->ofpact.raw ? "pop_vlan" : "strip_vlan");
}

/* --- Metadata --- */

char *ofpact_parse_SET_TUNNEL(char *arg, const struct action_parse *p)
{
    struct ofpact_tunnel *a = OFPACT_PUT(SET_TUNNEL, p->out);
    a->ofpact.raw = !strcasecmp(p->name, "set_tunnel64");
    return text_to_u64(arg, &a->tun_id);
}

void ofpact_format_SET_TUNNEL(const struct ofpact_tunnel *a, const struct action_format *f)
{
    color_puts(f->s, COLOR_PARAM, a->tun_id > UINT32_MAX || a->ofpact.raw ? "set_tunnel64:" : "set_tunnel:");
    strbuf_printf(f->s, "0x%llx", (unsigned long long)a->tun_id);
}

char *ofpact_parse_SET_QUEUE(char *arg, const struct action_parse *p)
{
    return text_to_u32(arg, &OFPACT_PUT(SET_QUEUE, p->out)->value);
}

void ofpact_format_SET_QUEUE(const struct ofpact_u32 *a, const struct action_format *f)
{
    color_puts(f->s, COLOR_PARAM, "set_queue:");
    strbuf_printf(f->s, "%u", a->value);
}

char *ofpact_parse_FIN_TIMEOUT(char *arg, const struct action_parse *p)
{
    struct ofpact_fin_timeout *a = OFPACT_PUT(FIN_TIMEOUT, p->out);
    char *key, *value, *error = NULL;
    while (!error && text_next_key_value(&arg, &key, &value)) {
        if (!strcmp(key, "idle_timeout")) {
            error = text_to_u16(value, key, &a->idle);
        } else if (!strcmp(key, "hard_timeout")) {
            error = text_to_u16(value, key, &a->hard);
        } else {
            error = xasprintf("invalid key '%s' in 'fin_timeout' argument", key);
        }
    }
    return error;
}

void ofpact_format_FIN_TIMEOUT(const struct ofpact_fin_timeout *a, const struct action_format *f)
{
    color_puts(f->s, COLOR_PAREN, "fin_timeout(");
    if (a->idle) {
        color_put_name(f->s, "idle_timeout");
        strbuf_printf(f->s, "%u,", a->idle);
    }
    if (a->hard) {
        color_put_name(f->s, "hard_timeout");
        strbuf_printf(f->s, "%u,", a->hard);
    }
    strbuf_chomp(f->s, ',');
    color_puts(f->s, COLOR_PAREN, ")");
}

/* --- resubmit --- */

char *ofpact_parse_RESUBMIT(char *arg, const struct action_parse *p)
{
    struct ofpact_resubmit *a = OFPACT_PUT(RESUBMIT, p->out);
    a->in_port = OFPP_IN_PORT;
    a->table_id = 255;
    char *port = strsep(&arg, ",");
    if (port && *port && !ofp_port_parse(port, p->names, &a->in_port)) {
        return xasprintf("%s: resubmit to unknown port", port);
    }
    char *table = strsep(&arg, ",");
    if (table && *table && !ofp_table_parse(table, p->names, &a->table_id)) {
        return xasprintf("%s: resubmit to unknown table", table);
    }
    char *ct = strsep(&arg, ",");
    if (ct && *ct) {
        if (strcasecmp(ct, "ct")) {
            return xasprintf("%s: unknown parameter", ct);
        }
        a->with_ct_orig = true;
    }
    if (a->in_port == OFPP_IN_PORT && a->table_id == 255) {
        return xstrdup("at least one \"in_port\" or \"table\" must be specified on resubmit");
    }
    return NULL;
}

void ofpact_format_RESUBMIT(const struct ofpact_resubmit *a, const struct action_format *f)
{
    if (a->in_port != OFPP_IN_PORT && a->table_id == 255 && !a->with_ct_orig) {
        color_puts(f->s, COLOR_SPECIAL, "resubmit:");
        ofp_port_format(a->in_port, f->names, f->s);
        return;
    }
    color_puts(f->s, COLOR_PAREN, "resubmit(");
    if (a->in_port != OFPP_IN_PORT) {
        ofp_port_format(a->in_port, f->names, f->s);
    }
    strbuf_put_char(f->s, ',');
    if (a->table_id != 255) {
        ofp_table_format(a->table_id, f->names, f->s);
    }
    if (a->with_ct_orig) {
        strbuf_puts(f->s, ",ct");
    }
    color_puts(f->s, COLOR_PAREN, ")");
}

/* --- conjunction --- */

char *ofpact_parse_CONJUNCTION(char *arg, const struct action_parse *p)
{
    unsigned id, clause, n_clauses;
    int n = 0;
    if (sscanf(arg, "%u , %u / %u %n", &id, &clause, &n_clauses, &n) != 3 || !n || arg[n]) {
        return xstrdup("\"conjunction\" syntax is \"conjunction(id,i/n)\"");
    }
    if (n_clauses < 2) {
        return xstrdup("conjunction must have at least 2 clauses");
    } else if (n_clauses > 64) {
        return xstrdup("conjunction must have at most 64 clauses");
    } else if (!clause) {
        return xstrdup("clause index must be positive");
    } else if (clause > n_clauses) {
        return xstrdup("clause index must be less than or equal to number of clauses");
    }
    struct ofpact_conjunction *a = OFPACT_PUT(CONJUNCTION, p->out);
    a->id = id;
    a->clause = clause - 1;
    a->n_clauses = n_clauses;
    return NULL;
}

void ofpact_format_CONJUNCTION(const struct ofpact_conjunction *a, const struct action_format *f)
{
    color_puts(f->s, COLOR_PAREN, "conjunction(");
    strbuf_printf(f->s, "%u,%u/%u", a->id, a->clause + 1u, a->n_clauses);
    color_puts(f->s, COLOR_PAREN, ")");
}

/* --- multipath --- */

static const char *const multipath_names[] = {"modulo_n", "hash_threshold", "hrw", "iter_hash"};

static char *parse_multipath(const char *whole, char *arg, struct ofpact_multipath *a)
{
    static const char ends[] = ", ";
    char *save = NULL;
    char *fields = strtok_r(arg, ends, &save);
    char *basis = strtok_r(NULL, ends, &save);
    char *algorithm = strtok_r(NULL, ends, &save);
    char *n_links_text = strtok_r(NULL, ends, &save);
    char *param = strtok_r(NULL, ends, &save);
    char *dst = strtok_r(NULL, ends, &save);
    if (!dst) {
        return xasprintf("%s: not enough arguments to multipath action", whole);
    }
    enum hash_fields hash;
    if (!hash_fields_from_name(fields, &hash)) {
        return xasprintf("%s: unknown fields `%s'", whole, fields);
    }
    a->fields = hash;
    a->basis = text_lax_int(basis);
    size_t alg = 0;
    while (alg < ARRAY_SIZE(multipath_names) && strcasecmp(algorithm, multipath_names[alg])) {
        alg++;
    }
    if (alg == ARRAY_SIZE(multipath_names)) {
        return xasprintf("%s: unknown algorithm `%s'", whole, algorithm);
    }
    a->algorithm = alg;
    int n_links = text_lax_int(n_links_text);
    if (n_links < 1 || n_links > 65536) {
        return xasprintf("%s: n_links %d is not in valid range 1 to 65536", whole, n_links);
    }
    a->max_link = n_links - 1;
    a->arg = text_lax_int(param);
    char *error = subfield_parse(dst, &a->dst);
    if (!error && a->dst.n_bits < 16 && n_links > 1 << a->dst.n_bits) {
        error = xasprintf("%s: %u-bit destination field has %u possible values, less than specified n_links "
                          "%d",
                          whole, a->dst.n_bits, 1u << a->dst.n_bits, n_links);
    }
    return error;
}

char *ofpact_parse_MULTIPATH(char *arg, const struct action_parse *p)
{
    char *whole = xstrdup(arg);
    char *error = parse_multipath(whole, arg, OFPACT_PUT(MULTIPATH, p->out));
    free(whole);
    return error;
}

void ofpact_format_MULTIPATH(const struct ofpact_multipath *a, const struct action_format *f)
{
    color_puts(f->s, COLOR_PAREN, "multipath(");
    strbuf_printf(f->s, "%s,%u,%s,%d,%u,", hash_fields_name(a->fields), a->basis,
                  a->algorithm < ARRAY_SIZE(multipath_names) ? multipath_names[a->algorithm] : "<unknown>",
                  a->max_link + 1, (uint16_t)a->arg);
    subfield_format(&a->dst, f->s);
    color_puts(f->s, COLOR_PAREN, ")");
}

/* --- note --- */

char *ofpact_parse_NOTE(char *arg, const struct action_parse *p)
{
    size_t ofs = p->out->len;
    OFPACT_PUT(NOTE, p->out);
    size_t head = p->out->len;
    const char *end = text_to_hex(arg, p->out);
    struct ofpact_note *a = bytebuf_at(p->out, ofs);
    a->n_bytes = p->out->len - head;
    ofpact_finish(p->out, ofs);
    return *end ? xstrdup("bad hex digit in `note' argument") : NULL;
}

void ofpact_format_NOTE(const struct ofpact_note *a, const struct action_format *f)
{
    color_puts(f->s, COLOR_PARAM, "note:");
    for (unsigned i = 0; i < a->n_bytes; i++) {
        strbuf_printf(f->s, i ? ".%02x" : "%02x", a->data[i]);
    }
}

/* --- sample --- */

char *ofpact_parse_SAMPLE(char *arg, const struct action_parse *p)
{
    struct ofpact_sample *a = OFPACT_PUT(SAMPLE, p->out);
    a->sampling_port = OFPP_NONE;
    char *key, *value, *error = NULL;
    while (!error && text_next_key_value(&arg, &key, &value)) {
        if (!strcmp(key, "probability")) {
            error = text_to_u16(value, "probability", &a->probability);
            if (!error && !a->probability) {
                error = xasprintf("invalid probability value \"%s\"", value);
            }
        } else if (!strcmp(key, "collector_set_id")) {
            error = text_to_u32(value, &a->collector_set_id);
        } else if (!strcmp(key, "obs_domain_id")) {
            error = text_to_u32(value, &a->obs_domain_id);
        } else if (!strcmp(key, "obs_point_id")) {
            error = text_to_u32(value, &a->obs_point_id);
        } else if (!strcmp(key, "sampling_port")) {
            if (!ofp_port_parse(value, p->names, &a->sampling_port)) {
                error = xasprintf("%s: unknown port", value);
            }
        } else if (!strcmp(key, "ingress")) {
            a->direction = SAMPLE_INGRESS;
        } else if (!strcmp(key, "egress")) {
            a->direction = SAMPLE_EGRESS;
        } else {
            error = xasprintf("invalid key \"%s\" in \"sample\" argument", key);
        }
    }
    if (!error && !a->probability) {
        error = xstrdup("non-zero \"probability\" must be specified on sample");
    }
    return error;
}

void ofpact_format_SAMPLE(const struct ofpact_sample *a, const struct action_format *f)
{
    color_puts(f->s, COLOR_PAREN, "sample(");
    color_put_name(f->s, "probability");
    strbuf_printf(f->s, "%u,", a->probability);
    color_put_name(f->s, "collector_set_id");
    strbuf_printf(f->s, "%u,", a->collector_set_id);
    color_put_name(f->s, "obs_domain_id");
    strbuf_printf(f->s, "%u,", a->obs_domain_id);
    color_put_name(f->s, "obs_point_id");
    strbuf_printf(f->s, "%u", a->obs_point_id);
    if (a->sampling_port != OFPP_NONE) {
        strbuf_put_char(f->s, ',');
        color_put_name(f->s, "sampling_port");
        ofp_port_format(a->sampling_port, f->names, f->s);
    }
    if (a->direction == SAMPLE_INGRESS || a->direction == SAMPLE_EGRESS) {
        strbuf_put_char(f->s, ',');
        color_puts(f->s, COLOR_PARAM, a->direction == SAMPLE_INGRESS ? "ingress" : "egress");
    }
    color_puts(f->s, COLOR_PAREN, ")");
}

/* --- check_pkt_larger --- */

char *ofpact_parse_CHECK_PKT_LARGER(char *arg, const struct action_parse *p)
{
    char *arrow = strstr(arg, "->");
    if (!arrow) {
        return xasprintf("%s: missing `->'", arg);
    }
    struct ofpact_check_pkt_larger *a = OFPACT_PUT(CHECK_PKT_LARGER, p->out);
    *arrow = '\0';
    char *end = arg + strlen(arg);
    if (end > arg && end[-1] == ')') {
        end[-1] = '\0';
    }
    char *error = text_to_u16(arg, "(null)", &a->pkt_len);
    if (!error) {
        error = subfield_parse(arrow + 2, &a->dst);
    }
    if (!error && a->dst.n_bits != 1) {
        error = xstrdup("Only 1-bit destination field is allowed");
    }
    return error;
}

void ofpact_format_CHECK_PKT_LARGER(const struct ofpact_check_pkt_larger *a, const struct action_format *f)
{
    color_puts(f->s, COLOR_PARAM, "check_pkt_larger(");
    strbuf_printf(f->s, "%u)->", a->pkt_len);
    subfield_format(&a->dst, f->s);
}

/* --- Nests: clone, write_actions --- */

static char *parse_nest(char *arg, const struct action_parse *p, enum ofpact_type type)
{
    size_t ofs = p->out->len;
    ofpact_put(p->out, type);
    char *error = ofpacts_parse_nested(arg, p, type, false);
    ofpact_finish(p->out, ofs);
    return error;
}

char *ofpact_parse_CLONE(char *arg, const struct action_parse *p)
{
    return parse_nest(arg, p, OFPACT_CLONE);
}

char *ofpact_parse_WRITE_ACTIONS(char *arg, const struct action_parse *p)
{
    return parse_nest(arg, p, OFPACT_WRITE_ACTIONS);
}

static void format_nest(const char *name, const struct ofpact_nest *a, const struct action_format *f)
{
    color_puts(f->s, COLOR_PAREN, name);
    ofpacts_format(a->actions, ofpact_nest_len(a), f->names, f->s);
    color_puts(f->s, COLOR_PAREN, ")");
}

void ofpact_format_CLONE(const struct ofpact_nest *a, const struct action_format *f)
{
    format_nest("clone(", a, f);
}

void ofpact_format_WRITE_ACTIONS(const struct ofpact_nest *a, const struct action_format *f)
{
    format_nest("write_actions(", a, f);
}

/* --- The other instructions --- */

char *ofpact_parse_METER(char *arg, const struct action_parse *p)
{
    *p->usable &= OFPROTO_13_UP;
    return text_to_u32(arg, &OFPACT_PUT(METER, p->out)->value);
}

void ofpact_format_METER(const struct ofpact_u32 *a, const struct action_format *f)
{
    color_puts(f->s, COLOR_PARAM, "meter:");
    strbuf_printf(f->s, "%u", a->value);
}

char *ofpact_parse_WRITE_METADATA(char *arg, const struct action_parse *p)
{
    struct ofpact_metadata *a = OFPACT_PUT(WRITE_METADATA, p->out);
    *p->usable &= OFPROTO_NXM_ALL | OFPROTO_11_UP;
    a->mask = UINT64_MAX;
    char *slash = strchr(arg, '/');
    if (slash) {
        *slash = '\0';
        char *error = text_to_u64(slash + 1, &a->mask);
        if (error) {
            return error;
        }
    }
    return text_to_u64(arg, &a->value);
}

void ofpact_format_WRITE_METADATA(const struct ofpact_metadata *a, const struct action_format *f)
{
    color_puts(f->s, COLOR_PARAM, "write_metadata:");
    strbuf_printf(f->s, "0x%llx", (unsigned long long)a->value);
    if (a->mask != UINT64_MAX) {
        strbuf_printf(f->s, "/0x%llx", (unsigned long long)a->mask);
    }
}

static const char *const trigger_names[N_STAT_TRIGGER_FIELDS] = {"duration", "idle", "packets", "bytes"};

bool ofpact_check_stat_trigger(const struct ofpact_stat_trigger *a)
{
    bool some = false;
    for (int i = 0; i < N_STAT_TRIGGER_FIELDS; i++) {
        some |= a->thresholds[i] != 0;
    }
    return some && !(a->flags & ~(STAT_TRIGGER_PERIODIC | STAT_TRIGGER_ONLY_FIRST));
}

/* "10", "0.5" */
static char *parse_seconds(const char *text, uint64_t *ms)
{
    char *end;
    double seconds = strtod(text, &end);
    if (end == text || *end || !(seconds >= 0 && seconds <= UINT32_MAX)) {
        return xasprintf("%s: not a time in seconds", text);
    }
    *ms = (uint64_t)(seconds * 1000 + 0.5);
    return NULL;
}

/* stat_trigger(periodic,only_first,duration=10,idle=0.5,packets=1000,bytes=1000000); times in seconds. */
char *ofpact_parse_STAT_TRIGGER(char *arg, const struct action_parse *p)
{
    struct ofpact_stat_trigger *a = OFPACT_PUT(STAT_TRIGGER, p->out);
    char *key, *value;
    *p->usable &= OFPROTO_15;
    while (text_next_key_value(&arg, &key, &value)) {
        int i = 0;
        if (!strcmp(key, "periodic") || !strcmp(key, "only_first")) {
            a->flags |= key[0] == 'p' ? STAT_TRIGGER_PERIODIC : STAT_TRIGGER_ONLY_FIRST;
            continue;
        }
        while (i < N_STAT_TRIGGER_FIELDS && strcmp(key, trigger_names[i])) {
            i++;
        }
        if (i == N_STAT_TRIGGER_FIELDS) {
            return xasprintf("%s: invalid stat_trigger argument", key);
        }
        char *error = i <= STAT_TRIGGER_IDLE ? parse_seconds(value, &a->thresholds[i])
                                             : text_to_u64(value, &a->thresholds[i]);
        if (error) {
            return error;
        }
    }
    return ofpact_check_stat_trigger(a) ? NULL : xstrdup("stat_trigger needs a threshold that is not 0");
}

void ofpact_format_STAT_TRIGGER(const struct ofpact_stat_trigger *a, const struct action_format *f)
{
    color_puts(f->s, COLOR_PAREN, "stat_trigger(");
    strbuf_puts(f->s, a->flags & STAT_TRIGGER_PERIODIC ? "periodic," : "");
    strbuf_puts(f->s, a->flags & STAT_TRIGGER_ONLY_FIRST ? "only_first," : "");
    for (int i = 0; i < N_STAT_TRIGGER_FIELDS; i++) {
        uint64_t t = a->thresholds[i];
        if (t) {
            bool is_time = i <= STAT_TRIGGER_IDLE;
            strbuf_printf(f->s, "%s=%llu", trigger_names[i], (unsigned long long)(is_time ? t / 1000 : t));
            if (is_time && t % 1000) {
                strbuf_printf(f->s, ".%03u", (unsigned)(t % 1000));
            }
            strbuf_put_char(f->s, ',');
        }
    }
    strbuf_chomp(f->s, ',');
    color_puts(f->s, COLOR_PAREN, ")");
}

char *ofpact_parse_GOTO_TABLE(char *arg, const struct action_parse *p)
{
    struct ofpact_goto_table *a = OFPACT_PUT(GOTO_TABLE, p->out);
    return ofp_table_parse(arg, p->names, &a->table_id) ? NULL : xasprintf("unknown table \"%s\"", arg);
}

void ofpact_format_GOTO_TABLE(const struct ofpact_goto_table *a, const struct action_format *f)
{
    color_puts(f->s, COLOR_PARAM, "goto_table:");
    ofp_table_format(a->table_id, f->names, f->s);
}
