/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 2. The few questions that the database asks of JSON it received, and numbers as JSON text: what the
 * database sends is written straight into a string (see also io/json.h), never built up as objects first.
 * Thread-safety: pure functions. */
#ifndef OVSDB_JSON_UTIL_H
#define OVSDB_JSON_UTIL_H 1

#include <stddef.h>

#include "base/strbuf.h"
#include "io/json.h"

void json_put_integer(struct strbuf *, int64_t);
void json_put_real(struct strbuf *,
                   double); /* 15 digits: what clients are told, as the reference tells them */
void json_put_exact_real(struct strbuf *, double); /* as many as read back the same: for the file */

/* True if JSON is a number without a fraction that an int64_t can hold: 5, 5.0, 5e0. */
bool json_is_integer(const struct json_object *, int64_t *);
bool json_is_number(const struct json_object *, double *);
bool json_is_string(const struct json_object *, const char **);

/* A member of OBJECT; NULL if there is none, or if it is null (json_has() tells). */
static inline struct json_object *json_get(const struct json_object *object, const char *name)
{
    return json_member(object, name, NULL);
}
static inline bool json_has(const struct json_object *object, const char *name)
{
    bool found;
    json_member(object, name, &found);
    return found;
}
static inline bool json_is_array(const struct json_object *json)
{
    return json && json_object_is_type(json, json_type_array);
}
static inline bool json_is_object(const struct json_object *json)
{
    return json && json_object_is_type(json, json_type_object);
}
static inline struct json_object *json_element(const struct json_object *array, size_t i)
{
    return json_object_array_get_idx(array, i);
}
static inline size_t json_length(const struct json_object *array)
{
    return json_object_array_length(array);
}

#endif
