/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb/datum.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "ovsdb/json_util.h"

static size_t data_size(const struct ovsdb_type *type, size_t n)
{
    return n * (ovsdb_atom_size(type->key.type) + ovsdb_atom_size(type->value.type));
}

static struct ovsdb_datum *datum_alloc(const struct ovsdb_type *type, size_t n)
{
    struct ovsdb_datum *d = xmalloc(sizeof *d + data_size(type, n));
    d->refs = 1;
    d->n = (uint32_t)n;
    return d;
}

static void set_key(struct ovsdb_datum *d, const struct ovsdb_type *type, size_t i, union ovsdb_atom a)
{
    size_t size = ovsdb_atom_size(type->key.type);
    if (type->key.type == OVSDB_BOOLEAN) {
        a.integer = a.boolean; /* the bytes beside the truth value are defined, too */
    }
    memcpy((char *)d->data + i * size, &a, size);
}

static void set_value(struct ovsdb_datum *d, const struct ovsdb_type *type, size_t i, union ovsdb_atom a)
{
    size_t size = ovsdb_atom_size(type->value.type);
    if (type->value.type == OVSDB_BOOLEAN) {
        a.integer = a.boolean;
    }
    memcpy((char *)d->data + d->n * ovsdb_atom_size(type->key.type) + i * size, &a, size);
}

void ovsdb_datum_unref(struct ovsdb_datum *d, const struct ovsdb_type *type)
{
    if (d && !--d->refs) {
        for (size_t i = 0; type->key.type == OVSDB_STRING && i < d->n; i++) {
            ovsdb_atom_unref(ovsdb_datum_key(d, type, i), OVSDB_STRING);
        }
        for (size_t i = 0; type->value.type == OVSDB_STRING && i < d->n; i++) {
            ovsdb_atom_unref(ovsdb_datum_value(d, type, i), OVSDB_STRING);
        }
        free(d);
    }
}

/* Building. */

void ovsdb_datum_builder_init(struct ovsdb_datum_builder *b, const struct ovsdb_type *type)
{
    *b = (struct ovsdb_datum_builder){.type = type};
}

void ovsdb_datum_builder_fini(struct ovsdb_datum_builder *b)
{
    for (size_t i = 0; i < b->n; i++) {
        ovsdb_atom_unref(b->keys[i], b->type->key.type);
        if (b->values) {
            ovsdb_atom_unref(b->values[i], b->type->value.type);
        }
    }
    free(b->keys);
    free(b->values);
    *b = (struct ovsdb_datum_builder){.type = b->type};
}

void ovsdb_datum_builder_add(struct ovsdb_datum_builder *b, union ovsdb_atom key,
                             const union ovsdb_atom *value)
{
    if (b->n >= b->allocated) {
        b->keys = x2nrealloc(b->keys, &b->allocated, sizeof *b->keys);
        if (ovsdb_type_is_map(b->type)) {
            b->values = xrealloc(b->values, b->allocated * sizeof *b->values);
        }
    }
    b->keys[b->n] = key;
    if (ovsdb_type_is_map(b->type)) {
        b->values[b->n] = *value;
    }
    b->n++;
}

struct sort_item {
    union ovsdb_atom key;
    uint32_t index;
};

static int compare_items(const void *a_, const void *b_, void *type)
{
    const struct sort_item *a = a_, *b = b_;
    int order = ovsdb_atom_compare(a->key, b->key, *(enum ovsdb_atomic_type *)type);
    return order ? order : a->index < b->index ? -1 : 1;
}

static bool is_sorted(const struct ovsdb_datum_builder *b)
{
    for (size_t i = 1; i < b->n; i++) {
        if (ovsdb_atom_compare(b->keys[i - 1], b->keys[i], b->type->key.type) >= 0) {
            return false;
        }
    }
    return true;
}

