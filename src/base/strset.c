/* SPDX-License-Identifier: Apache-2.0 */
#include "base/strset.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/strbuf.h"

void strset_init(struct strset *set)
{
    strmap_init(&set->map);
}

void strset_fini(struct strset *set)
{
    if (set) {
        strmap_fini(&set->map);
    }
}

void strset_clear(struct strset *set)
{
    strmap_clear(&set->map);
}

void strset_clone(struct strset *dst, const struct strset *src)
{
    strset_init(dst);
    struct strmap_node *node;
    STRSET_FOR_EACH(node, src)
    {
        strset_add(dst, node->key);
    }
}

bool strset_add(struct strset *set, const char *s)
{
    if (strset_contains(set, s)) {
        return false;
    }
    strmap_put(&set->map, s, NULL);
    return true;
}

bool strset_remove(struct strset *set, const char *s)
{
    struct strmap_node *node = strmap_find(&set->map, s);
    if (!node) {
        return false;
    }
    strmap_remove_node(&set->map, node);
    return true;
}

bool strset_contains(const struct strset *set, const char *s)
{
    return strmap_find(&set->map, s) != NULL;
}

bool strset_equal(const struct strset *a, const struct strset *b)
{
    if (strset_count(a) != strset_count(b)) {
        return false;
    }
    struct strmap_node *node;
    STRSET_FOR_EACH(node, a)
    {
        if (!strset_contains(b, node->key)) {
            return false;
        }
    }
    return true;
}

void strset_add_split(struct strset *set, const char *s, const char *delimiters)
{
    for (;;) {
        s += strspn(s, delimiters);
        size_t n = strcspn(s, delimiters);
        if (!n) {
            return;
        }
        char *part = xmemdup0(s, n);
        strset_add(set, part);
        free(part);
        s += n;
    }
}

const char **strset_sorted(const struct strset *set)
{
    struct strmap_node **nodes = strmap_sorted(&set->map);
    const char **strings = xmalloc(strset_count(set) * sizeof *strings);
    for (size_t i = 0; i < strset_count(set); i++) {
        strings[i] = nodes[i]->key;
    }
    free(nodes);
    return strings;
}

char *strset_join(const struct strset *set, const char *delimiter)
{
    struct strbuf out = STRBUF_INITIALIZER;
    const char **strings = strset_sorted(set);
    for (size_t i = 0; i < strset_count(set); i++) {
        strbuf_printf(&out, "%s%s", i ? delimiter : "", strings[i]);
    }
    free(strings);
    return strbuf_steal(&out);
}
