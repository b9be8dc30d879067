/* SPDX-License-Identifier: Apache-2.0 */
#include "dpif/dpif.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/random.h"

#define MAX_KINDS 8
static const struct datapath_ops *kinds[MAX_KINDS];
static size_t n_kinds;
static struct hmap datapaths; /* zero is empty */

void dpif_register(const struct datapath_ops *ops)
{
    if (n_kinds < MAX_KINDS && !dpif_ops_lookup(ops->type)) {
        kinds[n_kinds++] = ops;
    }
}

const struct datapath_ops *dpif_ops_lookup(const char *type)
{
    type = *type ? type : "system";
    for (size_t i = 0; i < n_kinds; i++) {
        if (!strcmp(kinds[i]->type, type)) {
            return kinds[i];
        }
    }
    return NULL;
}

void dpif_list_types(void (*each)(const struct datapath_ops *, void *aux), void *aux)
{
    for (size_t i = 0; i < n_kinds; i++) {
        each(kinds[i], aux);
    }
}

struct datapath *dpif_find(const char *type, const char *name)
{
    const struct datapath_ops *ops = dpif_ops_lookup(type);
    if (!ops) {
        return NULL;
    }
    name = name ? name : ops->default_name;
    struct datapath *dp;
    HMAP_FOR_EACH_WITH_HASH (dp, node, hash_string(name, 0), &datapaths) {
        if (dp->ops == ops && !strcmp(dp->name, name)) {
            return dp;
        }
    }
    return NULL;
}

int dpif_open(const char *type, const char *name, struct datapath **dpp, char **errorp)
{
    const struct datapath_ops *ops = dpif_ops_lookup(type);
    *dpp = NULL;
    if (!ops) {
        *errorp = xasprintf("%s: no such datapath type (registered:", type);
        for (size_t i = 0; i < n_kinds; i++) {
            char *more = xasprintf("%s %s", *errorp, kinds[i]->type);
            free(*errorp);
            *errorp = more;
        }
        char *text = xasprintf("%s)", *errorp);
        free(*errorp);
        *errorp = text;
        return EAFNOSUPPORT;
    }
    name = name ? name : ops->default_name;
    struct datapath *dp = dpif_find(type, name);
    if (!dp) {
        int error = ops->create(ops, name, &dp, errorp);
        if (error) {
            return error;
        }
        dp->name = xstrdup(name);
        hmap_insert(&datapaths, &dp->node, hash_string(name, 0));
    }
    dp->n_refs++;
    *dpp = dp;
    return 0;
}

void dpif_ref(struct datapath *dp)
{
    dp->n_refs++;
}

void dpif_close(struct datapath *dp)
{
    if (dp && !--dp->n_refs) {
        hmap_remove(&datapaths, &dp->node);
        char *name = dp->name;
        dp->ops->destroy(dp);
        free(name);
    }
}

void dpif_for_each(void (*each)(struct datapath *, void *aux), void *aux)
{
    struct datapath *dp;
    HMAP_FOR_EACH (dp, node, &datapaths) {
        each(dp, aux);
    }
}

/* Two independent seeds make 128 bits of it. The seed is random: an attacker who chooses keys cannot make two
 * flows share an identity. */
struct dp_ufid dpif_flow_ufid(const struct flow_key *key, const struct flow_mask *mask)
{
    static uint64_t seed;
    uint64_t s = __atomic_load_n(&seed, __ATOMIC_RELAXED);
    if (!s) {
        uint64_t fresh;
        random_secret(&fresh, sizeof fresh);
        fresh |= 1;
        uint64_t none = 0;
        s = __atomic_compare_exchange_n(&seed, &none, fresh, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)
                ? fresh
                : none;
    }
    const uint64_t *k = flow_key_words_const(key), *m = flow_key_words_const(&mask->bits);
    uint64_t a = s, b = ~s;
    for (int block = 0; block < FLOW_DP_BLOCKS; block++) {
        if (!(mask->blocks & FLOW_BLOCK_BIT(block))) {
            continue;
        }
        for (int i = block * FLOW_BLOCK_WORDS; i < (block + 1) * FLOW_BLOCK_WORDS; i++) {
            if (m[i]) {
                a = hash_mix64(hash_mix64(a, k[i] & m[i]), m[i] + (uint64_t)i);
                b = hash_mix64(hash_mix64(b, m[i] ^ 0x5bd1e995u),
                               (k[i] & m[i]) + (uint64_t)i * 0x100000001b3ull);
            }
        }
    }
    return (struct dp_ufid){.lo = a, .hi = b};
}
