/* SPDX-License-Identifier: Apache-2.0 */
#include "openflow/subfield.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "openflow/types.h"

LOG_MODULE(meta_flow);
static struct log_rate_limit rl = LOG_RATE_LIMIT_INIT(60, 5);

/* --- Text --- */

const char *subfield_field_name(const struct field *field)
{
    const struct field_oxm *oxm = field_oxm_of(field, OFP10);
    if (!oxm) {
        oxm = field_oxm_of(field, OFP15);
    }
    return oxm ? oxm->name : field->name;
}

static char *parse_at(const char **textp, bool coded, struct subfield *sf)
{
    const char *text = *textp;
    size_t len = strcspn(text, "[-");
    const struct field *field = field_from_name_len(text, len);
    if (!field) {
        const struct field_oxm *oxm = field_oxm_from_name_len(text, len);
        field = oxm ? field_from_id(oxm->field) : NULL;
    }
    if (!field) {
        return xasprintf("%s: unknown field `%.*s'", text, (int)len, text);
    }
    if (coded && !field_oxm_of(field, OFP15)) {
        return xasprintf("%s: actions cannot name field %s%s", text, field->name,
                         field->store == FIELD_VLAN ? " (but vlan_vid and vlan_pcp)" : "");
    }
    const char *p = text + len;
    unsigned start = 0, end = field->n_bits - 1u;
    if (*p == '[') {
        int n = 0;
        if (p[1] == ']') {
            p += 2;
        } else if (sscanf(p, "[%u..%u]%n", &start, &end, &n) == 2 && n) {
            p += n;
        } else if ((n = 0, sscanf(p, "[%u]%n", &start, &n)) == 1 && n) {
            end = start;
            p += n;
        } else {
            return xasprintf("%s: syntax error expecting [] or [<bit>] or [<start>..<end>]", text);
        }
    }
    if (start > end) {
        return xasprintf("%s: starting bit %u is after ending bit %u", text, start, end);
    }
    if (start >= field->n_bits) {
        return xasprintf("%s: starting bit %u is not valid because field is only %u bits wide", text, start,
                         field->n_bits);
    }
    if (end >= field->n_bits) {
        return xasprintf("%s: ending bit %u is not valid because field is only %u bits wide", text, end,
                         field->n_bits);
    }
    *sf = (struct subfield){.field = field, .ofs = start, .n_bits = end - start + 1};
    *textp = p;
    return NULL;
}

static char *parse_whole(const char *text, bool coded, struct subfield *sf)
{
    const char *p = text;
    char *error = parse_at(&p, coded, sf);
    if (!error && *p) {
        error = xstrdup("unexpected input following field syntax");
    }
    return error;
}

char *subfield_parse_at(const char **text, struct subfield *sf)
{
    return parse_at(text, true, sf);
}

char *subfield_parse(const char *text, struct subfield *sf)
{
    return parse_whole(text, true, sf);
}

char *subfield_parse_match(const char *text, struct subfield *sf)
{
    return parse_whole(text, false, sf);
}

void subfield_format(const struct subfield *sf, struct strbuf *s)
{
    if (!sf->field) {
        strbuf_puts(s, "<unknown>");
        return;
    }
    strbuf_puts(s, subfield_field_name(sf->field));
    if (!sf->ofs && sf->n_bits == sf->field->n_bits) {
        strbuf_puts(s, "[]");
    } else if (sf->n_bits == 1) {
        strbuf_printf(s, "[%u]", sf->ofs);
    } else {
        strbuf_printf(s, "[%u..%u]", sf->ofs, sf->ofs + sf->n_bits - 1u);
    }
}

/* --- Checks --- */

static enum ofperr check_subfield(const struct subfield *sf, const struct flow_key *flow, const char *role)
{
    if (!sf->field) {
        LOG_WARN_RL(&rl, "unknown %s field", role);
        return OFPERR_OFPBAC_BAD_SET_TYPE;
    }
    if (!sf->n_bits) {
        LOG_WARN_RL(&rl, "zero bit %s field %s", role, sf->field->name);
        return OFPERR_OFPBAC_BAD_SET_LEN;
    }
    if (sf->ofs + sf->n_bits > sf->field->n_bits) {
        LOG_WARN_RL(&rl, "bit offset %u and width %u exceeds %u-bit width of %s field %s", sf->ofs,
                    sf->n_bits, sf->field->n_bits, role, sf->field->name);
        return OFPERR_OFPBAC_BAD_SET_LEN;
    }
    if (flow && !field_prereqs_ok(sf->field, flow)) {
        LOG_WARN_RL(&rl, "%s field %s lacks correct prerequisites", role, sf->field->name);
        return OFPERR_OFPBAC_MATCH_INCONSISTENT;
    }
    return OFPERR_NONE;
}

enum ofperr subfield_check_src(const struct subfield *sf, const struct flow_key *flow)
{
    return check_subfield(sf, flow, "source");
}

enum ofperr subfield_check_dst(const struct subfield *sf, const struct flow_key *flow)
{
    enum ofperr error = check_subfield(sf, flow, "destination");
    if (!error && sf->field->access != FIELD_RW) {
        LOG_WARN_RL(&rl, "destination field %s is not writable", sf->field->name);
        error = OFPERR_OFPBAC_BAD_SET_ARGUMENT;
    }
    return error;
}
