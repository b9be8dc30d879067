/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb/atom.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "ovsdb/json_util.h"
#include "ovsdb/schema.h"

static const char *const type_names[OVSDB_N_ATOMIC_TYPES] = {
    [OVSDB_VOID] = "void",       [OVSDB_INTEGER] = "integer", [OVSDB_REAL] = "real",
    [OVSDB_BOOLEAN] = "boolean", [OVSDB_STRING] = "string",   [OVSDB_UUID] = "uuid",
};

const char *ovsdb_atomic_type_name(enum ovsdb_atomic_type type)
{
    return type_names[type];
}

bool ovsdb_atomic_type_parse(const char *name, enum ovsdb_atomic_type *type)
{
    for (int i = OVSDB_INTEGER; i < OVSDB_N_ATOMIC_TYPES; i++) {
        if (!strcmp(name, type_names[i])) {
            *type = (enum ovsdb_atomic_type)i;
            return true;
        }
    }
    return false;
}

struct ovsdb_string *ovsdb_string_create(const char *text, size_t n)
{
    struct ovsdb_string *s = xmalloc(sizeof *s + n + 1);
    s->refs = 1;
    s->len = (uint32_t)n;
    memcpy(s->text, text, n);
    s->text[n] = '\0';
    return s;
}

void ovsdb_string_free(struct ovsdb_string *s)
{
    free(s);
}

union ovsdb_atom ovsdb_atom_default(enum ovsdb_atomic_type type)
{
    union ovsdb_atom a;
    memset(&a, 0, sizeof a);
    if (type == OVSDB_STRING) {
        a.string = ovsdb_string_create("", 0);
    } else if (type == OVSDB_REAL) {
        a.real = 0;
    }
    return a;
}

bool ovsdb_atom_is_default(union ovsdb_atom a, enum ovsdb_atomic_type type)
{
    switch (type) {
    case OVSDB_INTEGER:
        return a.integer == 0;
    case OVSDB_REAL:
        return a.real == 0;
    case OVSDB_BOOLEAN:
        return !a.boolean;
    case OVSDB_STRING:
        return !a.string->len;
    case OVSDB_UUID:
        return uuid_is_zero(&a.uuid);
    case OVSDB_VOID:
        break;
    }
    return true;
}

int ovsdb_atom_compare(union ovsdb_atom a, union ovsdb_atom b, enum ovsdb_atomic_type type)
{
    switch (type) {
    case OVSDB_INTEGER:
        return a.integer < b.integer ? -1 : a.integer > b.integer;
    case OVSDB_REAL:
        return a.real < b.real ? -1 : a.real > b.real;
    case OVSDB_BOOLEAN:
        return a.boolean - b.boolean;
    case OVSDB_STRING:
        return a.string == b.string ? 0 : strcmp(a.string->text, b.string->text);
    case OVSDB_UUID:
        return uuid_compare(&a.uuid, &b.uuid);
    case OVSDB_VOID:
        break;
    }
    return 0;
}

uint32_t ovsdb_atom_hash(union ovsdb_atom a, enum ovsdb_atomic_type type, uint32_t basis)
{
    switch (type) {
    case OVSDB_INTEGER:
        return hash_u64((uint64_t)a.integer, basis);
    case OVSDB_REAL: {
        double d = a.real == 0 ? 0 : a.real; /* -0 equals 0 */
        uint64_t bits;
        memcpy(&bits, &d, sizeof bits);
        return hash_u64(bits, basis);
    }
    case OVSDB_BOOLEAN:
        return hash_u32(a.boolean, basis);
    case OVSDB_STRING:
        return hash_bytes(a.string->text, a.string->len, basis);
    case OVSDB_UUID:
        return hash_bytes(&a.uuid, sizeof a.uuid, basis);
    case OVSDB_VOID:
        break;
    }
    return basis;
}

void ovsdb_atom_put_json(union ovsdb_atom a, enum ovsdb_atomic_type type, struct strbuf *s)
{
    switch (type) {
    case OVSDB_INTEGER:
        json_put_integer(s, a.integer);
        break;
    case OVSDB_REAL:
        json_put_real(s, a.real);
        break;
    case OVSDB_BOOLEAN:
        strbuf_puts(s, a.boolean ? "true" : "false");
        break;
    case OVSDB_STRING:
        json_format_string(s, a.string->text, a.string->len);
        break;
    case OVSDB_UUID: {
        strbuf_puts(s, "[\"uuid\",\"");
        strbuf_reserve(s, UUID_TEXT_LEN + 1);
        uuid_format(&a.uuid, s->text + s->len);
        s->len += UUID_TEXT_LEN;
        strbuf_puts(s, "\"]");
        break;
    }
    case OVSDB_VOID:
        strbuf_puts(s, "null");
        break;
    }
}

bool ovsdb_string_needs_quotes(const char *s)
{
    const char *p = s;
    struct uuid unused;
    unsigned char c = (unsigned char)*p++;
    if (!isalpha(c) && c != '_') {
        return true;
    }
    while ((c = (unsigned char)*p++) != '\0') {
        if (!isalpha(c) && !isdigit(c) && c != '_' && c != '-' && c != '.') {
            return true;
        }
    }
    return !strcmp(s, "true") || !strcmp(s, "false") || uuid_parse(&unused, s);
}

