/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 0. Log lines with a module and a level, in the reference's form (ovs-appctl(8), "Logging Commands").
 * Each source file that logs says `LOG_MODULE(name);` once; the name is what `vlog/list` shows.
 * Where lines go is decided by hooks (sinks) that higher floors install (io/logsinks.h): this file opens
 * nothing but stderr, and that only while nobody has installed a console sink. Thread-safety: any thread,
 * except where stated. A forwarding thread calls log_defer_this_thread() once; its lines then go through a
 * bounded ring and are written out by whoever calls log_drain() (the control thread). */
#ifndef BASE_LOG_H
#define BASE_LOG_H 1

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/list.h"
#include "base/strbuf.h"

enum log_level {
    LOG_LEVEL_OFF,
    LOG_LEVEL_EMER,
    LOG_LEVEL_ERR,
    LOG_LEVEL_WARN,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DBG
};
enum log_facility {
    LOG_SYSLOG,
    LOG_CONSOLE,
    LOG_FILE,
    LOG_N_FACILITIES
};

struct log_module {
    struct list node; /* in the list of all modules */
    const char *name;
    uint8_t levels[LOG_N_FACILITIES]; /* enum log_level, a facility */
    uint8_t min_level;                /* the most talkative of `levels` */
    bool honor_rate_limits;
};

/* Token bucket: at most BURST lines at once, RATE a minute in the long run; what was held back is counted and
 * said with the next line let through. */
struct log_rate_limit {
    uint32_t rate, burst; /* lines a minute; lines */
    uint32_t tokens;      /* in units of 1/60000 of a line: a rate of 1 gains 1 unit a millisecond */
    int64_t last_fill_ms, first_dropped_ms, last_dropped_ms;
    uint32_t n_dropped;
    int lock;
};
#define LOG_RATE_LIMIT_INIT(RATE, BURST)                                                                     \
    {                                                                                                        \
        .rate = (RATE), .burst = (BURST), .last_fill_ms = INT64_MIN                                          \
    }

void log_module_register(struct log_module *);
void log_write(struct log_module *, enum log_level, const char *format, ...) PRINTF_FORMAT(3, 4);
void log_write_rl(struct log_module *, enum log_level, struct log_rate_limit *, const char *format, ...)
    PRINTF_FORMAT(4, 5);
/* The same, true if the line is to be held back; for callers that must not even compose it. */
bool log_should_drop(struct log_module *, enum log_level, struct log_rate_limit *);

