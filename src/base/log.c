/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

static struct list modules = LIST_INITIALIZER(&modules);

void log_module_register(struct log_module *module)
{
    for (int i = 0; i < LOG_N_FACILITIES; i++) {
        module->levels[i] = LOG_LEVEL_INFO;
    }
    module->min_level = LOG_LEVEL_INFO;
    list_push_back(&modules, &module->node);
}

static void vwrite(struct log_module *module, enum log_level level, const char *format, va_list args)
{
    static const char *const names[] = {"OFF", "EMER", "ERR", "WARN", "INFO", "DBG"};
    fprintf(stderr, "%s|%s|", module->name, names[level]);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

void log_write(struct log_module *module, enum log_level level, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vwrite(module, level, format, args);
    va_end(args);
}

bool log_should_drop(struct log_module *module, enum log_level level, struct log_rate_limit *rl)
{
    return false;
}

void log_write_rl(struct log_module *module, enum log_level level, struct log_rate_limit *rl,
                  const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vwrite(module, level, format, args);
    va_end(args);
}
