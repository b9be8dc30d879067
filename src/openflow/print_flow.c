/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "openflow/flow_codec.h"
#include "openflow/print_private.h"

static const char *const commands[] = {"ADD", "MOD", "MOD_STRICT", "DEL", "DEL_STRICT"};

static void print_match(const struct match *match, const struct print *p, int priority)
{
    match_format(match, p->names ? p->names->ports : NULL, p->s, priority);
}

/* In the wire's form, if so much is asked for and it is one of the old ones. */
static bool print_raw_match(const struct ofp_msg *m, int priority, const struct print *p)
{
    enum {
        NX_HEAD = 32,
        NX_MATCH_LEN = 24
    };
    if (p->opt->verbosity < 3 || m->version != OFP10) {
        return false;
    }
    if (m->kind == OFPK_NXT) {
        print_match_fields(m->body.p + NX_HEAD, ntohs(get_be16(m->body.p + NX_MATCH_LEN)), p);
    } else {
        print_match_10(m->body.p, p);
    }
    if (priority != MATCH_DEFAULT_PRIORITY) {
        strbuf_printf(p->s, " pri:%d", priority);
    }
    return true;
}

static void print_flow_mod_body(const struct ofp_msg *m, const struct flow_mod *fm, bool table_known,
                                const struct print *p)
{
    struct strbuf *s = p->s;
    strbuf_printf(s, " %s ", commands[fm->command]);
    if (fm->table_id && table_known) {
        strbuf_printf(s, "table:%u ", fm->table_id);
    }
    size_t start = s->len;
    if (!print_raw_match(m, fm->priority, p)) {
        print_match(&fm->match, p, fm->priority);
    }
    if (s->len > start) {
        strbuf_put_char(s, ' ');
    }
    if (fm->cookie || fm->cookie_mask) {
        if (fm->cookie_mask) {
            strbuf_printf(s, "cookie:0x%" PRIx64 "/0x%" PRIx64 " ", fm->cookie, fm->cookie_mask);
        }
    }
    if (fm->new_cookie && fm->new_cookie != UINT64_MAX) {
        strbuf_printf(s, "cookie:0x%" PRIx64 " ", fm->new_cookie);
    }
    if (fm->idle_timeout) {
        strbuf_printf(s, "idle:%u ", fm->idle_timeout);
    }
    if (fm->hard_timeout) {
        strbuf_printf(s, "hard:%u ", fm->hard_timeout);
    }
    if (fm->importance) {
        strbuf_printf(s, "importance:%u ", fm->importance);
    }
    if (fm->buffer_id != OFP_NO_BUFFER) {
        strbuf_printf(s, "buf:0x%" PRIx32 " ", fm->buffer_id);
    }
    if (fm->out_port != OFPP_ANY) {
        strbuf_puts(s, "out_port:");
        ofp_port_format(fm->out_port, p->names, s);
        strbuf_put_char(s, ' ');
    }
    flow_flags_format(fm->flags, s);
    strbuf_puts(s, "actions=");
    ofpacts_format((const struct ofpact *)fm->ofpacts.data, fm->ofpacts.len, p->names, s);
}

enum ofperr print_flow_mod(const struct ofp_msg *m, const struct print *p)
{
    struct flow_mod fm;
    uint32_t protocol = m->version == OFP10 ? OFPROTO_10_TID : OFPROTO_11;
    /* OpenFlow 1.0's command is one of five, or has a table id above it. */
    bool tid = false;
    if (m->version == OFP10) {
        size_t at = m->kind == OFPK_NXT ? 8 : 48;
        tid = m->body.n > at && m->body.p[at];
        protocol = tid ? OFPROTO_10_TID : OFPROTO_10;
    }
    enum ofperr error = flow_mod_decode(m, protocol, &fm);
    if (error) {
        return error;
    }
    print_flow_mod_body(m, &fm, tid || m->version > OFP10, p);
    flow_mod_fini(&fm);
    return OFPERR_NONE;
}