/* Sorts; of equal keys the first stays. Returns whether there were any. */
static bool builder_sort(struct ovsdb_datum_builder *b)
{
    if (is_sorted(b)) {
        return false;
    }
    enum ovsdb_atomic_type type = b->type->key.type;
    struct sort_item *items = xmalloc(b->n * sizeof *items);
    union ovsdb_atom *values = b->values ? xmemdup(b->values, b->n * sizeof *values) : NULL;
    for (size_t i = 0; i < b->n; i++) {
        items[i] = (struct sort_item){b->keys[i], (uint32_t)i};
    }
    qsort_r(items, b->n, sizeof *items, compare_items, &type);
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++) {
        if (n && ovsdb_atom_equal(items[i].key, b->keys[n - 1], type)) {
            ovsdb_atom_unref(items[i].key, type);
            if (values) {
                ovsdb_atom_unref(values[items[i].index], b->type->value.type);
            }
            continue;
        }
        b->keys[n] = items[i].key;
        if (values) {
            b->values[n] = values[items[i].index];
        }
        n++;
    }
    bool duplicates = n < b->n;
    b->n = n;
    free(items);
    free(values);
    return duplicates;
}

static struct ovsdb_datum *builder_to_datum(struct ovsdb_datum_builder *b)
{
    struct ovsdb_datum *d = datum_alloc(b->type, b->n);
    for (size_t i = 0; i < b->n; i++) {
        set_key(d, b->type, i, b->keys[i]);
        if (b->values) {
            set_value(d, b->type, i, b->values[i]);
        }
    }
    b->n = 0; /* the references went along */
    ovsdb_datum_builder_fini(b);
    return d;
}

struct ovsdb_error *ovsdb_datum_builder_finish(struct ovsdb_datum_builder *b, struct ovsdb_datum **d)
{
    if (builder_sort(b)) {
        bool map = ovsdb_type_is_map(b->type);
        ovsdb_datum_builder_fini(b);
        *d = NULL;
        return ovsdb_error(NULL, map ? "map contains duplicate key" : "set contains duplicate");
    }
    *d = builder_to_datum(b);
    return NULL;
}

struct ovsdb_datum *ovsdb_datum_builder_finish_unique(struct ovsdb_datum_builder *b)
{
    builder_sort(b);
    return builder_to_datum(b);
}

struct ovsdb_datum *ovsdb_datum_empty(void)
{
    struct ovsdb_datum *d = xmalloc(sizeof *d);
    d->refs = 1;
    d->n = 0;
    return d;
}

struct ovsdb_datum *ovsdb_datum_default(const struct ovsdb_type *type)
{
    if (!type->n_min) {
        return ovsdb_datum_empty();
    }
    struct ovsdb_datum *d = datum_alloc(type, 1);
    set_key(d, type, 0, ovsdb_atom_default(type->key.type));
    if (ovsdb_type_is_map(type)) {
        set_value(d, type, 0, ovsdb_atom_default(type->value.type));
    }
    return d;
}

bool ovsdb_datum_is_default(const struct ovsdb_datum *d, const struct ovsdb_type *type)
{
    if (d->n != type->n_min) {
        return false;
    }
    return !d->n || (ovsdb_atom_is_default(ovsdb_datum_key(d, type, 0), type->key.type) &&
                     (!ovsdb_type_is_map(type) ||
                      ovsdb_atom_is_default(ovsdb_datum_value(d, type, 0), type->value.type)));
}

struct ovsdb_datum *ovsdb_datum_from_atom(union ovsdb_atom a, const struct ovsdb_type *type)
{
    struct ovsdb_datum *d = datum_alloc(type, 1);
    set_key(d, type, 0, a);
    return d;
}

static const struct ovsdb_type *plain_type(enum ovsdb_atomic_type type)
{
    static const struct ovsdb_type types[OVSDB_N_ATOMIC_TYPES] = {
        [OVSDB_INTEGER] = {.key.type = OVSDB_INTEGER, .n_min = 1, .n_max = 1},
        [OVSDB_BOOLEAN] = {.key.type = OVSDB_BOOLEAN, .n_min = 1, .n_max = 1},
        [OVSDB_STRING] = {.key.type = OVSDB_STRING, .n_min = 1, .n_max = 1},
        [OVSDB_UUID] = {.key.type = OVSDB_UUID, .n_min = 1, .n_max = 1},
    };
    return &types[type];
}

