/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/sim_group.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "flow/field.h"
#include "openflow/group_codec.h"

char *sim_group_parse(struct sim_group *g, const char *text)
{
    struct group_mod gm;
    uint32_t usable = OFPROTO_ANY;
    memset(g, 0, sizeof *g);
    char *error = group_mod_parse(&gm, text, GROUP_ADD, NULL, &usable);
    if (error) {
        return error;
    }
    g->id = gm.group_id;
    g->type = gm.type;
    g->selection = !strcmp(gm.selection_method, "hash") ? 2 : !strcmp(gm.selection_method, "dp_hash") ? 1 : 0;
    g->param = gm.selection_param;
    for (unsigned id = 0; id < FIELD_N && g->n_fields < ARRAY_SIZE(g->fields); id++) {
        if (group_has_field(&gm, id)) {
            g->fields[g->n_fields++] = (uint16_t)id;
        }
    }
    for (size_t i = 0; i < gm.n_buckets && i < SIM_MAX_BUCKETS; i++) {
        const struct group_bucket *b = &gm.buckets[i];
        g->buckets[i].id = b->bucket_id;
        g->buckets[i].weight = b->weight;
        g->buckets[i].watch_port = b->watch_port;
        g->buckets[i].watch_group = b->watch_group;
        g->buckets[i].len = b->ofpacts.len;
        g->buckets[i].actions = xmemdup(b->ofpacts.data, b->ofpacts.len);
        g->n_buckets++;
    }
    group_mod_fini(&gm);
    return NULL;
}

void sim_group_fini(struct sim_group *g)
{
    for (size_t i = 0; i < g->n_buckets; i++) {
        free(g->buckets[i].actions);
    }
}
