/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 2. What an operation on a database answers when it fails: the standard's name of the error (RFC 7047
 * section 3.1 and following), a text for people, and the JSON that was at fault. NULL means success; the
 * receiver of an error destroys it.
 * Thread-safety: plain values; the owner serialises. */
#ifndef OVSDB_ERROR_H
#define OVSDB_ERROR_H 1

#include <stdbool.h>

#include "base/strbuf.h"

struct json_object;

struct ovsdb_error {
    char *tag;     /* "constraint violation", "syntax error", ... */
    char *details; /* may be NULL */
    char *syntax;  /* JSON text, may be NULL */
    int io;        /* an errno, or EOF; 0: none */
};

struct ovsdb_error *ovsdb_error(const char *tag, const char *details, ...) PRINTF_FORMAT(2, 3) WARN_UNUSED;
/* About JSON (its text goes into `syntax`, if it is not NULL). TAG NULL means "syntax error". */
struct ovsdb_error *ovsdb_syntax_error(const struct json_object *, const char *tag, const char *details, ...)
    PRINTF_FORMAT(3, 4) WARN_UNUSED;
/* The same about a value, which may be JSON's null (a NULL pointer); always "syntax error". */
struct ovsdb_error *ovsdb_value_error(const struct json_object *, const char *details, ...)
    PRINTF_FORMAT(2, 3) WARN_UNUSED;
/* A failed system call: tag "I/O error", and the system's word for ERROR apart ("io-error"). */
struct ovsdb_error *ovsdb_io_error(int error, const char *details, ...) PRINTF_FORMAT(2, 3) WARN_UNUSED;
/* ERROR, with a text and ": " before its details. */
struct ovsdb_error *ovsdb_error_wrap(struct ovsdb_error *, const char *format, ...) PRINTF_FORMAT(2, 3);
void ovsdb_error_destroy(struct ovsdb_error *);

/* {"error":...}, as a reply carries it. */
void ovsdb_error_put_json(const struct ovsdb_error *, struct strbuf *);
/* `syntax "...": syntax error: details`, for people; the caller frees it. The second form destroys ERROR. */
char *ovsdb_error_to_text(const struct ovsdb_error *);
char *ovsdb_error_to_text_free(struct ovsdb_error *);

#endif
