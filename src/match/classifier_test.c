/* SPDX-License-Identifier: Apache-2.0 */
/* The classifier against a model: a list of rules, searched from end to end. */
#include "match/classifier.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/rcu.h"

#define MAX_RULES 400

static uint64_t rnd_state;
static uint32_t rnd(void)
{
    rnd_state ^= rnd_state << 13;
    rnd_state ^= rnd_state >> 7;
    rnd_state ^= rnd_state << 17;
    return (uint32_t)(rnd_state >> 16);
}

struct model {
    struct classifier *cls;
    struct classifier_rule *rules[MAX_RULES];
    unsigned n;
    uint64_t version;
    unsigned n_priorities;
    bool conjunctions;
};

/* Few values, so that packets meet rules. */
static void random_key(struct flow_key *key)
{
    memset(key, 0, sizeof *key);
    key->in_port = rnd() % 3;
    key->regs[2] = rnd() % 3;
    key->metadata = CONST_BE64(rnd() % 2);
    key->dl_type = CONST_BE16(0x0800);
    key->dl_dst.ea[5] = rnd() % 3;
    key->vlans[1].tci = (be16)(rnd() % 2);
    key->nw_src = CONST_BE32(0x0a000000) | CONST_BE32(rnd() % 4 << 22 | rnd() % 3);
    key->nw_dst = CONST_BE32(0x0a000000) | CONST_BE32(rnd() % 4 << 14 | rnd() % 3);
    key->nw_proto = rnd() % 2 ? 6 : 17;
    key->ipv6_src.u8[7] = rnd() % 4;
    key->tp_src = CONST_BE16(rnd() % 3);
    key->tp_dst = CONST_BE16(rnd() % 5 * 1000);
    key->tcp_flags = CONST_BE16(rnd() % 2);
}

static be32 random_prefix(void)
{
    unsigned length = rnd() % 4 == 0 ? 32 : rnd() % 33;
    return length ? __builtin_bswap32(UINT32_MAX << (32 - length)) : 0;
}

static void random_mask(struct flow_mask *mask)
{
    uint32_t r = rnd();
    memset(mask, 0, sizeof *mask);
    mask->bits.in_port = r & 1 ? UINT32_MAX : 0;
    mask->bits.regs[2] = (r & 6) == 6 ? UINT32_MAX : 0;
    mask->bits.metadata = (r & 0x18) == 0x18 ? UINT64_MAX : 0;
    mask->bits.dl_type = r & 0x20 ? 0xffff : 0;
    memset(&mask->bits.dl_dst, (r & 0xc0) == 0xc0 ? 0xff : 0, 6);
    mask->bits.vlans[1].tci = (r & 0x300) == 0x300 ? 0xffff : 0;
    mask->bits.nw_src = r & 0x400 ? random_prefix() : 0;
    mask->bits.nw_dst = r & 0x800 ? random_prefix() : (r & 0xf000) == 0x1000 ? 0xff0000ff : 0;
    mask->bits.nw_proto = r & 0x10000 ? 0xff : 0;
    if ((r & 0x60000) == 0x60000) {
        memset(&mask->bits.ipv6_src, 0xff, 4 + rnd() % 13);
    }
    mask->bits.tp_src = (r & 0x180000) == 0x180000 ? 0xffff : 0;
    mask->bits.tp_dst = (r & 0x600000) == 0x600000   ? 0xffff
                        : (r & 0x600000) == 0x200000 ? CONST_BE16(0xff00)
                                                     : 0;
    mask->bits.tcp_flags = (r & 0x1800000) == 0x1800000 ? 0xffff : 0;
    mask->blocks = (uint16_t)flow_mask_find_blocks(mask);
}

static const struct classifier_rule *best_hard(const struct model *m, uint64_t version,
                                               const struct flow_key *key)
{
    const struct classifier_rule *best = NULL;
    for (unsigned i = 0; i < m->n; i++) {
        const struct classifier_rule *rule = m->rules[i];
        if (!rule->clauses && classifier_rule_visible(rule, version) &&
            minimatch_matches_key(&rule->match, key) && (!best || rule->priority > best->priority)) {
            best = rule;
        }
    }
    return best;
}

static bool is_same_answer(const struct classifier_rule *a, const struct classifier_rule *b)
{
    return (a ? a->priority : -1) == (b ? b->priority : -1) && !a == !b;
}