struct ovsdb_datum *ovsdb_datum_from_integer(int64_t v)
{
    return ovsdb_datum_from_atom((union ovsdb_atom){.integer = v}, plain_type(OVSDB_INTEGER));
}

struct ovsdb_datum *ovsdb_datum_from_boolean(bool v)
{
    return ovsdb_datum_from_atom((union ovsdb_atom){.integer = v}, plain_type(OVSDB_BOOLEAN));
}

struct ovsdb_datum *ovsdb_datum_from_text(const char *v)
{
    return ovsdb_datum_from_atom((union ovsdb_atom){.string = ovsdb_string_create(v, strlen(v))},
                                 plain_type(OVSDB_STRING));
}

struct ovsdb_datum *ovsdb_datum_from_uuid(const struct uuid *v)
{
    return ovsdb_datum_from_atom((union ovsdb_atom){.uuid = *v}, plain_type(OVSDB_UUID));
}

/* Comparing. */

int ovsdb_datum_compare(const struct ovsdb_datum *a, const struct ovsdb_datum *b,
                        const struct ovsdb_type *type)
{
    if (a == b) {
        return 0;
    }
    if (a->n != b->n) {
        return a->n < b->n ? -1 : 1;
    }
    for (size_t i = 0; i < a->n; i++) {
        int order =
            ovsdb_atom_compare(ovsdb_datum_key(a, type, i), ovsdb_datum_key(b, type, i), type->key.type);
        if (order) {
            return order;
        }
    }
    for (size_t i = 0; ovsdb_type_is_map(type) && i < a->n; i++) {
        int order = ovsdb_atom_compare(ovsdb_datum_value(a, type, i), ovsdb_datum_value(b, type, i),
                                       type->value.type);
        if (order) {
            return order;
        }
    }
    return 0;
}

bool ovsdb_datum_equal(const struct ovsdb_datum *a, const struct ovsdb_datum *b,
                       const struct ovsdb_type *type)
{
    if (a == b) {
        return true;
    }
    if (a->n != b->n) {
        return false;
    }
    if (type->key.type == OVSDB_UUID && !ovsdb_type_is_map(type)) {
        return !memcmp(a->data, b->data, a->n * sizeof(struct uuid)); /* the long sets are of these */
    }
    return !ovsdb_datum_compare(a, b, type);
}

uint32_t ovsdb_datum_hash(const struct ovsdb_datum *d, const struct ovsdb_type *type, uint32_t basis)
{
    basis = hash_u32(d->n, basis);
    for (size_t i = 0; i < d->n; i++) {
        basis = ovsdb_atom_hash(ovsdb_datum_key(d, type, i), type->key.type, basis);
        if (ovsdb_type_is_map(type)) {
            basis = ovsdb_atom_hash(ovsdb_datum_value(d, type, i), type->value.type, basis);
        }
    }
    return basis;
}

long ovsdb_datum_find(const struct ovsdb_datum *d, const struct ovsdb_type *type, union ovsdb_atom key)
{
    size_t low = 0, high = d->n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        int order = ovsdb_atom_compare(key, ovsdb_datum_key(d, type, mid), type->key.type);
        if (!order) {
            return (long)mid;
        }
        if (order < 0) {
            high = mid;
        } else {
            low = mid + 1;
        }
    }
    return -1;
}

long ovsdb_datum_find_text(const struct ovsdb_datum *d, const struct ovsdb_type *type, const char *key)
{
    size_t low = 0, high = d->n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        int order = strcmp(key, ovsdb_datum_key(d, type, mid).string->text);
        if (!order) {
            return (long)mid;
        }
        if (order < 0) {
            high = mid;
        } else {
            low = mid + 1;
        }
    }
    return -1;
}

static bool contains_element(const struct ovsdb_datum *a, size_t i, const struct ovsdb_datum *b,
                             const struct ovsdb_type *type)
{
    long at = ovsdb_datum_find(b, type, ovsdb_datum_key(a, type, i));
    return at >= 0 && (!ovsdb_type_is_map(type) ||
                       ovsdb_atom_equal(ovsdb_datum_value(a, type, i), ovsdb_datum_value(b, type, (size_t)at),
                                        type->value.type));
}

