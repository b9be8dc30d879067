/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <inttypes.h>

#include "openflow/bundle_codec.h"
#include "openflow/misc_codec.h"
#include "openflow/print_private.h"
#include "openflow/tlv_codec.h"

enum ofperr print_hello(const struct ofp_msg *m, const struct print *p)
{
    bool understood, first = true;
    uint32_t versions = ofp_hello_versions(m, &understood);
    strbuf_puts(p->s, "\n version bitmap: ");
    for (unsigned v = 1; v < 32; v++) {
        if (versions >> v & 1) {
            strbuf_printf(p->s, first ? "0x%02x" : ", 0x%02x", v);
            first = false;
        }
    }
    if (!understood) {
        strbuf_puts(p->s, "\n unknown data in hello:\n");
        ofp_hex_dump(m->raw, m->len, 0, true, p->s);
    }
    return OFPERR_NONE;
}

enum ofperr print_error_msg(const struct ofp_msg *m, const struct print *p)
{
    struct ofperr_wire w;
    struct reader payload;
    enum ofperr e = ofp_error_decode(m, &w, &payload);
    struct strbuf *s = p->s;
    if (!e) {
        return OFPERR_OFPBRC_BAD_LEN;
    }
    strbuf_printf(s, " %s\n", ofperr_name(e));
    if (e == OFPERR_OFPHFC_INCOMPATIBLE || e == OFPERR_OFPHFC_EPERM) {
        for (size_t i = 0; i < payload.n; i++) {
            uint8_t c = payload.p[i];
            if (isprint(c) && c != '\\') {
                strbuf_put_char(s, (char)c);
            } else {
                strbuf_printf(s, "\\%03o", c);
            }
        }
        return OFPERR_NONE;
    }
    if (p->depth) {
        ofp_hex_dump(payload.p, payload.n, 0, true, s);
        return OFPERR_NONE;
    }
    /* What it was about, which may have been cut off. */
    struct print nested = *p;
    nested.depth++;
    print_any_message(payload.p, payload.n, &nested);
    return OFPERR_NONE;
}

enum ofperr print_echo(const struct ofp_msg *m, const struct print *p)
{
    strbuf_printf(p->s, " %zu bytes of payload\n", m->body.n);
    if (p->opt->verbosity > 1) {
        ofp_hex_dump(m->body.p, m->body.n, 0, true, p->s);
    }
    return OFPERR_NONE;
}

enum ofperr print_config(const struct ofp_msg *m, const struct print *p)
{
    static const char *const frags[] = {"normal", "drop", "reassemble", "nx-match"};
    struct switch_config c;
    enum ofperr error = switch_config_decode(m, &c);
    if (error) {
        return error;
    }
    strbuf_printf(p->s, " frags=%s", frags[c.flags & 3]);
    if (m->version < OFP13 && c.flags & 4) {
        strbuf_puts(p->s, " invalid_ttl_to_controller");
    }
    strbuf_printf(p->s, " miss_send_len=%u\n", c.miss_send_len);
    return OFPERR_NONE;
}

enum ofperr print_desc(const struct ofp_msg *m, const struct print *p)
{
    static const struct {
        const char *title;
        unsigned len;
    } texts[] = {{"Manufacturer", 256},
                 {"Hardware", 256},
                 {"Software", 256},
                 {"Serial Num", 32},
                 {"DP Description", 256}};
    struct reader r = m->body;
    strbuf_put_char(p->s, '\n');
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        const uint8_t *t = get_bytes(&r, texts[i].len);
        if (!t) {
            return OFPERR_OFPBRC_BAD_LEN;
        }
        strbuf_printf(p->s, "%s: %.*s\n", texts[i].title, (int)strnlen((const char *)t, texts[i].len),
                      (const char *)t);
    }
    return OFPERR_NONE;
}

enum ofperr print_role(const struct ofp_msg *m, const struct print *p)
{
    static const char *const names[] = {"nochange", "equal", "primary", "secondary"};
    struct role_request rr;
    enum ofperr error = role_decode(m, &rr);
    if (error) {
        return error;
    }
    strbuf_printf(p->s, " role=%s", names[rr.role]);
    /* It is shown wherever there is one, whether it says anything or not. */
    uint64_t generation = m->kind == OFPK_NXT ? UINT64_MAX : be64toh(get_be64(m->body.p + 8));
    if (generation != UINT64_MAX && (rr.role != ROLE_NOCHANGE || m->type == OFPTYPE_ROLE_REPLY)) {
        strbuf_printf(p->s, " generation_id=%" PRIu64, generation);
    }
    return OFPERR_NONE;
}

static void print_bundle_flags(uint16_t flags, struct strbuf *s)
{
    static const struct bit_name names[] = {{1, "atomic"}, {2, "ordered"}, {4, "time"}};
    strbuf_puts(s, " flags=");
    print_bits(flags, names, ARRAY_SIZE(names), ' ', s);
}

/* Seconds. */
static void print_time(const char *name, const struct ofp_time *t, struct strbuf *s)
{
    strbuf_printf(s, " %s=%" PRIu64 ".%09" PRIu32, name, t->seconds, t->nanoseconds);
}

