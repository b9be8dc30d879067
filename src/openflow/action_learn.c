/* SPDX-License-Identifier: Apache-2.0 */
/* learn, in text. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/color.h"
#include "openflow/action_text.h"

/* The immediate value of the spec at OFS of LIST follows it, N_BITS of the LEN-byte number at VALUE. */
static void put_immediate(struct bytebuf *list, size_t ofs, const uint8_t *value, unsigned len,
                          unsigned n_bits)
{
    unsigned n = DIV_ROUND_UP(n_bits, 8);
    uint8_t imm[128] = {0};
    bits_copy(value, len, 0, imm, n, 0, n_bits);
    struct learn_spec *spec = bytebuf_at(list, ofs);
    spec->src_type = LEARN_SRC_IMMEDIATE;
    spec->imm_bytes = n;
    bytebuf_put(list, imm, n);
    bytebuf_pad(list, 8);
}

static struct learn_spec *put_spec(struct bytebuf *list, enum learn_dst dst_type, const struct subfield *dst)
{
    struct learn_spec *spec = bytebuf_put_zeros(list, sizeof *spec);
    spec->dst_type = dst_type;
    spec->dst = *dst;
    spec->n_bits = dst->n_bits;
    return spec;
}

/* The action has room for codes of 32 bits, which those of experimenters are not. WHOLE is the text around.
 */
static char *check_code(const struct subfield *sf, const char *name, const char *whole)
{
    const struct field_oxm *oxm = field_oxm_of(sf->field, OFP10);
    if (oxm && FIELD_OXM_CLASS(oxm->header) == 0xffff) {
        return xasprintf("%s: experimenter OXM field '%s' not supported", whole, name);
    }
    return NULL;
}

/* "load:VALUE->DST" with a number. */
static char *parse_load_immediate(const char *value, struct bytebuf *list)
{
    const char *arrow = strstr(value, "->");
    struct subfield dst;
    char *error = subfield_parse(arrow + 2, &dst);
    if (!error) {
        error = check_code(&dst, arrow + 2, value);
    }
    if (error) {
        return error;
    }
    uint8_t imm[128];
    const char *rest;
    unsigned n = dst.field->n_bytes;
    if (!bytes_parse_int(value, imm, n, &rest) || rest != arrow) {
        return xasprintf("%s: cannot parse integer value", value);
    }
    if (!bits_are_zero(imm, n, dst.n_bits, n * 8u - dst.n_bits)) {
        return xasprintf("%s: value does not fit into %u bits", value, dst.n_bits);
    }
    size_t ofs = list->len;
    put_spec(list, LEARN_DST_LOAD, &dst);
    put_immediate(list, ofs, imm, n, dst.n_bits);
    return NULL;
}

static char *parse_load(const char *value, struct bytebuf *list)
{
    if (!strstr(value, "->")) {
        return xasprintf("load: missing `->' in `%s'", value);
    }
    const char *p = value;
    struct subfield src, dst;
    char *error = subfield_parse_at(&p, &src);
    if (error) {
        free(error);
        return parse_load_immediate(value, list);
    }
    if (strncmp(p, "->", 2)) {
        return xasprintf("%s: missing `->' following source", value);
    }
    error = subfield_parse(p + 2, &dst);
    if (!error && src.n_bits != dst.n_bits) {
        error = xasprintf("%s: source field is %u bits wide but destination is %u bits wide", value,
                          src.n_bits, dst.n_bits);
    }
    if (!error) {
        struct learn_spec *spec = put_spec(list, LEARN_DST_LOAD, &dst);
        spec->src_type = LEARN_SRC_FIELD;
        spec->src = src;
    }
    return error;
}

/* An immediate for the match on DST, as a number or, for a whole field, in the field's own form. */
static char *parse_match_value(const char *whole, const char *value, const struct subfield *dst,
                               const struct ofp_names *names, uint8_t *imm)
{
    unsigned n = dst->field->n_bytes;
    if (!dst->ofs && dst->n_bits == dst->field->n_bits) {
        union field_value v = {0}, mask = {0}, all;
        char *error = field_parse(dst->field, value, names ? names->ports : NULL, &v, &mask);
        if (!error) {
            field_all_ones(dst->field, &all);
            for (unsigned i = 0; i < n; i++) {
                if (all.b[i] & ~mask.b[i]) {
                    return xasprintf("%s: must be exact", value);
                }
            }
            memcpy(imm, &v, n);
        }
        return error;
    }
    if (!bytes_parse_int(value, imm, n, NULL)) {
        return xasprintf("%s: cannot parse integer value", whole);
    }
    if (!bits_are_zero(imm, n, dst->n_bits, n * 8u - dst->n_bits)) {
        struct strbuf s = STRBUF_INITIALIZER;
        bytes_format_hex(imm, n, &s);
        char *error =
            xasprintf("%s: value %s does not fit into %u bits", whole, strbuf_text(&s), dst->n_bits);
        strbuf_fini(&s);
        return error;
    }
    return NULL;
}

