/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/show.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/rcu.h"
#include "datapath/dp.h"

static double ratio(uint64_t a, uint64_t b)
{
    return b ? (double)a / (double)b : 0.0;
}

static void put_stats(const struct forwarder_stats *s, struct strbuf *out)
{
    uint64_t hits = s->cache_hit + s->mega_hit;
    strbuf_printf(out, "  packets received: %" PRIu64 "\n", s->received);
    strbuf_printf(out, "  packet recirculations: %" PRIu64 "\n", s->recirculated);
    strbuf_printf(out, "  avg. datapath passes per packet: %.02f\n",
                  ratio(s->received + s->recirculated, s->received));
    strbuf_puts(out, "  phwol hits: 0\n  mfex opt hits: 0\n  simple match hits: 0\n");
    strbuf_printf(out, "  emc hits: %" PRIu64 "\n", s->cache_hit);
    strbuf_puts(out, "  smc hits: 0\n");
    strbuf_printf(out, "  megaflow hits: %" PRIu64 "\n", s->mega_hit);
    strbuf_printf(out, "  avg. subtable lookups per megaflow hit: %.02f\n",
                  ratio(s->masks_tried, s->mega_hit));
    strbuf_printf(out, "  miss with success upcall: %" PRIu64 "\n", s->missed - s->lost);
    strbuf_printf(out, "  miss with failed upcall: %" PRIu64 "\n", s->lost);
    strbuf_printf(out, "  avg. packets per output batch: %.02f\n", ratio(s->sent, s->sent_batches));
    if (s->busy_cycles + s->idle_cycles && hits + s->missed) {
        uint64_t total = s->busy_cycles + s->idle_cycles, n = s->received;
        strbuf_printf(out, "  idle cycles: %" PRIu64 " (%.02f%%)\n", s->idle_cycles,
                      100 * ratio(s->idle_cycles, total));
        strbuf_printf(out, "  processing cycles: %" PRIu64 " (%.02f%%)\n", s->busy_cycles,
                      100 * ratio(s->busy_cycles, total));
        strbuf_printf(out, "  avg cycles per packet: %.02f (%" PRIu64 "/%" PRIu64 ")\n", ratio(total, n),
                      total, n);
        strbuf_printf(out, "  avg processing cycles per packet: %.02f (%" PRIu64 "/%" PRIu64 ")\n",
                      ratio(s->busy_cycles, n), s->busy_cycles, n);
    }
}

static void show_stats(struct dp *dp, struct strbuf *out)
{
    for (unsigned i = 0; i < dp->n_threads; i++) {
        strbuf_printf(out, "pmd thread numa_id 0 core_id %u:\n", dp->threads[i]->number);
        put_stats(&dp->threads[i]->fwd.stats, out);
    }
    struct forwarder_stats others = dp->retired;
    pthread_mutex_lock(&dp->forwarders_mutex);
    for (unsigned i = 0; i < DP_MAX_FORWARDERS; i++) {
        const struct forwarder *f = dp->forwarders[i];
        if (f && f->handler) {
            others.received += f->stats.received;
            others.recirculated += f->stats.recirculated;
            others.mega_hit += f->stats.mega_hit;
            others.masks_tried += f->stats.masks_tried;
            others.missed += f->stats.missed;
            others.lost += f->stats.lost;
            others.sent += f->stats.sent;
            others.sent_batches += f->stats.sent_batches;
        }
    }
    pthread_mutex_unlock(&dp->forwarders_mutex);
    strbuf_puts(out, "main thread:\n");
    put_stats(&others, out);
}

static void show_queues(struct dp *dp, struct strbuf *out)
{
    for (unsigned i = 0; i < dp->n_threads; i++) {
        struct dp_thread *t = dp->threads[i];
        strbuf_printf(out, "pmd thread numa_id 0 core_id %u:\n  isolated : false\n", t->number);
        unsigned n = atomic_load(&t->n_sources);
        for (unsigned j = 0; j < n; j++) {
            const struct rx_source *s = t->sources[j];
            if (s) {
                strbuf_printf(out, "  port: %-16s  queue-id: %2u (enabled)   pmd usage: NOT AVAIL\n",
                              s->port->name, s->rxq->queue);
            }
        }
    }
}

int dp_show(struct datapath *up, const char *which, int argc, const char *argv[], struct strbuf *out)
{
    struct dp *dp = dp_cast(up);
    if (!strcmp(which, "pmd-stats-show")) {
        show_stats(dp, out);
    } else if (!strcmp(which, "pmd-rxq-show")) {
        show_queues(dp, out);
    } else {
        return ENOENT;
    }
    return 0;
}
