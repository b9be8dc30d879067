/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/color.h"
#include "base/log.h"
#include "openflow/action_text.h"
#include "openflow/check.h"
#include "openflow/flow_mod.h"
#include "openflow/group_codec.h"
#include "openflow/protocols.h"

LOG_MODULE(ofp_match);
static struct log_rate_limit rl = LOG_RATE_LIMIT_INIT(1, 5);

/* What a text may say, by what it is for. */
enum {
    MAY_OUT_PORT = 1,
    MAY_ACTIONS = 2,
    MAY_TIMEOUT = 4,
    MAY_PRIORITY = 8,
    MAY_FLAGS = 16,
    MAY_IMPORTANCE = 32,
};

static const unsigned may[] = {
    [FLOW_ADD] = MAY_ACTIONS | MAY_TIMEOUT | MAY_PRIORITY | MAY_FLAGS | MAY_IMPORTANCE,
    [FLOW_MODIFY] = MAY_ACTIONS | MAY_TIMEOUT | MAY_PRIORITY | MAY_FLAGS,
    [FLOW_MODIFY_STRICT] = MAY_ACTIONS | MAY_TIMEOUT | MAY_PRIORITY | MAY_FLAGS,
    [FLOW_DELETE] = MAY_OUT_PORT,
    [FLOW_DELETE_STRICT] = MAY_OUT_PORT | MAY_PRIORITY,
};

static const struct {
    const char *name;
    enum flow_mod_command command;
} commands[] = {
    {"add", FLOW_ADD},
    {"delete", FLOW_DELETE},
    {"delete_strict", FLOW_DELETE_STRICT},
    {"modify", FLOW_MODIFY},
    {"modify_strict", FLOW_MODIFY_STRICT},
};

static const struct {
    const char *name;
    uint8_t flag;
    uint32_t protocols;
} flag_words[] = {
    {"send_flow_rem", FLOW_SEND_FLOW_REM, OFPROTO_ANY},
    {"check_overlap", FLOW_CHECK_OVERLAP, OFPROTO_ANY},
    {"reset_counts", FLOW_RESET_COUNTS, OFPROTO_12_UP},
    {"no_packet_counts", FLOW_NO_PKT_COUNTS, OFPROTO_13_UP},
    {"no_byte_counts", FLOW_NO_BYT_COUNTS, OFPROTO_13_UP},
};

void flow_mod_init(struct flow_mod *fm)
{
    *fm = (struct flow_mod){
        .new_cookie = UINT64_MAX,
        .table_id = OFPTT_ALL,
        .priority = OFP_DEFAULT_PRIORITY,
        .buffer_id = OFP_NO_BUFFER,
        .out_port = OFPP_ANY,
        .out_group = OFPG_ANY,
    };
    match_init_catchall(&fm->match);
}

void flow_mod_fini(struct flow_mod *fm)
{
    bytebuf_fini(&fm->ofpacts);
}

void flow_flags_format(unsigned flags, struct strbuf *s)
{
    for (size_t i = 0; i < ARRAY_SIZE(flag_words); i++) {
        if (flags & flag_words[i].flag) {
            strbuf_printf(s, "%s ", flag_words[i].name);
        }
    }
}

static char *parse_cookie(struct flow_mod *fm, char *value, unsigned allowed)
{
    char *mask = strchr(value, '/');
    if (mask) {
        /* A mask means: those flows that have this cookie. */
        if (fm->command == FLOW_ADD) {
            return xstrdup("flow additions cannot use a cookie mask");
        }
        *mask = '\0';
        char *error = text_to_u64(value, &fm->cookie);
        if (error) {
            return error;
        }
        if (!strcmp(mask + 1, "-1")) {
            fm->cookie_mask = UINT64_MAX;
            return NULL;
        }
        return text_to_u64(mask + 1, &fm->cookie_mask);
    }
    /* Without one: the cookie to set; in a deletion there is nothing to set. */
    if (!(allowed & MAY_ACTIONS)) {
        return xasprintf("cannot set cookie (to match on a cookie, specify a mask, e.g. cookie=%s/-1)",
                         value);
    }
    return text_to_u64(value, &fm->new_cookie);
}

