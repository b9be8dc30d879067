/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 0. Log lines with a module and a level, in the reference's form (ovs-appctl(8), "LOGGING COMMANDS").
 * Each source file that logs says `LOG_MODULE(name);` once; the name is what `vlog/list` shows.
 * Where lines go is decided by hooks (sinks) that higher floors install: this file opens nothing but stderr.
 * Thread-safety: any thread. A forwarding thread's lines go through a ring to the control thread. */
#ifndef BASE_LOG_H
#define BASE_LOG_H 1

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/list.h"

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
    uint32_t tokens;
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

#endif
