/* SPDX-License-Identifier: Apache-2.0 */
/* ofctl: flows. */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/hmap.h"
#include "flow/field.h"
#include "openflow/flow_codec.h"
#include "tools/ofctl.h"

/* --- Modifications --- */

struct batch {
    struct bytebuf b;
    struct ofctl_conn *conn;
    struct ofctl_bundle bundle; /* with --bundle */
    uint32_t protocol;          /* 0: not chosen yet */
    bool ok;
};

#define SEND_AT (64u * 1024)

static void batch_add(struct batch *t, const struct flow_mod *fm)
{
    uint32_t xid = ofctl_xid(t->conn);
    size_t before = t->b.len;
    flow_mod_encode(&t->b, fm, t->protocol, xid);
    ofctl_must_fit(&t->b, before);
    if (ofctl_options.bundle) {
        ofctl_bundle_add(&t->bundle, t->b.data, t->b.len);
        bytebuf_clear(&t->b);
    } else if (t->b.len >= SEND_AT) {
        ofctl_send(t->conn, &t->b); /* the barrier of batch_end() tells of errors */
    }
}

static void batch_begin(struct batch *t, struct ofctl_conn *conn, uint32_t usable)
{
    *t = (struct batch){.conn = conn, .bundle = {.conn = conn}, .ok = true};
    t->protocol = ofctl_use_protocol(conn, usable, false);
}

static void batch_end(struct batch *t)
{
    if (ofctl_options.bundle) {
        ofctl_bundle_run(&t->bundle);
    } else if (t->b.len) {
        t->ok &= ofctl_transact_mods(t->conn, &t->b);
    }
    bytebuf_fini(&t->b);
    ofctl_close(t->conn);
    if (!t->ok) {
        exit(1);
    }
}

static void run_flow_mod(int argc, char **argv, enum flow_mod_command command)
{
    struct ofctl_conn *conn = ofctl_connect(argv[1]);
    struct flow_mod fm;
    uint32_t usable;
    struct batch t;
    ofctl_check(
        flow_mod_parse(&fm, argc > 2 ? argv[2] : "", command, false, ofctl_names(conn, false), &usable));
    batch_begin(&t, conn, usable);
    batch_add(&t, &fm);
    flow_mod_fini(&fm);
    batch_end(&t);
}

/* Flow mods of a file, kept until all of it is read: only then is it known which protocol carries them all,
 * and that none is malformed. A `struct flow_mod` is 2 kB, nearly all of it zeros. */
#define FLOW_MOD_REST offsetof(struct flow_mod, cookie)
struct kept_flow {
    struct minimatch match;
    struct tun_md_layout *layout; /* NULL: no tun_metadata */
    uint8_t rest[sizeof(struct flow_mod) - FLOW_MOD_REST];
};
struct file_flows {
    struct kept_flow *mods;
    size_t n, allocated;
    uint32_t usable;
    struct batch *streamed; /* a bundle: they are not kept, but go there */
};

/* A copy of a match's layout, if it needs one. */
static struct tun_md_layout *keep_layout(const struct match *match)
{
    return match->tun_md.known ? xmemdup(&match->tun_md, sizeof match->tun_md) : NULL;
}

/* Versions that have bundles have one form of flow mods: it is known before all of the file is. What cannot
 * be said in it is told of when all of the file is found to be well-formed. */
static void stream(struct batch *t, struct flow_mod *fm, uint32_t usable)
{
    t->protocol = ofctl_protocol_of(t->conn, usable);
    if (t->protocol) {
        batch_add(t, fm);
    }
    flow_mod_fini(fm);
}

static char *collect(struct flow_mod *fm, uint32_t usable, void *aux)
{
    struct file_flows *f = aux;
    f->usable &= usable;
    if (f->streamed) {
        stream(f->streamed, fm, f->usable);
        return NULL;
    }
    if (f->n == f->allocated) {
        f->mods = x2nrealloc(f->mods, &f->allocated, sizeof *f->mods);
    }
    struct kept_flow *k = &f->mods[f->n++];
    match_compress(&fm->match, &k->match);
    k->layout = keep_layout(&fm->match);
    memcpy(k->rest, (const uint8_t *)fm + FLOW_MOD_REST, sizeof k->rest);
    return NULL;
}

static void take_kept(struct kept_flow *k, struct flow_mod *fm)
{
    match_expand(&k->match, k->layout, &fm->match);
    memcpy((uint8_t *)fm + FLOW_MOD_REST, k->rest, sizeof k->rest);
    minimatch_fini(&k->match);
    free(k->layout);
}

