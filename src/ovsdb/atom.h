/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 2. An atom: the smallest value of the database (RFC 7047 section 5.1). Strings are immutable and
 * counted, so that a copy of an atom costs no memory.
 * Thread-safety: none, not even of the reference counts: a database, or a client's copy of it, belongs to one
 * thread, and threads exchange JSON. */
#ifndef OVSDB_ATOM_H
#define OVSDB_ATOM_H 1

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "base/uuid.h"
#include "ovsdb/error.h"

struct json_object;
struct ovsdb_symtab;

enum ovsdb_atomic_type {
    OVSDB_VOID,
    OVSDB_INTEGER,
    OVSDB_REAL,
    OVSDB_BOOLEAN,
    OVSDB_STRING,
    OVSDB_UUID
};
#define OVSDB_N_ATOMIC_TYPES 6

struct ovsdb_string {
    uint32_t refs;
    uint32_t len;
    char text[]; /* NUL-terminated */
};

union ovsdb_atom {
    int64_t integer;
    double real;
    bool boolean;
    struct ovsdb_string *string;
    struct uuid uuid;
};

const char *ovsdb_atomic_type_name(enum ovsdb_atomic_type);
bool ovsdb_atomic_type_parse(const char *name, enum ovsdb_atomic_type *);

struct ovsdb_string *ovsdb_string_create(const char *, size_t n);
void ovsdb_string_free(struct ovsdb_string *);

static inline union ovsdb_atom ovsdb_atom_ref(union ovsdb_atom a, enum ovsdb_atomic_type type)
{
    if (type == OVSDB_STRING) {
        a.string->refs++;
    }
    return a;
}
static inline void ovsdb_atom_unref(union ovsdb_atom a, enum ovsdb_atomic_type type)
{
    if (type == OVSDB_STRING && !--a.string->refs) {
        ovsdb_string_free(a.string);
    }
}

/* 0, "", false, the zero UUID. */
union ovsdb_atom ovsdb_atom_default(enum ovsdb_atomic_type);
bool ovsdb_atom_is_default(union ovsdb_atom, enum ovsdb_atomic_type);
int ovsdb_atom_compare(union ovsdb_atom, union ovsdb_atom, enum ovsdb_atomic_type);
static inline bool ovsdb_atom_equal(union ovsdb_atom a, union ovsdb_atom b, enum ovsdb_atomic_type type)
{
    return !ovsdb_atom_compare(a, b, type);
}
uint32_t ovsdb_atom_hash(union ovsdb_atom, enum ovsdb_atomic_type, uint32_t basis);

void ovsdb_atom_put_json(union ovsdb_atom, enum ovsdb_atomic_type, struct strbuf *);
/* As ovs-vsctl prints it (strings quoted where needed), and without quotes. */
void ovsdb_atom_put_text(union ovsdb_atom, enum ovsdb_atomic_type, struct strbuf *);
void ovsdb_atom_put_bare(union ovsdb_atom, enum ovsdb_atomic_type, struct strbuf *);
bool ovsdb_string_needs_quotes(const char *);

/* No constraint is checked: ovsdb_base_type_check() does. SYMTAB gives "named-uuid"s their UUIDs; without one
 * they are refused. */
struct ovsdb_error *ovsdb_atom_from_json(union ovsdb_atom *, enum ovsdb_atomic_type,
                                         const struct json_object *, struct ovsdb_symtab *) WARN_UNUSED;

/* Names of rows that a transaction is going to insert. */
struct ovsdb_symbol {
    struct uuid uuid;
    bool created;              /* an insert defined it */
    bool strong_ref, weak_ref; /* vsctl's account of what refers to it */
};
struct ovsdb_symtab *ovsdb_symtab_create(void);
void ovsdb_symtab_destroy(struct ovsdb_symtab *);
struct ovsdb_symbol *ovsdb_symtab_get(struct ovsdb_symtab *, const char *name); /* made if it is new */
struct ovsdb_symbol *ovsdb_symtab_find(const struct ovsdb_symtab *, const char *name);
/* Names in the order in which they were first seen; NULL past the last. */
const char *ovsdb_symtab_name(const struct ovsdb_symtab *, size_t i, struct ovsdb_symbol **);

#endif
