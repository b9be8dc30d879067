/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 1. JSON over json-c: its objects and its tokener, and around them what it lacks.
 *
 * Text is first scanned by a recogniser of ours, byte by byte as it arrives, for exactly what RFC 8259 allows
 * (json-c's tokener takes more), with limits on size and nesting; what passed is then parsed. Errors name the
 * position. A string with U+0000 or with half a surrogate pair is refused too: nobody downstream could hold
 * it. Thread-safety: none for one scanner or object; different ones may be used in different threads. */
#ifndef IO_JSON_H
#define IO_JSON_H 1

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/strbuf.h"

enum {
    JSON_MAX_NESTING = 1000
}; /* as the reference */

/* Finds where a value ends in text that comes in pieces. All members are internal but the position. */
struct json_scanner {
    uint8_t state;
    uint8_t digits;                        /* hexadecimal digits of an escape seen */
    uint8_t utf8_left, utf8_min, utf8_max; /* continuation bytes to come; bounds of the next one */
    bool in_key;
    bool big_number;        /* one with an exponent or many digits: may be out of range */
    const char *literal;    /* what is to come of "true", "false", "null" */
    uint16_t n_digits;      /* of the number under way */
    uint32_t unicode, high; /* escape under way; first half of a surrogate pair, 0 for none */
    size_t depth;
    uint8_t stack[JSON_MAX_NESTING / 8 + 1]; /* a bit a level: 1 is an object */
    size_t max_size, size;                   /* of the value */
    size_t max_values, n_values;             /* it and those in it; no limit if 0: set after _init() */
    size_t line, column, byte;               /* where the next byte stands, from 0 */
};

enum json_scan {
    JSON_SCAN_MORE,
    JSON_SCAN_DONE,
    JSON_SCAN_ERROR
};

/* MAX_SIZE bytes for a value; 0: no limit. */
void json_scanner_init(struct json_scanner *, size_t max_size);
/* Reads DATA; *USED says how far. DONE: a value has ended there (a number or so at top level ends with the
 * byte after it, which is not used; give json_scanner_finish() the end of the text). ERROR: *ERROR, the
 * caller's. */
enum json_scan json_scanner_feed(struct json_scanner *, const char *data, size_t n, size_t *used,
                                 char **error);
enum json_scan json_scanner_finish(struct json_scanner *, char **error);

/* The whole of the text must be one value, white space around it allowed. NULL and *ERROR if not. The caller
 * frees the object with json_object_put(). `null` is a NULL object with *ERROR NULL. */
struct json_object *json_parse(const char *text, size_t n, char **error);
struct json_object *json_parse_file(const char *file_name, char **error);
/* Text that a scanner has passed. What is left to go wrong is a number that no `double` holds. */
struct json_object *json_parse_scanned(const struct json_scanner *, const char *text, size_t n, char **error);

enum {
    JSON_SORT = 1,
    JSON_PRETTY = 2
}; /* by key; with new lines and two spaces a level */
void json_format(struct strbuf *, const struct json_object *, unsigned flags);
char *json_text(const struct json_object *, unsigned flags);       /* the caller's to free */
void json_format_string(struct strbuf *, const char *s, size_t n); /* with its quotation marks */

/* Equality as RFC 7047 means it: numbers by value, objects whatever their order. */
bool json_equal(const struct json_object *, const struct json_object *);
uint32_t json_hash(const struct json_object *, uint32_t basis);

/* A member of OBJ if OBJ is an object and has it; *FOUND (may be NULL) tells null from absent. */
struct json_object *json_member(const struct json_object *obj, const char *name, bool *found);
const char *json_type_text(const struct json_object *); /* "object", "integer", ... for error texts */

#endif