static void run_flow_mod_file(int argc, char **argv, enum flow_mod_command command)
{
    struct ofctl_conn *conn = ofctl_connect(argv[1]);
    struct file_flows f = {.usable = OFPROTO_ANY};
    struct batch t;
    if (ofctl_options.bundle) {
        t = (struct batch){.conn = conn, .bundle = {.conn = conn, .streams = true}, .ok = true};
        f.streamed = &t;
    }
    ofctl_check((command == FLOW_ADD ? flow_mod_parse_file : flow_mod_parse_lines)(
        argv[2], command, ofctl_names(conn, false), collect, &f));
    if (ofctl_options.bundle) {
        ofctl_use_protocol(conn, f.usable, false); /* or not: it says so */
        batch_end(&t);
        return;
    }
    batch_begin(&t, conn, f.usable);
    for (size_t i = 0; i < f.n; i++) {
        struct flow_mod fm;
        take_kept(&f.mods[i], &fm);
        batch_add(&t, &fm);
        flow_mod_fini(&fm);
    }
    free(f.mods);
    batch_end(&t);
}

static void either(int argc, char **argv, enum flow_mod_command command)
{
    if (argc > 2 && !strcmp(argv[2], "-")) {
        run_flow_mod_file(argc, argv, command);
    } else {
        run_flow_mod(argc, argv, command);
    }
}

void ofctl_add_flow(int argc, char **argv)
{
    either(argc, argv, FLOW_ADD);
}

void ofctl_add_flows(int argc, char **argv)
{
    run_flow_mod_file(argc, argv, FLOW_ADD);
}

void ofctl_mod_flows(int argc, char **argv)
{
    either(argc, argv, ofctl_options.strict ? FLOW_MODIFY_STRICT : FLOW_MODIFY);
}

void ofctl_del_flows(int argc, char **argv)
{
    either(argc, argv, ofctl_options.strict ? FLOW_DELETE_STRICT : FLOW_DELETE);
}

/* --- Dumps --- */

static uint32_t encode_request(struct ofctl_conn *conn, bool aggregate, const char *text, struct bytebuf *b)
{
    struct flow_stats_request q;
    uint32_t usable;
    ofctl_check(flow_stats_request_parse(&q, aggregate, text, ofctl_names(conn, false), &usable));
    uint32_t protocol = ofctl_use_protocol(conn, usable, true);
    flow_stats_request_encode(b, &q, protocol, ofctl_xid(conn));
    return protocol;
}

struct sort_row {
    char *text;
    struct match match;
    uint16_t priority;
};
struct sort_rows {
    struct sort_row *rows;
    size_t n, allocated;
    const struct ofp_names *names;
};

static void collect_rows(const uint8_t *msg, size_t len, void *aux)
{
    struct sort_rows *rows = aux;
    struct ofp_msg m;
    if (ofp_msg_decode(msg, len, &m) || m.type != OFPTYPE_FLOW_REPLY) {
        char *text = ofp_to_string(msg, len, NULL);
        fputs(text, stdout);
        exit(1);
    }
    struct reader r = m.body;
    struct bytebuf ofpacts = BYTEBUF_INITIALIZER;
    struct flow_stats fs;
    bool more;
    while (!flow_stats_decode(&r, &m, true, &fs, &ofpacts, &more) && more) {
        if (rows->n == rows->allocated) {
            rows->rows = x2nrealloc(rows->rows, &rows->allocated, sizeof *rows->rows);
        }
        struct strbuf s = {.palette = ofctl_options.palette};
        if (m.kind == OFPK_NXREPLY) {
            fs.idle_age = fs.hard_age = -1;
        }
        flow_stats_format(&fs, rows->names, !ofctl_options.hide_stats, &s);
        rows->rows[rows->n++] =
            (struct sort_row){.text = strbuf_steal(&s), .match = fs.match, .priority = fs.priority};
    }
    bytebuf_fini(&ofpacts);
}

static bool lacks_field(const struct field *field, const struct match *match)
{
    return !field_match_prereqs_ok(field, match) || field_is_all_wild(field, &match->wc.bits);
}