static bool is_ignored(const char *key)
{
    static const char *const words[] = {"duration", "n_packets", "n_bytes", "idle_age", "hard_age"};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (*key == *words[i] && !strcmp(key, words[i])) {
            return true;
        }
    }
    return false;
}

/* A property that has a value; *DONE if KEY is one. */
static char *parse_property(struct flow_mod *fm, const char *key, char *value, unsigned allowed,
                            const struct ofp_names *names, uint32_t *usable, bool *done)
{
    *done = true;
    if (!strcmp(key, "table")) {
        if (!ofp_table_parse(value, names, &fm->table_id)) {
            return xasprintf("unknown table \"%s\"", value);
        }
        if (fm->table_id != OFPTT_ALL) {
            *usable &= OFPROTO_TID | OFPROTO_11_UP;
        }
    } else if (allowed & MAY_PRIORITY && !strcmp(key, "priority")) {
        return text_to_u16(value, key, &fm->priority);
    } else if (allowed & MAY_TIMEOUT && !strcmp(key, "idle_timeout")) {
        return text_to_u16(value, key, &fm->idle_timeout);
    } else if (allowed & MAY_TIMEOUT && !strcmp(key, "hard_timeout")) {
        return text_to_u16(value, key, &fm->hard_timeout);
    } else if (allowed & MAY_IMPORTANCE && !strcmp(key, "importance")) {
        return text_to_u16(value, key, &fm->importance);
    } else if (allowed & MAY_OUT_PORT && !strcmp(key, "out_port")) {
        if (!ofp_port_parse(value, names, &fm->out_port)) {
            return xasprintf("%s is not a valid OpenFlow port", value);
        }
    } else if (allowed & MAY_OUT_PORT && !strcmp(key, "out_group")) {
        *usable &= OFPROTO_11_UP;
        char *error = group_id_parse(value, "group", &fm->out_group);
        if (error) {
            free(error);
            return xasprintf("%s is not a valid OpenFlow group", value);
        }
    } else if (!strcmp(key, "cookie")) {
        return parse_cookie(fm, value, allowed);
    } else if (!is_ignored(key)) {
        *done = false;
    }
    return NULL;
}

/* "reg0[0..15]" with a number for those bits. */
static char *parse_bits(struct flow_mod *fm, const char *key, const char *value, uint32_t *usable)
{
    struct subfield sf;
    union field_value number = {0}, bits = {0}, mask = {0};
    char *error = subfield_parse_match(key, &sf);
    if (error) {
        return error;
    }
    unsigned n = sf.field->n_bytes;
    if (!bytes_parse_int(value, number.b, n, NULL)) {
        return xasprintf("%s: cannot parse integer value: %s", key, value);
    }
    if (!bits_are_zero(number.b, n, sf.n_bits, n * 8u - sf.n_bits)) {
        struct strbuf s = STRBUF_INITIALIZER;
        bytes_format_hex(number.b, n, &s);
        error = xasprintf("%s: value %s does not fit into %u bits", key, strbuf_text(&s), sf.n_bits);
        strbuf_fini(&s);
        return error;
    }
    /* Added to what is matched on of the field already. */
    field_match_get(sf.field, &fm->match, &bits, &mask);
    bits_copy(number.b, n, 0, bits.b, n, sf.ofs, sf.n_bits);
    bits_set_ones(mask.b, n, sf.ofs, sf.n_bits);
    *usable &= ofproto_of_field(sf.field, sf.n_bits < sf.field->n_bits);
    error = field_match(sf.field, &bits, &mask, &fm->match);
    if (error) {
        char *whole = xasprintf("%s: %s", key, error);
        free(error);
        return whole;
    }
    return NULL;
}

