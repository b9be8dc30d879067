/* SPDX-License-Identifier: Apache-2.0 */
/* dpctl's commands about flows and actions. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "action/action.h"
#include "action/text.h"
#include "base/alloc.h"
#include "base/error.h"
#include "dpif/flow_text.h"
#include "flow/dpkey_text.h"
#include "flow/mask.h"
#include "flow/match.h"
#include "switchd/dpctl_command.h"

/* ---- dump-flows, get-flow ---- */

struct dump {
    struct dpctl *d;
    const struct port_names *names; /* NULL: numbers */
    const struct match *filter;     /* NULL: all */
};

/* The flow agrees with the filter in all that both look at. */
static bool passes(const struct match *filter, const struct dp_flow_desc *flow)
{
    const uint64_t *a = (const uint64_t *)(const void *)&filter->flow,
                   *a_mask = (const uint64_t *)(const void *)&filter->wc.bits,
                   *b = (const uint64_t *)(const void *)flow->key,
                   *b_mask = (const uint64_t *)(const void *)&flow->mask->bits;
    /* A flow that looks at the type of an untagged packet knows that it has no tag. */
    if (flow->mask->bits.dl_type && !flow->key->vlans[0].tci &&
        (filter->flow.vlans[0].tci & filter->wc.bits.vlans[0].tci)) {
        return false;
    }
    for (size_t i = 0; i < FLOW_DP_BLOCKS * FLOW_BLOCK_WORDS; i++) {
        if ((a[i] ^ b[i]) & a_mask[i] & b_mask[i]) {
            return false;
        }
    }
    return true;
}

static bool put_flow(const struct dp_flow_desc *flow, void *dump_)
{
    struct dump *dump = dump_;
    struct strbuf *s = &dump->d->out;
    bool more = dump->d->more;
    if (dump->filter && !passes(dump->filter, flow)) {
        return true;
    }
    if (more) {
        dp_ufid_format(flow->ufid, s);
        strbuf_puts(s, ", ");
    }
    dp_flow_format(flow, dump->names, more, s);
    strbuf_put_char(s, '\n');
    return true;
}

/* "type=A,B": whether flows of the userspace datapath are among them. */
static bool parse_types(struct dpctl *d, const char *text, bool *ours)
{
    static const struct {
        const char *name;
        bool ours;
    } types[] = {
        {"ovs", true},        {"non-offloaded", true},       {"all", true}, {"tc", false}, {"dpdk", false},
        {"offloaded", false}, {"partially-offloaded", false}};
    char *copy = xstrdup(text), *save = NULL;
    bool ok = true;
    *ours = false;
    for (char *word = strtok_r(copy, ",", &save); word && ok; word = strtok_r(NULL, ",", &save)) {
        size_t i = 0;
        while (i < ARRAY_SIZE(types) && strcmp(types[i].name, word)) {
            i++;
        }
        ok = i < ARRAY_SIZE(types) || dpctl_fail(d, EINVAL, "Failed to parse type (%s)", text);
        *ours |= ok && types[i].ours;
    }
    free(copy);
    return ok;
}

/* Takes filter=, type= and pmd= off the arguments. */
struct dump_options {
    const char *filter;
    bool wanted; /* flows of this datapath, from no forwarding thread in particular */
    bool headed; /* say which thread's they are */
};
static bool take_dump_options(struct dpctl *d, struct dump_options *o)
{
    int kept = 0;
    *o = (struct dump_options){.wanted = true, .headed = true};
    for (int i = 0; i < d->argc; i++) {
        const char *arg = d->argv[i];
        if (!strncmp(arg, "filter=", 7)) {
            o->filter = arg + 7;
        } else if (!strncmp(arg, "type=", 5)) {
            bool ours;
            if (!parse_types(d, arg + 5, &ours)) {
                return false;
            }
            o->wanted &= ours;
        } else if (!strncmp(arg, "pmd=", 4)) {
            char *end;
            long pmd = strtol(arg + 4, &end, 10);
            if (end == arg + 4 || *end) {
                d->failed = true; /* and not a word, as the reference */
                return false;
            }
            o->wanted &= pmd == -1;
            o->headed = false;
        } else {
            d->argv[kept++] = arg;
        }
    }
    d->argc = kept;
    return true;
}

