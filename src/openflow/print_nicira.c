/* SPDX-License-Identifier: Apache-2.0 */
#include "openflow/nicira_codec.h"

#include <inttypes.h>

#include "openflow/print_private.h"

enum ofperr print_ct_flush_zone(const struct ofp_msg *m, const struct print *p)
{
    struct reader r = m->body;
    get_skip(&r, 6);
    strbuf_printf(p->s, " zone_id=%u", get_u16(&r));
    return r.bad ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

enum ofperr print_ct_flush(const struct ofp_msg *m, const struct print *p)
{
    struct ct_flush f;
    enum ofperr error = ct_flush_decode(m, &f);
    if (!error) {
        strbuf_put_char(p->s, ' ');
        ct_flush_format(&f, p->s);
    }
    return error;
}

/* Two lines, the second one indented by INDENT. */
static void print_ipfix(const struct ipfix_stats *i, int indent, struct strbuf *s)
{
    strbuf_printf(s,
                  "flows=%" PRIu64 ", current flows=%" PRIu64 ", sampled pkts=%" PRIu64 ", ipv4 ok=%" PRIu64
                  ", ipv6 ok=%" PRIu64 ", tx pkts=%" PRIu64 "\n",
                  i->total_flows, i->current_flows, i->packets, i->ipv4_packets, i->ipv6_packets,
                  i->tx_packets);
    strbuf_printf(
        s, "%*spkts errs=%" PRIu64 ", ipv4 errs=%" PRIu64 ", ipv6 errs=%" PRIu64 ", tx errs=%" PRIu64 "\n",
        indent, "", i->error_packets, i->ipv4_error_packets, i->ipv6_error_packets, i->tx_errors);
}

enum ofperr print_ipfix_bridge(const struct ofp_msg *m, const struct print *p)
{
    struct reader r = m->body;
    struct ipfix_stats i;
    enum ofperr error = ipfix_stats_decode(&r, &i);
    if (!error) {
        strbuf_puts(p->s, "\n  bridge ipfix: ");
        print_ipfix(&i, 16, p->s);
    }
    return error;
}

enum ofperr print_ipfix_flow(const struct ofp_msg *m, const struct print *p)
{
    struct reader r = m->body;
    strbuf_printf(p->s, " %zu ids\n", r.n / 88);
    while (r.n) {
        struct ipfix_stats i;
        enum ofperr error = ipfix_stats_decode(&r, &i);
        if (error) {
            return error;
        }
        strbuf_printf(p->s, "  id %3" PRIu32 ": ", i.collector_set_id);
        print_ipfix(&i, 10, p->s);
    }
    return OFPERR_NONE;
}