/* All clauses of conjunction ID are met at PRIORITY. */
static bool is_met(const struct model *m, uint64_t version, const struct flow_key *key, int priority,
                   uint32_t id)
{
    uint64_t met = 0;
    for (unsigned i = 0; i < m->n; i++) {
        const struct classifier_rule *rule = m->rules[i];
        if (rule->priority == priority && rule->clauses && classifier_rule_visible(rule, version) &&
            minimatch_matches_key(&rule->match, key)) {
            for (unsigned j = 0; j < rule->clauses->n; j++) {
                met |= rule->clauses->clause[j].id == id ? 1ull << rule->clauses->clause[j].clause : 0;
            }
        }
    }
    return met == (1ull << (id == 3 ? 3 : 2)) - 1;
}

/* GOT is right. Where several conjunctions are met at one priority, each is. */
static bool is_right(const struct model *m, uint64_t version, struct flow_key *key,
                     const struct classifier_rule *got)
{
    const struct classifier_rule *hard = best_hard(m, version, key);
    for (int priority = (int)m->n_priorities; priority > (hard ? hard->priority : -1); priority--) {
        bool any = false, right = false;
        for (uint32_t id = 1; id < 4; id++) {
            if (is_met(m, version, key, priority, id)) {
                key->conj_id = id;
                const struct classifier_rule *rule = best_hard(m, version, key);
                key->conj_id = 0;
                any |= rule != NULL;
                right |= rule && is_same_answer(rule, got);
            }
        }
        if (any) {
            return right;
        }
    }
    return is_same_answer(hard, got);
}

static void add_rule(struct model *m)
{
    struct flow_key key;
    struct flow_mask mask;
    struct classifier_rule *rule = xmalloc(sizeof *rule);
    random_key(&key);
    random_mask(&mask);
    if (m->conjunctions && rnd() % 8 == 0) {
        memset(&mask, 0, sizeof mask);
        mask.bits.conj_id = UINT32_MAX;
        key.conj_id = 1 + rnd() % 3;
        mask.blocks = (uint16_t)flow_mask_find_blocks(&mask);
    }
    classifier_rule_init(rule, &key, &mask, (int)(rnd() % m->n_priorities));
    if (m->conjunctions && !key.conj_id && rnd() % 2) {
        struct classifier_clause clauses[3];
        unsigned n = 1 + rnd() % 2;
        for (unsigned i = 0; i < n; i++) {
            uint32_t id = 1 + rnd() % 3;
            clauses[i] =
                (struct classifier_clause){id, (uint8_t)(rnd() % (id == 3 ? 3 : 2)), id == 3 ? 3 : 2};
        }
        classifier_rule_set_clauses(rule, clauses, n);
    }
    if (classifier_find_exactly(m->cls, m->version, &rule->match, rule->priority)) {
        classifier_rule_fini(rule);
        free(rule);
        return;
    }
    classifier_insert(m->cls, rule, m->version);
    m->rules[m->n++] = rule;
}

static void delete_rule(struct model *m, unsigned i)
{
    struct classifier_rule *rule = m->rules[i];
    classifier_remove(m->cls, rule);
    classifier_rule_fini(rule);
    free(rule);
    m->rules[i] = m->rules[--m->n];
}

static void check_packet(struct model *m, uint64_t version, unsigned n_inside)
{
    struct flow_key key, copy, other;
    struct flow_mask wc = {.blocks = 0};
    random_key(&key);
    copy = key;
    const struct classifier_rule *got = classifier_lookup(m->cls, version, &key, &wc);
    assert_memory_equal(&key, &copy, sizeof key);
    assert_true(is_right(m, version, &key, got));
    assert_ptr_equal(got, classifier_lookup(m->cls, version, &key, NULL));
    assert_int_equal(wc.blocks, flow_mask_find_blocks(&wc));
    /* Other packets in the megaflow: the same rule, and not only one as good. */
    for (unsigned i = 0; i < n_inside; i++) {
        random_key(&other);
        uint64_t *o = flow_key_words(&other);
        const uint64_t *k = flow_key_words_const(&key), *w = flow_key_words_const(&wc.bits);
        for (unsigned j = 0; j < FLOW_WORDS; j++) {
            uint64_t noise = rnd() % 4 ? 0 : (uint64_t)rnd() << 32 | rnd();
            o[j] = (k[j] & w[j]) | ((o[j] ^ noise) & ~w[j]);
        }
        other.conj_id = 0;
        assert_ptr_equal(got, classifier_lookup(m->cls, version, &other, NULL));
    }
}