static bool dump_flows(struct dpctl *d)
{
    struct dump_options options;
    struct match filter;
    if (!take_dump_options(d, &options)) {
        return false;
    }
    struct datapath *dp = dpctl_take_datapath(d, 1);
    if (!dp) {
        return false;
    }
    struct port_names names = dpctl_port_names(dp);
    if (options.filter) {
        char *error = match_parse_exact(&filter, NULL, &names, options.filter);
        if (error) {
            dpctl_fail(d, 0, "Failed to parse filter (%s)", error);
            free(error);
            return false;
        }
    }
    if (!options.wanted) {
        return true;
    }
    static const char head[] = "flow-dump from the main thread:\n";
    struct dump dump = {
        .d = d, .names = d->names || d->more ? &names : NULL, .filter = options.filter ? &filter : NULL};
    strbuf_puts(&d->out, options.headed ? head : "");
    dp->ops->flow_dump(dp, put_flow, &dump);
    if (options.headed && d->out.len == sizeof head - 1) {
        strbuf_clear(&d->out);
    }
    return true;
}

static bool get_flow(struct dpctl *d)
{
    struct datapath *dp = dpctl_take_datapath_before(d, 1);
    struct dp_ufid ufid;
    if (!dp) {
        return false;
    }
    if (!dp_ufid_parse(d->argv[0], &ufid)) {
        dpctl_complain(d, strncmp(d->argv[0], "ufid:", 5) ? 0 : EINVAL, "parsing flow ufid");
        return false;
    }
    struct bytebuf actions = BYTEBUF_INITIALIZER;
    struct dp_flow_desc desc;
    int code = dp->ops->flow_get(dp, ufid, &desc, &actions);
    if (!code) {
        struct port_names names = dpctl_port_names(dp);
        struct dump dump = {.d = d, .names = d->names || d->more ? &names : NULL};
        put_flow(&desc, &dump);
    }
    bytebuf_fini(&actions);
    return !code || dpctl_fail(d, code, "getting flow");
}

/* ---- one flow changed ---- */

/* What a line of a file or the arguments say. SOFT: mistakes are told, but the command succeeds. */
struct change {
    struct dpctl *d;
    struct datapath *dp;
    bool soft;
};

static bool report(const struct change *c, int error, const char *format, const char *arg)
{
    char *what = arg ? xasprintf("%s%s)", format, arg) : xstrdup(format);
    if (c->soft) {
        dpctl_complain(c->d, error, "%s", what);
    } else {
        dpctl_fail(c->d, error, "%s", what);
    }
    free(what);
    return false;
}

/* Key and mask (large), as text gives them. INVALID: it can be read, but no datapath takes it. */
struct flow_arg {
    struct flow_key key;
    struct flow_mask mask;
    struct dp_ufid ufid;
    bool invalid;
};

static char *parse_flow(struct datapath *dp, const char *text, struct flow_arg *flow)
{
    struct port_names names = dpctl_port_names(dp);
    bool has_ufid = false;
    if (!strncmp(text, "ufid:", 5)) {
        const char *end = dp_ufid_parse(text, &flow->ufid);
        if (!end) {
            return xstrdup("parsing flow ufid");
        }
        has_ufid = true;
        text = end + strspn(end, ", ");
    }
    char *error = dpkey_parse(text, &names, &flow->key, &flow->mask.bits, &flow->invalid);
    if (error) {
        if (!flow->invalid) {
            return error;
        }
        free(error);
    }
    flow->mask.blocks = (uint16_t)flow_key_used_blocks(&flow->mask.bits);
    if (!has_ufid) {
        flow->ufid = dpif_flow_ufid(&flow->key, &flow->mask);
    }
    return NULL;
}

static bool put(const struct change *c, const char *flow_text, const char *action_text,
                enum dp_put_flags flags)
{
    struct flow_arg *flow = xzalloc_cacheline(sizeof *flow);
    struct bytebuf actions = BYTEBUF_INITIALIZER;
    struct port_names names = dpctl_port_names(c->dp);
    char *error = parse_flow(c->dp, flow_text, flow);
    bool ok = !error || report(c, EINVAL, "parsing flow key (", error);
    free(error);
    error = ok ? dp_actions_parse(action_text, &names, &actions) : NULL;
    if (error) {
        ok = report(c, EINVAL, "parsing actions", NULL);
        free(error);
    }
    if (ok) {
        struct dp_flow_stats before = {.packets = 0};
        struct dp_flow_desc desc = {.ufid = flow->ufid,
                                    .key = &flow->key,
                                    .mask = &flow->mask,
                                    .made_of = &flow->key,
                                    .actions = actions.data,
                                    .actions_len = actions.len,
                                    .origin = DP_FLOW_MANUAL};
        int code = flow->invalid ? EINVAL : c->dp->ops->flow_put(c->dp, &desc, flags, &before);
        ok = !code || report(c, code, "updating flow table", NULL);
        if (ok && c->d->statistics) {
            dp_flow_stats_format(&before, &c->d->out);
            strbuf_put_char(&c->d->out, '\n');
        }
    }
    bytebuf_fini(&actions);
    free(flow);
    return ok;
}

