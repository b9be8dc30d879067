/* SPDX-License-Identifier: Apache-2.0 */
/* What rules cost in the classifier: nanoseconds to insert and remove, resident bytes, nanoseconds of a
 * lookup with and without the megaflow; and the same with many masks. usage: classifier_bench [RULES [MASKS]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/rcu.h"
#include "match/classifier.h"

static uint64_t rnd_state = 88172645463325252ull;
static uint32_t rnd(void)
{
    rnd_state ^= rnd_state << 13;
    rnd_state ^= rnd_state >> 7;
    rnd_state ^= rnd_state << 17;
    return (uint32_t)(rnd_state >> 16);
}

static long resident(void)
{
    long total = 0, pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%ld %ld", &total, &pages) != 2) {
        pages = 0;
    }
    if (f) {
        fclose(f);
    }
    return pages * sysconf(_SC_PAGESIZE);
}

/* Of this thread, nanoseconds: other work on the machine does not count. */
static double cpu_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

/* A five-tuple. */
static void five_tuple(struct flow_key *key, struct flow_mask *mask, unsigned i)
{
    memset(key, 0, sizeof *key);
    memset(mask, 0, sizeof *mask);
    key->dl_type = CONST_BE16(0x0800);
    key->nw_proto = 6;
    key->nw_src = rnd();
    key->nw_dst = rnd();
    key->tp_src = (be16)rnd();
    key->tp_dst = (be16)rnd();
    mask->bits.dl_type = mask->bits.tp_src = mask->bits.tp_dst = 0xffff;
    mask->bits.nw_src = mask->bits.nw_dst = UINT32_MAX;
    mask->bits.nw_proto = 0xff;
    mask->blocks = 1;
}

/* One of 8,192 masks: the bits of I say which bytes of the Ethernet addresses and of the input port are in
 * it. */
static void many_masks(struct flow_key *key, struct flow_mask *mask, unsigned i)
{
    memset(key, 0, sizeof *key);
    memset(mask, 0, sizeof *mask);
    for (unsigned b = 0; b < 13; b++) {
        ((uint8_t *)&mask->bits)[b] = i >> b & 1 ? 0xff : 0;
        ((uint8_t *)key)[b] = (uint8_t)rnd();
    }
    mask->blocks = 1;
}

static double ns_of_lookups(struct classifier *cls, struct classifier_rule *const *rules, unsigned n,
                            bool with_wc)
{
    enum {
        LOOKUPS = 20000
    };
    static struct flow_key keys[256];
    struct flow_mask mask;
    double total = 0;
    for (unsigned k = 0; k < LOOKUPS / 256; k++) {
        for (unsigned i = 0; i < 256; i++) {
            minimatch_expand(&rules[rnd() % n]->match, &keys[i], &mask);
        }
        memset(&mask, 0, sizeof mask);
        double start = cpu_ns();
        for (unsigned i = 0; i < 256; i++) {
            classifier_lookup(cls, 1, &keys[i], with_wc ? &mask : NULL);
        }
        total += cpu_ns() - start;
        rcu_quiescent();
    }
    return total / (LOOKUPS / 256 * 256);
}

static void run(const char *name, unsigned n, void (*make)(struct flow_key *, struct flow_mask *, unsigned i))
{
    struct classifier *cls = classifier_create();
    struct classifier_rule **rules = xcalloc(n, sizeof *rules);
    memset(rules, 1, n * sizeof *rules); /* resident before it is measured */
    long before = resident();
    double start = cpu_ns();
    for (unsigned i = 0; i < n; i++) {
        struct flow_key key;
        struct flow_mask mask;
        make(&key, &mask, i);
        rules[i] = xmalloc(sizeof *rules[i]);
        classifier_rule_init(rules[i], &key, &mask, 1 + (int)(rnd() % 1000));
        classifier_insert(cls, rules[i], 1);
        if (i % 256 == 0) {
            rcu_quiescent();
        }
    }
    double insert = (cpu_ns() - start) / n;
    rcu_offline();
    rcu_barrier_all();
    rcu_online();
    printf("%s: %u rules, %zu masks: insert %.0f ns, %ld bytes", name, n, classifier_count_subtables(cls),
           insert, (resident() - before) / (long)n);
    printf("; lookup %.0f ns", ns_of_lookups(cls, rules, n, false));
    printf(", with megaflow %.0f ns", ns_of_lookups(cls, rules, n, true));
    start = cpu_ns();
    for (unsigned i = 0; i < n; i++) {
        classifier_remove(cls, rules[i]);
        if (i % 256 == 0) {
            rcu_quiescent();
        }
    }
    printf("; remove %.0f ns\n", (cpu_ns() - start) / n);
    for (unsigned i = 0; i < n; i++) {
        classifier_rule_fini(rules[i]);
        free(rules[i]);
    }
    free(rules);
    classifier_destroy(cls);
    rcu_offline();
    rcu_barrier_all();
    rcu_online();
}

int main(int argc, char **argv)
{
    unsigned n = argc > 1 ? (unsigned)atoi(argv[1]) : 100000;
    unsigned n_masks = argc > 2 ? (unsigned)atoi(argv[2]) : 1000;
    rcu_register();
    run("five-tuples", 1000, five_tuple);
    run("five-tuples", n, five_tuple);
    run("masks", n_masks, many_masks);
    rcu_unregister();
    return 0;
}
