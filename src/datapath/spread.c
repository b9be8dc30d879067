/* SPDX-License-Identifier: Apache-2.0 */
/* Which forwarding thread serves which receive queue, and on which processors the threads run.
 *
 * By itself a datapath has a thread for every second processor, which the scheduler places, and a new queue
 * goes to the thread with the fewest. other_config:pmd-cpu-mask names processors: then each has one thread,
 * bound to it. pmd-rxq-affinity gives a queue to the thread of one processor, which then serves no others
 * unless pmd-rxq-isolate=false. pmd-rxq-rebalance spreads the queues anew by the work that each has made.
 *
 * Control thread. A queue is taken from its thread and, a grace period later, given to the next: never do two
 * threads read one. What arrives meanwhile waits in the device's buffer. */
#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/rcu.h"
#include "datapath/datapath.h"
#include "datapath/dp.h"

LOG_MODULE(dpif_netdev);

/* ---- processors ---- */

static unsigned wanted_threads;

void datapath_set_threads(unsigned n)
{
    wanted_threads = n;
}

/* Half of the processors, at least one and at most four. */
unsigned dp_default_threads(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return wanted_threads ? wanted_threads : (unsigned)(n <= 2 ? 1 : n >= 8 ? 4 : n / 2);
}

/* The processors of MASK, hexadecimal with or without 0x, that this process may run on; none if it is no
 * mask. The lowest bit stands at its end. */
