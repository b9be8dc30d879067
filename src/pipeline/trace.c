/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/trace.h"

#include <stdlib.h>
#include <string.h>

#include "action/action.h"
#include "action/text.h"
#include "base/alloc.h"
#include "flow/extract.h"
#include "flow/mask.h"
#include "flow/match.h"
#include "flow/text.h"
#include "pipeline/recirc.h"
#include "pipeline/trace_private.h"
#include "wire/eth.h"

void trace_format_ct_state(uint16_t state, struct strbuf *s)
{
    static const char *const names[] = {"new", "est", "rel", "rpl", "inv", "trk", "snat", "dnat"};
    bool first = true;
    for (int i = 0; i < 8; i++) {
        if (state & (1u << i)) {
            strbuf_printf(s, "%s%s", first ? "" : "|", names[i]);
            first = false;
        }
    }
    if (first) {
        strbuf_puts(s, "0");
    }
}

/* A megaflow that says that there is no tag says it by its type of Ethernet. */
static void format_megaflow(const struct flow_key *key, const struct xlate_out *xout,
                            const struct tun_md_layout *layout, const struct port_names *names,
                            struct strbuf *s)
{
    struct match match;
    struct flow_key mask = xout->wc.bits;
    if (flow_key_from_tunnel(key)) {
        mask.tun_md_present = xout->tun_md.present;
        memcpy(mask.tun_md, xout->tun_md.bits, sizeof mask.tun_md);
    }
    for (int i = 0; i < FLOW_MAX_VLANS; i++) {
        if (!(key->vlans[i].tci & FLOW_VLAN_PRESENT)) {
            memset(&mask.vlans[i], 0, sizeof mask.vlans[i]);
        }
    }
    match_init(&match, key, &mask);
    match_set_layout(&match, layout);
    match_format(&match, names, s, MATCH_DEFAULT_PRIORITY);
}

static void format_slow_reasons(unsigned slow, struct strbuf *s)
{
    static const struct {
        unsigned bit;
        const char *text;
    } reasons[] = {
#define X(NAME, BIT, TEXT, MEANING) {1u << (BIT), MEANING},
        DP_SLOW_REASONS(X)
#undef X
    };
    strbuf_puts(s, "\nThis flow is handled by the userspace slow path because it:");
    for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
        if (slow & reasons[i].bit) {
            strbuf_printf(s, "\n  - %s.", reasons[i].text);
        }
    }
}

static bool is_awaited(const struct list *recircs, uint32_t id)
{
    const struct xlate_recirc *r;
    if (!recircs) {
        return false;
    }
    LIST_FOR_EACH (r, node, recircs) {
        if (r->recirc_id == id) {
            return true;
        }
    }
    return false;
}

/* Translates XIN and keeps what came of it. */
static void run_step(struct trace *t, struct xlate_in *xin, struct list *recircs, struct trace_step *step)
{
    struct xlate_out xout;
    struct flow_key before = xin->flow;
    const struct port_names *names = t->named ? &t->ofp_names : NULL;
    const struct tun_md_layout *layout = &xin->bridge->tun_md.layout;
    t->bridge = xin->bridge;
    step->bridge = xin->bridge->name;
    list_init(&step->report);
    xlate_out_init(&xout);
    xin->report = &step->report;
    xin->named = t->named;
    xin->recircs = recircs;
    xin->packet = t->packet;
    xin->side_effects = t->packet != NULL;
    xin->tcp_flags = be16toh(xin->flow.tcp_flags);

    match_format_key(&xin->flow, layout, names, &step->flow);
    step->error = xlate(xin, &xout);
    step->slow = xout.slow;
    if (!flow_key_equal(&before, &xin->flow)) {
        match_format_key(&xin->flow, layout, names, &step->final_flow);
    }
    format_megaflow(&before, &xout, layout, names, &step->megaflow);
    dp_actions_format(xout.actions.data, xout.actions.len, t->named ? &t->dp_names : NULL, &step->actions);
    for (size_t i = 0; i < xout.n_recirc_ids; i++) {
        if (!is_awaited(recircs, xout.recirc_ids[i])) {
            recirc_unref(t->pipeline->recirc, xout.recirc_ids[i]);
        }
    }
    xlate_out_fini(&xout);
}