static char *parse_field(struct flow_mod *fm, const char *key, const char *value,
                         const struct ofp_names *names, uint32_t *usable)
{
    struct match_parsed parsed;
    char *error = match_parse_field(&fm->match, names ? names->ports : NULL, key, value, &parsed);
    if (error) {
        return error;
    }
    if (!parsed.handled) {
        return strchr(key, '[') ? parse_bits(fm, key, value, usable)
               : *value         ? xasprintf("unknown keyword %s", key)
                                : xasprintf("field %s missing value", key);
    }
    if (!parsed.wild) {
        uint32_t protocols = ofproto_of_field(parsed.field, parsed.masked);
        if (!protocols) {
            return xasprintf("%s: no version of OpenFlow can match on field %s", value, parsed.field->name);
        }
        *usable &= protocols;
    }
    return NULL;
}

/* "OpenFlow 1.0 port names": which packets a text matches on, property by property. */
static char *parse_fields(struct flow_mod *fm, char *text, unsigned allowed, const struct ofp_names *names,
                          uint32_t *usable)
{
    char *key, *value;
    while (text_next_key_value(&text, &key, &value)) {
        bool done = false;
        for (size_t i = 0; i < ARRAY_SIZE(flag_words) && allowed & MAY_FLAGS && !done; i++) {
            if (*key == *flag_words[i].name && !strcmp(key, flag_words[i].name)) {
                fm->flags |= flag_words[i].flag;
                *usable &= flag_words[i].protocols;
                done = true;
            }
        }
        if (!done && !strcmp(key, "allow_hidden_fields")) {
            fm->flags |= FLOW_HIDDEN_FIELDS;
            done = true;
        }
        if (done) {
            continue;
        }
        char *error = NULL;
        if (*value) {
            error = parse_property(fm, key, value, allowed, names, usable, &done);
        }
        if (!error && !done) {
            error = parse_field(fm, key, value, names, usable);
        }
        if (error) {
            return error;
        }
    }
    return NULL;
}

static char *parse_actions(struct flow_mod *fm, const char *text, const struct ofp_names *names,
                           uint32_t *usable)
{
    char *error = ofpacts_parse_instructions(text, names, &fm->ofpacts, usable);
    if (error) {
        return error;
    }
    struct ofpacts_check check = {.match = &fm->match,
                                  .max_ports = OFPP_MAX,
                                  .table_id = fm->table_id,
                                  .n_tables = 0,
                                  .usable = *usable};
    enum ofperr err = ofpacts_check((struct ofpact *)fm->ofpacts.data, fm->ofpacts.len, &check);
    if (!err && *usable && !check.usable) {
        err = OFPERR_OFPBAC_MATCH_INCONSISTENT;
    }
    if (err) {
        return xasprintf("actions are invalid with specified match (%s)", ofperr_name(err));
    }
    *usable = check.usable;
    return NULL;
}

bool flow_match_normalise(struct match *match)
{
    struct match before;
    if (LOG_IS_ENABLED(LOG_LEVEL_INFO)) {
        before = *match;
    }
    bool changed = match_normalise(match);
    if (changed && !log_should_drop(&log_this_module, LOG_LEVEL_INFO, &rl)) {
        char *pre = match_to_string(&before, NULL, MATCH_DEFAULT_PRIORITY);
        char *post = match_to_string(match, NULL, MATCH_DEFAULT_PRIORITY);
        LOG_INFO("normalization changed ofp_match, details:");
        LOG_INFO(" pre: %s", pre);
        LOG_INFO("post: %s", post);
        free(pre);
        free(post);
    }
    return changed;
}

