/* SPDX-License-Identifier: Apache-2.0 */
/* Actions on header fields in general, in text: set_field, load, move, delete_field, push and pop. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/color.h"
#include "openflow/action_text.h"
#include "openflow/protocols.h"

/* --- set_field and load --- */

static struct ofpact_set_field *put_set_field(struct bytebuf *out, const struct field *field,
                                              const union field_value *value, const union field_value *mask)
{
    size_t ofs = ROUND_UP(out->len, OFPACT_ALIGN);
    struct ofpact_set_field *a = OFPACT_PUT(SET_FIELD, out);
    a->field = field;
    a->n_bytes = field->n_bytes;
    bytebuf_put(out, value, field->n_bytes);
    bytebuf_put(out, mask, field->n_bytes);
    ofpact_finish(out, ofs);
    return bytebuf_at(out, ofs);
}

static char *parse_load(char *arg, const struct action_parse *p)
{
    char *arrow = strstr(arg, "->");
    if (!arrow) {
        return xasprintf("%s: missing `->'", arg);
    }
    if (!arrow[2]) {
        return xasprintf("%s: missing field name following `->'", arg);
    }
    struct subfield dst;
    char *error = subfield_parse(arrow + 2, &dst);
    if (error) {
        return error;
    }
    union field_value value = {0}, mask = {0}, shifted = {0};
    const char *rest;
    unsigned n = dst.field->n_bytes;
    if (!bytes_parse_int(arg, value.b, n, &rest)) {
        return xasprintf("%s: cannot parse integer value", arg);
    }
    if (!bits_are_zero(value.b, n, dst.n_bits, n * 8u - dst.n_bits)) {
        struct strbuf s = STRBUF_INITIALIZER;
        field_format(dst.field, &value, NULL, NULL, &s);
        error = xasprintf("%s: value %s does not fit into %u bits", arg, strbuf_text(&s), dst.n_bits);
        strbuf_fini(&s);
        return error;
    }
    bits_copy(value.b, n, 0, shifted.b, n, dst.ofs, dst.n_bits);
    bits_set_ones(mask.b, n, dst.ofs, dst.n_bits);
    struct ofpact_set_field *a = put_set_field(p->out, dst.field, &shifted, &mask);
    a->is_load = a->masked = true;
    return NULL;
}

char *ofpact_parse_SET_FIELD(char *arg, const struct action_parse *p)
{
    if (!strcasecmp(p->name, "load")) {
        return parse_load(arg, p);
    }
    char *arrow = strstr(arg, "->");
    if (!arrow) {
        return xasprintf("%s: missing `->'", arg);
    }
    char *name = arrow + 2;
    if (!*name) {
        return xasprintf("%s: missing field name following `->'", arg);
    }
    const struct field *field = field_from_name(name);
    if (!field) {
        return xasprintf("%s is not a valid OXM field name", name);
    }
    if (field->access != FIELD_RW) {
        return xasprintf("%s is read-only", name);
    }
    *arrow = '\0';
    /* Parts of the tag without a code of their own. */
    if (field->id == FIELD_DL_VLAN) {
        return ofpact_parse_SET_VLAN_VID(arg, p);
    } else if (field->id == FIELD_DL_VLAN_PCP) {
        return ofpact_parse_SET_VLAN_PCP(arg, p);
    }
    union field_value value = {0}, mask = {0};
    char *error = field_parse(field, arg, p->names ? p->names->ports : NULL, &value, &mask);
    if (error) {
        return error;
    }
    if (!field_is_value_valid(field, &value)) {
        return xasprintf("%s is not a valid value for field %s", arg, field->name);
    }
    *p->usable &= ofproto_of_field(field, false);
    union field_value ones;
    field_all_ones(field, &ones);
    for (unsigned i = 0; i < field->n_bytes; i++) {
        mask.b[i] &= ones.b[i];
        value.b[i] &= mask.b[i];
    }
    put_set_field(p->out, field, &value, &mask)->masked = strchr(arg, '/') != NULL;
    return NULL;
}