static bool delete (const struct change *c, const char *flow_text)
{
    struct flow_arg *flow = xzalloc_cacheline(sizeof *flow);
    struct dp_flow_stats last;
    char *error = parse_flow(c->dp, flow_text, flow);
    bool ok = !error || report(c, EINVAL, error, NULL);
    free(error);
    if (ok) {
        int code = c->dp->ops->flow_del(c->dp, flow->ufid, &last);
        if (code == ENOENT) {
            char *text =
                xasprintf("deleting flow (%s)\nPerhaps you need to specify a UFID?", error_text(code));
            ok = report(c, 0, text, NULL);
            free(text);
        } else if (code) {
            ok = report(c, code, "deleting flow", NULL);
        } else if (c->d->statistics) {
            dp_flow_stats_format(&last, &c->d->out);
            strbuf_put_char(&c->d->out, '\n');
        }
    }
    free(flow);
    return ok;
}

static enum dp_put_flags modify_flags(const struct dpctl *d)
{
    return (enum dp_put_flags)(DP_PUT_MODIFY | (d->may_create ? DP_PUT_CREATE : 0) |
                               (d->clear ? DP_PUT_ZERO_STATS : 0));
}

static bool add_flow(struct dpctl *d)
{
    struct change c = {.d = d, .dp = dpctl_take_datapath_before(d, 2)};
    return c.dp && put(&c, d->argv[0], d->argv[1], DP_PUT_CREATE);
}

static bool mod_flow(struct dpctl *d)
{
    struct change c = {.d = d, .dp = dpctl_take_datapath_before(d, 2)};
    return c.dp && put(&c, d->argv[0], d->argv[1], modify_flags(d));
}

static bool del_flow(struct dpctl *d)
{
    struct change c = {.d = d, .dp = dpctl_take_datapath_before(d, 1)};
    return c.dp && delete (&c, d->argv[0]);
}

/* ---- files of flows: "[add|modify|delete] FLOW [ACTIONS]", a line each ---- */

enum line_kind {
    LINE_ADD,
    LINE_MODIFY,
    LINE_DELETE
};

/* Takes WORD and the blanks behind it off the line. */
static bool take_word(char **line, const char *word)
{
    size_t n = strlen(word);
    if (strncmp(*line, word, n) || !strchr(" \t", (*line)[n])) {
        return false;
    }
    *line += n + strspn(*line + n, " \t");
    return true;
}

static void run_line(const struct change *c, char *line, int number, enum line_kind kind)
{
    line[strcspn(line, "#\r\n")] = '\0';
    line += strspn(line, " \t");
    if (!*line) {
        return;
    }
    static const char *const words[] = {
        [LINE_ADD] = "add", [LINE_MODIFY] = "modify", [LINE_DELETE] = "delete"};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (take_word(&line, words[i])) {
            kind = (enum line_kind)i;
            break;
        }
    }
    char *actions = line + strcspn(line, " \t");
    if (*actions) {
        *actions++ = '\0';
        actions += strspn(actions, " \t");
    }
    if (!*actions == (kind != LINE_DELETE)) {
        dpctl_complain(c->d, 0, "Failed parsing line number %d, skipped!", number);
    } else if (kind == LINE_DELETE) {
        delete (c, line);
    } else {
        put(c, line, actions, kind == LINE_ADD ? DP_PUT_CREATE : modify_flags(c->d));
    }
}

static bool run_file(struct dpctl *d, struct datapath *dp, enum line_kind kind)
{
    struct change c = {.d = d, .dp = dp, .soft = true};
    FILE *file = fopen(d->argv[0], "r");
    char *line = NULL;
    size_t size = 0;
    if (!file) {
        dpctl_complain(d, errno, "Opening file \"%s\" failed", d->argv[0]);
        return false;
    }
    for (int number = 1; getline(&line, &size, file) >= 0; number++) {
        run_line(&c, line, number, kind);
    }
    free(line);
    fclose(file);
    return true;
}

static bool add_flows(struct dpctl *d)
{
    struct datapath *dp = dpctl_take_datapath_before(d, 1);
    return dp && run_file(d, dp, LINE_ADD);
}

