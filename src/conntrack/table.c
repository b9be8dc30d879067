/* SPDX-License-Identifier: Apache-2.0 */
#include "conntrack/table.h"

#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/random.h"

#define BUCKET_ENTRIES 8
#define FIRST_BUCKETS  2 /* of a shard; a power of two, at least a pair */
#define CHUNK_CONNS    16

/* tag << 48 | address of the connection | IS_REPLY. Connections lie on cache lines, user memory below 2^47.
 */
typedef uint64_t entry_t;
#define IS_REPLY   1ull
#define ADDRESS(E) ((E)&0x0000ffffffffffc0ull)
#define TAG(HASH)  ((HASH) >> 40 & 0xffff)

struct bucket {
    entry_t entries[BUCKET_ENTRIES]; /* a; 0: free */
} CACHE_ALIGNED;

struct slots {
    struct rcu_head rcu;
    uint64_t mask; /* number of buckets - 1 */
    struct bucket buckets[];
};

struct ct_shard {
    struct spin lock;
    uint32_t n_chunks;       /* s */
    struct slots *slots;     /* RCU, s writers */
    struct ct_conn *free;    /* s */
    struct ct_conn **chunks; /* s */
} CACHE_ALIGNED;

struct ct_table {
    ct_removed_fn *removed; /* i */
    void *aux;              /* i */
    uint64_t secret[4];     /* i */
    uint32_t n;             /* a */
    struct ct_shard shards[CT_N_SHARDS];
};

static struct slots *slots_create(uint64_t n_buckets)
{
    struct slots *s = aligned_alloc(CACHE_LINE_SIZE, sizeof *s + n_buckets * sizeof(struct bucket));
    if (s) {
        memset(s, 0, sizeof *s + n_buckets * sizeof(struct bucket));
        s->mask = n_buckets - 1;
    }
    return s;
}

struct ct_table *ct_table_create(ct_removed_fn *removed, void *aux)
{
    struct ct_table *t = xzalloc_cacheline(sizeof *t);
    random_secret(t->secret, sizeof t->secret);
    t->secret[1] |= 1; /* a factor */
    t->removed = removed;
    t->aux = aux;
    for (int i = 0; i < CT_N_SHARDS; i++) {
        t->shards[i].slots = slots_create(FIRST_BUCKETS);
        if (!t->shards[i].slots) {
            out_of_memory();
        }
    }
    return t;
}

void ct_table_destroy(struct ct_table *t)
{
    if (!t) {
        return;
    }
    rcu_barrier_all(); /* arrays and connections that wait for a grace period */
    for (int i = 0; i < CT_N_SHARDS; i++) {
        struct ct_shard *shard = &t->shards[i];
        for (uint32_t c = 0; c < shard->n_chunks; c++) {
            free(shard->chunks[c]);
        }
        free(shard->chunks);
        free(shard->slots);
    }
    free(t);
}

const uint64_t *ct_table_secret(const struct ct_table *t)
{
    return t->secret;
}

uint32_t ct_table_count(const struct ct_table *t)
{
    return __atomic_load_n(&t->n, __ATOMIC_RELAXED);
}

static inline struct ct_shard *shard_of(const struct ct_table *t, uint64_t hash)
{
    return (struct ct_shard *)&t->shards[hash >> 56];
}

/* ------------------------------------------------------------------ lookup */

void ct_table_prefetch(const struct ct_table *t, uint64_t hash)
{
    const struct slots *s = rcu_get(&shard_of(t, hash)->slots);
    __builtin_prefetch(&s->buckets[hash & s->mask]);
}

/* Which direction of the connection is TUPLE, whose reverse is REVERSED? -1: none. */
static int direction(const struct ct_conn *c, const struct ct_tuple *tuple, const struct ct_tuple *reversed)
{
    if (ct_tuple_equal(&c->orig, tuple)) {
        return 0;
    }
    if (unlikely(c->nat)) {
        return ct_tuple_equal(&c->reply, tuple) ? 1 : -1;
    }
    return ct_tuple_equal(&c->orig, reversed) ? 1 : -1;
}

/* Lives and has TUPLE. Expired ones may be asked for too. */
static struct ct_conn *find_in(const struct slots *s, const struct ct_tuple *tuple,
                               const struct ct_tuple *reversed, uint64_t hash, int *dir)
{
    uint64_t b = hash & s->mask;
    for (int i = 0; i < 2; i++, b ^= 1) {
        for (int e = 0; e < BUCKET_ENTRIES; e++) {
            entry_t entry = __atomic_load_n(&s->buckets[b].entries[e], __ATOMIC_ACQUIRE);
            if (entry >> 48 != TAG(hash) || !entry) {
                continue;
            }
            struct ct_conn *c = (struct ct_conn *)(uintptr_t)ADDRESS(entry);
            int d = direction(c, tuple, reversed);
            if (d >= 0 && !__atomic_load_n(&c->dead, __ATOMIC_RELAXED)) {
                *dir = d;
                return c;
            }
        }
    }
    return NULL;
}