#define LOG_MODULE(NAME)                                                                                     \
    static struct log_module log_this_module = {.name = #NAME, .honor_rate_limits = true};                   \
    __attribute__((constructor)) static void log_register_this_module(void)                                  \
    {                                                                                                        \
        log_module_register(&log_this_module);                                                               \
    }                                                                                                        \
    extern int log_swallow_semicolon

#define LOG_IS_ENABLED(LEVEL) (log_this_module.min_level >= (LEVEL))
#define LOG_AT(LEVEL, ...)                                                                                   \
    do {                                                                                                     \
        if (unlikely(LOG_IS_ENABLED(LEVEL))) {                                                               \
            log_write(&log_this_module, LEVEL, __VA_ARGS__);                                                 \
        }                                                                                                    \
    } while (0)
#define LOG_RL_AT(RL, LEVEL, ...)                                                                            \
    do {                                                                                                     \
        if (unlikely(LOG_IS_ENABLED(LEVEL))) {                                                               \
            log_write_rl(&log_this_module, LEVEL, RL, __VA_ARGS__);                                          \
        }                                                                                                    \
    } while (0)

#define LOG_EMER(...) LOG_AT(LOG_LEVEL_EMER, __VA_ARGS__)
#define LOG_ERR(...)  LOG_AT(LOG_LEVEL_ERR, __VA_ARGS__)
#define LOG_WARN(...) LOG_AT(LOG_LEVEL_WARN, __VA_ARGS__)
#define LOG_INFO(...) LOG_AT(LOG_LEVEL_INFO, __VA_ARGS__)
#define LOG_DBG(...)  LOG_AT(LOG_LEVEL_DBG, __VA_ARGS__)

#define LOG_ERR_RL(RL, ...)  LOG_RL_AT(RL, LOG_LEVEL_ERR, __VA_ARGS__)
#define LOG_WARN_RL(RL, ...) LOG_RL_AT(RL, LOG_LEVEL_WARN, __VA_ARGS__)
#define LOG_INFO_RL(RL, ...) LOG_RL_AT(RL, LOG_LEVEL_INFO, __VA_ARGS__)
#define LOG_DBG_RL(RL, ...)  LOG_RL_AT(RL, LOG_LEVEL_DBG, __VA_ARGS__)

/* A fatal LOG_EMER and abort(): for "cannot happen" and for what leaves nothing to continue with. */
#define LOG_FATAL(...)                                                                                       \
    do {                                                                                                     \
        log_write(&log_this_module, LOG_LEVEL_EMER, __VA_ARGS__);                                            \
        abort();                                                                                             \
    } while (0)

/* Who logs. The program's name is %A of the patterns; a thread's name %t and %T ("" for the main thread: %t
 * says "main", %T nothing). log_set_thread_name() copies NAME and is called by the thread itself. */
void log_set_program(const char *name);
const char *log_program(void);
void log_set_thread_name(const char *name);
const char *log_thread_name(void);

/* A destination. WRITE gets one formatted line, with no newline at its end, under the log's lock: it must not
 * log. A facility with no sink drops its lines, but the console's go to stderr. NULL takes the sink off. */
struct log_sink {
    void (*write)(void *aux, enum log_level, const char *line, size_t len);
    void *aux;
};
void log_set_sink(enum log_facility, const struct log_sink *);

/* Levels and patterns as -v and `vlog/set` write them: "[MODULE][:FACILITY][:LEVEL]" in any order, separated
 * by spaces, commas or colons; "PATTERN:FACILITY:PATTERN"; "FACILITY:NAME" (the syslog facility). Returns
 * NULL, or what is wrong with SPEC, for the caller to free. */
char *log_set_levels(const char *spec) WARN_UNUSED;
/* One level for one facility, for all modules (MODULE NULL) or one; false if there is no such module. */
bool log_set_level(const char *module, enum log_facility, enum log_level);
bool log_set_rate_limiting(const char *module, bool honor); /* MODULE NULL: all; false: no such module */
void log_set_all_levels(enum log_level);                    /* every module and facility */

char *log_list(void);                       /* the text of `vlog/list` */
char *log_list_patterns(void);              /* the text of `vlog/list-pattern` */
const char *log_level_name(enum log_level); /* "INFO" */
/* The facility's prefix as `vlog/list-pattern` shows it, "" for none; a sink that needs it asks for it. */
void log_set_syslog_prefix_shown(const char *prefix);
/* Syslog priority of a line (RFC 5424): the facility's number times 8, and the severity. */
int log_syslog_priority(enum log_level);

/* One line, before a pattern is applied. */
struct log_line {
    const char *module, *message, *thread;
    enum log_level level;
    uint32_t serial;
    int64_t wall_ms, since_start_ms;
};
/* Appends LINE as PATTERN writes it. */
void log_format(struct strbuf *, const char *pattern, const struct log_line *);

/* Forwarding threads. After log_defer_this_thread(), this thread's lines (cut to 480 bytes) go into the ring
 * with no lock and no allocation; a full ring counts what it loses. log_drain() writes them out; WAKE, if
 * set, is called by the logging thread when the ring was empty (an eventfd write, say). */
void log_defer_this_thread(void);
void log_set_drain_wakeup(void (*wake)(void *aux), void *aux);
void log_drain(void);

#endif
