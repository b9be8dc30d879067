/* SPDX-License-Identifier: Apache-2.0 */
/* Flow monitors, and what else a switch says unasked about tables, groups and meters, in text. */
#include "openflow/monitor_codec.h"

#include <inttypes.h>

#include "openflow/misc_codec.h"
#include "openflow/print_private.h"

enum ofperr print_monitor_request(const struct ofp_msg *m, const struct print *p)
{
    struct reader r = m->body;
    for (unsigned n = 0;; n++) {
        struct flow_monitor_request q;
        bool more;
        enum ofperr error = flow_monitor_request_decode(&r, m, &q, &more);
        if (error || !more) {
            return error;
        }
        strbuf_puts(p->s, "\n ");
        flow_monitor_request_format(&q, p->names, p->s);
    }
}

enum ofperr print_monitor_reply(const struct ofp_msg *m, const struct print *p)
{
    struct reader r = m->body;
    struct bytebuf ofpacts = BYTEBUF_INITIALIZER;
    enum ofperr error;
    unsigned n = 0;
    for (;; n++) {
        struct flow_update u;
        bool more;
        error = flow_update_decode(&r, m, &u, &ofpacts, &more);
        if (error || !more) {
            break;
        }
        strbuf_puts(p->s, "\n ");
        flow_update_format(&u, p->names, p->s);
    }
    bytebuf_fini(&ofpacts);
    return error;
}

enum ofperr print_monitor_cancel(const struct ofp_msg *m, const struct print *p)
{
    uint32_t id;
    enum ofperr error = flow_monitor_cancel_decode(m, &id);
    if (!error) {
        strbuf_printf(p->s, " id=%" PRIu32, id);
    }
    return error;
}

enum ofperr print_table_status(const struct ofp_msg *m, const struct print *p)
{
    struct table_status ts;
    struct strbuf *s = p->s;
    enum ofperr error = table_status_decode(m, &ts);
    if (error) {
        return error;
    }
    strbuf_puts(s, ts.reason == TABLE_VACANCY_DOWN ? " reason=VACANCY_DOWN" : " reason=VACANCY_UP");
    strbuf_puts(s, "\ntable_desc:-\n  table ");
    print_table_desc_one(&ts.desc, p);
    return OFPERR_NONE;
}

enum ofperr print_requestforward(const struct ofp_msg *m, const struct print *p)
{
    struct ofp_msg inner;
    enum ofperr error = requestforward_decode(m, &inner);
    if (error) {
        return error;
    }
    /* What is wrong in the request comes first. */
    struct strbuf body = {.palette = p->s->palette};
    struct print q = *p;
    q.s = &body;
    error = inner.type == OFPTYPE_GROUP_MOD ? print_group_mod(&inner, &q) : print_meter_mod(&inner, &q);
    if (!error) {
        strbuf_puts(p->s, inner.type == OFPTYPE_GROUP_MOD ? " reason=group_mod" : " reason=meter_mod");
        strbuf_puts(p->s, strbuf_text(&body));
    }
    strbuf_fini(&body);
    return error;
}
