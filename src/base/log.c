/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/ring.h"

enum {
    DEFERRED_TEXT = 480,
    DEFERRED_LINES = 1024,
    RATE_LIMIT_UNIT = 60000
};

struct facility {
    const char *name;     /* immutable: as in `vlog/list-pattern`; specs match it in any case */
    char *pattern;        /* mutex: NULL for the default */
    const char *fallback; /* immutable */
    struct log_sink sink; /* mutex: `write` NULL for none */
};

/* A line on its way from a forwarding thread. */
struct deferred_line {
    struct log_module *module;
    enum log_level level;
    uint32_t serial;
    int64_t wall_ms, since_start_ms;
    char thread[16];
    char text[DEFERRED_TEXT];
};

static struct facility facilities[LOG_N_FACILITIES] = {
    [LOG_SYSLOG] = {.name = "SYSLOG", .fallback = "ovs|%05N|%c%T|%p|%m"},
    [LOG_CONSOLE] = {.name = "CONSOLE", .fallback = "%D{%Y-%m-%dT%H:%M:%SZ}|%05N|%c%T|%p|%m"},
    [LOG_FILE] = {.name = "FILE", .fallback = "%D{%Y-%m-%dT%H:%M:%S.###Z}|%05N|%c%T|%p|%m"},
};

/* Numbers of RFC 5424; the names are those of ovs-appctl(8). */
static const char *const syslog_facilities[] = {
    "kern",   "user",   "mail",   "daemon", "auth",   "syslog", "lpr",    "news",
    "uucp",   "clock",  NULL,     "ftp",    "ntp",    "audit",  "alert",  "clock2",
    "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
};
static const struct {
    const char *name;
    int severity; /* RFC 5424 */
} levels[] = {
    [LOG_LEVEL_OFF] = {"OFF", 1},   [LOG_LEVEL_EMER] = {"EMER", 1}, [LOG_LEVEL_ERR] = {"ERR", 3},
    [LOG_LEVEL_WARN] = {"WARN", 4}, [LOG_LEVEL_INFO] = {"INFO", 6}, [LOG_LEVEL_DBG] = {"DBG", 7},
};

static struct list modules = LIST_INITIALIZER(&modules);  /* immutable once the constructors have run */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* patterns, sinks, writing */
static _Atomic int syslog_facility = 16;                  /* local0 */
static char *program;                                     /* set once, at start */
static char *syslog_prefix;                               /* mutex */

static __thread char thread_name[16];
static __thread uint32_t thread_serial;
static __thread bool deferring;

static struct ring deferred;
static pthread_once_t deferred_once = PTHREAD_ONCE_INIT;
static _Atomic bool deferred_ready;
static _Atomic uint64_t n_lost;
static void (*wake_drainer)(void *aux); /* set before the forwarding threads start */
static void *wake_aux;

void log_module_register(struct log_module *module)
{
    for (int i = 0; i < LOG_N_FACILITIES; i++) {
        module->levels[i] = LOG_LEVEL_INFO;
    }
    module->min_level = LOG_LEVEL_INFO;
    /* In order of their names, as `vlog/list` shows them; a module may span several files, each with its own.
     */
    struct log_module *other;
    LIST_FOR_EACH (other, node, &modules) {
        if (strcmp(other->name, module->name) > 0) {
            break;
        }
    }
    list_insert(&other->node, &module->node);
}

void log_set_program(const char *name)
{
    free(program);
    program = xstrdup(name);
}

const char *log_program(void)
{
    return program ? program : "sluice";
}

void log_set_thread_name(const char *name)
{
    snprintf(thread_name, sizeof thread_name, "%s", name);
}

const char *log_thread_name(void)
{
    return thread_name;
}

const char *log_level_name(enum log_level level)
{
    return levels[level].name;
}

int log_syslog_priority(enum log_level level)
{
    return atomic_load(&syslog_facility) * 8 + levels[level].severity;
}

void log_set_sink(enum log_facility facility, const struct log_sink *sink)
{
    pthread_mutex_lock(&mutex);
    facilities[facility].sink = sink ? *sink : (struct log_sink){.write = NULL};
    pthread_mutex_unlock(&mutex);
}

void log_set_syslog_prefix_shown(const char *prefix)
{
    pthread_mutex_lock(&mutex);
    free(syslog_prefix);
    syslog_prefix = xstrdup_or_null(prefix);
    pthread_mutex_unlock(&mutex);
}

