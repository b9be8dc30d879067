/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/group.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "ofconn/ofconn.h"
#include "pipeline/change.h"
#include "pipeline/ofproto_impl.h"

#define MULTIPART_HEADER 16 /* bytes of a reply in front of its records */
#define STATS_HEADER     40 /* of a group's statistics in front of its buckets' */

/* Groups change rarely: one sorted array, replaced as a whole. */
struct group_array {
    struct rcu_head rcu;
    uint64_t since;                 /* the first version of the bridge that it is of */
    const struct group_array *prev; /* that of the versions before; valid for their readers alone */
    size_t n, allocated;
    struct group *groups[];
};
struct group_table {
    struct group_array *array; /* RCU, never NULL */
};

struct group_table *group_table_create(void)
{
    struct group_table *t = xzalloc(sizeof *t);
    t->array = xzalloc(sizeof *t->array);
    return t;
}

static void free_group(struct group *g)
{
    group_mod_fini(&g->s);
    free(g->hash_fields);
    free(g->counts);
    free(g);
}

static void free_group_rcu(struct rcu_head *head)
{
    free_group(CONTAINER_OF(head, struct group, rcu));
}

bool group_try_ref(struct group *g)
{
    int refs = __atomic_load_n(&g->refs, __ATOMIC_RELAXED);
    do {
        if (!refs) {
            return false;
        }
    } while (
        !__atomic_compare_exchange_n(&g->refs, &refs, refs + 1, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
    return true;
}

void group_unref(struct group *g)
{
    if (g && __atomic_sub_fetch(&g->refs, 1, __ATOMIC_ACQ_REL) == 0) {
        rcu_postpone(&g->rcu, free_group_rcu);
    }
}

void group_table_destroy(struct group_table *t)
{
    if (t) {
        for (size_t i = 0; i < t->array->n; i++) {
            group_unref(t->array->groups[i]);
        }
        free(t->array);
        free(t);
    }
}

static size_t find_place(const struct group_array *a, uint32_t id)
{
    size_t low = 0, high = a->n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (a->groups[mid]->s.group_id < id) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static struct group *find(const struct group_array *a, uint32_t id)
{
    size_t i = find_place(a, id);
    return i < a->n && a->groups[i]->s.group_id == id ? a->groups[i] : NULL;
}

struct group *group_find(const struct ofproto *ofproto, uint64_t version, uint32_t id)
{
    const struct group_array *a = rcu_get(&ofproto->groups->array);
    while (version != UINT64_MAX && a->since > version) {
        a = a->prev; /* that version was read before the array was replaced */
    }
    return find(a, id);
}

size_t ofproto_group_count(const struct ofproto *ofproto)
{
    return ofproto->groups->array->n;
}

void ofproto_group_for_each(const struct ofproto *ofproto, void (*each)(const struct group *, void *),
                            void *aux)
{
    const struct group_array *a = ofproto->groups->array;
    for (size_t i = 0; i < a->n; i++) {
        each(a->groups[i], aux);
    }
}

void group_credit(struct group *g, uint32_t bucket, uint64_t packets, uint64_t bytes)
{
    if (bucket < g->s.n_buckets) {
        __atomic_fetch_add(&g->counts[bucket].packets, packets, __ATOMIC_RELAXED);
        __atomic_fetch_add(&g->counts[bucket].bytes, bytes, __ATOMIC_RELAXED);
    } else {
        __atomic_fetch_add(&g->counts[g->s.n_buckets].packets, packets, __ATOMIC_RELAXED);
        __atomic_fetch_add(&g->counts[g->s.n_buckets].bytes, bytes, __ATOMIC_RELAXED);
    }
}

/* Slots of a power of two, shared out among the buckets by weight (Webster's method: the next slot goes to
 * whom it is owed most), as the reference spreads dp_hash. */
static void fill_hash_map(struct group *g)
{
    uint64_t total = 0, min = UINT64_MAX;
    for (size_t i = 0; i < g->s.n_buckets; i++) {
        uint16_t w = g->s.buckets[i].weight;
        total += w;
        if (w && w < min) {
            min = w;
        }
    }
    if (!total) {
        return;
    }
    uint64_t want = MAX(DIV_ROUND_UP(total, min), 16);
    if (want > GROUP_HASH_MAX) {
        return; /* the lightest bucket would get more than its share */
    }
    unsigned n = 1;
    while (n < want) {
        n *= 2;
    }
    g->hash_mask = n - 1;
    double *value = xcalloc(g->s.n_buckets, sizeof *value);
    unsigned *divisor = xcalloc(g->s.n_buckets, sizeof *divisor);
    for (size_t i = 0; i < g->s.n_buckets; i++) {
        divisor[i] = 1;
        value[i] = g->s.buckets[i].weight;
    }
    for (unsigned slot = 0; slot < n; slot++) {
        size_t best = 0;
        for (size_t i = 1; i < g->s.n_buckets; i++) {
            if (value[i] > value[best]) {
                best = i;
            }
        }
        g->hash_map[slot] = (uint16_t)best;
        divisor[best] += 2;
        value[best] = (double)g->s.buckets[best].weight / divisor[best];
    }
    free(value);
    free(divisor);
}

/* ------------------------------------------------------------------ changes */

static void copy_bucket(struct group_bucket *to, const struct group_bucket *from)
{
    *to = *from;
    bytebuf_init(&to->ofpacts);
    bytebuf_put(&to->ofpacts, from->ofpacts.data, from->ofpacts.len);
}

/* A group as GM says, with BUCKETS (copied). */
static struct group *make_group(const struct group_mod *gm, const struct group_bucket *const *buckets,
                                size_t n_buckets)
{
    struct group *g = xzalloc(sizeof *g);
    g->s = *gm;
    g->s.buckets = n_buckets ? xcalloc(n_buckets, sizeof *g->s.buckets) : NULL;
    g->s.n_buckets = n_buckets;
    for (size_t i = 0; i < n_buckets; i++) {
        copy_bucket(&g->s.buckets[i], buckets[i]);
    }
    g->s.fields = gm->fields ? xmemdup(gm->fields, sizeof *gm->fields) : NULL;
    g->selection = !strcmp(gm->selection_method, "hash")      ? GROUP_SELECTION_HASH
                   : !strcmp(gm->selection_method, "dp_hash") ? GROUP_SELECTION_DP_HASH
                                                              : GROUP_SELECTION_DEFAULT;
    for (unsigned id = 0; gm->fields && id < FIELD_N; id++) {
        if (group_has_field(gm, id)) {
            g->hash_fields = xrealloc(g->hash_fields, (g->n_hash_fields + 1) * sizeof *g->hash_fields);
            g->hash_fields[g->n_hash_fields++] = field_from_id((int)id);
        }
    }
    g->counts = xcalloc(n_buckets + 1, sizeof *g->counts);
    g->created_ms = clock_ms();
    g->refs = 1;
    g->pending = true;
    if (gm->type == GROUP_SELECT) {
        fill_hash_map(g);
    }
    return g;
}

static const struct group_array *groups_of(const struct change *c)
{
    return c->groups ? c->groups : c->ofproto->groups->array;
}

struct group *change_find_group(const struct change *c, uint32_t id)
{
    return find(groups_of(c), id);
}

/* The change's own array, with room for one more. */
static struct group_array *own_groups(struct change *c)
{
    const struct group_array *now = groups_of(c);
    if (!c->groups || now->n == now->allocated) {
        size_t allocated = now->n + (c->groups ? now->n : 0) + 8;
        struct group_array *a = xmalloc(sizeof *a + allocated * sizeof a->groups[0]);
        *a = (struct group_array){.n = now->n, .allocated = allocated};
        memcpy(a->groups, now->groups, now->n * sizeof now->groups[0]);
        free(c->groups);
        c->groups = a;
    }
    return c->groups;
}

/* G is not in the change's groups any more. */
static void let_go(struct change *c, struct group *g)
{
    if (g->pending) {
        free_group(g); /* nobody has seen it */
        return;
    }
    if (c->n_gone == c->gone_allocated) {
        c->gone = x2nrealloc(c->gone, &c->gone_allocated, sizeof *c->gone);
    }
    c->gone[c->n_gone++] = g;
}

static enum ofperr add_group(struct change *c, const struct group_mod *gm)
{
    if (gm->group_id > OFPG_MAX) {
        return OFPERR_OFPGMFC_INVALID_GROUP;
    }
    if (change_find_group(c, gm->group_id)) {
        return OFPERR_OFPGMFC_GROUP_EXISTS;
    }
    const struct group_bucket **buckets = xcalloc(gm->n_buckets + 1, sizeof *buckets);
    for (size_t i = 0; i < gm->n_buckets; i++) {
        buckets[i] = &gm->buckets[i];
    }
    struct group *g = make_group(gm, buckets, gm->n_buckets);
    free(buckets);
    struct group_array *a = own_groups(c);
    size_t i = find_place(a, gm->group_id);
    memmove(a->groups + i + 1, a->groups + i, (a->n - i) * sizeof a->groups[0]);
    a->groups[i] = g;
    a->n++;
    return OFPERR_NONE;
}

/* OLD's place is taken by a group that GM describes. (Groups may lead back to themselves, as the reference
 * lets them: a packet then goes round until the limit of depth, and is dropped with that reason.) */
static void replace_group(struct change *c, struct group *old, const struct group_mod *gm,
                          const struct group_bucket *const *buckets, size_t n_buckets)
{
    struct group *g = make_group(gm, buckets, n_buckets);
    g->created_ms = old->created_ms;
    g->n_rules = old->n_rules;
    struct group_array *a = own_groups(c);
    a->groups[find_place(a, g->s.group_id)] = g;
    let_go(c, old);
}

static enum ofperr modify_group(struct change *c, const struct group_mod *gm)
{
    if (gm->group_id > OFPG_MAX) {
        return OFPERR_OFPGMFC_INVALID_GROUP;
    }
    struct group *old = change_find_group(c, gm->group_id);
    if (!old) {
        return OFPERR_OFPGMFC_UNKNOWN_GROUP;
    }
    const struct group_bucket **buckets = xcalloc(gm->n_buckets + 1, sizeof *buckets);
    for (size_t i = 0; i < gm->n_buckets; i++) {
        buckets[i] = &gm->buckets[i];
    }
    replace_group(c, old, gm, buckets, gm->n_buckets);
    free(buckets);
    return OFPERR_NONE;
}

static size_t find_bucket(const struct group *g, uint32_t id)
{
    for (size_t i = 0; i < g->s.n_buckets; i++) {
        if (g->s.buckets[i].bucket_id == id) {
            return i;
        }
    }
    return SIZE_MAX;
}

static enum ofperr insert_buckets(struct change *c, const struct group_mod *gm)
{
    struct group *old = change_find_group(c, gm->group_id);
    if (!old) {
        return OFPERR_OFPGMFC_UNKNOWN_GROUP;
    }
    size_t at = gm->command_bucket_id == BUCKET_ID_FIRST  ? 0
                : gm->command_bucket_id == BUCKET_ID_LAST ? old->s.n_buckets
                                                          : find_bucket(old, gm->command_bucket_id);
    if (at == SIZE_MAX) {
        return OFPERR_OFPGMFC_UNKNOWN_BUCKET;
    }
    if (gm->command_bucket_id <= BUCKET_ID_MAX) {
        at++; /* behind it */
    }
    for (size_t i = 0; i < gm->n_buckets; i++) {
        if (find_bucket(old, gm->buckets[i].bucket_id) != SIZE_MAX) {
            return OFPERR_OFPGMFC_BUCKET_EXISTS;
        }
        enum ofperr error = group_check_bucket(old->s.type, &gm->buckets[i]);
        if (error) {
            return error;
        }
    }
    size_t n = old->s.n_buckets + gm->n_buckets;
    const struct group_bucket **buckets = xcalloc(n + 1, sizeof *buckets);
    for (size_t i = 0; i < n; i++) {
        buckets[i] = i < at                   ? &old->s.buckets[i]
                     : i < at + gm->n_buckets ? &gm->buckets[i - at]
                                              : &old->s.buckets[i - gm->n_buckets];
    }
    replace_group(c, old, &old->s, buckets, n);
    free(buckets);
    return OFPERR_NONE;
}

static enum ofperr remove_buckets(struct change *c, const struct group_mod *gm)
{
    struct group *old = change_find_group(c, gm->group_id);
    if (!old) {
        return OFPERR_OFPGMFC_UNKNOWN_GROUP;
    }
    size_t n = old->s.n_buckets, at = 0, gone = n;
    if (gm->command_bucket_id != BUCKET_ID_ALL) {
        bool ends = gm->command_bucket_id == BUCKET_ID_FIRST || gm->command_bucket_id == BUCKET_ID_LAST;
        gone = ends && !n ? 0 : 1;
        at = gm->command_bucket_id == BUCKET_ID_FIRST  ? 0
             : gm->command_bucket_id == BUCKET_ID_LAST ? n - gone
                                                       : find_bucket(old, gm->command_bucket_id);
        if (at == SIZE_MAX) {
            return OFPERR_OFPGMFC_UNKNOWN_BUCKET;
        }
    }
    const struct group_bucket **buckets = xcalloc(n + 1, sizeof *buckets);
    for (size_t i = 0; i < n - gone; i++) {
        buckets[i] = &old->s.buckets[i < at ? i : i + gone];
    }
    replace_group(c, old, &old->s, buckets, n - gone);
    free(buckets);
    return OFPERR_NONE;
}

/* The rules that use it go too, and the groups whose buckets do. */
static enum ofperr delete_groups(struct change *c, uint32_t id)
{
    const struct group_array *now = groups_of(c);
    if (id == OFPG_ALL ? !now->n : !find(now, id)) {
        return OFPERR_NONE;
    }
    struct group_array *a = own_groups(c);
    size_t kept = 0, n = a->n;
    struct group **gone = xcalloc(n, sizeof *gone);
    size_t n_gone = 0;
    for (size_t i = 0; i < n; i++) {
        struct group *g = a->groups[i];
        if (id == OFPG_ALL || g->s.group_id == id) {
            gone[n_gone++] = g;
        } else {
            a->groups[kept++] = g;
        }
    }
    a->n = kept;
    enum ofperr error = OFPERR_NONE;
    for (size_t i = 0; i < n_gone; i++) {
        struct flow_mod mod;
        flow_mod_init(&mod);
        mod.command = FLOW_DELETE;
        mod.table_id = OFPTT_ALL;
        mod.out_group = gone[i]->s.group_id;
        enum ofperr e = gone[i]->n_rules || !list_is_empty(&c->added)
                            ? change_flow_mod(c, &mod, RULE_GROUP_DELETE)
                            : OFPERR_NONE;
        error = error ? error : e;
        flow_mod_fini(&mod);
        let_go(c, gone[i]);
    }
    free(gone);
    return error;
}

/* Can the group be described in one message of the version that it was changed in? There is no other way to
 * tell of it: a group of more buckets is refused. */
static enum ofperr check_size(const struct change *c, uint32_t group_id)
{
    const struct group *g = change_find_group(c, group_id);
    enum ofp_version v = c->asker ? ofconn_version(c->asker) : OFP15;
    struct bytebuf b = BYTEBUF_INITIALIZER;
    group_desc_encode(&b, &g->s, v);
    bool fits = b.len <= OFP_MAX_LEN - MULTIPART_HEADER && g->s.n_buckets * sizeof(struct bucket_counter) <=
                                                               OFP_MAX_LEN - MULTIPART_HEADER - STATS_HEADER;
    bytebuf_fini(&b);
    return fits ? OFPERR_NONE : OFPERR_OFPGMFC_OUT_OF_BUCKETS;
}

static enum ofperr do_group_mod(struct change *c, const struct group_mod *gm)
{
    switch (gm->command) {
    case GROUP_ADD:
        return add_group(c, gm);
    case GROUP_MODIFY:
        return modify_group(c, gm);
    case GROUP_ADD_OR_MOD:
        return change_find_group(c, gm->group_id) ? modify_group(c, gm) : add_group(c, gm);
    case GROUP_DELETE:
        return delete_groups(c, gm->group_id);
    case GROUP_INSERT_BUCKET:
        return insert_buckets(c, gm);
    case GROUP_REMOVE_BUCKET:
        return remove_buckets(c, gm);
    default:
        return OFPERR_OFPGMFC_BAD_COMMAND;
    }
}

enum ofperr change_group_mod(struct change *c, const struct group_mod *gm)
{
    enum ofperr error = do_group_mod(c, gm);
    bool grows = gm->command != GROUP_DELETE && gm->command != GROUP_REMOVE_BUCKET;
    return error || !grows ? error : check_size(c, gm->group_id);
}

void change_swap_groups(struct change *c)
{
    if (c->groups) {
        struct group_table *t = c->ofproto->groups;
        for (size_t i = 0; i < c->groups->n; i++) {
            c->groups->groups[i]->pending = false;
        }
        struct group_array *old = t->array;
        c->groups->since = c->version;
        c->groups->prev = old;
        rcu_set(&t->array, c->groups);
        c->groups = old; /* to be released */
        pipeline_mark_all_changed(c->ofproto->pipeline);
    }
}

static void free_array_rcu(struct rcu_head *head)
{
    free(CONTAINER_OF(head, struct group_array, rcu));
}

void change_release_groups(struct change *c)
{
    if (c->groups) {
        rcu_postpone(&c->groups->rcu, free_array_rcu);
        c->groups = NULL;
    }
    for (size_t i = 0; i < c->n_gone; i++) {
        group_unref(c->gone[i]);
    }
    free(c->gone);
    c->gone = NULL;
    c->n_gone = 0;
}

void change_revert_groups(struct change *c)
{
    if (c->groups) {
        for (size_t i = 0; i < c->groups->n; i++) {
            if (c->groups->groups[i]->pending) {
                free_group(c->groups->groups[i]);
            }
        }
        free(c->groups);
        c->groups = NULL;
    }
    free(c->gone);
    c->gone = NULL;
    c->n_gone = 0;
}

static void count_actions(struct ofproto *ofproto, const struct ofpact *actions, size_t len, int by)
{
    const struct ofpact *a;
    OFPACT_FOR_EACH (a, actions, len) {
        if (a->type == OFPACT_GROUP) {
            struct group *g = find(ofproto->groups->array, OFPACT_CAST(GROUP, a)->group_id);
            if (g && (by > 0 || g->n_rules)) {
                g->n_rules += (uint32_t)by;
            }
        } else if (a->type == OFPACT_CLONE || a->type == OFPACT_WRITE_ACTIONS) {
            const struct ofpact_nest *nest = (const struct ofpact_nest *)(const void *)a;
            count_actions(ofproto, nest->actions, ofpact_nest_len(nest), by);
        }
    }
}

void groups_count_rule(struct ofproto *ofproto, const struct rule *rule, int by)
{
    if (ofproto->groups->array->n) {
        count_actions(ofproto, rule->actions, rule->actions_len, by);
    }
}
