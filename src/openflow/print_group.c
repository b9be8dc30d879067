/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>

#include "openflow/group_codec.h"
#include "openflow/print_private.h"

enum ofperr print_group_mod(const struct ofp_msg *m, const struct print *p)
{
    struct group_mod gm;
    struct strbuf *s = p->s;
    enum ofperr error = group_mod_decode(m, &gm);
    if (error) {
        return error;
    }
    strbuf_puts(s, "\n ");
    bool bucket_id = false;
    switch (gm.command) {
    case GROUP_ADD:
        strbuf_puts(s, "ADD");
        break;
    case GROUP_MODIFY:
        strbuf_puts(s, "MOD");
        break;
    case GROUP_ADD_OR_MOD:
        strbuf_puts(s, "ADD_OR_MOD");
        break;
    case GROUP_DELETE:
        strbuf_puts(s, "DEL");
        break;
    case GROUP_INSERT_BUCKET:
        strbuf_puts(s, "INSERT_BUCKET");
        bucket_id = true;
        break;
    default:
        strbuf_puts(s, "REMOVE_BUCKET");
        bucket_id = true;
        break;
    }
    strbuf_put_char(s, ' ');
    if (bucket_id) {
        strbuf_puts(s, "command_bucket_id:");
        if (gm.command_bucket_id == BUCKET_ID_FIRST) {
            strbuf_puts(s, "first,");
        } else if (gm.command_bucket_id == BUCKET_ID_LAST) {
            strbuf_puts(s, "last,");
        } else if (gm.command_bucket_id == BUCKET_ID_ALL) {
            strbuf_puts(s, "all,");
        } else {
            strbuf_printf(s, "%u,", gm.command_bucket_id);
        }
    }
    group_format(&gm, m->version, m->kind == OFPK_NXT, p->names, s);
    group_mod_fini(&gm);
    return OFPERR_NONE;
}

enum ofperr print_group_request(const struct ofp_msg *m, const struct print *p)
{
    uint32_t id;
    enum ofperr error = group_request_decode(m, &id);
    strbuf_puts(p->s, " group_id=");
    if (id == OFPG_ALL) {
        strbuf_puts(p->s, "ALL");
    } else {
        strbuf_printf(p->s, "%u", id);
    }
    return error;
}

enum ofperr print_group_desc(const struct ofp_msg *m, const struct print *p)
{
    struct reader r = m->body;
    for (;;) {
        struct group_mod gm;
        bool more;
        enum ofperr error = group_desc_decode(&r, m->version, &gm, &more);
        if (error || !more) {
            return error;
        }
        strbuf_puts(p->s, "\n ");
        group_format(&gm, m->version, m->kind == OFPK_NXREPLY, p->names, p->s);
        group_mod_fini(&gm);
    }
}

enum ofperr print_group_stats(const struct ofp_msg *m, const struct print *p)
{
    struct reader r = m->body;
    struct strbuf *s = p->s;
    for (;;) {
        struct group_stats g;
        bool more;
        enum ofperr error = group_stats_decode(&r, m->version, &g, &more);
        if (error) {
            strbuf_puts(s, " ***parse error***");
        }
        if (error || !more) {
            return error;
        }
        strbuf_printf(s, "\n group_id=%u,", g.group_id);
        if (g.duration_sec != UINT32_MAX) {
            strbuf_puts(s, "duration=");
            ofp_duration_format(g.duration_sec, g.duration_nsec, s);
            strbuf_puts(s, "s,");
        }
        strbuf_printf(s, "ref_count=%u,packet_count=%" PRIu64 ",byte_count=%" PRIu64, g.ref_count,
                      g.packet_count, g.byte_count);
        for (size_t i = 0; i < g.n_buckets; i++) {
            if (g.buckets[i].packet_count != UINT64_MAX) {
                strbuf_printf(s, ",bucket%zu:packet_count=%" PRIu64 ",byte_count=%" PRIu64, i,
                              g.buckets[i].packet_count, g.buckets[i].byte_count);
            }
        }
        free(g.buckets);
    }
}

enum ofperr print_group_features(const struct ofp_msg *m, const struct print *p)
{
    static const char *const titles[] = {"all", "select", "indirect", "fast failover"};
    static const struct bit_name old[] = {
        {1 << 0, "output"},     {1 << 11, "enqueue"},   {1 << 1, "set_vlan_vid"}, {1 << 2, "set_vlan_pcp"},
        {1 << 3, "strip_vlan"}, {1 << 4, "mod_dl_src"}, {1 << 5, "mod_dl_dst"},   {1 << 6, "mod_nw_src"},
        {1 << 7, "mod_nw_dst"}, {1 << 8, "mod_nw_tos"}, {1 << 9, "mod_tp_src"},   {1 << 10, "mod_tp_dst"}};
    static const struct bit_name v11[] = {
        {1 << 0, "output"},        {1 << 22, "group"},          {1 << 1, "set_vlan_vid"},
        {1 << 2, "set_vlan_pcp"},  {1 << 18, "strip_vlan"},     {1 << 17, "push_vlan"},
        {1 << 3, "mod_dl_src"},    {1 << 4, "mod_dl_dst"},      {1 << 5, "mod_nw_src"},
        {1 << 6, "mod_nw_dst"},    {1 << 7, "mod_nw_tos"},      {1 << 8, "mod_nw_ecn"},
        {1 << 23, "mod_nw_ttl"},   {1 << 9, "mod_tp_src"},      {1 << 10, "mod_tp_dst"},
        {1 << 24, "dec_ttl"},      {1 << 13, "set_mpls_label"}, {1 << 14, "set_mpls_tc"},
        {1 << 15, "set_mpls_ttl"}, {1 << 16, "dec_mpls_ttl"},   {1 << 19, "push_mpls"},
        {1 << 20, "pop_mpls"},     {1 << 21, "set_queue"}};
    static const struct bit_name new[] = {
        {1 << 0, "output"},        {1 << 22, "group"},      {1 << 25, "set_field"}, {1 << 18, "strip_vlan"},
        {1 << 17, "push_vlan"},    {1 << 23, "mod_nw_ttl"}, {1 << 24, "dec_ttl"},   {1 << 15, "set_mpls_ttl"},
        {1 << 16, "dec_mpls_ttl"}, {1 << 19, "push_mpls"},  {1 << 20, "pop_mpls"},  {1 << 21, "set_queue"}};
    struct group_features f;
    struct strbuf *s = p->s;
    enum ofperr error = group_features_decode(m, &f);
    if (error) {
        return error;
    }
    strbuf_printf(s, "\n Group table:\n    Types:  0x%x\n    Capabilities:  0x%x\n", f.types, f.capabilities);
    for (int i = 0; i < 4; i++) {
        if (!(f.types & 1u << i)) {
            continue;
        }
        strbuf_printf(s, "    %s group:\n       max_groups=%#x\n       actions: ", titles[i],
                      f.max_groups[i]);
        if (m->version == OFP10) {
            print_bits(f.actions[i], old, ARRAY_SIZE(old), ' ', s);
        } else if (m->version == OFP11) {
            print_bits(f.actions[i], v11, ARRAY_SIZE(v11), ' ', s);
        } else {
            print_bits(f.actions[i], new, ARRAY_SIZE(new), ' ', s);
        }
        strbuf_put_char(s, '\n');
    }
    return OFPERR_NONE;
}