/* Writing. */

static int64_t start_ms;

__attribute__((constructor)) static void note_start(void)
{
    start_ms = clock_ms();
}

static void emit(const struct log_module *module, const struct log_line *line)
{
    int saved_errno = errno;
    pthread_mutex_lock(&mutex);
    for (int i = 0; i < LOG_N_FACILITIES; i++) {
        struct facility *facility = &facilities[i];
        if (module->levels[i] < line->level || (!facility->sink.write && i != LOG_CONSOLE)) {
            continue;
        }
        struct strbuf text = STRBUF_INITIALIZER;
        log_format(&text, facility->pattern ? facility->pattern : facility->fallback, line);
        if (facility->sink.write) {
            facility->sink.write(facility->sink.aux, line->level, strbuf_text(&text), text.len);
        } else {
            fprintf(stderr, "%s\n", strbuf_text(&text));
        }
        strbuf_fini(&text);
    }
    pthread_mutex_unlock(&mutex);
    errno = saved_errno;
}

static void defer(struct log_module *module, enum log_level level, const char *format, va_list args)
{
    struct deferred_line d = {
        .module = module,
        .level = level,
        .serial = ++thread_serial,
        .wall_ms = clock_wall_ms(),
        .since_start_ms = clock_ms() - start_ms,
    };
    memcpy(d.thread, thread_name, sizeof d.thread);
    vsnprintf(d.text, sizeof d.text, format, args);
    bool was_empty = ring_count(&deferred) == 0;
    if (!ring_push(&deferred, &d)) {
        atomic_fetch_add(&n_lost, 1);
    } else if (was_empty && wake_drainer) {
        wake_drainer(wake_aux);
    }
}

static void vwrite(struct log_module *module, enum log_level level, const char *format, va_list args)
{
    if (deferring) {
        defer(module, level, format, args);
        return;
    }
    char *message = xvasprintf(format, args);
    struct log_line line = {
        .module = module->name,
        .message = message,
        .thread = thread_name,
        .level = level,
        .serial = ++thread_serial,
        .wall_ms = clock_wall_ms(),
        .since_start_ms = clock_ms() - start_ms,
    };
    emit(module, &line);
    free(message);
}

void log_write(struct log_module *module, enum log_level level, const char *format, ...)
{
    if (module->min_level >= level) {
        va_list args;
        va_start(args, format);
        vwrite(module, level, format, args);
        va_end(args);
    }
}

/* Deferred lines. */

static void make_ring(void)
{
    ring_init(&deferred, DEFERRED_LINES, sizeof(struct deferred_line));
    atomic_store(&deferred_ready, true);
}

void log_defer_this_thread(void)
{
    pthread_once(&deferred_once, make_ring);
    deferring = true;
}

void log_set_drain_wakeup(void (*wake)(void *aux), void *aux)
{
    wake_aux = aux;
    wake_drainer = wake;
}

void log_drain(void)
{
    struct deferred_line d;
    if (!atomic_load_explicit(&deferred_ready, memory_order_acquire)) {
        return;
    }
    while (ring_pop(&deferred, &d)) {
        struct log_line line = {
            .module = d.module->name,
            .message = d.text,
            .thread = d.thread,
            .level = d.level,
            .serial = d.serial,
            .wall_ms = d.wall_ms,
            .since_start_ms = d.since_start_ms,
        };
        emit(d.module, &line);
    }
    uint64_t lost = atomic_exchange(&n_lost, 0);
    if (lost) {
        static struct log_module module = {.name = "log"};
        memset(module.levels, LOG_LEVEL_WARN, sizeof module.levels);
        module.min_level = LOG_LEVEL_WARN;
        log_write(&module, LOG_LEVEL_WARN, "%llu lines of forwarding threads were lost: their ring was full",
                  (unsigned long long)lost);
    }
}

/* Rate limits. */

static void lock_limit(struct log_rate_limit *rl)
{
    while (__atomic_exchange_n(&rl->lock, 1, __ATOMIC_ACQUIRE)) {
    }
}

static void unlock_limit(struct log_rate_limit *rl)
{
    __atomic_store_n(&rl->lock, 0, __ATOMIC_RELEASE);
}