static char *parse_match(const char *whole, const char *key, const char *value, const struct ofp_names *names,
                         struct bytebuf *list)
{
    struct subfield dst, src;
    char *error = subfield_parse(key, &dst);
    if (error) {
        if (field_from_name(key)) {
            return error; /* one that actions cannot name */
        }
        free(error);
        return xasprintf("%s: unknown keyword %s", whole, key);
    }
    error = check_code(&dst, key, whole);
    if (error) {
        return error;
    }
    if (!*value) {
        struct learn_spec *spec = put_spec(list, LEARN_DST_MATCH, &dst);
        spec->src_type = LEARN_SRC_FIELD;
        spec->src = dst;
        return NULL;
    }
    error = subfield_parse(value, &src);
    if (!error) {
        if (src.n_bits != dst.n_bits) {
            return xasprintf("%s: bit widths of %s (%u) and %s (%u) differ", whole, key, src.n_bits, value,
                             dst.n_bits);
        }
        struct learn_spec *spec = put_spec(list, LEARN_DST_MATCH, &dst);
        spec->src_type = LEARN_SRC_FIELD;
        spec->src = src;
        return NULL;
    }
    uint8_t imm[128] = {0};
    char *imm_error = parse_match_value(whole, value, &dst, names, imm);
    if (imm_error) {
        char *both =
            xasprintf("%s: %s value %s cannot be parsed as a subfield (%s) or an immediate value (%s)", whole,
                      key, value, error, imm_error);
        free(error);
        free(imm_error);
        return both;
    }
    free(error);
    size_t ofs = list->len;
    put_spec(list, LEARN_DST_MATCH, &dst);
    put_immediate(list, ofs, imm, dst.field->n_bytes, dst.n_bits);
    return NULL;
}

static char *parse_spec(const char *whole, const char *key, const char *value, const struct ofp_names *names,
                        struct bytebuf *list)
{
    if (!strcmp(key, "load")) {
        return parse_load(value, list);
    }
    if (!strcmp(key, "output")) {
        struct subfield src;
        char *error = subfield_parse(value, &src);
        if (!error) {
            struct learn_spec *spec = put_spec(list, LEARN_DST_OUTPUT, &(struct subfield){0});
            spec->src_type = LEARN_SRC_FIELD;
            spec->src = src;
            spec->n_bits = src.n_bits;
        }
        return error;
    }
    return parse_match(whole, key, value, names, list);
}

/* The properties of the flow; *DONE if KEY is one. */
static char *parse_property(const char *key, const char *value, const struct action_parse *p,
                            struct ofpact_learn *a, bool *done)
{
    static const struct {
        const char *name;
        size_t offset;
    } numbers[] = {
        {"priority", offsetof(struct ofpact_learn, priority)},
        {"idle_timeout", offsetof(struct ofpact_learn, idle_timeout)},
        {"hard_timeout", offsetof(struct ofpact_learn, hard_timeout)},
        {"fin_idle_timeout", offsetof(struct ofpact_learn, fin_idle_timeout)},
        {"fin_hard_timeout", offsetof(struct ofpact_learn, fin_hard_timeout)},
    };
    *done = true;
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        if (!strcmp(key, numbers[i].name)) {
            uint16_t n = text_lax_int(value);
            memcpy((char *)a + numbers[i].offset, &n, sizeof n);
            return NULL;
        }
    }
    if (!strcmp(key, "table")) {
        if (!ofp_table_parse(value, p->names, &a->table_id)) {
            return xasprintf("unknown table \"%s\"", value);
        } else if (a->table_id == 255) {
            return xasprintf("table=%s: table id 255 not valid for `learn' action", value);
        }
    } else if (!strcmp(key, "cookie")) {
        a->cookie = strtoull(value, NULL, 0);
    } else if (!strcmp(key, "send_flow_rem")) {
        a->flags |= LEARN_SEND_FLOW_REM;
    } else if (!strcmp(key, "delete_learned")) {
        a->flags |= LEARN_DELETE_LEARNED;
    } else if (!strcmp(key, "limit")) {
        a->limit = text_lax_int(value);
    } else if (!strcmp(key, "result_dst")) {
        a->flags |= LEARN_WRITE_RESULT;
        char *error = subfield_parse(value, &a->result_dst);
        if (!error && a->result_dst.field->access != FIELD_RW) {
            error = xasprintf("%s is read-only", a->result_dst.field->name);
        }
        if (!error && a->result_dst.n_bits != 1) {
            error = xstrdup("result_dst in 'learn' action must be a single bit");
        }
        return error;
    } else {
        *done = false;
    }
    return NULL;
}