static char *parse_mod(struct flow_mod *fm, char *text, bool any_command, const struct ofp_names *names,
                       uint32_t *usable)
{
    if (any_command) {
        text += strspn(text, ", \t\r\n");
        size_t n = strcspn(text, ", \t\r\n");
        for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
            if (strlen(commands[i].name) == n && !strncmp(text, commands[i].name, n)) {
                fm->command = commands[i].command;
                text += n;
                break;
            }
        }
    }
    unsigned allowed = may[fm->command];
    char *actions = NULL;
    if (allowed & MAY_ACTIONS) {
        char *p = strstr(text, "action");
        if (!p) {
            return xstrdup("must specify an action");
        }
        *p = '\0';
        actions = strchr(p + 1, '=');
        if (!actions) {
            return xstrdup("must specify an action");
        }
        actions++;
    }
    char *error = parse_fields(fm, text, allowed, names, usable);
    if (error) {
        return error;
    }
    if (fm->new_cookie == UINT64_MAX) {
        /* 0 is the default. What finds its flows by their cookies leaves those alone. */
        bool modify = fm->command == FLOW_MODIFY || fm->command == FLOW_MODIFY_STRICT;
        fm->new_cookie = modify && fm->cookie_mask ? UINT64_MAX : 0;
    }
    *usable &= ofproto_of_match(&fm->match);
    if (fm->command != FLOW_ADD) {
        fm->modify_cookie = fm->new_cookie != UINT64_MAX;
    } else {
        fm->modify_cookie = false;
    }
    if (fm->cookie_mask) {
        *usable &= OFPROTO_NXM_ALL | OFPROTO_11_UP;
    }
    if (actions) {
        error = parse_actions(fm, actions, names, usable);
    }
    if (!error && !(fm->flags & FLOW_HIDDEN_FIELDS)) {
        flow_match_normalise(&fm->match);
    }
    return error;
}

char *flow_mod_parse(struct flow_mod *fm, const char *text, enum flow_mod_command command, bool any_command,
                     const struct ofp_names *names, uint32_t *usable)
{
    uint32_t any;
    if (!usable) {
        usable = &any;
    }
    *usable = OFPROTO_ANY;
    flow_mod_init(fm);
    fm->command = command;
    char *copy = xstrdup(text);
    char *error = parse_mod(fm, copy, any_command, names, usable);
    free(copy);
    if (error) {
        flow_mod_fini(fm);
        *usable = 0;
    }
    return error;
}

/* The next line without comment; false at the end. A line that ends in a backslash goes on. */
static bool read_line(FILE *f, struct strbuf *line, unsigned *number)
{
    char *text = NULL;
    size_t allocated = 0;
    ssize_t n;
    strbuf_clear(line);
    while ((n = getline(&text, &allocated, f)) >= 0) {
        ++*number;
        while (n && (text[n - 1] == '\n' || text[n - 1] == '\r')) {
            text[--n] = '\0';
        }
        char *comment = strchr(text, '#');
        if (comment) {
            *comment = '\0';
        }
        strbuf_puts(line, text);
        if (strspn(strbuf_text(line), " \t\r\n") != line->len) {
            free(text);
            return true;
        }
        strbuf_clear(line);
    }
    free(text);
    return false;
}

static char *parse_file(const char *file, enum flow_mod_command command, bool any_command,
                        const struct ofp_names *names, char *(*each)(struct flow_mod *, uint32_t, void *),
                        void *aux)
{
    FILE *f = !strcmp(file, "-") ? stdin : fopen(file, "r");
    if (!f) {
        return xasprintf("%s: open%s (%s)", file, any_command ? " failed" : "", strerror(errno));
    }
    struct strbuf line = STRBUF_INITIALIZER;
    unsigned number = 0;
    char *error = NULL;
    while (!error && read_line(f, &line, &number)) {
        struct flow_mod fm;
        uint32_t usable;
        error = flow_mod_parse(&fm, strbuf_text(&line), command, any_command, names, &usable);
        if (!error) {
            error = each(&fm, usable, aux);
        } else {
            char *where = xasprintf("%s:%u: %s", file, number, error);
            free(error);
            error = where;
        }
    }
    strbuf_fini(&line);
    if (f != stdin) {
        fclose(f);
    }
    return error;
}