/* A line costs RATE_LIMIT_UNIT tokens; RATE of them come in each millisecond. */
static bool take_token(struct log_rate_limit *rl, int64_t now)
{
    uint64_t full = (uint64_t)rl->burst * RATE_LIMIT_UNIT;
    full = MIN(full, UINT32_MAX);
    if (rl->last_fill_ms == INT64_MIN) {
        rl->tokens = (uint32_t)full;
    } else if (now > rl->last_fill_ms) {
        uint64_t elapsed = (uint64_t)(now - rl->last_fill_ms);
        uint64_t gained = elapsed > UINT32_MAX ? full : elapsed * rl->rate;
        rl->tokens = (uint32_t)MIN(full, rl->tokens + gained);
    }
    rl->last_fill_ms = now;
    if (rl->tokens < RATE_LIMIT_UNIT) {
        return false;
    }
    rl->tokens -= RATE_LIMIT_UNIT;
    return true;
}

bool log_should_drop(struct log_module *module, enum log_level level, struct log_rate_limit *rl)
{
    if (module->min_level < level) {
        return true;
    }
    if (!module->honor_rate_limits) {
        return false;
    }
    int64_t now = clock_ms();
    lock_limit(rl);
    if (!take_token(rl, now)) {
        if (!rl->n_dropped) {
            rl->first_dropped_ms = now;
        }
        rl->last_dropped_ms = now;
        rl->n_dropped++;
        unlock_limit(rl);
        return true;
    }
    uint32_t n_dropped = rl->n_dropped;
    int64_t first = rl->first_dropped_ms, last = rl->last_dropped_ms;
    rl->n_dropped = 0;
    unlock_limit(rl);
    if (n_dropped) {
        log_write(module, level,
                  "Dropped %u log messages in last %lld seconds (most recently, %lld seconds ago) due to "
                  "excessive rate",
                  n_dropped, (long long)(now - first + 500) / 1000, (long long)(now - last + 500) / 1000);
    }
    return false;
}

void log_write_rl(struct log_module *module, enum log_level level, struct log_rate_limit *rl,
                  const char *format, ...)
{
    if (!log_should_drop(module, level, rl)) {
        va_list args;
        va_start(args, format);
        vwrite(module, level, format, args);
        va_end(args);
    }
}

/* Levels. */

static void set_module_level(struct log_module *module, int facility, enum log_level level)
{
    for (int i = 0; i < LOG_N_FACILITIES; i++) {
        if (facility == LOG_N_FACILITIES || facility == i) {
            module->levels[i] = (uint8_t)level;
        }
    }
    uint8_t most = 0;
    for (int i = 0; i < LOG_N_FACILITIES; i++) {
        most = MAX(most, module->levels[i]);
    }
    module->min_level = most;
}

/* FACILITY may be LOG_N_FACILITIES: all. */
static bool set_level(const char *name, int facility, enum log_level level)
{
    bool found = !name;
    struct log_module *module;
    LIST_FOR_EACH (module, node, &modules) {
        if (!name || !strcasecmp(module->name, name)) {
            set_module_level(module, facility, level);
            found = true;
        }
    }
    return found;
}

bool log_set_level(const char *module, enum log_facility facility, enum log_level level)
{
    return set_level(module, (int)facility, level);
}

void log_set_all_levels(enum log_level level)
{
    set_level(NULL, LOG_N_FACILITIES, level);
}

bool log_set_rate_limiting(const char *name, bool honor)
{
    bool found = !name;
    struct log_module *module;
    LIST_FOR_EACH (module, node, &modules) {
        if (!name || !strcasecmp(module->name, name)) {
            module->honor_rate_limits = honor;
            found = true;
        }
    }
    return found;
}

static int facility_by_name(const char *name)
{
    int i = 0;
    while (i < LOG_N_FACILITIES && strcasecmp(facilities[i].name, name)) {
        i++;
    }
    return i;
}