bool ovsdb_datum_includes_all(const struct ovsdb_datum *a, const struct ovsdb_datum *b,
                              const struct ovsdb_type *type)
{
    if (a->n > b->n) {
        return false;
    }
    for (size_t i = 0; i < a->n; i++) {
        if (!contains_element(a, i, b, type)) {
            return false;
        }
    }
    return true;
}

bool ovsdb_datum_excludes_all(const struct ovsdb_datum *a, const struct ovsdb_datum *b,
                              const struct ovsdb_type *type)
{
    for (size_t i = 0; i < a->n; i++) {
        if (contains_element(a, i, b, type)) {
            return false;
        }
    }
    return true;
}

/* Set algebra: all four walk both sorted arrays once. */

/* What to do with an element of A alone, of B alone, and of both. */
enum pick {
    PICK_NONE,
    PICK_A,
    PICK_B
};
struct merge_rules {
    enum pick only_a, only_b, both_equal, both_differ; /* "differ": same key, another value */
};

static struct ovsdb_datum *merge(const struct ovsdb_datum *a, const struct ovsdb_datum *b,
                                 const struct ovsdb_type *type, struct merge_rules rules)
{
    struct ovsdb_datum_builder out;
    ovsdb_datum_builder_init(&out, type);
    out.allocated = (size_t)a->n + b->n;
    out.keys = xmalloc(MAX(out.allocated, 1) * sizeof *out.keys);
    out.values = ovsdb_type_is_map(type) ? xmalloc(MAX(out.allocated, 1) * sizeof *out.values) : NULL;
    for (size_t i = 0, j = 0; i < a->n || j < b->n;) {
        int order = i >= a->n   ? 1
                    : j >= b->n ? -1
                                : ovsdb_atom_compare(ovsdb_datum_key(a, type, i), ovsdb_datum_key(b, type, j),
                                                     type->key.type);
        enum pick pick;
        if (order < 0) {
            pick = rules.only_a;
        } else if (order > 0) {
            pick = rules.only_b;
        } else {
            bool equal = !out.values || ovsdb_atom_equal(ovsdb_datum_value(a, type, i),
                                                         ovsdb_datum_value(b, type, j), type->value.type);
            pick = equal ? rules.both_equal : rules.both_differ;
        }
        if (pick != PICK_NONE) {
            const struct ovsdb_datum *from = pick == PICK_A ? a : b;
            size_t at = pick == PICK_A ? i : j;
            out.keys[out.n] = ovsdb_atom_ref(ovsdb_datum_key(from, type, at), type->key.type);
            if (out.values) {
                out.values[out.n] = ovsdb_atom_ref(ovsdb_datum_value(from, type, at), type->value.type);
            }
            out.n++;
        }
        i += order <= 0;
        j += order >= 0;
    }
    return builder_to_datum(&out);
}

struct ovsdb_datum *ovsdb_datum_union(const struct ovsdb_datum *a, const struct ovsdb_datum *b,
                                      const struct ovsdb_type *type, bool replace)
{
    return merge(a, b, type, (struct merge_rules){PICK_A, PICK_B, PICK_A, replace ? PICK_B : PICK_A});
}

struct ovsdb_datum *ovsdb_datum_difference(const struct ovsdb_datum *a, const struct ovsdb_type *a_type,
                                           const struct ovsdb_datum *b, const struct ovsdb_type *b_type)
{
    if (ovsdb_type_is_map(a_type) == ovsdb_type_is_map(b_type)) {
        return merge(a, b, a_type, (struct merge_rules){PICK_A, PICK_NONE, PICK_NONE, PICK_A});
    }
    struct ovsdb_datum_builder out; /* a map, less the keys of a set */
    ovsdb_datum_builder_init(&out, a_type);
    for (size_t i = 0; i < a->n; i++) {
        union ovsdb_atom key = ovsdb_datum_key(a, a_type, i);
        if (ovsdb_datum_find(b, b_type, key) < 0) {
            union ovsdb_atom value = ovsdb_atom_ref(ovsdb_datum_value(a, a_type, i), a_type->value.type);
            ovsdb_datum_builder_add(&out, ovsdb_atom_ref(key, a_type->key.type), &value);
        }
    }
    return builder_to_datum(&out);
}

