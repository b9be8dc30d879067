/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/show.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
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

/* The options that the commands share. */
struct show_options {
    int core; /* -1: all threads, and what the others did */
    int seconds;
};

static struct show_options parse_options(int argc, const char *argv[])
{
    struct show_options o = {.core = -1, .seconds = 60};
    for (int i = 0; i + 1 < argc; i++) {
        char *end;
        long value = strtol(argv[i + 1], &end, 10);
        if (*end || end == argv[i + 1]) {
            continue;
        }
        if (!strcmp(argv[i], "-pmd")) {
            o.core = (int)value;
        } else if (!strcmp(argv[i], "-secs") && value > 0 && value <= 60) {
            o.seconds = (int)(value + 4) / 5 * 5;
        }
    }
    return o;
}

/* What others than the forwarding threads did. */
static struct forwarder_stats sum_others(struct dp *dp)
{
    struct forwarder_stats sum = dp->retired_others;
    pthread_mutex_lock(&dp->forwarders_mutex);
    for (unsigned i = 0; i < DP_MAX_FORWARDERS; i++) {
        const struct forwarder *f = dp->forwarders[i];
        if (f && f->handler) {
            sum.received += f->stats.received;
            sum.recirculated += f->stats.recirculated;
            sum.mega_hit += f->stats.mega_hit;
            sum.masks_tried += f->stats.masks_tried;
            sum.missed += f->stats.missed;
            sum.lost += f->stats.lost;
            sum.sent += f->stats.sent;
            sum.sent_batches += f->stats.sent_batches;
        }
    }
    pthread_mutex_unlock(&dp->forwarders_mutex);
    return sum;
}

/* NOW without what was counted when the statistics were cleared last. */
static struct forwarder_stats since(const struct forwarder_stats *now, const struct forwarder_stats *cleared)
{
    struct forwarder_stats left;
    const uint64_t *a = &now->received, *b = &cleared->received;
    uint64_t *c = &left.received;
    for (size_t i = 0; i < sizeof left / sizeof *c; i++) {
        c[i] = a[i] - b[i];
    }
    return left;
}

static void show_stats(struct dp *dp, const struct show_options *o, struct strbuf *out)
{
    for (unsigned i = 0; i < dp->n_threads; i++) {
        struct dp_thread *t = dp->threads[i];
        if (o->core < 0 || o->core == dp_thread_core(t)) {
            struct forwarder_stats s = since(&t->fwd.stats, &t->cleared);
            strbuf_printf(out, "pmd thread numa_id 0 core_id %d:\n", dp_thread_core(t));
            put_stats(&s, out);
        }
    }
    if (o->core < 0) {
        struct forwarder_stats sum = sum_others(dp), s = since(&sum, &dp->cleared);
        strbuf_puts(out, "main thread:\n");
        put_stats(&s, out);
    }
}

static void clear_stats(struct dp *dp, const struct show_options *o)
{
    for (unsigned i = 0; i < dp->n_threads; i++) {
        struct dp_thread *t = dp->threads[i];
        if (o->core < 0 || o->core == dp_thread_core(t)) {
            t->cleared = t->fwd.stats;
            t->cleared_ms = clock_ms();
        }
    }
    if (o->core < 0) {
        dp->cleared = sum_others(dp);
    }
}

static void show_performance(struct dp *dp, const struct show_options *o, struct strbuf *out)
{
    for (unsigned i = 0; i < dp->n_threads; i++) {
        struct dp_thread *t = dp->threads[i];
        if (o->core >= 0 && o->core != dp_thread_core(t)) {
            continue;
        }
        struct forwarder_stats s = since(&t->fwd.stats, &t->cleared);
        double seconds = (double)(clock_ms() - t->cleared_ms) / 1000;
        uint64_t total = s.busy_cycles + s.idle_cycles;
        strbuf_printf(out, "\nMeasurement duration: %.3f s\n\npmd thread numa_id 0 core_id %d:\n\n", seconds,
                      dp_thread_core(t));
        strbuf_printf(out, "  Iterations:         %12" PRIu64 "  (%.2f us/it)\n", s.iterations,
                      ratio((uint64_t)(seconds * 1e6), s.iterations));
        strbuf_printf(out, "  - Used TSC cycles:  %12" PRIu64 "  (%5.1f %% of total cycles)\n", s.busy_cycles,
                      100 * ratio(s.busy_cycles, total));
        strbuf_printf(out, "  Rx packets:         %12" PRIu64 "  (%.0f Kpps, %.0f cycles/pkt)\n", s.received,
                      seconds > 0 ? (double)s.received / seconds / 1000 : 0,
                      ratio(s.busy_cycles, s.received));
        strbuf_printf(out, "  Rx bursts:          %12" PRIu64 "  (%.2f packets each)\n", s.bursts,
                      ratio(s.received, s.bursts));
        strbuf_printf(out, "  Upcalls:            %12" PRIu64 "\n", s.missed);
        strbuf_printf(out, "  Lost upcalls:       %12" PRIu64 "\n", s.lost);
        strbuf_printf(out, "  Tx packets:         %12" PRIu64 "\n", s.sent);
        strbuf_printf(out, "  Tx batches:         %12" PRIu64 "  (%.2f packets each)\n", s.sent_batches,
                      ratio(s.sent, s.sent_batches));
    }
}

static void show_queues(struct dp *dp, const struct show_options *o, struct strbuf *out)
{
    if (o->core < 0) {
        strbuf_printf(out, "Displaying last %d seconds pmd usage %%\n", o->seconds);
    }
    for (unsigned i = 0; i < dp->n_threads; i++) {
        struct dp_thread *t = dp->threads[i];
        if (o->core >= 0 && o->core != dp_thread_core(t)) {
            continue;
        }
        strbuf_printf(out, "pmd thread numa_id 0 core_id %d:\n  isolated : %s\n", dp_thread_core(t),
                      t->isolated ? "true" : "false");
        unsigned n = atomic_load(&t->n_sources);
        for (unsigned j = 0; j < n; j++) {
            const struct rx_source *s = t->sources[j];
            if (s) {
                strbuf_printf(out, "  port: %-16s  queue-id: %2u (enabled)   pmd usage: NOT AVAIL\n",
                              s->port->name, s->rxq->queue);
            }
        }
        strbuf_puts(out, "  overhead: NOT AVAIL\n");
    }
}

int dp_show(struct datapath *up, const char *which, int argc, const char *argv[], struct strbuf *out)
{
    struct dp *dp = dp_cast(up);
    struct show_options o = parse_options(argc, argv);
    if (!strcmp(which, "pmd-stats-show")) {
        show_stats(dp, &o, out);
    } else if (!strcmp(which, "pmd-stats-clear")) {
        clear_stats(dp, &o);
    } else if (!strcmp(which, "pmd-rxq-show")) {
        show_queues(dp, &o, out);
    } else if (!strcmp(which, "pmd-perf-show")) {
        show_performance(dp, &o, out);
    } else if (!strcmp(which, "pmd-rxq-rebalance")) {
        if (!dp->is_inline) {
            dp_spread_all(dp);
        }
        strbuf_puts(out, "pmd rxq rebalance requested.\n");
    } else if (!strcmp(which, "pmd-count")) {
        strbuf_printf(out, "%u", dp->n_threads);
    } else {
        return ENOENT;
    }
    return 0;
}