static void check_walks(struct model *m)
{
    struct classifier_cursor cursor;
    struct classifier_rule *rule;
    struct flow_key key;
    struct flow_mask mask;
    struct minimatch match;
    random_key(&key);
    random_mask(&mask);
    mask.bits.nw_src = mask.bits.nw_dst = 0;
    minimatch_init(&match, &key, &mask);
    for (int k = 0; k < (m->n ? 3 : 2); k++) {
        const struct minimatch *criteria = k == 2 ? &m->rules[rnd() % m->n]->match : k == 1 ? &match : NULL;
        unsigned n = 0, want = 0;
        CLASSIFIER_FOR_EACH (rule, &cursor, m->cls, m->version, criteria) {
            n++;
        }
        for (unsigned i = 0; i < m->n; i++) {
            want += classifier_rule_visible(m->rules[i], m->version) &&
                    (!criteria || minimatch_is_narrower(&m->rules[i]->match, criteria));
        }
        assert_int_equal(n, want);
    }
    int priority = (int)(rnd() % m->n_priorities);
    bool overlap = false;
    for (unsigned i = 0; i < m->n; i++) {
        overlap |= classifier_rule_visible(m->rules[i], m->version) && m->rules[i]->priority == priority &&
                   minimatch_overlaps(&m->rules[i]->match, &match);
    }
    assert_int_equal(classifier_find_overlapping(m->cls, m->version, &match, priority) != NULL, overlap);
    minimatch_fini(&match);
}

static void run(unsigned seed, unsigned n_priorities, bool conjunctions, unsigned max_rules)
{
    struct model m = {
        .cls = classifier_create(), .version = 1, .n_priorities = n_priorities, .conjunctions = conjunctions};
    rnd_state = 88172645463325252ull + seed * 7919ull;
    for (unsigned step = 0; step < 600; step++) {
        unsigned what = rnd() % 10;
        if (what < 5 && m.n < max_rules) {
            add_rule(&m);
        } else if (what < 6 && m.n) {
            delete_rule(&m, rnd() % m.n);
        } else if (what < 7 && m.n) {
            classifier_rule_set_remove_version(m.rules[rnd() % m.n], m.version + 1);
            check_packet(&m, m.version + 1, 0);
        } else if (what < 8) {
            m.version++;
        } else if (what < 9) {
            rnd() % 4 ? classifier_publish(m.cls) : classifier_defer(m.cls);
        }
        if (step % 97 == 0) {
            const struct classifier_prefix fields[] = {{offsetof(struct flow_key, nw_dst), 32},
                                                       {offsetof(struct flow_key, ipv6_src), 128},
                                                       {offsetof(struct flow_key, nw_src), 32}};
            classifier_set_prefixes(m.cls, fields, rnd() % 4);
        }
        if (step % 3 == 0) {
            classifier_publish(m.cls);
            check_packet(&m, m.version, 20);
            check_packet(&m, m.version ? m.version - 1 : 0, 0);
        }
        if (step % 40 == 0) {
            check_walks(&m);
        }
    }
    classifier_publish(m.cls);
    for (int i = 0; i < 100; i++) {
        check_packet(&m, m.version, i < 5 ? 1000 : 50);
    }
    while (m.n) {
        delete_rule(&m, rnd() % m.n);
    }
    assert_true(classifier_is_empty(m.cls));
    assert_int_equal(classifier_count_subtables(m.cls), 0);
    classifier_destroy(m.cls);
    rcu_barrier_all();
}