void ovsdb_atom_put_text(union ovsdb_atom a, enum ovsdb_atomic_type type, struct strbuf *s)
{
    if (type == OVSDB_STRING && ovsdb_string_needs_quotes(a.string->text)) {
        json_format_string(s, a.string->text, a.string->len);
    } else {
        ovsdb_atom_put_bare(a, type, s);
    }
}

void ovsdb_atom_put_bare(union ovsdb_atom a, enum ovsdb_atomic_type type, struct strbuf *s)
{
    if (type == OVSDB_STRING) {
        strbuf_put(s, a.string->text, a.string->len);
    } else if (type == OVSDB_UUID) {
        strbuf_reserve(s, UUID_TEXT_LEN + 1);
        uuid_format(&a.uuid, s->text + s->len);
        s->len += UUID_TEXT_LEN;
    } else {
        ovsdb_atom_put_json(a, type, s);
    }
}

static struct ovsdb_error *uuid_from_json(struct uuid *uuid, const struct json_object *json,
                                          struct ovsdb_symtab *symtab)
{
    const char *tag, *value;
    if (json_is_array(json) && json_length(json) == 2 && json_is_string(json_element(json, 0), &tag) &&
        json_is_string(json_element(json, 1), &value)) {
        if (!strcmp(tag, "uuid")) {
            if (uuid_parse(uuid, value)) {
                return NULL;
            }
            return ovsdb_value_error(json, "\"%s\" is not a valid UUID", value);
        }
        if (!strcmp(tag, "named-uuid") && symtab) {
            if (!ovsdb_is_id(value)) {
                return ovsdb_value_error(json, "named-uuid string is not a valid <id>");
            }
            *uuid = ovsdb_symtab_get(symtab, value)->uuid;
            return NULL;
        }
    }
    return ovsdb_value_error(json, "expected [\"%s\", <string>]", "uuid");
}

struct ovsdb_error *ovsdb_atom_from_json(union ovsdb_atom *a, enum ovsdb_atomic_type type,
                                         const struct json_object *json, struct ovsdb_symtab *symtab)
{
    memset(a, 0, sizeof *a);
    switch (type) {
    case OVSDB_INTEGER:
        if (json_is_integer(json, &a->integer)) {
            return NULL;
        }
        break;
    case OVSDB_REAL:
        if (json_is_number(json, &a->real)) {
            return NULL;
        }
        break;
    case OVSDB_BOOLEAN:
        if (json && json_object_is_type(json, json_type_boolean)) {
            a->boolean = json_object_get_boolean(json);
            return NULL;
        }
        break;
    case OVSDB_STRING: {
        const char *text;
        if (json_is_string(json, &text)) {
            a->string = ovsdb_string_create(text, strlen(text));
            return NULL;
        }
        break;
    }
    case OVSDB_UUID:
        return uuid_from_json(&a->uuid, json, symtab);
    case OVSDB_VOID:
        break;
    }
    return ovsdb_value_error(json, "expected %s", type_names[type]);
}

/* Symbols: a transaction has few, so they are searched one after another (by hash first); the order in which
 * they were first seen is kept. */
struct symbol {
    char *name;
    uint32_t hash;
    struct ovsdb_symbol *symbol; /* on its own: callers hold pointers to it */
};
struct ovsdb_symtab {
    struct symbol *symbols;
    size_t n, allocated;
};

struct ovsdb_symtab *ovsdb_symtab_create(void)
{
    return xzalloc(sizeof(struct ovsdb_symtab));
}

void ovsdb_symtab_destroy(struct ovsdb_symtab *t)
{
    if (t) {
        for (size_t i = 0; i < t->n; i++) {
            free(t->symbols[i].name);
            free(t->symbols[i].symbol);
        }
        free(t->symbols);
        free(t);
    }
}

struct ovsdb_symbol *ovsdb_symtab_find(const struct ovsdb_symtab *t, const char *name)
{
    uint32_t hash = hash_string(name, 0);
    for (size_t i = 0; i < t->n; i++) {
        if (t->symbols[i].hash == hash && !strcmp(t->symbols[i].name, name)) {
            return t->symbols[i].symbol;
        }
    }
    return NULL;
}

struct ovsdb_symbol *ovsdb_symtab_get(struct ovsdb_symtab *t, const char *name)
{
    struct ovsdb_symbol *symbol = ovsdb_symtab_find(t, name);
    if (!symbol) {
        if (t->n >= t->allocated) {
            t->symbols = x2nrealloc(t->symbols, &t->allocated, sizeof *t->symbols);
        }
        symbol = xzalloc(sizeof *symbol);
        uuid_generate(&symbol->uuid);
        t->symbols[t->n++] = (struct symbol){xstrdup(name), hash_string(name, 0), symbol};
    }
    return symbol;
}

const char *ovsdb_symtab_name(const struct ovsdb_symtab *t, size_t i, struct ovsdb_symbol **symbol)
{
    if (i >= t->n) {
        return NULL;
    }
    *symbol = t->symbols[i].symbol;
    return t->symbols[i].name;
}
