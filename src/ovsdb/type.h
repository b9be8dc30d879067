/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 2. Types of columns: a base type is an atomic type with constraints, a type is a base type for keys,
 * perhaps one for values (then it is a map), and how many there may be (RFC 7047 section 3.2).
 * Thread-safety: none; a type belongs to its schema, which belongs to one thread. */
#ifndef OVSDB_TYPE_H
#define OVSDB_TYPE_H 1

#include <limits.h>

#include "ovsdb/atom.h"

struct ovsdb_datum;
struct ovsdb_table_schema;

enum ovsdb_ref_type {
    OVSDB_REF_STRONG,
    OVSDB_REF_WEAK
};

struct ovsdb_base_type {
    enum ovsdb_atomic_type type;
    struct ovsdb_datum *allowed; /* the enumeration as a set, or NULL */
    union {
        struct {
            int64_t min, max; /* INT64_MIN, INT64_MAX if unlimited */
        } integer;
        struct {
            double min, max; /* -DBL_MAX, DBL_MAX if unlimited */
        } real;
        struct {
            unsigned min_len, max_len; /* characters, 0 and UINT_MAX if unlimited */
        } string;
        struct {
            char *ref_table_name;                       /* or NULL */
            const struct ovsdb_table_schema *ref_table; /* resolved by the schema; or NULL */
            enum ovsdb_ref_type ref_type;
        } uuid;
    };
};

struct ovsdb_type {
    struct ovsdb_base_type key;
    struct ovsdb_base_type value; /* of type OVSDB_VOID unless it is a map */
    unsigned n_min;               /* 0 or 1 */
    unsigned n_max;               /* UINT_MAX: unlimited */
};

void ovsdb_base_type_init(struct ovsdb_base_type *, enum ovsdb_atomic_type);
void ovsdb_base_type_copy(struct ovsdb_base_type *, const struct ovsdb_base_type *);
void ovsdb_base_type_fini(struct ovsdb_base_type *);
bool ovsdb_base_type_has_constraints(const struct ovsdb_base_type *);
/* "constraint violation" if ATOM breaks one. (References are the database's business.) */
struct ovsdb_error *ovsdb_base_type_check(const struct ovsdb_base_type *, union ovsdb_atom) WARN_UNUSED;
struct ovsdb_error *ovsdb_base_type_from_json(struct ovsdb_base_type *,
                                              const struct json_object *) WARN_UNUSED;
void ovsdb_base_type_put_json(const struct ovsdb_base_type *, struct strbuf *);

void ovsdb_type_init(struct ovsdb_type *, enum ovsdb_atomic_type key); /* exactly one, no constraint */
void ovsdb_type_copy(struct ovsdb_type *, const struct ovsdb_type *);
void ovsdb_type_fini(struct ovsdb_type *);
struct ovsdb_error *ovsdb_type_from_json(struct ovsdb_type *, const struct json_object *) WARN_UNUSED;
void ovsdb_type_put_json(const struct ovsdb_type *, struct strbuf *);
/* In words, for errors: "set of up to 3 strings". */
char *ovsdb_type_to_english(const struct ovsdb_type *);
/* From the compact notation of the schemas declared in our source (ovsdb/vswitch_schema.h). Aborts on a
 * mistake. */
void ovsdb_type_from_notation(struct ovsdb_type *, const char *notation);

static inline bool ovsdb_type_is_scalar(const struct ovsdb_type *t)
{
    return t->value.type == OVSDB_VOID && t->n_min == 1 && t->n_max == 1;
}
static inline bool ovsdb_type_is_optional_scalar(const struct ovsdb_type *t)
{
    return t->value.type == OVSDB_VOID && t->n_min == 0 && t->n_max == 1;
}
static inline bool ovsdb_type_is_map(const struct ovsdb_type *t)
{
    return t->value.type != OVSDB_VOID;
}
static inline bool ovsdb_type_is_composite(const struct ovsdb_type *t)
{
    return t->n_max > 1;
}
static inline bool ovsdb_base_type_is_ref(const struct ovsdb_base_type *b, enum ovsdb_ref_type kind)
{
    return b->type == OVSDB_UUID && b->uuid.ref_table_name && b->uuid.ref_type == kind;
}

#endif
