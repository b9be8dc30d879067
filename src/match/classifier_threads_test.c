/* SPDX-License-Identifier: Apache-2.0 */
/* Readers look up while a writer changes rules: no reader may see half a bundle, or a rule that is gone. To
 * be run under ThreadSanitizer and AddressSanitizer. */
#include "match/classifier.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/rcu.h"

#define N_READERS  2
#define N_VERSIONS 600
#define N_HOSTS    40

struct bundle_rule {
    struct classifier_rule cr;
    struct rcu_head rcu;
    uint64_t bundle;
};

static struct classifier *cls;
static uint64_t current_version;
static int stop;

static void fill(struct flow_key *key, struct flow_mask *mask, unsigned host)
{
    memset(key, 0, sizeof *key);
    memset(mask, 0, sizeof *mask);
    key->dl_type = CONST_BE16(0x0800);
    key->nw_dst = CONST_BE32(0x0a000000) | __builtin_bswap32(host * 77);
    key->tp_dst = (be16)host;
    key->in_port = host % 5;
    mask->bits.dl_type = 0xffff;
    mask->bits.nw_dst = UINT32_MAX;
    mask->bits.tp_dst = host % 2 ? 0xffff : 0;
    mask->bits.in_port = host % 3 ? UINT32_MAX : 0;
    mask->blocks = 1;
}

/* In every version each host has one rule, and all are of one bundle. */
static void *read_on(void *aux)
{
    uintptr_t n = 0;
    rcu_register();
    while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
        uint64_t version = __atomic_load_n(&current_version, __ATOMIC_ACQUIRE), bundle = 0;
        for (unsigned host = 0; host < N_HOSTS; host++) {
            struct flow_key key;
            struct flow_mask mask, wc = {.blocks = 0};
            fill(&key, &mask, host);
            struct classifier_rule *cr = classifier_lookup(cls, version, &key, host % 4 ? &wc : NULL);
            if (!cr) {
                abort();
            }
            const struct bundle_rule *rule = CONTAINER_OF(cr, struct bundle_rule, cr);
            if (rule->bundle != version || (bundle && bundle != rule->bundle)) {
                abort();
            }
            bundle = rule->bundle;
            n++;
        }
        rcu_quiescent();
    }
    rcu_unregister();
    return (void *)n;
}

static void free_rule(struct rcu_head *head)
{
    struct bundle_rule *rule = CONTAINER_OF(head, struct bundle_rule, rcu);
    rcu_grace_passed();
    classifier_rule_fini(&rule->cr);
    free(rule);
}

static struct bundle_rule *insert(unsigned host, uint64_t version)
{
    struct flow_key key;
    struct flow_mask mask;
    struct bundle_rule *rule = xmalloc(sizeof *rule);
    fill(&key, &mask, host);
    rule->bundle = version;
    classifier_rule_init(&rule->cr, &key, &mask, (int)(100 + version % 7));
    classifier_insert(cls, &rule->cr, version);
    return rule;
}

static void readers_see_whole_bundles(void **state)
{
    pthread_t threads[N_READERS];
    struct bundle_rule *old[N_HOSTS], *rules[N_HOSTS];
    cls = classifier_create();
    for (unsigned host = 0; host < N_HOSTS; host++) {
        rules[host] = insert(host, 1);
    }
    current_version = 1;
    stop = 0;
    for (int i = 0; i < N_READERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, read_on, NULL), 0);
    }
    for (uint64_t version = 2; version < N_VERSIONS; version++) {
        version % 3 ? classifier_defer(cls) : classifier_publish(cls);
        for (unsigned host = 0; host < N_HOSTS; host++) {
            old[host] = rules[host];
            classifier_rule_set_remove_version(&old[host]->cr, version);
            rules[host] = insert(host, version);
        }
        classifier_publish(cls);
        __atomic_store_n(&current_version, version, __ATOMIC_RELEASE);
        /* Readers of the version before may still be at work. */
        rcu_synchronize();
        for (unsigned host = 0; host < N_HOSTS; host++) {
            classifier_remove(cls, &old[host]->cr);
            rcu_postpone(&old[host]->rcu, free_rule);
        }
        if (version % 50 == 0) {
            const struct classifier_prefix field = {offsetof(struct flow_key, nw_dst), 32};
            classifier_set_prefixes(cls, &field, version / 50 % 2);
        }
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    uintptr_t n = 0;
    for (int i = 0; i < N_READERS; i++) {
        void *count;
        pthread_join(threads[i], &count);
        n += (uintptr_t)count;
    }
    assert_true(n > 0);
    for (unsigned host = 0; host < N_HOSTS; host++) {
        classifier_remove(cls, &rules[host]->cr);
        rcu_postpone(&rules[host]->rcu, free_rule);
    }
    classifier_destroy(cls);
    rcu_barrier_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(readers_see_whole_bundles)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