static bool mod_flows(struct dpctl *d)
{
    struct datapath *dp = dpctl_take_datapath_before(d, 1);
    return dp && run_file(d, dp, LINE_MODIFY);
}

/* All flows, or those of a file. */
static bool del_flows(struct dpctl *d)
{
    struct datapath *dp = dpctl_take_datapath(d, 2);
    if (!dp) {
        return false;
    }
    if (d->argc) {
        return run_file(d, dp, LINE_DELETE);
    }
    int error = dp->ops->flow_flush(dp);
    return !error || dpctl_fail(d, error, "deleting all flows");
}

/* ---- actions ---- */

static bool parse_actions(struct dpctl *d)
{
    for (int i = 0; i < d->argc; i++) {
        struct bytebuf actions = BYTEBUF_INITIALIZER;
        char *error = dp_actions_parse(d->argv[i], NULL, &actions);
        if (error) {
            free(error);
            return dpctl_fail(d, EINVAL, "odp_actions_from_string");
        }
        dp_actions_format(actions.data, actions.len, NULL, &d->out);
        strbuf_put_char(&d->out, '\n');
        bytebuf_fini(&actions);
    }
    return true;
}

/* ---- normalize-actions: what happens to each form of the packet, outputs in order ---- */

/* The actions done while the packet has these tags. */
struct form {
    be16 tci;                /* FLOW_VLAN_PRESENT, or no tag */
    be32 lse[FLOW_MAX_MPLS]; /* 0: no more labels */
    struct bytebuf actions;
};

struct forms {
    struct form *list;
    size_t n;
};

static struct form *form_of(struct forms *forms, const struct flow_key *key)
{
    for (size_t i = 0; i < forms->n; i++) {
        struct form *f = &forms->list[i];
        if (f->tci == key->vlans[0].tci && !memcmp(f->lse, key->mpls_lse, sizeof f->lse)) {
            return f;
        }
    }
    forms->list = xrealloc(forms->list, (forms->n + 1) * sizeof *forms->list);
    struct form *f = &forms->list[forms->n++];
    *f = (struct form){.tci = key->vlans[0].tci, .actions = BYTEBUF_INITIALIZER};
    memcpy(f->lse, key->mpls_lse, sizeof f->lse);
    return f;
}

/* Follows ACTIONS: tags come and go in KEY, all else is added to the form of the moment. */
static void part_actions(struct forms *forms, struct flow_key *key, const void *actions, size_t len)
{
    const struct dp_action *a;
    DP_ACTION_FOR_EACH (a, actions, len) {
        switch ((enum dp_action_type)a->type) {
        case DP_ACTION_PUSH_VLAN:
            memmove(&key->vlans[1], &key->vlans[0], (FLOW_MAX_VLANS - 1) * sizeof key->vlans[0]);
            key->vlans[0].tpid = ((const struct dp_action_push_vlan *)(const void *)a)->tpid;
            key->vlans[0].tci =
                ((const struct dp_action_push_vlan *)(const void *)a)->tci | FLOW_VLAN_PRESENT;
            break;
        case DP_ACTION_POP_VLAN:
            memmove(&key->vlans[0], &key->vlans[1], (FLOW_MAX_VLANS - 1) * sizeof key->vlans[0]);
            key->vlans[FLOW_MAX_VLANS - 1] = (struct flow_vlan){.tpid = 0};
            break;
        case DP_ACTION_PUSH_MPLS:
            memmove(&key->mpls_lse[1], &key->mpls_lse[0], sizeof key->mpls_lse - sizeof key->mpls_lse[0]);
            key->mpls_lse[0] = ((const struct dp_action_mpls *)(const void *)a)->lse;
            break;
        case DP_ACTION_POP_MPLS:
            memmove(&key->mpls_lse[0], &key->mpls_lse[1], sizeof key->mpls_lse - sizeof key->mpls_lse[0]);
            key->mpls_lse[FLOW_MAX_MPLS - 1] = 0;
            break;
        default:
            bytebuf_put(&form_of(forms, key)->actions, a, a->len);
            break;
        }
    }
}

static int compare_forms(const void *a_, const void *b_)
{
    const struct form *a = a_, *b = b_;
    int c = memcmp(&a->tci, &b->tci, sizeof a->tci);
    return c ? c : memcmp(a->lse, b->lse, sizeof a->lse);
}

static int compare_outputs(const void *a_, const void *b_)
{
    uint32_t a = ((const struct dp_action_u32 *)a_)->value, b = ((const struct dp_action_u32 *)b_)->value;
    return a < b ? -1 : a > b;
}