struct ct_conn *ct_table_find(const struct ct_table *t, const struct ct_tuple *tuple, uint64_t hash,
                              int64_t now_ms, int *dir)
{
    struct ct_tuple reversed;
    ct_tuple_reverse(tuple, &reversed);
    struct ct_conn *c = find_in(rcu_get(&shard_of(t, hash)->slots), tuple, &reversed, hash, dir);
    return c && __atomic_load_n(&c->expires_ms, __ATOMIC_RELAXED) > now_ms ? c : NULL;
}

/* ------------------------------------------------------------------ memory */

struct ct_conn *ct_table_alloc(struct ct_table *t, const struct ct_tuple *orig, uint64_t hash)
{
    struct ct_shard *shard = shard_of(t, hash);
    spin_lock(&shard->lock);
    if (!shard->free) {
        struct ct_conn *chunk = aligned_alloc(CACHE_LINE_SIZE, CHUNK_CONNS * sizeof *chunk);
        struct ct_conn **chunks =
            chunk ? realloc(shard->chunks, (shard->n_chunks + 1) * sizeof *chunks) : NULL;
        if (chunks) {
            shard->chunks = chunks;
            chunks[shard->n_chunks++] = chunk;
            for (int i = 0; i < CHUNK_CONNS; i++) {
                chunk[i].next_free = shard->free;
                shard->free = &chunk[i];
            }
        } else {
            free(chunk);
        }
    }
    struct ct_conn *c = shard->free;
    if (c) {
        shard->free = c->next_free;
    }
    spin_unlock(&shard->lock);
    if (c) {
        memset(c, 0, sizeof *c);
        c->orig = *orig;
        c->hash = hash;
        c->home = shard;
    }
    return c;
}

void ct_table_abandon(struct ct_conn *c)
{
    struct ct_shard *shard = c->home;
    spin_lock(&shard->lock);
    c->next_free = shard->free;
    shard->free = c;
    spin_unlock(&shard->lock);
}

static void free_conn(struct rcu_head *head)
{
    rcu_grace_passed();
    ct_table_abandon(CONTAINER_OF(head, struct ct_conn, rcu));
}

static void free_slots(struct rcu_head *head)
{
    rcu_grace_passed();
    free(CONTAINER_OF(head, struct slots, rcu));
}

/* ------------------------------------------------------------------ insert, remove */

static void lock_both(struct ct_shard *a, struct ct_shard *b)
{
    spin_lock(&MIN(a, b)->lock);
    if (a != b) {
        spin_lock(&MAX(a, b)->lock);
    }
}

static void unlock_both(struct ct_shard *a, struct ct_shard *b)
{
    if (a != b) {
        spin_unlock(&MAX(a, b)->lock);
    }
    spin_unlock(&MIN(a, b)->lock);
}

/* A free place for HASH. NULL: both buckets are full. */
static entry_t *find_place(struct slots *s, uint64_t hash)
{
    uint64_t b = hash & s->mask;
    for (int i = 0; i < 2; i++, b ^= 1) {
        for (int e = 0; e < BUCKET_ENTRIES; e++) {
            if (!s->buckets[b].entries[e]) {
                return &s->buckets[b].entries[e];
            }
        }
    }
    return NULL;
}

static uint64_t entry_hash(entry_t entry)
{
    const struct ct_conn *c = (const struct ct_conn *)(uintptr_t)ADDRESS(entry);
    return entry & IS_REPLY ? c->reply_hash : c->hash;
}

/* All entries of FROM into an array of N buckets. NULL: they do not fit, or there is no memory. */
static struct slots *rehash(const struct slots *from, uint64_t n, bool *no_memory)
{
    struct slots *to = slots_create(n);
    *no_memory = !to;
    for (uint64_t b = 0; to && b <= from->mask; b++) {
        for (int e = 0; e < BUCKET_ENTRIES; e++) {
            entry_t entry = from->buckets[b].entries[e];
            entry_t *place = entry ? find_place(to, entry_hash(entry)) : NULL;
            if (entry && !place) {
                free(to);
                return NULL;
            }
            if (entry) {
                *place = entry;
            }
        }
    }
    return to;
}

/* A place for HASH, whatever it takes. NULL: no memory. s */
static entry_t *make_place(struct ct_shard *shard, uint64_t hash)
{
    entry_t *place = find_place(shard->slots, hash);
    for (uint64_t n = 2 * (shard->slots->mask + 1); !place; n *= 2) {
        bool no_memory;
        struct slots *old = shard->slots, *slots = rehash(old, n, &no_memory);
        if (no_memory) {
            return NULL;
        }
        if (slots) {
            rcu_set(&shard->slots, slots);
            rcu_postpone(&old->rcu, free_slots);
            place = find_place(slots, hash);
        }
    }
    return place;
}