void ofpact_format_SET_FIELD(const struct ofpact_set_field *a, const struct action_format *f)
{
    union field_value value = {0}, mask = {0};
    memcpy(&value, ofpact_set_field_value(a), a->n_bytes);
    memcpy(&mask, ofpact_set_field_mask(a), a->n_bytes);
    if (a->is_load) {
        unsigned ofs = 0, n_bits = 0, total = a->n_bytes * 8u;
        while (ofs < total && bits_are_zero(mask.b, a->n_bytes, ofs, 1)) {
            ofs++;
        }
        while (ofs + n_bits < total && !bits_are_zero(mask.b, a->n_bytes, ofs + n_bits, 1)) {
            n_bits++;
        }
        union field_value low = {0};
        bits_copy(value.b, a->n_bytes, ofs, low.b, a->n_bytes, 0, n_bits);
        color_puts(f->s, COLOR_SPECIAL, "load:");
        bytes_format_hex(low.b, a->n_bytes, f->s);
        color_puts(f->s, COLOR_SPECIAL, "->");
        subfield_format(&(struct subfield){.field = a->field, .ofs = ofs, .n_bits = n_bits}, f->s);
        return;
    }
    bool has_value = a->n_bytes; /* an option may have none */
    bool exact = has_value && ofpact_set_field_is_exact(a);
    color_puts(f->s, COLOR_SPECIAL, "set_field:");
    (exact || !has_value ? field_format : field_format_masked)(a->field, &value, exact ? NULL : &mask,
                                                               f->names ? f->names->ports : NULL, f->s);
    color_puts(f->s, COLOR_SPECIAL, "->");
    strbuf_puts(f->s, a->field->name);
}

/* --- move --- */

char *ofpact_parse_MOVE(char *arg, const struct action_parse *p)
{
    struct ofpact_move *a = OFPACT_PUT(MOVE, p->out);
    const char *s = arg;
    char *error = subfield_parse_at(&s, &a->src);
    if (error) {
        return error;
    }
    if (strncmp(s, "->", 2)) {
        return xasprintf("%s: missing `->' following source", arg);
    }
    error = subfield_parse(s + 2, &a->dst);
    if (!error && a->src.n_bits != a->dst.n_bits) {
        error = xasprintf("%s: source field is %u bits wide but destination is %u bits wide", arg,
                          a->src.n_bits, a->dst.n_bits);
    }
    return error;
}

void ofpact_format_MOVE(const struct ofpact_move *a, const struct action_format *f)
{
    color_puts(f->s, COLOR_SPECIAL, "move:");
    subfield_format(&a->src, f->s);
    color_puts(f->s, COLOR_SPECIAL, "->");
    subfield_format(&a->dst, f->s);
}

/* --- delete_field --- */

char *ofpact_parse_DELETE_FIELD(char *arg, const struct action_parse *p)
{
    struct ofpact_delete_field *a = OFPACT_PUT(DELETE_FIELD, p->out);
    a->field = field_from_name(arg);
    return a->field ? NULL : xasprintf("unknown field `%s'", arg);
}

void ofpact_format_DELETE_FIELD(const struct ofpact_delete_field *a, const struct action_format *f)
{
    color_puts(f->s, COLOR_PARAM, "delete_field:");
    strbuf_puts(f->s, a->field->name);
}

/* --- push and pop --- */

static char *parse_stack(char *arg, struct ofpact_stack *a)
{
    const char *p = arg;
    char *error = subfield_parse_at(&p, &a->subfield);
    return !error && *p ? xasprintf("%s: trailing garbage following push or pop", p) : error;
}

char *ofpact_parse_STACK_PUSH(char *arg, const struct action_parse *p)
{
    return parse_stack(arg, OFPACT_PUT(STACK_PUSH, p->out));
}

char *ofpact_parse_STACK_POP(char *arg, const struct action_parse *p)
{
    return parse_stack(arg, OFPACT_PUT(STACK_POP, p->out));
}

void ofpact_format_STACK_PUSH(const struct ofpact_stack *a, const struct action_format *f)
{
    color_puts(f->s, COLOR_PARAM, "push:");
    subfield_format(&a->subfield, f->s);
}

void ofpact_format_STACK_POP(const struct ofpact_stack *a, const struct action_format *f)
{
    color_puts(f->s, COLOR_PARAM, "pop:");
    subfield_format(&a->subfield, f->s);
}