static int compare_rows(const void *a_, const void *b_)
{
    const struct sort_row *a = a_, *b = b_;
    for (size_t i = 0; i < ofctl_options.n_sorts; i++) {
        const struct field *field = ofctl_options.sorts[i].field;
        int order;
        if (!field) {
            order = (int)a->priority - (int)b->priority;
        } else {
            union field_value av = {0}, am = {0}, bv = {0}, bm = {0};
            bool a_wild = lacks_field(field, &a->match), b_wild = lacks_field(field, &b->match);
            if (a_wild != b_wild) {
                return (int)a_wild - (int)b_wild; /* those without the field are last */
            }
            field_match_get(field, &a->match, &av, &am);
            field_match_get(field, &b->match, &bv, &bm);
            order = memcmp(&av, &bv, field->n_bytes);
        }
        if (order) {
            return ofctl_options.sorts[i].reverse ? -order : order;
        }
    }
    return (int)b->priority - (int)a->priority; /* else, the more important ones first */
}

static void dump_sorted(struct ofctl_conn *conn, struct bytebuf *b, const struct ofp_names *names)
{
    struct sort_rows rows = {.names = names};
    ofctl_dump(conn, b, collect_rows, &rows);
    if (ofctl_options.n_sorts && rows.n) {
        qsort(rows.rows, rows.n, sizeof *rows.rows, compare_rows);
    }
    for (size_t i = 0; i < rows.n; i++) {
        printf(" %s\n", rows.rows[i].text);
        free(rows.rows[i].text);
    }
    free(rows.rows);
}

static void dump(int argc, char **argv, bool aggregate)
{
    struct ofctl_conn *conn = ofctl_connect(argv[1]);
    struct bytebuf b = BYTEBUF_INITIALIZER;
    encode_request(conn, aggregate, argc > 2 ? argv[2] : "", &b);
    const struct ofp_names *names = ofctl_names(conn, true);
    if ((ofctl_options.n_sorts || names || ofctl_options.hide_stats) && !aggregate) {
        dump_sorted(conn, &b, names);
    } else {
        ofctl_dump_print(conn, &b, names);
    }
    bytebuf_fini(&b);
    ofctl_close(conn);
}

void ofctl_dump_flows(int argc, char **argv)
{
    dump(argc, argv, false);
}

void ofctl_dump_aggregate(int argc, char **argv)
{
    dump(argc, argv, true);
}

/* --- Comparing and replacing --- */

/* A flow by what identifies it, and what is compared. */
struct side {
    char *actions;
    uint64_t cookie;
    uint16_t idle, hard, importance;
    uint8_t flags;
    bool present;
    struct bytebuf ofpacts;
};
struct pair {
    struct hmap_node node; /* in pairs.by_key */
    struct minimatch match;
    struct tun_md_layout *layout; /* NULL: no tun_metadata */
    size_t order;
    uint16_t priority;
    uint8_t table;
    struct side side[2];
};
struct pairs {
    struct hmap by_key;
    struct pair **p; /* in the order in which they were read */
    size_t n, allocated;
    int which;                     /* that is being read */
    const struct ofp_names *names; /* to print with; NULL: numbers */
};

static struct pair *find_pair(struct pairs *ps, const struct match *match, uint16_t priority, uint8_t table)
{
    struct minimatch mini;
    match_compress(match, &mini);
    struct tun_md_layout *layout = keep_layout(match);
    uint32_t hash = minimatch_hash(&mini, (uint32_t)table << 16 | priority);
    struct pair *p;
    HMAP_FOR_EACH_WITH_HASH (p, node, hash, &ps->by_key) {
        if (p->priority == priority && p->table == table && minimatch_equal(&p->match, &mini) &&
            !p->layout == !layout && (!layout || !memcmp(p->layout, layout, sizeof match->tun_md))) {
            minimatch_fini(&mini);
            free(layout);
            return p;
        }
    }
    if (ps->n == ps->allocated) {
        ps->p = x2nrealloc(ps->p, &ps->allocated, sizeof *ps->p);
    }
    p = xzalloc(sizeof *p);
    p->match = mini;
    p->layout = layout;
    p->order = ps->n;
    p->priority = priority;
    p->table = table;
    hmap_insert(&ps->by_key, &p->node, hash);
    ps->p[ps->n++] = p;
    return p;
}

