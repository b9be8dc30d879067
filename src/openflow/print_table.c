/* SPDX-License-Identifier: Apache-2.0 */
/* Roles' status, asynchronous messages, table mods and descriptions, in text. */
#include <inttypes.h>

#include "openflow/misc_codec.h"
#include "openflow/print_private.h"

enum ofperr print_role_status(const struct ofp_msg *m, const struct print *p)
{
    static const char *const roles[] = {"nochange", "equal", "primary", "secondary"};
    static const char *const reasons[] = {"primary_request", "configuration_changed",
                                          "experimenter_data_changed"};
    struct reader r = m->body;
    uint32_t role = get_u32(&r);
    uint8_t reason = get_u8(&r);
    get_skip(&r, 3);
    uint64_t generation = get_u64(&r);
    if (r.bad) {
        return OFPERR_OFPBRC_BAD_LEN;
    }
    if (role > ROLE_SECONDARY) {
        return OFPERR_OFPRRFC_BAD_ROLE;
    }
    strbuf_printf(p->s, " role=%s", roles[role]);
    if (generation != UINT64_MAX) {
        strbuf_printf(p->s, " generation_id=%" PRIu64, generation);
    }
    if (reason < ARRAY_SIZE(reasons)) {
        strbuf_printf(p->s, " reason=%s", reasons[reason]);
    } else {
        strbuf_printf(p->s, " reason=(unknown %u)", reason);
    }
    return OFPERR_NONE;
}

static void print_controller(const struct controller_status *cs, struct strbuf *s)
{
    static const char *const roles[] = {"nochange", "equal", "primary", "secondary"};
    static const char *const reasons[] = {"request",          "channel_status",     "role",
                                          "controller_added", "controller_removed", "short_id"};
    strbuf_printf(s, "%.*s: ", (int)cs->uri_len, cs->uri ? cs->uri : "");
    if (cs->short_id) {
        strbuf_printf(s, "short_id=%u ", cs->short_id);
    }
    strbuf_printf(s, "%s role=%s", cs->is_up ? "up" : "down", roles[cs->role]);
    if (cs->reason && cs->reason < ARRAY_SIZE(reasons)) {
        strbuf_printf(s, " reason=%s", reasons[cs->reason]);
    }
}

/* The message, and the reply, which has one for each controller. */
enum ofperr print_controller_status(const struct ofp_msg *m, const struct print *p)
{
    struct reader r = m->body;
    for (;;) {
        struct controller_status cs;
        bool more;
        enum ofperr error = controller_status_decode(&r, &cs, &more);
        if (error || !more) {
            return error;
        }
        strbuf_puts(p->s, m->type == OFPTYPE_CONTROLLER_STATUS ? " " : "\n  ");
        print_controller(&cs, p->s);
    }
}

enum ofperr print_async(const struct ofp_msg *m, const struct print *p)
{
    static const char *const titles[] = {
        "       PACKET_IN:", "     PORT_STATUS:", "    FLOW_REMOVED:", "     ROLE_STATUS:",
        "    TABLE_STATUS:", "  REQUESTFORWARD:", "      FLOW_STATS:", "CONTROLLER_STAT:"};
    static const char *const reasons[N_ASYNC][8] = {
        {"no_match", "action", "invalid_ttl", "action_set", "group", "packet_out"},
        {"add", "delete", "modify"},
        {"idle", "hard", "delete", "group_delete", "meter_delete", "eviction"},
        {"primary_request", "configuration_changed", "experimenter_data_changed"},
        {NULL, NULL, NULL, "vacancy_down", "vacancy_up"},
        {"group_mod_request", "meter_mod_request"},
        {"request", "stat_trigger"},
        {"request", "channel_status", "role", "controller_added", "controller_removed", "short_id"},
    };
    struct async_config ac = {{0}, {0}};
    struct strbuf *s = p->s;
    enum ofperr error = async_config_decode(m, &ac);
    if (error) {
        return error;
    }
    strbuf_put_char(s, '\n');
    for (int secondary = 0; secondary < 2; secondary++) {
        const uint32_t *masks = secondary ? ac.secondary : ac.primary;
        strbuf_puts(s, secondary ? "\n secondary:\n" : " primary:\n");
        for (int t = 0; t < N_ASYNC; t++) {
            if (t >= ASYNC_FLOW_STATS && !masks[t]) {
                continue; /* which the reference does not know */
            }
            strbuf_puts(s, titles[t]);
            for (int i = 0; i < 32; i++) {
                if (masks[t] & 1u << i) {
                    if (i < 8 && reasons[t][i]) {
                        strbuf_printf(s, " %s", reasons[t][i]);
                    } else {
                        strbuf_printf(s, " %d", i);
                    }
                }
            }
            strbuf_puts(s, masks[t] ? "\n" : " (off)\n");
        }
    }
    return OFPERR_NONE;
}

