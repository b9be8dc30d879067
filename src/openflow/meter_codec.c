/* SPDX-License-Identifier: Apache-2.0 */
#include "openflow/meter_codec.h"

#include <stdlib.h>

#include "openflow/action_text.h"

#define FLAGS_ALL (METER_KBPS | METER_PKTPS | METER_BURST | METER_STATS)

void meter_fini(struct meter_config *mc)
{
    free(mc->bands);
    mc->bands = NULL;
    mc->n_bands = 0;
}

/* --- Bands --- */

static void put_bands(struct bytebuf *b, const struct meter_config *mc)
{
    for (size_t i = 0; i < mc->n_bands; i++) {
        const struct meter_band_config *band = &mc->bands[i];
        put_u16(b, band->type);
        put_u16(b, 16);
        put_u32(b, band->rate);
        put_u32(b, band->burst_size);
        put_u8(b, band->type == METER_BAND_DSCP_REMARK ? band->prec_level : 0);
        bytebuf_put_zeros(b, 3);
    }
}

static struct meter_band_config *add_band(struct meter_config *mc)
{
    mc->bands = xrealloc(mc->bands, (mc->n_bands + 1) * sizeof *mc->bands);
    struct meter_band_config *band = &mc->bands[mc->n_bands++];
    *band = (struct meter_band_config){0};
    return band;
}

static enum ofperr get_bands(struct reader *r, struct meter_config *mc)
{
    while (r->n) {
        uint16_t type = get_u16(r), len = get_u16(r);
        if (r->bad || len != 16) {
            return OFPERR_OFPBRC_BAD_LEN;
        }
        if (type != METER_BAND_DROP && type != METER_BAND_DSCP_REMARK) {
            return OFPERR_OFPMMFC_BAD_BAND;
        }
        struct meter_band_config *band = add_band(mc);
        band->type = type;
        band->rate = get_u32(r);
        band->burst_size = get_u32(r);
        uint8_t prec = get_u8(r);
        band->prec_level = type == METER_BAND_DSCP_REMARK ? prec : 0;
        get_skip(r, 3);
        if (r->bad) {
            return OFPERR_OFPBRC_BAD_LEN;
        }
    }
    return OFPERR_NONE;
}

/* --- Mods --- */

void meter_mod_encode(struct bytebuf *b, enum meter_command command, const struct meter_config *mc,
                      enum ofp_version v, uint32_t xid)
{
    size_t start = ofp_msg_begin(b, OFPTYPE_METER_MOD, v, xid);
    put_u16(b, command);
    put_u16(b, mc->flags);
    put_u32(b, mc->meter_id);
    put_bands(b, mc);
    ofp_msg_end(b, start);
}

enum ofperr meter_mod_decode(const struct ofp_msg *m, enum meter_command *command, struct meter_config *mc)
{
    struct reader r = m->body;
    *mc = (struct meter_config){0};
    *command = get_u16(&r);
    mc->flags = get_u16(&r);
    mc->meter_id = get_u32(&r);
    if (r.bad) {
        return OFPERR_OFPBRC_BAD_LEN;
    }
    if (*command > METER_DELETE) {
        return OFPERR_OFPMMFC_BAD_COMMAND;
    }
    if (*command == METER_DELETE) {
        mc->flags = 0;
        return OFPERR_NONE;
    }
    if (mc->flags & ~FLAGS_ALL || ((mc->flags & METER_KBPS) && (mc->flags & METER_PKTPS))) {
        return OFPERR_OFPMMFC_BAD_FLAGS;
    }
    if (!(mc->flags & (METER_KBPS | METER_PKTPS))) {
        mc->flags |= METER_KBPS;
    }
    enum ofperr error = get_bands(&r, mc);
    if (error) {
        meter_fini(mc);
    }
    return error;
}

/* --- Configuration and statistics --- */

void meter_request_encode(struct bytebuf *b, enum ofptype type, uint32_t meter_id, enum ofp_version v,
                          uint32_t xid)
{
    size_t start = ofp_msg_begin(b, type, v, xid);
    put_u32(b, meter_id);
    put_u32(b, 0);
    ofp_msg_end(b, start);
}