static void store(entry_t *place, struct ct_conn *c, uint64_t hash, uint64_t flag)
{
    __atomic_store_n(place, TAG(hash) << 48 | (uint64_t)(uintptr_t)c | flag, __ATOMIC_RELEASE);
}

static void erase(struct ct_shard *shard, const struct ct_conn *c, uint64_t hash)
{
    struct slots *s = shard->slots;
    uint64_t b = hash & s->mask;
    for (int i = 0; i < 2; i++, b ^= 1) {
        for (int e = 0; e < BUCKET_ENTRIES; e++) {
            if (ADDRESS(s->buckets[b].entries[e]) == (uintptr_t)c) {
                __atomic_store_n(&s->buckets[b].entries[e], 0, __ATOMIC_RELEASE);
                return;
            }
        }
    }
}

/* Is TUPLE free? An expired connection is in the way until it is removed, for which its locks are needed. s
 */
static bool is_free(const struct ct_shard *shard, const struct ct_tuple *tuple, uint64_t hash, int64_t now_ms,
                    struct ct_conn **expired)
{
    struct ct_tuple reversed;
    int dir;
    ct_tuple_reverse(tuple, &reversed);
    struct ct_conn *c = find_in(shard->slots, tuple, &reversed, hash, &dir);
    *expired = c && __atomic_load_n(&c->expires_ms, __ATOMIC_RELAXED) <= now_ms ? c : NULL;
    return !c;
}

static int insert_locked(struct ct_table *t, struct ct_shard *a, struct ct_shard *b, struct ct_conn *c,
                         int64_t now_ms, struct ct_conn **expired)
{
    if (!is_free(a, &c->orig, c->hash, now_ms, expired)) {
        return EEXIST;
    }
    if (!is_free(b, &c->reply, c->reply_hash, now_ms, expired)) {
        return EADDRINUSE;
    }
    entry_t *place = make_place(a, c->hash);
    if (!place) {
        return ENOMEM;
    }
    if (c->nat) {
        /* Room for the second before the first is taken; if it is the same array that grew, look again. */
        entry_t *second = make_place(b, c->reply_hash);
        if (!second) {
            return ENOMEM;
        }
        place = make_place(a, c->hash);
        store(place, c, c->hash, 0);
        second = make_place(b, c->reply_hash);
        if (!second) {
            __atomic_store_n(place, 0, __ATOMIC_RELEASE);
            return ENOMEM;
        }
        store(second, c, c->reply_hash, IS_REPLY);
    } else {
        store(place, c, c->hash, 0);
    }
    __atomic_fetch_add(&t->n, 1, __ATOMIC_RELAXED);
    return 0;
}

int ct_table_insert(struct ct_table *t, struct ct_conn *c, int64_t now_ms)
{
    struct ct_shard *a = shard_of(t, c->hash), *b = c->nat ? shard_of(t, c->reply_hash) : a;
    for (;;) {
        struct ct_conn *expired = NULL;
        lock_both(a, b);
        int error = insert_locked(t, a, b, c, now_ms, &expired);
        unlock_both(a, b);
        if (!error || !expired) {
            return error;
        }
        ct_table_remove(t, expired);
    }
}

bool ct_table_remove(struct ct_table *t, struct ct_conn *c)
{
    struct ct_shard *a = shard_of(t, c->hash), *b = c->nat ? shard_of(t, c->reply_hash) : a;
    lock_both(a, b);
    bool ours = !c->dead;
    if (ours) {
        __atomic_store_n(&c->dead, 1, __ATOMIC_RELAXED);
        erase(a, c, c->hash);
        if (c->nat) {
            erase(b, c, c->reply_hash);
        }
        __atomic_fetch_sub(&t->n, 1, __ATOMIC_RELAXED);
    }
    unlock_both(a, b);
    if (ours) {
        if (t->removed) {
            t->removed(c, t->aux);
        }
        rcu_postpone(&c->rcu, free_conn);
    }
    return ours;
}

void ct_table_each(struct ct_table *t, unsigned first, unsigned last,
                   void (*each)(struct ct_conn *, void *aux), void *aux)
{
    for (unsigned i = first; i < last && i < CT_N_SHARDS; i++) {
        const struct slots *s = rcu_get(&t->shards[i].slots);
        for (uint64_t b = 0; b <= s->mask; b++) {
            for (int e = 0; e < BUCKET_ENTRIES; e++) {
                entry_t entry = __atomic_load_n(&s->buckets[b].entries[e], __ATOMIC_ACQUIRE);
                struct ct_conn *c = (struct ct_conn *)(uintptr_t)ADDRESS(entry);
                if (entry && !(entry & IS_REPLY) && !__atomic_load_n(&c->dead, __ATOMIC_RELAXED)) {
                    each(c, aux);
                }
            }
        }
    }
}