static unsigned parse_mask(const char *mask, int *cpus, unsigned max)
{
    cpu_set_t allowed;
    const char *digits = !strncasecmp(mask, "0x", 2) ? mask + 2 : mask;
    unsigned n = 0;
    size_t len = strlen(digits);
    if (sched_getaffinity(0, sizeof allowed, &allowed) || digits[strspn(digits, "0123456789abcdefABCDEF")]) {
        return 0;
    }
    for (size_t i = 0; i < len; i++) {
        char c = (char)tolower((unsigned char)digits[len - 1 - i]);
        unsigned nibble = (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
        for (unsigned bit = 0; bit < 4; bit++) {
            size_t cpu = i * 4 + bit;
            if (nibble & 1u << bit && cpu < CPU_SETSIZE && CPU_ISSET(cpu, &allowed) && n < max) {
                cpus[n++] = (int)cpu;
            }
        }
    }
    return n;
}

void dp_thread_bind(struct dp_thread *t, int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    int error = pthread_setaffinity_np(t->pthread, sizeof set, &set);
    if (error) {
        LOG_WARN("cannot bind forwarding thread %u to processor %d: %s", t->number, cpu, strerror(error));
        return;
    }
    t->cpu = cpu;
}

/* ---- queues ---- */

/* The processor that AFFINITY ("QUEUE:CPU,...") gives to QUEUE; -1: none. */
static int affinity_cpu(const char *affinity, unsigned queue)
{
    while (affinity && *affinity) {
        unsigned q, cpu;
        if (sscanf(affinity, " %u : %u", &q, &cpu) == 2 && q == queue) {
            return (int)cpu;
        }
        affinity = strchr(affinity, ',');
        affinity += affinity != NULL;
    }
    return -1;
}

static struct dp_thread *thread_on(const struct dp *dp, int cpu)
{
    for (unsigned i = 0; i < dp->n_threads; i++) {
        if (dp_thread_core(dp->threads[i]) == cpu) {
            return dp->threads[i];
        }
    }
    return NULL;
}

/* The thread with the least to do, among those that are no queue's own if there are such. */
static struct dp_thread *least_busy(const struct dp *dp)
{
    struct dp_thread *best = NULL;
    for (unsigned i = 0; i < dp->n_threads; i++) {
        struct dp_thread *t = dp->threads[i];
        if (!best || t->isolated < best->isolated ||
            (t->isolated == best->isolated &&
             (t->load < best->load || (t->load == best->load && t->n_given < best->n_given)))) {
            best = t;
        }
    }
    return best;
}

/* The thread that SOURCE is bound to, or NULL. */
static struct dp_thread *own_thread(const struct dp *dp, const struct rx_source *source)
{
    int cpu = affinity_cpu(source->port->affinity, source->rxq->queue);
    if (cpu < 0) {
        return NULL;
    }
    struct dp_thread *t = thread_on(dp, cpu);
    if (!t) {
        LOG_WARN("There is no PMD thread on core %d. Queue %u on port '%s' is served by another.", cpu,
                 source->rxq->queue, source->port->name);
    }
    return t;
}

static void give(struct dp *dp, struct rx_source *source, struct dp_thread *t, uint64_t load)
{
    t->load += load;
    dp_thread_add_source(t, source);
}

void dp_make_slots(struct dp *dp, struct dp_port *port)
{
    for (unsigned i = 0; i < dp->n_threads; i++) {
        forwarder_slot(&dp->threads[i]->fwd, port);
    }
}

void dp_spread_port(struct dp *dp, struct dp_port *port)
{
    for (unsigned i = 0; i < port->n_sources; i++) {
        struct rx_source *source = &port->sources[i];
        if (source->rxq && !port->vport->ops->synthetic) {
            struct dp_thread *own = own_thread(dp, source);
            if (own && dp->isolate) {
                own->isolated = true;
            }
            give(dp, source, own ? own : least_busy(dp), 0);
        }
    }
}

struct candidate {
    struct rx_source *source;
    uint64_t load;
};

static int by_load(const void *a_, const void *b_)
{
    const struct candidate *a = a_, *b = b_;
    if (a->load != b->load) {
        return a->load < b->load ? 1 : -1;
    }
    return a->source->port->port_no < b->source->port->port_no ? -1 : 1;
}

/* All queues of threads, none of which is served any more when this returns. */
static struct candidate *take_all(struct dp *dp, size_t *n)
{
    struct candidate *all = NULL;
    size_t room = 0;
    struct dp_port *port;
    *n = 0;
    HMAP_FOR_EACH (port, name_node, &dp->ports_by_name) {
        for (unsigned i = 0; i < port->n_sources; i++) {
            struct rx_source *source = &port->sources[i];
            if (!source->rxq || port->vport->ops->synthetic) {
                continue;
            }
            if (*n == room) {
                room = room ? room * 2 : 16;
                all = xrealloc(all, room * sizeof *all);
            }
            uint64_t cycles = __atomic_load_n(&source->cycles, __ATOMIC_RELAXED);
            all[(*n)++] = (struct candidate){source, cycles - source->cycles_before};
            source->cycles_before = cycles;
            dp_thread_remove_source(dp, source);
        }
    }
    rcu_synchronize();
    return all;
}

/* The bound ones first: they say which threads are left to the others. Then the busiest first. */
static void give_all(struct dp *dp, struct candidate *all, size_t n)
{
    for (unsigned i = 0; i < dp->n_threads; i++) {
        dp->threads[i]->load = 0;
        dp->threads[i]->isolated = false;
    }
    if (n) {
        qsort(all, n, sizeof *all, by_load);
    }
    size_t left = 0;
    for (size_t i = 0; i < n; i++) {
        struct dp_thread *own = own_thread(dp, all[i].source);
        if (!own) {
            all[left++] = all[i];
            continue;
        }
        own->isolated |= dp->isolate;
        give(dp, all[i].source, own, all[i].load);
    }
    for (size_t i = 0; i < left; i++) {
        give(dp, all[i].source, least_busy(dp), all[i].load);
    }
    free(all);
}

void dp_spread_all(struct dp *dp)
{
    size_t n;
    struct candidate *all = take_all(dp, &n);
    give_all(dp, all, n);
}

/* ---- configuration ---- */

void dp_set_forwarding(struct datapath *up, const char *cpu_mask, bool isolate)
{
    struct dp *dp = dp_cast(up);
    cpu_mask = cpu_mask ? cpu_mask : "";
    bool same_mask = !strcmp(cpu_mask, dp->cpu_mask ? dp->cpu_mask : "");
    if (dp->is_inline || (same_mask && isolate == dp->isolate)) {
        return;
    }
    dp->isolate = isolate;
    if (same_mask) {
        dp_spread_all(dp);
        return;
    }
    free(dp->cpu_mask);
    dp->cpu_mask = xstrdup(cpu_mask);
    int cpus[DP_MAX_THREADS];
    unsigned n = parse_mask(cpu_mask, cpus, DP_MAX_THREADS);
    if (*cpu_mask && !n) {
        LOG_WARN("%s: pmd-cpu-mask %s names no processor that this process may run on, ignored", up->name,
                 cpu_mask);
    }
    size_t n_queues;
    struct candidate *all = take_all(dp, &n_queues);
    dp_threads_stop(dp);
    dp_threads_start(dp, n ? n : dp_default_threads());
    for (unsigned i = 0; i < n && i < dp->n_threads; i++) {
        dp_thread_bind(dp->threads[i], cpus[i]);
    }
    struct dp_port *port;
    HMAP_FOR_EACH (port, name_node, &dp->ports_by_name) {
        dp_make_slots(dp, port);
    }
    give_all(dp, all, n_queues);
    LOG_INFO("%s: %u forwarding threads%s%s", up->name, dp->n_threads, n ? ", on the processors of " : "",
             n ? cpu_mask : "");
}

int dp_port_set_affinity(struct datapath *up, uint32_t port_no, const char *affinity)
{
    struct dp *dp = dp_cast(up);
    struct dp_port *port = dp_port_get(dp, port_no);
    if (!port) {
        return ENODEV;
    }
    affinity = affinity ? affinity : "";
    if (strcmp(port->affinity ? port->affinity : "", affinity)) {
        free(port->affinity);
        port->affinity = xstrdup(affinity);
        if (!dp->is_inline) {
            dp_spread_all(dp);
        }
    }
    return 0;
}
