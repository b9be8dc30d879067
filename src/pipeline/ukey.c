/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/ukey.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "pipeline/recirc.h"
#include "pipeline/xlate/xlate.h"

static void free_actions(struct ukey *u)
{
    if (u->actions != u->few_actions) {
        free(u->actions);
    }
}

void ukey_set_actions(struct ukey *u, const void *actions, size_t len)
{
    free_actions(u);
    u->actions = !len ? NULL : len <= sizeof u->few_actions ? u->few_actions : xmalloc(len);
    u->actions_len = len;
    if (len) {
        memcpy(u->actions, actions, len);
    }
}

struct ukey *ukey_create(struct dp_ufid ufid, const struct flow_key *key, const struct flow_mask *mask,
                         const void *actions, size_t actions_len, struct record *record,
                         struct xlate_out *xout)
{
    struct ukey *u = xzalloc(sizeof *u);
    u->ufid = ufid;
    minimatch_init(&u->match, key, mask);
    ukey_set_actions(u, actions, actions_len);
    record_move(&u->record, record);
    u->recirc_ids = xout->recirc_ids;
    u->n_recirc_ids = xout->n_recirc_ids;
    xout->recirc_ids = NULL;
    xout->n_recirc_ids = 0;
    u->created_ms = clock_ms();
    return u;
}

void ukey_destroy(struct ukey *u, struct recirc_table *recirc)
{
    if (u) {
        for (size_t i = 0; i < u->n_recirc_ids; i++) {
            recirc_unref(recirc, u->recirc_ids[i]);
        }
        free(u->recirc_ids);
        record_end(&u->record);
        record_fini(&u->record);
        minimatch_fini(&u->match);
        free_actions(u);
        free(u);
    }
}

struct ukey_shard *ukey_shard(struct slow_path *sp, struct dp_ufid ufid)
{
    return &sp->shards[ufid.hi % UKEY_N_SHARDS];
}

struct ukey *ukey_find(struct ukey_shard *shard, struct dp_ufid ufid)
{
    struct ukey *u;
    HMAP_FOR_EACH_WITH_HASH (u, node, (uint32_t)ufid.lo, &shard->ukeys) {
        if (dp_ufid_equal(u->ufid, ufid)) {
            return u;
        }
    }
    return NULL;
}