enum ofperr print_bundle_control(const struct ofp_msg *m, const struct print *p)
{
    static const char *const types[] = {"OPEN_REQUEST",   "OPEN_REPLY",   "CLOSE_REQUEST",   "CLOSE_REPLY",
                                        "COMMIT_REQUEST", "COMMIT_REPLY", "DISCARD_REQUEST", "DISCARD_REPLY"};
    struct bundle_control bc;
    enum ofperr error = bundle_control_decode(m, &bc);
    if (error && error != OFPERR_OFPBFC_BAD_TYPE && error != OFPERR_OFPBFC_BAD_FLAGS) {
        return error == OFPERR_OFPBFC_BAD_FLAGS ? OFPERR_NONE : error; /* as the reference has it */
    }
    strbuf_printf(p->s, "\n bundle_id=%#" PRIx32 " type=%s", bc.bundle_id,
                  bc.type < ARRAY_SIZE(types) ? types[bc.type] : "");
    print_bundle_flags(bc.flags, p->s);
    if (bc.has_time) {
        print_time("time", &bc.time, p->s);
    }
    return OFPERR_NONE;
}

enum ofperr print_bundle_features(const struct ofp_msg *m, const struct print *p)
{
    static const struct bit_name request[] = {{1, "timestamp"}, {2, "time_set_sched"}};
    struct bundle_features bf;
    enum ofperr error = bundle_features_decode(m, &bf);
    if (error) {
        return error;
    }
    if (m->type == OFPTYPE_BUNDLE_FEATURES_REPLY) {
        strbuf_puts(p->s, "\n");
        print_bundle_flags((uint16_t)bf.flags, p->s);
    } else {
        strbuf_puts(p->s, "\n flags=");
        print_bits(bf.flags, request, ARRAY_SIZE(request), ' ', p->s);
    }
    if (bf.has_times) {
        strbuf_puts(p->s, "\n");
        print_time("accuracy", &bf.times.accuracy, p->s);
        print_time("max_future", &bf.times.max_future, p->s);
        print_time("max_past", &bf.times.max_past, p->s);
        print_time("timestamp", &bf.times.timestamp, p->s);
    }
    return OFPERR_NONE;
}

/* The message inside is printed whole. */
enum ofperr print_bundle_add(const struct ofp_msg *m, const struct print *p)
{
    struct ofp_msg inner;
    uint32_t id;
    uint16_t flags;
    enum ofperr error = bundle_add_decode(m, &id, &flags, &inner);
    if (error) {
        return error;
    }
    strbuf_printf(p->s, "\n bundle_id=%#" PRIx32, id);
    print_bundle_flags(flags, p->s);
    strbuf_put_char(p->s, '\n');
    struct print nested = *p;
    nested.depth++;
    print_any_message(inner.raw, inner.len, &nested);
    return OFPERR_NONE;
}

enum ofperr print_u8_value(const struct ofp_msg *m, const struct print *p)
{
    struct reader r = m->body;
    uint8_t set = get_u8(&r);
    strbuf_printf(p->s, " %s", set ? "enable" : "disable");
    return r.bad ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

enum ofperr print_format_value(const struct ofp_msg *m, const struct print *p)
{
    static const char *const flow[] = {"openflow10", "?", "nxm"};
    static const char *const packet_in[] = {"standard", "nxt_packet_in", "nxt_packet_in2"};
    struct reader r = m->body;
    uint32_t format = get_u32(&r);
    bool is_flow = m->type == OFPTYPE_SET_FLOW_FORMAT;
    if (format > 2 || (is_flow && format == 1)) {
        if (!is_flow) {
            return OFPERR_OFPBRC_EPERM;
        }
        strbuf_puts(p->s, " format=(unknown)");
        return OFPERR_NONE;
    }
    strbuf_printf(p->s, " format=%s", is_flow ? flow[format] : packet_in[format]);
    return r.bad ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

enum ofperr print_controller_id(const struct ofp_msg *m, const struct print *p)
{
    struct reader r = m->body;
    get_skip(&r, 6);
    strbuf_printf(p->s, " id=%u", get_u16(&r));
    return r.bad ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

static enum ofperr print_tlv_maps(struct reader *maps, const struct print *p)
{
    strbuf_puts(p->s, " mapping table:\n");
    strbuf_puts(p->s, "  class  type  length  match field\n");
    strbuf_puts(p->s, " ------  ----  ------  --------------");
    while (maps->n) {
        struct tlv_map map = tlv_map_get(maps);
        if (maps->bad) {
            return OFPERR_OFPBRC_BAD_LEN;
        }
        strbuf_printf(p->s, "\n %#6x  %#4x  %6u  tun_metadata%u", map.option.class, map.option.type,
                      map.option.len, map.index);
    }
    return OFPERR_NONE;
}

enum ofperr print_tlv_table(const struct ofp_msg *m, const struct print *p)
{
    static const char *const commands[] = {"ADD", "DEL", "CLEAR"};
    struct reader maps;
    enum ofperr error;
    if (m->type == OFPTYPE_TLV_TABLE_MOD) {
        enum tlv_command command;
        error = tlv_table_mod_decode(m, &command, &maps);
        if (error) {
            return error;
        }
        strbuf_printf(p->s, "\n %s", commands[command]);
        return command == TLV_CLEAR ? OFPERR_NONE : print_tlv_maps(&maps, p);
    }
    uint32_t space, used = 0;
    uint16_t fields;
    error = tlv_table_reply_decode(m, &space, &fields, &maps);
    if (error) {
        return error;
    }
    for (struct reader t = maps; t.n >= TLV_MAP_SIZE;) {
        used += tlv_map_get(&t).option.len;
    }
    strbuf_printf(p->s, "\n max option space=%u max fields=%u\n", space, fields);
    strbuf_printf(p->s, " allocated option space=%u\n\n", used);
    return print_tlv_maps(&maps, p);
}