static void format_resume(const struct trace_step *step, struct strbuf *s)
{
    strbuf_puts(s, "\n\n");
    strbuf_put_chars(s, '=', 79);
    strbuf_printf(s, "\nrecirc(0x%x) - resume conntrack with %sct_state=", step->recirc->recirc_id,
                  step->ct_given ? "" : "default ");
    if (step->ct_given) {
        trace_format_ct_state(step->ct_state, s);
        strbuf_put_char(s, '\n');
    } else {
        strbuf_puts(s, "trk|new (use --ct-next to customize)\n");
    }
    if (step->recirc->nat) {
        strbuf_printf(s,
                      "Replacing src/dst IP/ports to simulate NAT:\n Initial flow: %s\n Modified flow: %s\n",
                      strbuf_text(&step->nat_from), strbuf_text(&step->nat_to));
    }
    strbuf_put_chars(s, '=', 79);
    strbuf_puts(s, "\n\n");
}

static void format_step(const struct trace_step *step, struct strbuf *s)
{
    if (step->recirc) {
        format_resume(step, s);
    }
    strbuf_printf(s, "Flow: %s\n", strbuf_text(&step->flow));
    report_format(&step->report, s);
    strbuf_printf(s, "\nFinal flow: %s", step->final_flow.len ? strbuf_text(&step->final_flow) : "unchanged");
    strbuf_printf(s, "\nMegaflow: %s", strbuf_text(&step->megaflow));
    strbuf_printf(s, "\nDatapath actions: %s", strbuf_text(&step->actions));
    if (step->error) {
        strbuf_printf(s, "\nTranslation failed (%s), packet is dropped.\n", xlate_error_text(step->error));
    } else if (step->slow) {
        format_slow_reasons(step->slow, s);
    }
}

static void format_addresses(const struct flow_key *key, struct strbuf *s)
{
    if (key->dl_type == CONST_BE16(ETH_TYPE_IPV6)) {
        strbuf_puts(s, "ipv6_src=[");
        text_put_ipv6(s, &key->ipv6_src);
        strbuf_printf(s, "],tp_src=%u,ipv6_dst=[", be16toh(key->tp_src));
        text_put_ipv6(s, &key->ipv6_dst);
        strbuf_printf(s, "],tp_dst=%u", be16toh(key->tp_dst));
    } else {
        strbuf_puts(s, "nw_src=");
        text_put_ipv4(s, key->nw_src);
        strbuf_printf(s, ",tp_src=%u,nw_dst=", be16toh(key->tp_src));
        text_put_ipv4(s, key->nw_dst);
        strbuf_printf(s, ",tp_dst=%u", be16toh(key->tp_dst));
    }
}

/* As if the connection had got the first address and port of the range. */
static void apply_nat(const struct ofpact_nat *nat, struct flow_key *key, struct trace_step *step)
{
    if (!(nat->flags & (NAT_SRC | NAT_DST))) {
        return;
    }
    bool src = nat->flags & NAT_SRC;
    if (nat->range_af) {
        format_addresses(key, &step->nat_from);
    }
    if (nat->range_af == 4) {
        *(src ? &key->nw_src : &key->nw_dst) = nat->addr.ipv4.min;
    } else if (nat->range_af == 6) {
        *(src ? &key->ipv6_src : &key->ipv6_dst) = nat->addr.ipv6.min;
    }
    if (nat->proto_min) {
        *(src ? &key->tp_src : &key->tp_dst) = htobe16(nat->proto_min);
    }
    if (nat->range_af) {
        format_addresses(key, &step->nat_to);
    }
}

static void show_step(struct trace *t, struct trace_step *step)
{
    if (t->json) {
        trace_step_to_json(step, !step->recirc, t->out);
    } else {
        format_step(step, t->out);
    }
    report_destroy_all(&step->report);
    strbuf_fini(&step->nat_from);
    strbuf_fini(&step->nat_to);
    strbuf_fini(&step->flow);
    strbuf_fini(&step->final_flow);
    strbuf_fini(&step->megaflow);
    strbuf_fini(&step->actions);
}

