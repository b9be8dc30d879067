/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 2. JSON text, written straight into a string: what the database sends is never built up as objects
 * first. And the few questions that the database asks of JSON that it received.
 * Thread-safety: pure functions. */
#ifndef OVSDB_JSON_TEXT_H
#define OVSDB_JSON_TEXT_H 1

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

/* A JSON value in its canonical form: no white space, members of objects sorted by name. */
void json_text_put(const struct json_object *, struct strbuf *);
/* N spaces of indent a level, one element a line, sorted; for people. */
void json_text_put_pretty(const struct json_object *, struct strbuf *, int indent);
char *json_text(const struct json_object *); /* the caller frees it */

void json_text_put_string(struct strbuf *, const char *, size_t n);
void json_text_put_integer(struct strbuf *, int64_t);
void json_text_put_real(struct strbuf *, double); /* the fewest digits that read back the same */

/* True if JSON is a number without a fraction that an int64_t can hold: 5, 5.0, 5e0. */
bool json_is_integer(const struct json_object *, int64_t *);
bool json_is_number(const struct json_object *, double *);
bool json_is_string(const struct json_object *, const char **); /* without NULs inside */
bool json_equal(const struct json_object *, const struct json_object *);

/* Members of OBJECT; NULL if there is none (or it is null: json-c cannot tell, see json_member_exists). */
struct json_object *json_member(const struct json_object *object, const char *name);
bool json_member_exists(const struct json_object *object, const char *name);
static inline struct json_object *json_element(const struct json_object *array, size_t i)
{
    return json_object_array_get_idx(array, i);
}
static inline size_t json_length(const struct json_object *array)
{
    return json_object_array_length(array);
}
static inline bool json_is_array(const struct json_object *json)
{
    return json_object_is_type(json, json_type_array);
}
static inline bool json_is_object(const struct json_object *json)
{
    return json && json_object_is_type(json, json_type_object);
}

#endif