/* Also where there are so many that they are not put in order by themselves. */
static void rules_with_one_match_come_in_order_of_insertion(void **state)
{
    static const int n_rules[] = {1, 3, 64, 65, 200};
    for (size_t k = 0; k < ARRAY_SIZE(n_rules); k++) {
        struct classifier *cls = classifier_create();
        struct classifier_rule rules[200], other, *rule;
        struct classifier_cursor cursor;
        struct flow_key key;
        struct flow_mask mask;
        int n = 0;
        memset(&key, 0, sizeof key);
        memset(&mask, 0, sizeof mask);
        mask.bits.nw_src = UINT32_MAX;
        mask.blocks = (uint16_t)flow_mask_find_blocks(&mask);
        for (int i = 0; i < n_rules[k]; i++) {
            classifier_rule_init(&rules[i], &key, &mask, i * 7919 % 1009);
            classifier_insert(cls, &rules[i], (uint64_t)i + 1);
        }
        key.nw_src = 1;
        classifier_rule_init(&other, &key, &mask, 5);
        classifier_insert(cls, &other, 1);
        CLASSIFIER_FOR_EACH (rule, &cursor, cls, CLASSIFIER_NEWEST, &rules[0].match) {
            assert_ptr_equal(rule, &rules[n]);
            n++;
        }
        assert_int_equal(n, n_rules[k]);
        classifier_remove(cls, &other);
        classifier_rule_fini(&other);
        for (int i = 0; i < n; i++) {
            classifier_remove(cls, &rules[i]);
            classifier_rule_fini(&rules[i]);
        }
        classifier_publish(cls);
        classifier_destroy(cls);
    }
    rcu_barrier_all();
}

static void agrees_with_a_list(void **state)
{
    for (unsigned seed = 1; seed <= 12; seed++) {
        run(seed, seed % 2 ? 1000 : 10, false, seed % 3 ? MAX_RULES : 12);
    }
}

static void agrees_with_a_list_on_conjunctions(void **state)
{
    for (unsigned seed = 1; seed <= 12; seed++) {
        run(seed, seed % 2 ? 20 : 3, true, seed % 3 ? MAX_RULES : 30);
    }
}

/* The mask that a lookup of KEY un-wildcards. */
static struct flow_mask wildcards(struct classifier *cls, struct flow_key *key)
{
    struct flow_mask wc = {.blocks = 0};
    classifier_lookup(cls, CLASSIFIER_NEWEST, key, &wc);
    return wc;
}

static void un_wildcards_little(void **state)
{
    struct classifier *cls = classifier_create();
    struct classifier_rule rules[3];
    /* One rule for a connection; packets that differ early need no more than that. */
    struct flow_key key = {.in_port = 1,
                           .dl_type = CONST_BE16(0x0800),
                           .nw_dst = CONST_BE32(0x0a010203),
                           .nw_proto = 6,
                           .tp_dst = CONST_BE16(80)};
    struct flow_mask mask = {
        .bits = {.dl_type = 0xffff, .nw_dst = UINT32_MAX, .nw_proto = 0xff, .tp_dst = 0xffff}, .blocks = 1};
    classifier_rule_init(&rules[0], &key, &mask, 10);
    classifier_insert(cls, &rules[0], 1);
    struct flow_key packet = key;
    packet.dl_type = CONST_BE16(0x0806);
    struct flow_mask wc = wildcards(cls, &packet);
    assert_int_equal(wc.bits.dl_type, 0xffff);
    assert_int_equal(wc.bits.nw_dst | wc.bits.nw_proto | wc.bits.tp_dst, 0);
    packet = key;
    packet.nw_dst = CONST_BE32(0x0b000000); /* the eighth bit differs */
    wc = wildcards(cls, &packet);
    assert_int_equal(wc.bits.nw_dst, CONST_BE32(0xff000000));
    assert_int_equal(wc.bits.tp_dst, 0);
    packet = key;
    packet.tp_dst = CONST_BE16(0x8000 | 80);
    wc = wildcards(cls, &packet);
    assert_int_equal(wc.bits.nw_dst, UINT32_MAX);
    assert_int_equal(wc.bits.tp_dst, CONST_BE16(0x8000));
    assert_int_equal(wc.bits.tp_src, 0);
    /* A better rule found: worse subtables are not consulted. */
    struct flow_mask port = {.bits = {.in_port = UINT32_MAX}, .blocks = 1};
    classifier_rule_init(&rules[1], &key, &port, 20);
    classifier_insert(cls, &rules[1], 1);
    wc = wildcards(cls, &packet);
    assert_int_equal(wc.bits.in_port, UINT32_MAX);
    assert_int_equal(wc.bits.dl_type, 0);
    for (int i = 0; i < 2; i++) {
        classifier_remove(cls, &rules[i]);
        classifier_rule_fini(&rules[i]);
    }
    classifier_destroy(cls);
    rcu_barrier_all();
}

int main(void)
{
    rcu_register();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_with_one_match_come_in_order_of_insertion),
        cmocka_unit_test(agrees_with_a_list),
        cmocka_unit_test(agrees_with_a_list_on_conjunctions),
        cmocka_unit_test(un_wildcards_little),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rcu_unregister();
    return failed;
}