enum ofperr print_flow_request(const struct ofp_msg *m, const struct print *p)
{
    struct flow_stats_request q;
    enum ofperr error = flow_stats_request_decode(m, &q);
    if (error) {
        return error;
    }
    if (q.table_id != OFPTT_ALL) {
        strbuf_puts(p->s, " table=");
        ofp_table_format(q.table_id, p->names, p->s);
    }
    if (q.out_port != OFPP_ANY) {
        strbuf_puts(p->s, " out_port=");
        ofp_port_format(q.out_port, p->names, p->s);
    }
    size_t at = p->s->len;
    strbuf_put_char(p->s, ' ');
    print_match(&q.match, p, MATCH_DEFAULT_PRIORITY);
    if (p->s->len == at + 1) {
        strbuf_truncate(p->s, at);
    }
    return OFPERR_NONE;
}

enum ofperr print_flow_reply(const struct ofp_msg *m, const struct print *p)
{
    struct reader r = m->body;
    struct bytebuf ofpacts = BYTEBUF_INITIALIZER;
    struct flow_stats fs;
    enum ofperr error;
    for (;;) {
        bool more;
        error = flow_stats_decode(&r, m, true, &fs, &ofpacts, &more);
        if (error || !more) {
            break;
        }
        strbuf_puts(p->s, "\n ");
        flow_stats_format(&fs, p->names, !p->opt->hide_stats, p->s);
    }
    bytebuf_fini(&ofpacts);
    return error;
}

enum ofperr print_flow_counts_reply(const struct ofp_msg *m, const struct print *p)
{
    struct reader r = m->body;
    for (;;) {
        struct flow_stats fs;
        uint8_t reason;
        bool more;
        enum ofperr error = flow_counts_decode(&r, &fs, &reason, &more);
        if (error || !more) {
            return error;
        }
        strbuf_puts(p->s, "\n ");
        if (reason == FLOW_COUNTS_TRIGGERED) {
            strbuf_puts(p->s, "reason=stat_trigger, ");
        }
        strbuf_printf(
            p->s,
            "duration=%" PRIu32 ".%03" PRIu32 "s, table=%u, n_packets=%" PRIu64 ", n_bytes=%" PRIu64 ", ",
            fs.duration_sec, fs.duration_nsec / 1000000, fs.table_id, fs.packet_count, fs.byte_count);
        if (fs.idle_age >= 0) {
            strbuf_printf(p->s, "idle_age=%d, ", fs.idle_age);
        }
        print_match(&fs.match, p, fs.priority);
    }
}

enum ofperr print_aggregate_reply(const struct ofp_msg *m, const struct print *p)
{
    struct aggregate_stats a;
    enum ofperr error = aggregate_stats_decode(m, &a);
    if (!error) {
        strbuf_printf(p->s, " packet_count=%" PRIu64 " byte_count=%" PRIu64 " flow_count=%" PRIu32,
                      a.packet_count, a.byte_count, a.flow_count);
    }
    return error;
}

enum ofperr print_flow_removed(const struct ofp_msg *m, const struct print *p)
{
    static const char *const reasons[] = {"idle",         "hard",         "delete",
                                          "group_delete", "meter_delete", "eviction"};
    struct flow_removed fr;
    enum ofperr error = flow_removed_decode(m, &fr);
    if (error) {
        return error;
    }
    struct strbuf *s = p->s;
    strbuf_put_char(s, ' ');
    print_match(&fr.match, p, fr.priority);
    strbuf_puts(s, " reason=");
    if (fr.reason < ARRAY_SIZE(reasons)) {
        strbuf_puts(s, reasons[fr.reason]);
    } else {
        strbuf_printf(s, "%u", fr.reason);
    }
    if (fr.table_id != 255) {
        strbuf_puts(s, " table_id=");
        ofp_table_format(fr.table_id, p->names, s);
    }
    if (fr.cookie) {
        strbuf_printf(s, " cookie:0x%" PRIx64, fr.cookie);
    }
    strbuf_puts(s, " duration");
    ofp_duration_format(fr.duration_sec, fr.duration_nsec, s);
    strbuf_printf(s, "s idle%u", fr.idle_timeout);
    if (fr.hard_timeout) {
        strbuf_printf(s, " hard%u", fr.hard_timeout);
    }
    strbuf_printf(s, " pkts%" PRIu64 " bytes%" PRIu64 "\n", fr.packet_count, fr.byte_count);
    return OFPERR_NONE;
}
