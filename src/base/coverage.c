/* SPDX-License-Identifier: Apache-2.0 */
/* Averages: a ring of 5-second samples over the last minute and one of minute samples over the last hour. */
#include "base/coverage.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/strbuf.h"

enum {
    SAMPLE_MS = 5000,
    PER_MINUTE = 60000 / SAMPLE_MS,
    PER_HOUR = 60
};

struct history {
    uint64_t last_total;
    uint32_t samples[PER_MINUTE]; /* what came in each 5 seconds */
    uint32_t minutes[PER_HOUR];   /* what came in each minute */
};

struct thread_entry {
    struct coverage_cells *cells;
    struct thread_entry *next;
};

__thread struct coverage_cells coverage_cells;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* all below */
static const char *names[COVERAGE_MAX]; /* by index; index 0 is for counters beyond the table */
static uint32_t n_counters = 1;
static uint64_t ended[COVERAGE_MAX]; /* of threads that have ended */
static struct history histories[COVERAGE_MAX];
static struct thread_entry *threads;
static int64_t next_sample_ms;
static uint32_t n_samples;
static pthread_key_t thread_key;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;

void coverage_register_counter(struct coverage_counter *counter)
{
    pthread_mutex_lock(&mutex);
    uint32_t i = 1;
    while (i < n_counters && strcmp(names[i], counter->name)) {
        i++;
    }
    if (i == n_counters && n_counters < COVERAGE_MAX) {
        names[n_counters++] = counter->name;
    }
    counter->index = i < COVERAGE_MAX ? i : 0;
    pthread_mutex_unlock(&mutex);
}

static void thread_ended(void *cells_)
{
    struct coverage_cells *cells = cells_;
    pthread_mutex_lock(&mutex);
    for (struct thread_entry **p = &threads; *p; p = &(*p)->next) {
        if ((*p)->cells == cells) {
            struct thread_entry *entry = *p;
            *p = entry->next;
            free(entry);
            break;
        }
    }
    for (uint32_t i = 0; i < n_counters; i++) {
        ended[i] += cells->count[i];
    }
    memset(cells, 0, sizeof *cells);
    pthread_mutex_unlock(&mutex);
}

static void make_key(void)
{
    pthread_key_create(&thread_key, thread_ended);
}

void coverage_register_thread(void)
{
    pthread_once(&key_once, make_key);
    pthread_setspecific(thread_key, &coverage_cells);
    struct thread_entry *entry = xmalloc(sizeof *entry);
    entry->cells = &coverage_cells;
    pthread_mutex_lock(&mutex);
    entry->next = threads;
    threads = entry;
    coverage_cells.registered = true;
    pthread_mutex_unlock(&mutex);
}

/* Under the mutex. */
static uint64_t total_of(uint32_t index)
{
    uint64_t total = ended[index];
    for (const struct thread_entry *entry = threads; entry; entry = entry->next) {
        total += __atomic_load_n(&entry->cells->count[index], __ATOMIC_RELAXED);
    }
    return total;
}

static void take_sample(void)
{
    uint32_t slot = n_samples % PER_MINUTE;
    for (uint32_t i = 1; i < n_counters; i++) {
        struct history *h = &histories[i];
        uint64_t total = total_of(i);
        h->samples[slot] = (uint32_t)MIN(total - h->last_total, UINT32_MAX);
        h->last_total = total;
        uint32_t *minute = &h->minutes[n_samples / PER_MINUTE % PER_HOUR];
        *minute = (slot ? *minute : 0) + h->samples[slot];
    }
    n_samples++;
}

void coverage_run(int64_t now_ms)
{
    pthread_mutex_lock(&mutex);
    if (!next_sample_ms) {
        next_sample_ms = now_ms + SAMPLE_MS;
    }
    /* After a long stop or a warp, more than an hour of empty samples says no more than an hour of them. */
    if (now_ms - next_sample_ms > 3600 * 1000) {
        next_sample_ms = now_ms - 3600 * 1000;
    }
    for (; next_sample_ms <= now_ms; next_sample_ms += SAMPLE_MS) {
        take_sample();
    }
    pthread_mutex_unlock(&mutex);
}

static uint64_t sum(const uint32_t *v, size_t n)
{
    uint64_t total = 0;
    for (size_t i = 0; i < n; i++) {
        total += v[i];
    }
    return total;
}

/* The order is part of the hash that tells two runs' coverage apart; only what has been hit counts for it. */
static uint32_t hash_hits(const uint64_t *totals, uint32_t n)
{
    uint32_t hash = 0;
    for (uint32_t i = 1; i < n; i++) {
        if (totals[i]) {
            hash ^= hash_string(names[i], (uint32_t)__builtin_clzll(totals[i]));
        }
    }
    return hash;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(names[*(const uint32_t *)a], names[*(const uint32_t *)b]);
}

char *coverage_show(void)
{
    struct strbuf s = STRBUF_INITIALIZER;
    uint64_t totals[COVERAGE_MAX];
    uint32_t order[COVERAGE_MAX], n_hit = 0;
    pthread_mutex_lock(&mutex);
    for (uint32_t i = 1; i < n_counters; i++) {
        totals[i] = total_of(i);
        if (totals[i]) {
            order[n_hit++] = i;
        }
    }
    strbuf_printf(&s, "Event coverage, avg rate over last: %d seconds, last minute, last hour,  hash=%08x:\n",
                  SAMPLE_MS / 1000, hash_hits(totals, n_counters));
    qsort(order, n_hit, sizeof *order, compare_names);
    for (uint32_t i = 0; i < n_hit; i++) {
        const struct history *h = &histories[order[i]];
        uint32_t last = n_samples ? h->samples[(n_samples - 1) % PER_MINUTE] : 0;
        strbuf_printf(&s, "%-24s %5.1f/sec %9.3f/sec %13.4f/sec   total: %llu\n", names[order[i]],
                      (double)last / (SAMPLE_MS / 1000), (double)sum(h->samples, PER_MINUTE) / 60,
                      (double)sum(h->minutes, PER_HOUR) / 3600, (unsigned long long)totals[order[i]]);
    }
    strbuf_printf(&s, "%u events never hit\n", n_counters - 1 - n_hit);
    pthread_mutex_unlock(&mutex);
    return strbuf_steal(&s);
}

bool coverage_read_counter(const char *name, uint64_t *count)
{
    bool found = false;
    pthread_mutex_lock(&mutex);
    for (uint32_t i = 1; i < n_counters && !found; i++) {
        if (!strcmp(names[i], name)) {
            *count = total_of(i);
            found = true;
        }
    }
    pthread_mutex_unlock(&mutex);
    return found;
}