/* Outputs that stand side by side, by port number. */
static void sort_outputs(struct bytebuf *actions)
{
    uint8_t *p = actions->data, *end = p + actions->len;
    while (p < end) {
        size_t n = 0;
        while (p + n * sizeof(struct dp_action_u32) < end &&
               ((struct dp_action *)(void *)(p + n * sizeof(struct dp_action_u32)))->type ==
                   DP_ACTION_OUTPUT) {
            n++;
        }
        qsort(p, n, sizeof(struct dp_action_u32), compare_outputs);
        p += n ? n * sizeof(struct dp_action_u32) : ((struct dp_action *)(void *)p)->len;
    }
}

static void put_form(struct strbuf *s, const struct form *f)
{
    if (f->tci) {
        unsigned tci = CONST_BE16(f->tci);
        strbuf_printf(s, "vlan(vid=%u,pcp=%u): ", tci & 0xfff, tci >> 13);
    } else {
        strbuf_puts(s, "no vlan: ");
    }
    if (!f->lse[0]) {
        strbuf_puts(s, "no mpls: ");
    }
    for (int i = 0; i < FLOW_MAX_MPLS && f->lse[i]; i++) {
        uint32_t lse = CONST_BE32(f->lse[i]);
        strbuf_printf(s, "%smpls(label=%u,tc=%u,ttl=%u)%s", i ? "," : "", lse >> 12, lse >> 9 & 7, lse & 0xff,
                      i + 1 == FLOW_MAX_MPLS || !f->lse[i + 1] ? ": " : "");
    }
}

static bool normalize_actions(struct dpctl *d)
{
    struct flow_arg *flow = xzalloc_cacheline(sizeof *flow);
    struct bytebuf actions = BYTEBUF_INITIALIZER;
    struct forms forms = {.n = 0};
    char *error = dpkey_parse(d->argv[0], NULL, &flow->key, NULL, &flow->invalid);
    bool ok = true;
    if (error && !flow->invalid) {
        ok = dpctl_fail(d, EINVAL, "odp_flow_key_from_string (%s)", error);
    } else {
        strbuf_printf(&d->out, "input flow: %s\n", d->argv[0]);
        if (error) {
            ok = dpctl_fail(d, 0, "odp_flow_key_to_flow failed (%s)", error);
        }
    }
    free(error);
    if (ok && (error = dp_actions_parse(d->argv[1], NULL, &actions)) != NULL) {
        ok = dpctl_fail(d, EINVAL, "odp_actions_from_string");
        free(error);
    }
    if (ok) {
        part_actions(&forms, &flow->key, actions.data, actions.len);
        if (forms.n) {
            qsort(forms.list, forms.n, sizeof *forms.list, compare_forms);
        }
        for (size_t i = 0; i < forms.n; i++) {
            struct form *f = &forms.list[i];
            sort_outputs(&f->actions);
            put_form(&d->out, f);
            dp_actions_format(f->actions.data, f->actions.len, NULL, &d->out);
            bytebuf_fini(&f->actions);
        }
    }
    free(forms.list);
    bytebuf_fini(&actions);
    free(flow);
    return ok;
}

/* ---- the table ---- */

const struct dpctl_command dpctl_flow_commands[] = {
    {"dpctl/dump-flows", "[-m] [--names] [dp] [filter=..] [type=..] [pmd=..]", 0, 6, dump_flows},
    {"dpctl/add-flow", "[dp] flow actions", 2, 3, add_flow},
    {"dpctl/mod-flow", "[dp] flow actions", 2, 3, mod_flow},
    {"dpctl/get-flow", "[dp] ufid", 1, 2, get_flow},
    {"dpctl/del-flow", "[dp] flow", 1, 2, del_flow},
    {"dpctl/add-flows", "[dp] file", 1, 2, add_flows},
    {"dpctl/mod-flows", "[dp] file", 1, 2, mod_flows},
    {"dpctl/del-flows", "[dp] [file]", 0, 2, del_flows},
};
const size_t dpctl_n_flow_commands = ARRAY_SIZE(dpctl_flow_commands);

const struct dpctl_command dpctl_action_commands[] = {
    {"dpctl/parse-actions", "actions", 1, DPCTL_MAX_ARGS, parse_actions},
    {"dpctl/normalize-actions", "actions", 2, DPCTL_MAX_ARGS, normalize_actions},
};
const size_t dpctl_n_action_commands = ARRAY_SIZE(dpctl_action_commands);
