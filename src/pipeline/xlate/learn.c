/* SPDX-License-Identifier: Apache-2.0 */
/* The learn action: a rule made from a packet. */
#include <string.h>

#include "base/clock.h"
#include "openflow/action_text.h"
#include "pipeline/xlate/ctx.h"
#include "pipeline/xlate/learned.h"

/* The value of a spec's source, right-aligned in whole bytes at OUT. */
static unsigned read_source(const struct xlate_ctx *ctx, const struct learn_spec *spec, uint8_t *out)
{
    unsigned n = DIV_ROUND_UP(spec->n_bits, 8u);
    memset(out, 0, n);
    if (spec->src_type == LEARN_SRC_FIELD) {
        union field_value value;
        xlate_get_field(ctx, spec->src.field, &value);
        bits_copy(value.b, spec->src.field->n_bytes, spec->src.ofs, out, n, 0, spec->n_bits);
    } else {
        bits_copy(spec->imm, spec->imm_bytes, 0, out, n, 0, spec->n_bits);
    }
    return n;
}

static void add_match(const struct learn_spec *spec, const uint8_t *value, unsigned n, struct match *match)
{
    const struct field *field = spec->dst.field;
    union field_value v, m;
    field_match_get(field, match, &v, &m);
    bits_copy(value, n, 0, v.b, field->n_bytes, spec->dst.ofs, spec->n_bits);
    bits_set_ones(m.b, field->n_bytes, spec->dst.ofs, spec->n_bits);
    free(field_match(field, &v, &m, match));
}

static void add_load(const struct learn_spec *spec, const uint8_t *value, unsigned n, struct bytebuf *actions)
{
    const struct field *field = spec->dst.field;
    bytebuf_pad(actions, OFPACT_ALIGN);
    size_t at = actions->len;
    struct ofpact_set_field *sf = OFPACT_PUT(SET_FIELD, actions);
    sf->field = field;
    sf->n_bytes = field->n_bytes;
    sf->is_load = sf->masked = true;
    uint8_t *data = bytebuf_put_zeros(actions, 2u * field->n_bytes);
    bits_copy(value, n, 0, data, field->n_bytes, spec->dst.ofs, spec->n_bits);
    bits_set_ones(data + field->n_bytes, field->n_bytes, spec->dst.ofs, spec->n_bits);
    ofpact_finish(actions, at);
}

static void add_output(const uint8_t *value, unsigned n, struct bytebuf *actions)
{
    uint32_t port = 0;
    for (unsigned i = 0; i < n; i++) {
        port = port << 8 | value[i];
    }
    if (port < OFPP_MAX || port == OFPP_IN_PORT || port == OFPP_FLOOD || port == OFPP_LOCAL ||
        port == OFPP_ALL) {
        bytebuf_pad(actions, OFPACT_ALIGN);
        size_t at = actions->len;
        OFPACT_PUT(OUTPUT, actions)->port = port;
        ofpact_finish(actions, at);
    }
}

static void compose(const struct xlate_ctx *ctx, const struct ofpact_learn *a, struct flow_mod *mod)
{
    flow_mod_init(mod);
    match_init_catchall(&mod->match);
    match_set_layout(&mod->match, &ctx->bridge->tun_md.layout);
    mod->command = FLOW_MODIFY_STRICT;
    mod->table_id = a->table_id;
    mod->priority = a->priority;
    mod->new_cookie = a->cookie;
    mod->modify_cookie = a->cookie != UINT64_MAX;
    mod->idle_timeout = a->idle_timeout;
    mod->hard_timeout = a->hard_timeout;
    mod->flags = a->flags & LEARN_SEND_FLOW_REM ? FLOW_SEND_FLOW_REM : 0;
    mod->cookie = mod->cookie_mask = 0;
    mod->out_port = OFPP_ANY;
    mod->out_group = OFPG_ANY;
    if (a->fin_idle_timeout || a->fin_hard_timeout) {
        struct ofpact_fin_timeout *f = OFPACT_PUT(FIN_TIMEOUT, &mod->ofpacts);
        f->idle = a->fin_idle_timeout;
        f->hard = a->fin_hard_timeout;
        ofpact_finish(&mod->ofpacts, 0);
    }
    const struct learn_spec *spec;
    LEARN_SPEC_FOR_EACH(spec, a)
    {
        uint8_t value[128];
        unsigned n = read_source(ctx, spec, value);
        switch ((enum learn_dst)spec->dst_type) {
        case LEARN_DST_MATCH:
            add_match(spec, value, n, &mod->match);
            break;
        case LEARN_DST_LOAD:
            add_load(spec, value, n, &mod->ofpacts);
            break;
        case LEARN_DST_OUTPUT:
            add_output(value, n, &mod->ofpacts);
            break;
        }
    }
    match_set_default_packet_type(&mod->match);
    mod->match.wc.blocks = (uint16_t)flow_mask_find_blocks(&mod->match.wc);
    bytebuf_pad(&mod->ofpacts, OFPACT_ALIGN);
}

void xlate_learn(struct xlate_ctx *ctx, const struct ofpact_learn *a)
{
    const struct learn_spec *spec;
    LEARN_SPEC_FOR_EACH(spec, a)
    {
        if (spec->src_type == LEARN_SRC_FIELD) {
            subfield_look_at(ctx, &spec->src);
        }
    }
    if (!ctx->xin->side_effects && !ctx->xin->record) {
        xlate_report(ctx, REPORT_WARN, "suppressing side effects, so learn action ignored");
        return;
    }
    struct flow_mod mod;
    compose(ctx, a, &mod);
    if (ctx->report) {
        struct strbuf s = STRBUF_INITIALIZER;
        strbuf_printf(&s, "table=%u ", mod.table_id);
        match_format(&mod.match, xlate_port_names(ctx), &s, MATCH_DEFAULT_PRIORITY);
        strbuf_chomp(&s, ',');
        strbuf_printf(&s, " priority=%u", mod.priority);
        if (mod.new_cookie) {
            strbuf_printf(&s, " cookie=%#" PRIx64, mod.new_cookie);
        }
        if (mod.idle_timeout) {
            strbuf_printf(&s, " idle=%u", mod.idle_timeout);
        }
        if (mod.hard_timeout) {
            strbuf_printf(&s, " hard=%u", mod.hard_timeout);
        }
        strbuf_puts(&s, " actions=");
        ofpacts_format((const struct ofpact *)(const void *)mod.ofpacts.data, mod.ofpacts.len,
                       xlate_names(ctx), &s);
        xlate_report(ctx, REPORT_DETAIL, "%s", strbuf_text(&s));
        strbuf_fini(&s);
    }
    struct learned *learned = learned_create(ctx->bridge->ofproto, &mod, a->limit);
    flow_mod_fini(&mod);
    bool ok = true;
    if (ctx->xin->side_effects) {
        ok = learned_request(learned);
    }
    if (a->flags & LEARN_WRITE_RESULT) {
        xlate_write_subfield(ctx, &a->result_dst, ok);
    }
    if (!ok) {
        xlate_report(ctx, REPORT_DETAIL, "Limit exceeded, learn failed");
    }
    if (ctx->xin->record && ok) {
        record_add(ctx->xin->record, RECORD_LEARN)->object = learned;
    } else {
        learned_destroy(learned);
    }
}
