/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 2. The value of a column: a sorted set of atoms, or a sorted map from atoms to atoms (a scalar is a
 * set of one). A datum is immutable and counted: rows, transactions and monitors share it, and all rows share
 * the default value of a column. Its memory is one block: 8 bytes, then the keys, then the values, 8 bytes
 * each (16 for a UUID). Its type is not in it: the column knows it, so most functions here want it.
 * Thread-safety: none (see ovsdb/atom.h). */
#ifndef OVSDB_DATUM_H
#define OVSDB_DATUM_H 1

#include <stddef.h>

#include "ovsdb/type.h"

struct ovsdb_datum {
    uint32_t refs;
    uint32_t n;      /* keys */
    uint64_t data[]; /* keys in ascending order, then their values */
};

static inline size_t ovsdb_atom_size(enum ovsdb_atomic_type type)
{
    return type == OVSDB_VOID ? 0 : type == OVSDB_UUID ? sizeof(struct uuid) : sizeof(uint64_t);
}
static inline union ovsdb_atom ovsdb_datum_key(const struct ovsdb_datum *d, const struct ovsdb_type *type,
                                               size_t i)
{
    union ovsdb_atom a = {.uuid = {{0}}};
    size_t size = ovsdb_atom_size(type->key.type);
    memcpy(&a, (const char *)d->data + i * size, size);
    return a;
}
static inline union ovsdb_atom ovsdb_datum_value(const struct ovsdb_datum *d, const struct ovsdb_type *type,
                                                 size_t i)
{
    union ovsdb_atom a = {.uuid = {{0}}};
    size_t size = ovsdb_atom_size(type->value.type);
    memcpy(&a, (const char *)d->data + d->n * ovsdb_atom_size(type->key.type) + i * size, size);
    return a;
}

static inline struct ovsdb_datum *ovsdb_datum_ref(const struct ovsdb_datum *d_)
{
    struct ovsdb_datum *d = (struct ovsdb_datum *)(uintptr_t)d_;
    d->refs++;
    return d;
}
void ovsdb_datum_unref(struct ovsdb_datum *, const struct ovsdb_type *); /* NULL is fine */

/* Built from atoms in any order; their references pass to the datum. */
struct ovsdb_datum_builder {
    const struct ovsdb_type *type;
    union ovsdb_atom *keys, *values;
    size_t n, allocated;
};
void ovsdb_datum_builder_init(struct ovsdb_datum_builder *, const struct ovsdb_type *);
void ovsdb_datum_builder_fini(struct ovsdb_datum_builder *); /* throws the atoms away */
void ovsdb_datum_builder_add(struct ovsdb_datum_builder *, union ovsdb_atom key,
                             const union ovsdb_atom *value);
/* The sorted datum; an error ("ovsdb error") if a key occurs twice. Ends the builder either way. */
struct ovsdb_error *ovsdb_datum_builder_finish(struct ovsdb_datum_builder *,
                                               struct ovsdb_datum **) WARN_UNUSED;
/* The same; of equal keys the first stays. */
struct ovsdb_datum *ovsdb_datum_builder_finish_unique(struct ovsdb_datum_builder *);

struct ovsdb_datum *ovsdb_datum_empty(void);
struct ovsdb_datum *ovsdb_datum_default(const struct ovsdb_type *);
bool ovsdb_datum_is_default(const struct ovsdb_datum *, const struct ovsdb_type *);
struct ovsdb_datum *ovsdb_datum_from_atom(union ovsdb_atom,
                                          const struct ovsdb_type *); /* takes the reference */
struct ovsdb_datum *ovsdb_datum_from_integer(int64_t);
struct ovsdb_datum *ovsdb_datum_from_boolean(bool);
struct ovsdb_datum *ovsdb_datum_from_text(const char *); /* a string */
struct ovsdb_datum *ovsdb_datum_from_uuid(const struct uuid *);