struct ovsdb_datum *ovsdb_datum_diff(const struct ovsdb_datum *old, const struct ovsdb_datum *new,
                                     const struct ovsdb_type *type)
{
    if (!ovsdb_type_is_composite(type)) {
        return ovsdb_datum_ref(new);
    }
    return merge(old, new, type, (struct merge_rules){PICK_A, PICK_B, PICK_NONE, PICK_B});
}

struct ovsdb_datum *ovsdb_datum_apply_diff(const struct ovsdb_datum *old, const struct ovsdb_datum *diff,
                                           const struct ovsdb_type *type)
{
    if (!ovsdb_type_is_composite(type)) {
        return ovsdb_datum_ref(diff);
    }
    return merge(old, diff, type, (struct merge_rules){PICK_A, PICK_B, PICK_NONE, PICK_B});
}

/* Constraints and JSON. */

struct ovsdb_error *ovsdb_datum_check(const struct ovsdb_datum *d, const struct ovsdb_type *type)
{
    struct ovsdb_error *error = NULL;
    for (size_t i = 0; !error && i < d->n; i++) {
        error = ovsdb_base_type_check(&type->key, ovsdb_datum_key(d, type, i));
        if (!error && ovsdb_type_is_map(type)) {
            error = ovsdb_base_type_check(&type->value, ovsdb_datum_value(d, type, i));
        }
    }
    return error;
}

static bool unwrap(const struct json_object *json, const char *name, const struct json_object **array)
{
    const char *tag;
    if (json_is_array(json) && json_length(json) == 2 && json_is_string(json_element(json, 0), &tag) &&
        !strcmp(tag, name) && json_is_array(json_element(json, 1))) {
        *array = json_element(json, 1);
        return true;
    }
    return false;
}

static bool is_tagged(const struct json_object *json, const char *name)
{
    const char *tag;
    return json_is_array(json) && json_length(json) > 0 && json_is_string(json_element(json, 0), &tag) &&
           !strcmp(tag, name);
}

static struct ovsdb_error *atom_from_json(union ovsdb_atom *a, const struct ovsdb_base_type *base,
                                          const struct json_object *json, struct ovsdb_symtab *symtab)
{
    struct ovsdb_error *error = ovsdb_atom_from_json(a, base->type, json, symtab);
    if (!error) {
        error = ovsdb_base_type_check(base, *a);
        if (error) {
            ovsdb_atom_unref(*a, base->type);
        }
    }
    return error;
}

static struct ovsdb_error *pair_from_json(struct ovsdb_datum_builder *b, const struct json_object *json,
                                          struct ovsdb_symtab *symtab)
{
    union ovsdb_atom key, value;
    if (!json_is_array(json) || json_length(json) != 2) {
        return ovsdb_value_error(json, "expected 2-element array");
    }
    struct ovsdb_error *error = atom_from_json(&key, &b->type->key, json_element(json, 0), symtab);
    if (error) {
        return error;
    }
    error = atom_from_json(&value, &b->type->value, json_element(json, 1), symtab);
    if (error) {
        ovsdb_atom_unref(key, b->type->key.type);
        return error;
    }
    ovsdb_datum_builder_add(b, key, &value);
    return NULL;
}

static struct ovsdb_error *check_count(const struct ovsdb_type *type, const struct json_object *json,
                                       size_t n)
{
    if (n >= type->n_min && n <= type->n_max) {
        return NULL;
    }
    const char *kind = ovsdb_type_is_map(type) ? "map" : "set";
    if (type->n_min == 1 && type->n_max == 1) {
        return ovsdb_value_error(json, "%s must have exactly one member but %zu are present", kind, n);
    }
    if (type->n_max == UINT_MAX) {
        return ovsdb_value_error(json, "%s must have %u or more members but %zu are present", kind,
                                 type->n_min, n);
    }
    return ovsdb_value_error(json, "%s must have %u to %u members but %zu are present", kind, type->n_min,
                             type->n_max, n);
}