enum ofperr meter_request_decode(const struct ofp_msg *m, uint32_t *meter_id)
{
    struct reader r = m->body;
    *meter_id = get_u32(&r);
    return r.bad ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

void meter_config_encode(struct bytebuf *b, const struct meter_config *mc)
{
    size_t start = b->len;
    put_u16(b, 0);
    put_u16(b, mc->flags);
    put_u32(b, mc->meter_id);
    put_bands(b, mc);
    set_u16(b, start, b->len - start);
}

enum ofperr meter_config_decode(struct reader *r, struct meter_config *mc, bool *more)
{
    *more = false;
    *mc = (struct meter_config){0};
    if (!r->n) {
        return OFPERR_NONE;
    }
    uint16_t len = r->n >= 2 ? ntohs(get_be16(r->p)) : 0;
    if (len < 8 || len > r->n) {
        return OFPERR_OFPBRC_BAD_LEN;
    }
    struct reader c = get_sub(r, len);
    get_skip(&c, 2);
    mc->flags = get_u16(&c);
    mc->meter_id = get_u32(&c);
    enum ofperr error = get_bands(&c, mc);
    if (error) {
        meter_fini(mc);
    }
    *more = !error;
    return error;
}

void meter_stats_encode(struct bytebuf *b, const struct meter_stats *s)
{
    size_t start = b->len;
    put_u32(b, s->meter_id);
    bytebuf_put_zeros(b, 8);
    put_u32(b, s->flow_count);
    put_u64(b, s->packet_in_count);
    put_u64(b, s->byte_in_count);
    put_u32(b, s->duration_sec);
    put_u32(b, s->duration_nsec);
    for (size_t i = 0; i < s->n_bands; i++) {
        put_u64(b, s->bands[i].packet_count);
        put_u64(b, s->bands[i].byte_count);
    }
    set_u16(b, start + 4, b->len - start);
}

enum ofperr meter_stats_decode(struct reader *r, struct meter_stats *s, bool *more)
{
    *more = false;
    *s = (struct meter_stats){0};
    if (!r->n) {
        return OFPERR_NONE;
    }
    uint16_t len = r->n >= 6 ? ntohs(get_be16(r->p + 4)) : 0;
    if (len < 40 || len > r->n || (len - 40) % 16) {
        return OFPERR_OFPBRC_BAD_LEN;
    }
    struct reader c = get_sub(r, len);
    s->meter_id = get_u32(&c);
    get_skip(&c, 8);
    s->flow_count = get_u32(&c);
    s->packet_in_count = get_u64(&c);
    s->byte_in_count = get_u64(&c);
    s->duration_sec = get_u32(&c);
    s->duration_nsec = get_u32(&c);
    s->n_bands = c.n / 16;
    s->bands = xcalloc(s->n_bands, sizeof *s->bands);
    for (size_t i = 0; i < s->n_bands; i++) {
        s->bands[i].packet_count = get_u64(&c);
        s->bands[i].byte_count = get_u64(&c);
    }
    *more = true;
    return OFPERR_NONE;
}

void meter_features_encode(struct bytebuf *b, const struct meter_features *f, enum ofp_version v,
                           bool long_form, uint32_t xid)
{
    size_t start = ofp_msg_begin(b, OFPTYPE_METER_FEATURES_REPLY, v, xid);
    put_u32(b, f->max_meters);
    put_u32(b, f->band_types);
    put_u32(b, f->capabilities);
    put_u8(b, f->max_bands);
    put_u8(b, f->max_color);
    put_u16(b, 0);
    if (long_form) {
        put_u32(b, 0);
        put_u32(b, 0);
    }
    ofp_msg_end(b, start);
}

enum ofperr meter_features_decode(const struct ofp_msg *m, struct meter_features *f)
{
    struct reader r = m->body;
    f->max_meters = get_u32(&r);
    f->band_types = get_u32(&r);
    f->capabilities = get_u32(&r);
    f->max_bands = get_u8(&r);
    f->max_color = get_u8(&r);
    return r.bad ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

/* --- Text --- */

static char *parse_meter_id(const char *text, uint32_t *id)
{
    if (!strcmp(text, "all")) {
        *id = OFPM_ALL;
    } else if (!strcmp(text, "controller")) {
        *id = OFPM_CONTROLLER;
    } else if (!strcmp(text, "slowpath")) {
        *id = OFPM_SLOWPATH;
    } else {
        char *error = text_to_u32(text, id);
        if (error) {
            return error;
        }
        if (*id > OFPM_MAX || !*id) {
            return xstrdup("invalid value for meter");
        }
    }
    return NULL;
}

static char *parse_bands(char *text, struct meter_config *mc)
{
    char *key, *value, *error = NULL;
    struct meter_band_config *band = NULL;
    while (!error && text_next_key_value(&text, &key, &value)) {
        if (!strcmp(key, "type")) {
            band = add_band(mc);
            if (!strcmp(value, "drop")) {
                band->type = METER_BAND_DROP;
            } else if (!strcmp(value, "dscp_remark")) {
                band->type = METER_BAND_DSCP_REMARK;
            } else {
                return xasprintf("field type unknown value %s", value);
            }
            band->rate = 0;
            continue;
        }
        if (!band) {
            return xstrdup("band must start with the 'type' keyword");
        }
        if (!*value) {
            error = xasprintf("field %s missing value", key);
        } else if (!strcmp(key, "rate")) {
            error = text_to_u32(value, &band->rate);
        } else if (!strcmp(key, "burst_size")) {
            error = text_to_u32(value, &band->burst_size);
        } else if (!strcmp(key, "prec_level")) {
            error = text_to_u8(value, key, &band->prec_level);
        } else {
            error = xasprintf("unknown keyword %s", key);
        }
    }
    for (size_t i = 0; !error && i < mc->n_bands; i++) {
        if (!mc->bands[i].rate) {
            error = xstrdup("band must have 'rate'");
        } else if (mc->flags & METER_BURST && !mc->bands[i].burst_size) {
            error = xstrdup("band must have 'burst_size' when 'burst' flag is set");
        } else if (!(mc->flags & METER_BURST) && mc->bands[i].burst_size) {
            error = xstrdup("band may have 'burst_size' only when 'burst' flag is set");
        } else if (mc->bands[i].type != METER_BAND_DSCP_REMARK && mc->bands[i].prec_level) {
            error = xstrdup("Only 'dscp_remark' band may have 'prec_level'");
        } else if (mc->bands[i].type == METER_BAND_DSCP_REMARK && !mc->bands[i].prec_level) {
            error = xstrdup("band must have 'prec_level' when type is 'dscp_remark'");
        }
    }
    if (!error && !mc->n_bands) {
        error = xstrdup("meter must have bands");
    }
    return error;
}

static char *parse_meter(struct meter_config *mc, char *text, enum meter_command command)
{
    bool had_id = command == METER_DELETE, wants_bands = command != METER_DELETE;
    char *bands = NULL;
    if (wants_bands) {
        bands = strstr(text, "band");
        if (!bands) {
            return xstrdup("must specify bands");
        }
        *bands = '\0';
        bands = strchr(bands + 1, '=');
        if (!bands) {
            return xstrdup("must specify bands");
        }
        bands++;
    }
    char *key, *value;
    while (text_next_key_value(&text, &key, &value)) {
        if (wants_bands && !strcmp(key, "kbps")) {
            mc->flags |= METER_KBPS;
        } else if (wants_bands && !strcmp(key, "pktps")) {
            mc->flags |= METER_PKTPS;
        } else if (wants_bands && !strcmp(key, "burst")) {
            mc->flags |= METER_BURST;
        } else if (wants_bands && !strcmp(key, "stats")) {
            mc->flags |= METER_STATS;
        } else if (!*value) {
            return xasprintf("field %s missing value", key);
        } else if (!strcmp(key, "meter")) {
            char *error = parse_meter_id(value, &mc->meter_id);
            if (error) {
                return error;
            }
            had_id = true;
        } else {
            return xasprintf("unknown keyword %s", key);
        }
    }
    if (!had_id) {
        return xstrdup("must specify 'meter'");
    }
    if (wants_bands && !(mc->flags & (METER_KBPS | METER_PKTPS))) {
        return xstrdup("meter must specify either 'kbps' or 'pktps'");
    }
    return wants_bands ? parse_bands(bands, mc) : NULL;
}

char *meter_parse(struct meter_config *mc, const char *text, enum meter_command command)
{
    char *copy = xstrdup(text);
    *mc = (struct meter_config){.meter_id = OFPM_ALL};
    char *error = parse_meter(mc, copy, command);
    free(copy);
    if (error) {
        meter_fini(mc);
    }
    return error;
}

void meter_id_format(uint32_t id, struct strbuf *s)
{
    switch (id) {
    case OFPM_ALL:
        strbuf_puts(s, "all");
        break;
    case OFPM_CONTROLLER:
        strbuf_puts(s, "controller");
        break;
    case OFPM_SLOWPATH:
        strbuf_puts(s, "slowpath");
        break;
    default:
        strbuf_printf(s, "%u", id);
        break;
    }
}

void meter_format(const struct meter_config *mc, struct strbuf *s)
{
    strbuf_puts(s, "meter=");
    meter_id_format(mc->meter_id, s);
    static const char *const names[] = {"kbps ", "pktps ", "burst ", "stats "};
    strbuf_put_char(s, ' ');
    for (int i = 0; i < 4; i++) {
        if (mc->flags & 1 << i) {
            strbuf_puts(s, names[i]);
        }
    }
    strbuf_puts(s, "bands=");
    for (size_t i = 0; i < mc->n_bands; i++) {
        const struct meter_band_config *b = &mc->bands[i];
        strbuf_printf(s, "\ntype=%s rate=%u", b->type == METER_BAND_DROP ? "drop" : "dscp_remark", b->rate);
        if (mc->flags & METER_BURST) {
            strbuf_printf(s, " burst_size=%u", b->burst_size);
        }
        if (b->type == METER_BAND_DSCP_REMARK) {
            strbuf_printf(s, " prec_level=%u", b->prec_level);
        }
    }
    strbuf_put_char(s, '\n');
}