/* --- Table mods and descriptions --- */

static void print_eviction_flags(uint32_t flags, struct strbuf *s)
{
    static const struct bit_name names[] = {{1, "OTHER"}, {2, "IMPORTANCE"}, {4, "LIFETIME"}};
    print_bits(flags, names, ARRAY_SIZE(names), '|', s);
}

enum ofperr print_table_mod(const struct ofp_msg *m, const struct print *p)
{
    static const char *const miss[] = {"controller", "continue", "drop", "deprecated"};
    struct table_mod tm;
    struct strbuf *s = p->s;
    enum ofperr error = table_mod_decode(m, &tm);
    if (error) {
        return error;
    }
    if (tm.table_id == OFPTT_ALL) {
        strbuf_puts(s, " table_id: ALL_TABLES");
    } else {
        strbuf_puts(s, " table_id=");
        ofp_table_format(tm.table_id, p->names, s);
    }
    if (m->version < OFP13) {
        strbuf_printf(s, ", flow_miss_config=%s", miss[tm.config & OFPTC11_MISS_MASK]);
    }
    if (m->version >= OFP14) {
        strbuf_printf(s, ", eviction=%s", tm.config & OFPTC_EVICTION ? "on" : "off");
        if (tm.has_eviction_flags) {
            strbuf_puts(s, " eviction_flags=");
            print_eviction_flags(tm.eviction_flags, s);
        }
        strbuf_printf(s, ", vacancy=%s", tm.config & OFPTC_VACANCY ? "on" : "off");
        if (tm.config & OFPTC_VACANCY) {
            strbuf_printf(s, " vacancy:%u,%u", tm.vacancy_down, tm.vacancy_up);
        }
    }
    return OFPERR_NONE;
}

void print_table_desc_one(const struct table_mod *tm, const struct print *p)
{
    struct strbuf *s = p->s;
    ofp_table_format(tm->table_id, p->names, s);
    strbuf_printf(s, ":\n   eviction=%s eviction_flags=", tm->config & OFPTC_EVICTION ? "on" : "off");
    if (tm->has_eviction_flags) {
        print_eviction_flags(tm->eviction_flags, s);
    } else {
        strbuf_puts(s, "(default)");
    }
    strbuf_printf(s, "\n   vacancy=%s", tm->config & OFPTC_VACANCY ? "on" : "off");
    if (tm->config & OFPTC_VACANCY) {
        strbuf_printf(s, " vacancy_down=%u%% vacancy_up=%u%% vacancy=%u%%", tm->vacancy_down, tm->vacancy_up,
                      tm->vacancy);
    }
    strbuf_put_char(s, '\n');
}

enum ofperr print_table_desc(const struct ofp_msg *m, const struct print *p)
{
    struct reader r = m->body;
    strbuf_put_char(p->s, '\n');
    for (bool first = true;; first = false) {
        struct table_mod tm;
        bool more;
        enum ofperr error = table_desc_decode(&r, &tm, &more);
        if (error || !more) {
            return error;
        }
        strbuf_puts(p->s, first ? "  table " : "\n  table ");
        print_table_desc_one(&tm, p);
    }
}