bool ovsdb_datum_equal(const struct ovsdb_datum *, const struct ovsdb_datum *, const struct ovsdb_type *);
int ovsdb_datum_compare(const struct ovsdb_datum *, const struct ovsdb_datum *, const struct ovsdb_type *);
uint32_t ovsdb_datum_hash(const struct ovsdb_datum *, const struct ovsdb_type *, uint32_t basis);
/* The index of KEY, or -1. */
long ovsdb_datum_find(const struct ovsdb_datum *, const struct ovsdb_type *, union ovsdb_atom key);
long ovsdb_datum_find_text(const struct ovsdb_datum *, const struct ovsdb_type *, const char *key);
/* All of A (keys, and for a map pairs) is in B; none of A is in B. */
bool ovsdb_datum_includes_all(const struct ovsdb_datum *a, const struct ovsdb_datum *b,
                              const struct ovsdb_type *);
bool ovsdb_datum_excludes_all(const struct ovsdb_datum *a, const struct ovsdb_datum *b,
                              const struct ovsdb_type *);

/* New datums. In a union, pairs of A stay where both have a key, unless REPLACE. In a difference, B_TYPE may
 * be the type of the map or of the set of its keys. */
struct ovsdb_datum *ovsdb_datum_union(const struct ovsdb_datum *a, const struct ovsdb_datum *b,
                                      const struct ovsdb_type *, bool replace);
struct ovsdb_datum *ovsdb_datum_difference(const struct ovsdb_datum *a, const struct ovsdb_type *a_type,
                                           const struct ovsdb_datum *b, const struct ovsdb_type *b_type);
/* What leads from OLD to NEW, as update2 and the file say it (ovsdb-server(7) 4.1.14), and the way back. */
struct ovsdb_datum *ovsdb_datum_diff(const struct ovsdb_datum *old, const struct ovsdb_datum *new,
                                     const struct ovsdb_type *);
struct ovsdb_datum *ovsdb_datum_apply_diff(const struct ovsdb_datum *old, const struct ovsdb_datum *diff,
                                           const struct ovsdb_type *);

/* The number of elements and every atom's constraints. */
struct ovsdb_error *ovsdb_datum_check(const struct ovsdb_datum *, const struct ovsdb_type *) WARN_UNUSED;
struct ovsdb_error *ovsdb_datum_from_json(struct ovsdb_datum **, const struct ovsdb_type *,
                                          const struct json_object *, struct ovsdb_symtab *) WARN_UNUSED;
/* The same, without the limits on the number of elements: a difference may hold more, or fewer. */
struct ovsdb_error *ovsdb_datum_diff_from_json(struct ovsdb_datum **, const struct ovsdb_type *,
                                               const struct json_object *) WARN_UNUSED;
void ovsdb_datum_put_json(const struct ovsdb_datum *, const struct ovsdb_type *, struct strbuf *);
/* The same for the file: reals with all their digits. */
void ovsdb_datum_put_json_exact(const struct ovsdb_datum *, const struct ovsdb_type *, struct strbuf *);

/* Text as ovs-vsctl(8) prints and reads it (ovsdb/datum_text.c). BARE: without brackets and quotes. Parsing
 * returns an error text, or NULL. */
void ovsdb_datum_put_text(const struct ovsdb_datum *, const struct ovsdb_type *, struct strbuf *);
void ovsdb_datum_put_bare(const struct ovsdb_datum *, const struct ovsdb_type *, struct strbuf *);
char *ovsdb_datum_from_string(struct ovsdb_datum **, const struct ovsdb_type *, const char *,
                              struct ovsdb_symtab *) WARN_UNUSED;
char *ovsdb_atom_from_string(union ovsdb_atom *, const struct ovsdb_base_type *, const char *,
                             struct ovsdb_symtab *) WARN_UNUSED;
/* Takes one word off *P, with its quotes; it may be empty. ovs-vsctl's lexical rules. */
char *ovsdb_token_parse(const char **p, char **token) WARN_UNUSED;
bool ovsdb_token_is_delim(unsigned char);

#endif
