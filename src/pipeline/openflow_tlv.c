/* SPDX-License-Identifier: Apache-2.0 */
/* The TLV table: which tunnel options are tun_metadata0 to 63 in this bridge. */
#include <stdlib.h>

#include "openflow/tlv_codec.h"
#include "pipeline/ofproto_impl.h"
#include "pipeline/openflow.h"
#include "pipeline/rule.h"

struct ofp_msg openflow_mapped(const struct ofp_msg *m, const void *ofproto_)
{
    const struct ofproto *ofproto = ofproto_;
    struct ofp_msg mapped = *m;
    mapped.body.tun_md = &ofproto->tun_md;
    return mapped;
}

/* Fields that some rule matches on or has in its actions. They are looked for when they are asked for: that
 * is seldom, and costs rules nothing. */
static uint64_t used_by_rules(struct ofproto *ofproto)
{
    struct flow_mod all;
    size_t n;
    uint64_t used = 0;
    flow_mod_init(&all);
    all.command = FLOW_DELETE;
    match_init_catchall(&all.match);
    struct rule **rules = ofproto_collect_rules(ofproto, &all, false, true, &n);
    for (size_t i = 0; i < n; i++) {
        used |= minimatch_mask_word(&rules[i]->cr.match, FLOW_WORD_OF(tun_md_present));
        used |= ofpacts_tun_metadata(rules[i]->actions, rules[i]->actions_len);
    }
    free(rules);
    flow_mod_fini(&all);
    return used;
}

static enum ofperr add(struct tun_md_table *t, const struct tlv_map *map)
{
    if (t->layout.known & TUN_MD_BIT(map->index)) {
        return OFPERR_NXTTMFC_ALREADY_MAPPED;
    }
    if (tun_md_table_find(t, map->option.class, map->option.type) >= 0) {
        return OFPERR_NXTTMFC_DUP_ENTRY;
    }
    if (!tun_md_layout_add(&t->layout, map->index, map->option.len)) {
        return OFPERR_NXTTMFC_TABLE_FULL;
    }
    t->maps[map->index] = map->option;
    return OFPERR_NONE;
}

enum ofperr openflow_tlv_table_mod(struct ofconn *c, const struct ofp_msg *m, void *ofproto_)
{
    (void)c;
    struct ofproto *ofproto = ofproto_;
    struct tun_md_table table = ofproto->tun_md;
    enum tlv_command command;
    struct reader maps;
    enum ofperr error = tlv_table_mod_decode(m, &command, &maps);
    uint64_t leave = command == TLV_CLEAR ? table.layout.known : 0;
    while (!error && command != TLV_CLEAR && maps.n) {
        struct tlv_map map = tlv_map_get(&maps);
        if (command == TLV_ADD) {
            error = add(&table, &map);
        } else {
            leave |= TUN_MD_BIT(map.index) & table.layout.known;
        }
    }
    if (!error && leave && (leave & used_by_rules(ofproto))) {
        error = OFPERR_NXTTMFC_INVALID_TLV_DEL;
    }
    if (error) {
        return error;
    }
    for (; leave; leave &= leave - 1) {
        tun_md_layout_remove(&table.layout, (unsigned)__builtin_ctzll(leave));
    }
    ofproto->tun_md = table;
    /* Options of cached flows have other names now. */
    pipeline_mark_all_changed(ofproto->pipeline);
    pipeline_mark_changed(ofproto->pipeline);
    pipeline_wake(ofproto->pipeline);
    return OFPERR_NONE;
}

enum ofperr openflow_tlv_table(struct ofconn *c, const struct ofp_msg *m, void *ofproto_)
{
    const struct ofproto *ofproto = ofproto_;
    tlv_table_reply_encode(ofconn_out(c), &ofproto->tun_md, m->version, m->xid);
    return OFPERR_NONE;
}
