/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"

const char *error_text(int error)
{
    static __thread char unknown[32];
    if (error == ERROR_EOF) {
        return "End of file";
    }
    const char *text = strerrordesc_np(error);
    if (!text) {
        snprintf(unknown, sizeof unknown, "Unknown error %d", error);
        text = unknown;
    }
    return text;
}

char *error_prefix(char *inner, const char *format, ...)
{
    if (!inner) {
        return NULL;
    }
    va_list args;
    va_start(args, format);
    char *context = xvasprintf(format, args);
    va_end(args);
    char *error = xasprintf("%s: %s", context, inner);
    free(context);
    free(inner);
    return error;
}

static char *program;

void error_set_program(const char *name)
{
    free(program);
    program = xstrdup(name);
}

void error_fatal(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = xvasprintf(format, args);
    va_end(args);
    fflush(stdout);
    fprintf(stderr, "%s: %s\n", program ? program : log_program(), text);
    exit(1);
}