static char *read_mod(struct flow_mod *fm, uint32_t usable, void *aux)
{
    struct pairs *ps = aux;
    struct pair *p = find_pair(ps, &fm->match, fm->priority, fm->table_id == OFPTT_ALL ? 0 : fm->table_id);
    struct side *s = &p->side[ps->which];
    struct strbuf text = STRBUF_INITIALIZER;
    ofpacts_format((const struct ofpact *)fm->ofpacts.data, fm->ofpacts.len, NULL, &text);
    free(s->actions);
    bytebuf_fini(&s->ofpacts);
    *s = (struct side){.actions = strbuf_steal(&text),
                       .cookie = fm->new_cookie,
                       .idle = fm->idle_timeout,
                       .hard = fm->hard_timeout,
                       .importance = fm->importance,
                       .flags = fm->flags & FLOW_FLAGS_WIRE,
                       .present = true,
                       .ofpacts = fm->ofpacts};
    return NULL;
}

static void read_reply(const uint8_t *msg, size_t len, void *aux)
{
    struct pairs *ps = aux;
    struct ofp_msg m;
    if (ofp_msg_decode(msg, len, &m) || m.type != OFPTYPE_FLOW_REPLY) {
        error_fatal("the switch did not list its flows");
    }
    struct reader r = m.body;
    struct flow_stats fs;
    bool more;
    struct bytebuf ofpacts = BYTEBUF_INITIALIZER;
    while (!flow_stats_decode(&r, &m, true, &fs, &ofpacts, &more) && more) {
        struct flow_mod fm;
        flow_mod_init(&fm);
        fm.match = fs.match;
        fm.priority = fs.priority;
        fm.table_id = fs.table_id;
        fm.new_cookie = fs.cookie;
        fm.idle_timeout = fs.idle_timeout;
        fm.hard_timeout = fs.hard_timeout;
        fm.importance = fs.importance;
        fm.flags = fs.flags;
        fm.ofpacts = ofpacts;
        ofpacts = (struct bytebuf)BYTEBUF_INITIALIZER;
        read_mod(&fm, 0, ps);
    }
    bytebuf_fini(&ofpacts);
}

static void read_switch(struct ofctl_conn *conn, struct pairs *ps)
{
    struct bytebuf b = BYTEBUF_INITIALIZER;
    encode_request(conn, false, "", &b);
    ofctl_dump(conn, &b, read_reply, ps);
    bytebuf_fini(&b);
}

static bool sides_equal(const struct pair *p)
{
    const struct side *a = &p->side[0], *b = &p->side[1];
    return a->present && b->present && a->cookie == b->cookie && a->idle == b->idle && a->hard == b->hard &&
           a->importance == b->importance && !strcmp(a->actions, b->actions);
}

static void print_side(const struct pair *p, int which, const struct ofp_names *names)
{
    const struct side *v = &p->side[which];
    struct strbuf s = {.palette = ofctl_options.palette};
    strbuf_put_char(&s, which ? '+' : '-');
    if (p->table) {
        strbuf_printf(&s, "table=%u ", p->table);
    }
    struct match match;
    match_expand(&p->match, p->layout, &match);
    match_format(&match, names ? names->ports : NULL, &s, p->priority);
    if (v->cookie) {
        strbuf_printf(&s, " cookie=0x%" PRIx64, v->cookie);
    }
    if (v->idle) {
        strbuf_printf(&s, " idle_timeout=%u", v->idle);
    }
    if (v->hard) {
        strbuf_printf(&s, " hard_timeout=%u", v->hard);
    }
    if (v->importance) {
        strbuf_printf(&s, " importance=%u", v->importance);
    }
    strbuf_puts(&s, " actions=");
    ofpacts_format((const struct ofpact *)v->ofpacts.data, v->ofpacts.len, names, &s);
    puts(strbuf_text(&s));
    strbuf_fini(&s);
}

/* By table; within it, as they were read. */
static int compare_pairs(const void *a_, const void *b_)
{
    const struct pair *a = *(struct pair *const *)a_, *b = *(struct pair *const *)b_;
    return a->table != b->table ? (int)a->table - (int)b->table : a->order < b->order ? -1 : 1;
}

/* A source of flows by its name: ovs-ofctl(8), "diff-flows". */
static bool is_file(const char *name)
{
    struct stat st;
    if (!strcmp(name, "-") || name[0] == '/' || name[0] == '.') {
        return stat(name, &st) || !S_ISSOCK(st.st_mode);
    }
    return !strchr(name, ':') && !stat(name, &st) && !S_ISSOCK(st.st_mode);
}