char *flow_mod_parse_file(const char *file, enum flow_mod_command command, const struct ofp_names *names,
                          char *(*each)(struct flow_mod *, uint32_t, void *), void *aux)
{
    return parse_file(file, command, true, names, each, aux);
}

char *flow_mod_parse_lines(const char *file, enum flow_mod_command command, const struct ofp_names *names,
                           char *(*each)(struct flow_mod *, uint32_t, void *), void *aux)
{
    return parse_file(file, command, false, names, each, aux);
}

char *flow_stats_request_parse(struct flow_stats_request *r, bool aggregate, const char *text,
                               const struct ofp_names *names, uint32_t *usable)
{
    struct flow_mod fm;
    char *error = flow_mod_parse(&fm, text, FLOW_DELETE, false, names, usable);
    if (error) {
        return error;
    }
    *r = (struct flow_stats_request){.aggregate = aggregate,
                                     .match = fm.match,
                                     .cookie = fm.cookie,
                                     .cookie_mask = fm.cookie_mask,
                                     .out_port = fm.out_port,
                                     .out_group = fm.out_group,
                                     .table_id = fm.table_id};
    /* A request names its table in every protocol. */
    *usable |= (*usable & OFPROTO_10_TID ? OFPROTO_10 : 0) | (*usable & OFPROTO_NXM_TID ? OFPROTO_NXM : 0);
    flow_mod_fini(&fm);
    return NULL;
}

/* --- dump-flows --- */

void flow_stats_format(const struct flow_stats *fs, const struct ofp_names *names, bool show_stats,
                       struct strbuf *s)
{
    if (show_stats || fs->cookie) {
        color_put_name(s, "cookie");
        strbuf_printf(s, "0x%" PRIx64 ", ", fs->cookie);
    }
    if (show_stats) {
        color_put_name(s, "duration");
        ofp_duration_format(fs->duration_sec, fs->duration_nsec, s);
        strbuf_puts(s, "s, ");
    }
    if (show_stats || fs->table_id) {
        color_puts(s, COLOR_SPECIAL, "table=");
        ofp_table_format(fs->table_id, names, s);
        strbuf_puts(s, ", ");
    }
    if (show_stats) {
        color_put_name(s, "n_packets");
        strbuf_printf(s, "%" PRIu64 ", ", fs->packet_count);
        color_put_name(s, "n_bytes");
        strbuf_printf(s, "%" PRIu64 ", ", fs->byte_count);
    }
    if (fs->idle_timeout) {
        color_put_name(s, "idle_timeout");
        strbuf_printf(s, "%u, ", fs->idle_timeout);
    }
    if (fs->hard_timeout) {
        color_put_name(s, "hard_timeout");
        strbuf_printf(s, "%u, ", fs->hard_timeout);
    }
    flow_flags_format(fs->flags, s);
    if (fs->importance) {
        color_put_name(s, "importance");
        strbuf_printf(s, "%u, ", fs->importance);
    }
    if (show_stats && fs->idle_age >= 0) {
        color_put_name(s, "idle_age");
        strbuf_printf(s, "%d, ", fs->idle_age);
    }
    if (show_stats && fs->hard_age >= 0 && (uint32_t)fs->hard_age != fs->duration_sec) {
        color_put_name(s, "hard_age");
        strbuf_printf(s, "%d, ", fs->hard_age);
    }
    size_t start = s->len;
    match_format(&fs->match, names ? names->ports : NULL, s, fs->priority);
    if (s->len != start) {
        strbuf_put_char(s, ' ');
    }
    color_puts(s, COLOR_ACTIONS, "actions=");
    ofpacts_format(fs->ofpacts, fs->ofpacts_len, names, s);
}