char *ofpact_parse_LEARN(char *arg, const struct action_parse *p)
{
    size_t ofs = p->out->len;
    struct ofpact_learn head = {.priority = OFP_DEFAULT_PRIORITY, .table_id = 1};
    struct bytebuf specs = BYTEBUF_INITIALIZER;
    char *key, *value, *error = NULL, *whole = xstrdup(arg);
    while (!error && text_next_key_value(&arg, &key, &value)) {
        bool done;
        error = parse_property(key, value, p, &head, &done);
        if (!done) {
            error = parse_spec(whole, key, value, p->names, &specs);
        }
    }
    free(whole);
    struct ofpact_learn *a = OFPACT_PUT(LEARN, p->out);
    head.ofpact = a->ofpact;
    memcpy(a, &head, offsetof(struct ofpact_learn, specs));
    bytebuf_put(p->out, specs.data, specs.len);
    ofpact_finish(p->out, ofs);
    bytebuf_fini(&specs);
    return error;
}

static void format_spec(const struct learn_spec *spec, const struct action_format *f)
{
    struct strbuf *s = f->s;
    const struct subfield *dst = &spec->dst;
    if (spec->dst_type == LEARN_DST_OUTPUT) {
        color_puts(s, COLOR_SPECIAL, "output:");
        subfield_format(&spec->src, s);
        return;
    }
    if (spec->dst_type == LEARN_DST_LOAD) {
        color_puts(s, COLOR_SPECIAL, "load:");
        if (spec->src_type == LEARN_SRC_FIELD) {
            subfield_format(&spec->src, s);
        } else {
            bytes_format_hex(spec->imm, spec->imm_bytes, s);
        }
        color_puts(s, COLOR_SPECIAL, "->");
        subfield_format(dst, s);
        return;
    }
    if (spec->src_type == LEARN_SRC_FIELD) {
        color_start(s, COLOR_PARAM);
        subfield_format(dst, s);
        color_end(s);
        if (spec->src.field != dst->field || spec->src.ofs != dst->ofs) {
            color_puts(s, COLOR_PARAM, "=");
            subfield_format(&spec->src, s);
        }
    } else if (!dst->ofs && dst->n_bits == dst->field->n_bits) {
        union field_value v = {0};
        bits_copy(spec->imm, spec->imm_bytes, 0, v.b, dst->field->n_bytes, 0, spec->n_bits);
        color_put_name(s, dst->field->name);
        field_format(dst->field, &v, NULL, f->names ? f->names->ports : NULL, s);
    } else {
        color_start(s, COLOR_PARAM);
        subfield_format(dst, s);
        strbuf_put_char(s, '=');
        color_end(s);
        bytes_format_hex(spec->imm, spec->imm_bytes, s);
    }
}

void ofpact_format_LEARN(const struct ofpact_learn *a, const struct action_format *f)
{
    struct strbuf *s = f->s;
    color_puts(s, COLOR_LEARN, "learn(");
    color_puts(s, COLOR_SPECIAL, "table=");
    ofp_table_format(a->table_id, f->names, s);
    const struct {
        const char *name;
        uint16_t value, none;
        enum color color;
        bool comma; /* in colour, too, as the reference does it */
    } numbers[] = {
        {"idle_timeout=", a->idle_timeout, 0, COLOR_PARAM, false},
        {"hard_timeout=", a->hard_timeout, 0, COLOR_PARAM, false},
        {"fin_idle_timeout=", a->fin_idle_timeout, 0, COLOR_PARAM, false},
        {",fin_hard_timeout=", a->fin_hard_timeout, 0, COLOR_PARAM, true},
        {",priority=", a->priority, OFP_DEFAULT_PRIORITY, COLOR_SPECIAL, true},
    };
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        if (numbers[i].value != numbers[i].none) {
            if (!numbers[i].comma) {
                strbuf_put_char(s, ',');
            }
            color_puts(s, numbers[i].color, numbers[i].name);
            strbuf_printf(s, "%u", numbers[i].value);
        }
    }
    if (a->flags & LEARN_SEND_FLOW_REM) {
        strbuf_put_char(s, ',');
        color_puts(s, COLOR_VALUE, "send_flow_rem");
    }
    if (a->flags & LEARN_DELETE_LEARNED) {
        strbuf_put_char(s, ',');
        color_puts(s, COLOR_VALUE, "delete_learned");
    }
    if (a->cookie) {
        strbuf_put_char(s, ',');
        color_put_name(s, "cookie");
        strbuf_printf(s, "0x%" PRIx64, a->cookie);
    }
    if (a->limit) {
        strbuf_put_char(s, ',');
        color_put_name(s, "limit");
        strbuf_printf(s, "%u", a->limit);
    }
    if (a->flags & LEARN_WRITE_RESULT) {
        strbuf_put_char(s, ',');
        color_put_name(s, "result_dst");
        subfield_format(&a->result_dst, s);
    }
    const struct learn_spec *spec;
    LEARN_SPEC_FOR_EACH(spec, a)
    {
        strbuf_put_char(s, ',');
        format_spec(spec, f);
    }
    color_puts(s, COLOR_LEARN, ")");
}