void ofctl_diff_flows(int argc, char **argv)
{
    struct pairs ps = {.which = 0};
    bool differ = false;
    struct ofctl_conn *conns[2] = {NULL, NULL};
    hmap_init(&ps.by_key);
    for (int i = 0; i < 2; i++) {
        ps.which = i;
        if (is_file(argv[i + 1])) {
            ofctl_check(flow_mod_parse_lines(argv[i + 1], FLOW_ADD, NULL, read_mod, &ps));
        } else {
            conns[i] = ofctl_connect(argv[i + 1]);
            read_switch(conns[i], &ps);
            ps.names = ps.names ? ps.names : ofctl_names(conns[i], true);
        }
    }
    if (ps.n) {
        qsort(ps.p, ps.n, sizeof(struct pair *), compare_pairs);
    }
    for (size_t i = 0; i < ps.n; i++) {
        if (!sides_equal(ps.p[i])) {
            differ = true;
            for (int side = 0; side < 2; side++) {
                if (ps.p[i]->side[side].present) {
                    print_side(ps.p[i], side, ps.names);
                }
            }
        }
    }
    ofctl_close(conns[0]);
    ofctl_close(conns[1]);
    if (differ) {
        exit(2);
    }
}

void ofctl_replace_flows(int argc, char **argv)
{
    struct ofctl_conn *conn = ofctl_connect(argv[1]);
    struct pairs ps = {.which = 0};
    struct batch t;
    hmap_init(&ps.by_key);
    ofctl_check(flow_mod_parse_lines(argv[2], FLOW_ADD, ofctl_names(conn, false), read_mod, &ps));
    ps.which = 1;
    read_switch(conn, &ps);
    batch_begin(&t, conn, OFPROTO_ANY & ~(uint32_t)OFPROTO_10 & ~(uint32_t)OFPROTO_10_TID);
    for (size_t i = 0; i < ps.n; i++) {
        const struct pair *p = ps.p[i];
        if (sides_equal(p) && !ofctl_options.readd) {
            continue;
        }
        struct flow_mod fm;
        flow_mod_init(&fm);
        match_expand(&p->match, p->layout, &fm.match);
        fm.priority = p->priority;
        fm.table_id = p->table;
        const struct side *want = &p->side[0];
        fm.command = want->present ? FLOW_ADD : FLOW_DELETE_STRICT;
        fm.new_cookie = want->present ? want->cookie : 0;
        fm.idle_timeout = want->idle;
        fm.hard_timeout = want->hard;
        fm.importance = want->importance;
        fm.flags = want->flags;
        fm.ofpacts = want->ofpacts;
        batch_add(&t, &fm);
    }
    batch_end(&t);
}

/* --- Without a switch --- */

static void print_parsed(struct file_flows *f)
{
    uint32_t usable = f->usable;
    struct strbuf s = STRBUF_INITIALIZER;
    ofproto_protocols_format(usable, &s);
    printf("usable protocols: %s\n", strbuf_text(&s));
    fflush(stdout);
    uint32_t allowed = usable & ofctl_options.protocols;
    if (!allowed) {
        error_fatal("no usable protocol");
    }
    uint32_t protocol = allowed & -allowed;
    strbuf_clear(&s);
    ofproto_protocols_format(protocol, &s);
    printf("chosen protocol: %s\n", strbuf_text(&s));
    strbuf_fini(&s);
    for (size_t i = 0; i < f->n; i++) {
        struct bytebuf b = BYTEBUF_INITIALIZER;
        struct flow_mod fm;
        take_kept(&f->mods[i], &fm);
        flow_mod_encode(&b, &fm, protocol, i + 1);
        ofctl_must_fit(&b, 0);
        struct ofp_print opt = {.verbosity = ofctl_options.verbosity, .palette = ofctl_options.palette};
        char *text = ofp_to_string(b.data, b.len, &opt);
        fputs(text, stdout);
        free(text);
        bytebuf_fini(&b);
        flow_mod_fini(&fm);
    }
    free(f->mods);
}

void ofctl_parse_flow(int argc, char **argv)
{
    struct file_flows f = {.usable = OFPROTO_ANY};
    struct flow_mod fm;
    uint32_t usable;
    ofctl_check(flow_mod_parse(&fm, argv[1], FLOW_ADD, false, NULL, &usable));
    ofctl_check(collect(&fm, usable, &f));
    print_parsed(&f);
}

void ofctl_parse_flows(int argc, char **argv)
{
    struct file_flows f = {.usable = OFPROTO_ANY};
    ofctl_check(flow_mod_parse_lines(argv[1], FLOW_ADD, NULL, collect, &f));
    print_parsed(&f);
}