static struct ovsdb_error *datum_from_json(struct ovsdb_datum **d, const struct ovsdb_type *type,
                                           const struct json_object *json, struct ovsdb_symtab *symtab,
                                           bool counted)
{
    bool map = ovsdb_type_is_map(type);
    struct ovsdb_datum_builder b;
    struct ovsdb_error *error = NULL;

    *d = NULL;
    ovsdb_datum_builder_init(&b, type);
    if (map || is_tagged(json, "set")) {
        const struct json_object *array;
        const char *kind = map ? "map" : "set";
        if (!unwrap(json, kind, &array)) {
            return ovsdb_value_error(json, "expected [\"%s\", <array>]", kind);
        }
        size_t n = json_length(array);
        error = counted ? check_count(type, json, n) : NULL;
        for (size_t i = 0; !error && i < n; i++) {
            if (map) {
                error = pair_from_json(&b, json_element(array, i), symtab);
            } else {
                union ovsdb_atom key;
                error = atom_from_json(&key, &type->key, json_element(array, i), symtab);
                if (!error) {
                    ovsdb_datum_builder_add(&b, key, NULL);
                }
            }
        }
    } else {
        union ovsdb_atom key;
        error = atom_from_json(&key, &type->key, json, symtab);
        if (!error) {
            ovsdb_datum_builder_add(&b, key, NULL);
        }
    }
    if (error) {
        ovsdb_datum_builder_fini(&b);
        return error;
    }
    return ovsdb_datum_builder_finish(&b, d);
}

struct ovsdb_error *ovsdb_datum_from_json(struct ovsdb_datum **d, const struct ovsdb_type *type,
                                          const struct json_object *json, struct ovsdb_symtab *symtab)
{
    return datum_from_json(d, type, json, symtab, true);
}

struct ovsdb_error *ovsdb_datum_diff_from_json(struct ovsdb_datum **d, const struct ovsdb_type *type,
                                               const struct json_object *json)
{
    return datum_from_json(d, type, json, NULL, false);
}

static void put_atom(union ovsdb_atom a, enum ovsdb_atomic_type type, struct strbuf *s, bool exact)
{
    if (exact && type == OVSDB_REAL) {
        json_put_exact_real(s, a.real);
    } else {
        ovsdb_atom_put_json(a, type, s);
    }
}

static void put_json(const struct ovsdb_datum *d, const struct ovsdb_type *type, struct strbuf *s, bool exact)
{
    if (ovsdb_type_is_map(type)) {
        strbuf_puts(s, "[\"map\",[");
        for (size_t i = 0; i < d->n; i++) {
            strbuf_puts(s, i ? ",[" : "[");
            put_atom(ovsdb_datum_key(d, type, i), type->key.type, s, exact);
            strbuf_put_char(s, ',');
            put_atom(ovsdb_datum_value(d, type, i), type->value.type, s, exact);
            strbuf_put_char(s, ']');
        }
        strbuf_puts(s, "]]");
    } else if (d->n == 1) {
        put_atom(ovsdb_datum_key(d, type, 0), type->key.type, s, exact);
    } else {
        strbuf_puts(s, "[\"set\",[");
        for (size_t i = 0; i < d->n; i++) {
            strbuf_puts(s, i ? "," : "");
            put_atom(ovsdb_datum_key(d, type, i), type->key.type, s, exact);
        }
        strbuf_puts(s, "]]");
    }
}

void ovsdb_datum_put_json(const struct ovsdb_datum *d, const struct ovsdb_type *type, struct strbuf *s)
{
    put_json(d, type, s, false);
}

void ovsdb_datum_put_json_exact(const struct ovsdb_datum *d, const struct ovsdb_type *type, struct strbuf *s)
{
    put_json(d, type, s, true);
}