static bool level_by_name(const char *name, enum log_level *level)
{
    for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
        if (!strcasecmp(levels[i].name, name)) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

static bool module_exists(const char *name)
{
    struct log_module *module;
    LIST_FOR_EACH (module, node, &modules) {
        if (!strcasecmp(module->name, name)) {
            return true;
        }
    }
    return false;
}

/* "FACILITY:PATTERN", which stands after "PATTERN:". */
static char *set_pattern(const char *spec)
{
    size_t n = strcspn(spec, ":");
    if (!n) {
        return xstrdup("missing destination");
    }
    char *name = xmemdup0(spec, n);
    const char *pattern = spec + n + (spec[n] == ':');
    int chosen = facility_by_name(name);
    if (chosen == LOG_N_FACILITIES && strcasecmp(name, "any")) {
        char *error = xasprintf("unknown destination \"%s\"", name);
        free(name);
        return error;
    }
    free(name);
    pthread_mutex_lock(&mutex);
    for (int i = 0; i < LOG_N_FACILITIES; i++) {
        if (chosen == i || chosen == LOG_N_FACILITIES) {
            free(facilities[i].pattern);
            /* A destination alone gives it its default back. */
            facilities[i].pattern = spec[n] ? xstrdup(pattern) : NULL;
        }
    }
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static char *set_syslog_facility(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(syslog_facilities); i++) {
        if (syslog_facilities[i] && !strcasecmp(syslog_facilities[i], name)) {
            atomic_store(&syslog_facility, (int)i);
            return NULL;
        }
    }
    return xstrdup("invalid facility");
}

/* Whether SPEC's first word is WORD; if so, what follows its colon. */
static bool first_word_is(const char *spec, const char *word, const char **rest)
{
    size_t n = strlen(word);
    if (strncasecmp(spec, word, n) || (spec[n] && spec[n] != ':')) {
        return false;
    }
    *rest = spec + n + (spec[n] == ':');
    return true;
}

char *log_set_levels(const char *spec)
{
    const char *rest;
    if (first_word_is(spec, "PATTERN", &rest)) {
        return set_pattern(rest);
    }
    if (first_word_is(spec, "FACILITY", &rest)) {
        return set_syslog_facility(rest);
    }
    char *module = NULL, *error = NULL;
    int facility = LOG_N_FACILITIES;
    bool has_level = false;
    enum log_level level = LOG_LEVEL_DBG, word_level;
    char *copy = xstrdup(spec), *save = NULL;
    for (char *word = strtok_r(copy, " ,:\t", &save); word && !error; word = strtok_r(NULL, " ,:\t", &save)) {
        int word_facility = facility_by_name(word);
        if (word_facility < LOG_N_FACILITIES) {
            if (facility != LOG_N_FACILITIES) {
                error = xstrdup("cannot specify multiple destinations");
            }
            facility = word_facility;
        } else if (level_by_name(word, &word_level)) {
            if (has_level) {
                error = xstrdup("cannot specify multiple levels");
            }
            has_level = true;
            level = word_level;
        } else if (module_exists(word)) {
            if (module) {
                error = xstrdup("cannot specify multiple modules");
            }
            free(module);
            module = xstrdup(word);
        } else if (strcasecmp(word, "any")) {
            error = xasprintf("no destination, level, or module \"%s\"", word);
        }
    }
    if (!error) {
        set_level(module, facility, level);
    }
    free(module);
    free(copy);
    return error;
}

char *log_list(void)
{
    struct strbuf s = STRBUF_INITIALIZER;
    strbuf_puts(&s, "                 console    syslog    file\n");
    strbuf_puts(&s, "                 -------    ------    ------\n");
    struct log_module *module;
    const char *last = "";
    LIST_FOR_EACH (module, node, &modules) {
        if (!strcmp(module->name, last)) {
            continue;
        }
        last = module->name;
        strbuf_printf(&s, "%-16s  %4s       %4s       %4s%s\n", module->name,
                      log_level_name(module->levels[LOG_CONSOLE]), log_level_name(module->levels[LOG_SYSLOG]),
                      log_level_name(module->levels[LOG_FILE]),
                      module->honor_rate_limits ? "" : "    (rate limiting disabled)");
    }
    return strbuf_steal(&s);
}

char *log_list_patterns(void)
{
    struct strbuf s = STRBUF_INITIALIZER;
    strbuf_puts(&s, "         prefix                            format\n");
    strbuf_puts(&s, "         ------                            ------\n");
    pthread_mutex_lock(&mutex);
    for (int i = 0; i < LOG_N_FACILITIES; i++) {
        const char *prefix = i == LOG_SYSLOG && syslog_prefix ? syslog_prefix : "none";
        strbuf_printf(&s, "%-7s  %-32s  %s\n", facilities[i].name, prefix,
                      facilities[i].pattern ? facilities[i].pattern : facilities[i].fallback);
    }
    pthread_mutex_unlock(&mutex);
    return strbuf_steal(&s);
}