/* A packet goes on behind ct(). */
static void resume(struct trace *t, struct xlate_recirc *r, struct list *recircs)
{
    struct xlate_in xin;
    struct trace_step step = {.recirc = r, .ct_given = t->next_ct < t->n_ct_next};
    step.ct_state = step.ct_given ? t->ct_next[t->next_ct++] : FLOW_CS_TRK | FLOW_CS_NEW;
    if (r->nat) {
        apply_nat(&r->nat_to, &r->flow, &step);
    }
    r->flow.ct_state = step.ct_state;
    r->flow.ct_zone = r->zone;
    r->flow.recirc_id = r->recirc_id;
    xlate_in_init(&xin, t->snapshot, r->bridge, &r->flow);
    xin.frozen = recirc_find(t->pipeline->recirc, r->recirc_id);
    if (xin.frozen) {
        run_step(t, &xin, recircs, &step);
        show_step(t, &step);
    }
}

static void trace_all(struct trace *t)
{
    struct list recircs;
    struct xlate_in xin;
    struct trace_step step = {.recirc = NULL};
    list_init(&recircs);
    xlate_in_init(&xin, t->snapshot, t->bridge, &t->key);
    if (t->actions.len) {
        xin.actions = (const struct ofpact *)(const void *)t->actions.data;
        xin.actions_len = t->actions.len;
    }
    if (t->key.recirc_id) {
        xin.frozen = recirc_find(t->pipeline->recirc, t->key.recirc_id);
    }
    if (t->json) {
        strbuf_puts(t->out, "{\"steps\":[");
    }
    run_step(t, &xin, &recircs, &step);
    show_step(t, &step);
    while (!list_is_empty(&recircs)) {
        struct xlate_recirc *r = CONTAINER_OF(list_pop_front(&recircs), struct xlate_recirc, node);
        resume(t, r, &recircs);
        recirc_unref(t->pipeline->recirc, r->recirc_id);
        free(r);
    }
    if (t->json) {
        strbuf_puts(t->out, "]}\n");
    }
}

static const char *name_ofp_port(const struct port_names *names, uint32_t port)
{
    const struct trace *t = names->aux;
    const struct xport *xport = xbridge_port(t->bridge, port);
    return xport ? xport->name : NULL;
}

static const char *name_dp_port(const struct port_names *names, uint32_t port)
{
    const struct trace *t = names->aux;
    const struct xport *xport = snapshot_port(t->snapshot, t->bridge->backer, port);
    return xport ? xport->name : NULL;
}

char *trace_run(struct pipeline *p, int argc, const char *argv[], struct strbuf *out)
{
    struct trace t = {
        .pipeline = p, .snapshot = snapshot_get(p), .out = out, .pool = packet_pool_create_heap()};
    t.ofp_names = (struct port_names){.name = name_ofp_port, .aux = &t};
    t.dp_names = (struct port_names){.name = name_dp_port, .aux = &t};
    char *error = trace_parse_args(&t, argc, argv);
    if (!error && t.key.recirc_id && !recirc_find(p->recirc, t.key.recirc_id)) {
        error = xasprintf("no recirculation data for recirc_id 0x%x", t.key.recirc_id);
    }
    if (!error) {
        trace_all(&t);
    }
    packet_free(t.packet);
    packet_pool_destroy(t.pool);
    bytebuf_fini(&t.actions);
    bytebuf_fini(&t.l7);
    return error;
}

void trace_upcall(const struct dp_backer *backer, const struct flow_key *key, struct strbuf *out)
{
    struct xlate_in xin;
    struct trace_step step = {.recirc = NULL};
    struct trace t = {.pipeline = backer->pipeline, .out = out};
    if (!xlate_in_init_upcall(&xin, t.pipeline, backer, key)) {
        t.snapshot = xin.snapshot;
        run_step(&t, &xin, NULL, &step);
        show_step(&t, &step);
    }
}
