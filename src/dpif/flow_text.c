/* SPDX-License-Identifier: Apache-2.0 */
#include "dpif/flow_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "action/text.h"
#include "base/clock.h"
#include "flow/dpkey_text.h"

void dp_ufid_format(struct dp_ufid ufid, struct strbuf *s)
{
    strbuf_printf(s, "ufid:%08x-%04x-%04x-%04x-%012" PRIx64, (unsigned)(ufid.hi >> 32),
                  (unsigned)(ufid.hi >> 16 & 0xffff), (unsigned)(ufid.hi & 0xffff), (unsigned)(ufid.lo >> 48),
                  (uint64_t)(ufid.lo & 0xffffffffffffull));
}

const char *dp_ufid_parse(const char *text, struct dp_ufid *ufid)
{
    unsigned a, b, c, d;
    uint64_t e;
    int n = 0;
    if (sscanf(text, "ufid:%8x-%4x-%4x-%4x-%12" SCNx64 "%n", &a, &b, &c, &d, &e, &n) != 5 || n != 41) {
        return NULL;
    }
    ufid->hi = (uint64_t)a << 32 | (uint64_t)b << 16 | c;
    ufid->lo = (uint64_t)d << 48 | e;
    return text + n;
}

void dp_flow_stats_format(const struct dp_flow_stats *stats, struct strbuf *s)
{
    static const char letters[] = "FSRP.UECN";
    strbuf_printf(s, "packets:%" PRIu64 ", bytes:%" PRIu64 ", used:", stats->packets, stats->bytes);
    if (stats->used_ms) {
        int64_t ago = clock_ms() - stats->used_ms;
        strbuf_printf(s, "%.3fs", (double)MAX(ago, 0) / 1000);
    } else {
        strbuf_puts(s, "never");
    }
    if (stats->tcp_flags) {
        strbuf_puts(s, ", flags:");
        for (int i = 0; i < 9; i++) {
            if (stats->tcp_flags & 1 << i) {
                strbuf_put_char(s, letters[i]);
            }
        }
    }
}

void dp_flow_format(const struct dp_flow_desc *flow, const struct port_names *names, bool more,
                    struct strbuf *s)
{
    dpkey_format(flow->key, &flow->mask->bits, names, more, s);
    strbuf_puts(s, ", ");
    dp_flow_stats_format(&flow->stats, s);
    strbuf_puts(s, more ? ", dp:ovs, actions:" : ", actions:");
    dp_actions_format(flow->actions, flow->actions_len, names, s);
}
