/* SPDX-License-Identifier: Apache-2.0 */
/* Tables, what they can do and what they did, in text: what is as in the table before is not said again. */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "openflow/print_private.h"
#include "openflow/table_features.h"

/* --- Lists of names: "eth_{src,dst,type} reg0...reg15" --- */

/* The base of a name that ends with a number, and the number; 0: it does not. */
static size_t split_number(const char *name, unsigned *number)
{
    size_t n = strlen(name);
    while (n && isdigit((unsigned char)name[n - 1])) {
        n--;
    }
    *number = atoi(name + n);
    return name[n] ? n : 0;
}

/* How many names, from the first, count up. */
static size_t count_sequence(const char *const *names, size_t n)
{
    unsigned first, number;
    size_t base = split_number(names[0], &first), count = 1;
    while (base && count < n && split_number(names[count], &number) == base &&
           !strncmp(names[count], names[0], base) && number == first + count) {
        count++;
    }
    return count;
}

static size_t prefix_length(const char *name)
{
    const char *underscore = strchr(name, '_');
    return underscore && underscore != name ? underscore + 1 - name : 0;
}

static void put_names(const char *const *names, size_t n, size_t skip, char separator, struct strbuf *s)
{
    const char **rest = xmalloc(MAX(n, 1u) * sizeof *rest);
    for (size_t i = 0; i < n; i++) {
        rest[i] = names[i] + skip;
    }
    for (size_t i = 0, k; i < n; i += k) {
        size_t prefix = prefix_length(rest[i]);
        k = 1;
        while (prefix && i + k < n && !strncmp(rest[i], rest[i + k], prefix)) {
            k++;
        }
        if (i) {
            strbuf_put_char(s, separator);
        }
        if (k > 1) {
            strbuf_put(s, rest[i], prefix);
            strbuf_put_char(s, '{');
            put_names(rest + i, k, prefix, ',', s);
            strbuf_put_char(s, '}');
            continue;
        }
        k = count_sequence(rest + i, n - i);
        strbuf_puts(s, rest[i]);
        if (k > 1) {
            strbuf_printf(s, "...%s", rest[i + k - 1]);
        }
    }
    free(rest);
}

static bool field_set_is_empty(const struct field_set *set)
{
    for (int i = 0; i < FIELD_SET_WORDS; i++) {
        if (set->bits[i]) {
            return false;
        }
    }
    return true;
}

/* "TITLE: NAMES" if there are any. */
static void put_fields(const char *title, const struct field_set *set, struct strbuf *s)
{
    const char *names[FIELD_N];
    size_t n = 0;
    for (int i = 0; i < FIELD_N; i++) {
        if (field_set_has(set, i) && i != FIELD_NSH_TTL) {
            names[n++] = field_from_id(i)->name;
        }
        if (i == FIELD_NSH_C4 && field_set_has(set, FIELD_NSH_TTL)) {
            names[n++] = field_from_id(FIELD_NSH_TTL)->name; /* the last of its kind to have come */
        }
    }
    if (n) {
        strbuf_puts(s, title);
        put_names(names, n, 0, ' ', s);
        strbuf_put_char(s, '\n');
    }
}

struct number_name {
    uint8_t number;
    const char *name;
};

static void put_ids(const char *title, uint64_t ids, const struct number_name *names, size_t n,
                    struct strbuf *s)
{
    bool first = true;
    for (size_t i = 0; i < n; i++) {
        if (ids >> names[i].number & 1) {
            strbuf_puts(s, first ? title : " ");
            strbuf_puts(s, names[i].name);
            first = false;
        }
    }
    if (!first) {
        strbuf_put_char(s, '\n');
    }
}

/* --- One table --- */

static void put_actions(const struct table_actions *a, struct strbuf *s)
{
    static const struct number_name actions[] = {
        {0, "output"},        {22, "group"},          {25, "set_field"},   {1, "set_vlan_vid"},
        {2, "set_vlan_pcp"},  {18, "strip_vlan"},     {17, "push_vlan"},   {3, "mod_dl_src"},
        {4, "mod_dl_dst"},    {5, "mod_nw_src"},      {6, "mod_nw_dst"},   {7, "mod_nw_tos"},
        {8, "mod_nw_ecn"},    {23, "mod_nw_ttl"},     {9, "mod_tp_src"},   {10, "mod_tp_dst"},
        {24, "dec_ttl"},      {13, "set_mpls_label"}, {14, "set_mpls_tc"}, {15, "set_mpls_ttl"},
        {16, "dec_mpls_ttl"}, {19, "push_mpls"},      {20, "pop_mpls"},    {21, "set_queue"},
        {11, "copy_ttl_out"}, {12, "copy_ttl_in"},    {26, "push_pbb"},    {27, "pop_pbb"},
        {28, "copy_field"},   {29, "meter"},
    };
    put_ids("        actions: ", a->actions, actions, ARRAY_SIZE(actions), s);
    put_fields("        supported on Set-Field: ", &a->set_fields, s);
    put_fields("        supported on Copy-Field: ", &a->copy_fields, s);
}

static bool same_actions(const struct table_actions *a, const struct table_actions *b)
{
    return !memcmp(a, b, sizeof *a);
}

static void put_tables(const char *title, const uint64_t next[4], struct strbuf *s)
{
    bool first = true;
    for (unsigned i = 0; i < 256; i++) {
        if (!(next[i / 64] >> i % 64 & 1)) {
            continue;
        }
        unsigned last = i;
        while (last < 255 && next[(last + 1) / 64] >> (last + 1) % 64 & 1) {
            last++;
        }
        strbuf_puts(s, first ? title : ",");
        strbuf_printf(s, "%u", i);
        if (last > i) {
            strbuf_printf(s, "-%u", last);
        }
        first = false;
        i = last;
    }
    if (!first) {
        strbuf_put_char(s, '\n');
    }
}

static void put_abilities(const struct table_abilities *a, const struct table_abilities *previous,
                          struct strbuf *s)
{
    static const struct number_name instructions[] = {
        {6, "meter"},         {4, "apply_actions"},  {5, "clear_actions"},
        {3, "write_actions"}, {2, "write_metadata"}, {1, "goto_table"},
    };
    put_tables("      next tables: ", a->next, s);
    if (a->instructions) {
        if (previous && a->instructions == previous->instructions) {
            strbuf_puts(s, "      (same instructions)\n");
        } else {
            put_ids("      instructions: ", a->instructions, instructions, ARRAY_SIZE(instructions), s);
        }
    }
    static const struct table_actions none;
    if (previous && same_actions(&a->write, &previous->write) && same_actions(&a->apply, &previous->apply)) {
        strbuf_puts(s, "      (same actions)\n");
    } else if (same_actions(&a->write, &a->apply)) {
        if (!same_actions(&a->write, &none)) {
            strbuf_puts(s, "      Write-Actions and Apply-Actions features:\n");
            put_actions(&a->write, s);
        }
    } else {
        strbuf_puts(s, "      Write-Actions features:\n");
        put_actions(&a->write, s);
        strbuf_puts(s, "      Apply-Actions features:\n");
        put_actions(&a->apply, s);
    }
}

static bool says_something(const struct table_abilities *a)
{
    static const struct table_abilities none;
    return memcmp(a, &none, sizeof none);
}

static void put_instructions(const struct table_features *t, const struct table_features *previous,
                             struct strbuf *s)
{
    if (!says_something(&t->hit) && !says_something(&t->miss)) {
        return;
    }
    if (previous && !memcmp(&t->hit, &previous->hit, sizeof t->hit) &&
        !memcmp(&t->miss, &previous->miss, sizeof t->miss)) {
        strbuf_puts(s, "    (same instructions)\n");
    } else if (!memcmp(&t->hit, &t->miss, sizeof t->hit)) {
        strbuf_puts(s, "    instructions (table miss and others):\n");
        put_abilities(&t->hit, previous ? &previous->hit : NULL, s);
    } else {
        strbuf_puts(s, "    instructions (other than table miss):\n");
        put_abilities(&t->hit, previous ? &previous->hit : NULL, s);
        strbuf_puts(s, "    instructions (table miss):\n");
        put_abilities(&t->miss, previous ? &previous->miss : NULL, s);
    }
}

static bool same_matching(const struct table_features *a, const struct table_features *b)
{
    return !memcmp(&a->match, &b->match, sizeof a->match) && !memcmp(&a->mask, &b->mask, sizeof a->mask) &&
           !memcmp(&a->wildcard, &b->wildcard, sizeof a->wildcard);
}

static void put_matching(const struct table_features *t, const struct table_features *previous,
                         struct strbuf *s)
{
    if (field_set_is_empty(&t->match)) {
        return;
    }
    if (previous && same_matching(t, previous)) {
        strbuf_puts(s, "    (same matching)\n");
        return;
    }
    struct field_set mask = t->mask, wild, exact;
    for (int i = 0; i < FIELD_SET_WORDS; i++) {
        wild.bits[i] = t->match.bits[i] & t->wildcard.bits[i] & ~mask.bits[i];
        exact.bits[i] = t->match.bits[i] & ~t->wildcard.bits[i] & ~mask.bits[i];
    }
    strbuf_puts(s, "    matching:\n");
    put_fields("      arbitrary mask: ", &mask, s);
    put_fields("      exact match or wildcard: ", &wild, s);
    put_fields("      must exact match: ", &exact, s);
}

/* In all but number and name. */
static bool same_features(const struct table_features *a, const struct table_features *b)
{
    return a->metadata_match == b->metadata_match && a->metadata_write == b->metadata_write &&
           a->miss_config == b->miss_config && a->eviction == b->eviction && a->vacancy == b->vacancy &&
           a->max_entries == b->max_entries && !((a->features ^ b->features) & OFPTFF_FIRST_EGRESS) &&
           !memcmp(a->sync_from, b->sync_from, sizeof a->sync_from) &&
           !memcmp(a->packet_types, b->packet_types, sizeof a->packet_types) &&
           a->n_packet_types == b->n_packet_types && a->n_experimenter == b->n_experimenter &&
           a->command == b->command && !memcmp(&a->hit, &b->hit, sizeof a->hit) &&
           !memcmp(&a->miss, &b->miss, sizeof a->miss) && same_matching(a, b);
}

static bool same_stats(const struct table_stats *a, const struct table_stats *b)
{
    return !a || (b && a->active_count == b->active_count && a->lookup_count == b->lookup_count &&
                  a->matched_count == b->matched_count);
}

void table_features_format_ditto(int first, int last, struct strbuf *s)
{
    if (first < 0) {
        return;
    }
    if (first == last) {
        strbuf_printf(s, "\n  table %d: ditto\n", first);
    } else {
        strbuf_printf(s, "\n  tables %d...%d: ditto\n", first, last);
    }
}

void table_features_format(const struct table_features *t, const struct table_features *previous,
                           const struct table_stats *stats, const struct table_stats *previous_stats,
                           int *first_ditto, struct strbuf *s)
{
    static const char *const miss[] = {"controller", "continue", "drop", "deprecated"};
    static const char *const commands[] = {"replace", "modify", "enable", "disable"};
    /* That a table cannot go to itself is no difference to the table before it. */
    struct table_features alike;
    if (previous) {
        alike = *previous;
        uint64_t self = ~(UINT64_C(1) << t->table_id % 64);
        alike.hit.next[t->table_id / 64] &= self;
        alike.miss.next[t->table_id / 64] &= self;
        previous = &alike;
    }
    bool alike_features = previous && same_features(t, previous);
    bool same = alike_features && same_stats(stats, previous_stats);
    if (same && !t->name[0]) {
        if (*first_ditto < 0) {
            *first_ditto = t->table_id;
        }
        return;
    }
    if (previous) {
        table_features_format_ditto(*first_ditto, previous->table_id, s);
        *first_ditto = -1;
    }
    strbuf_put_char(s, '\n');
    if (t->command) {
        strbuf_printf(s, "  command: %s\n", commands[t->command]);
    }
    strbuf_printf(s, "  table %u", t->table_id);
    if (t->name[0]) {
        strbuf_printf(s, " (\"%s\")", t->name);
    }
    strbuf_put_char(s, ':');
    if (same) {
        strbuf_puts(s, " ditto"); /* what follows begins a line */
        return;
    }
    strbuf_put_char(s, '\n');
    if (stats) {
        strbuf_printf(s, "    active=%" PRIu32 ", lookup=%" PRIu64 ", matched=%" PRIu64 "\n",
                      stats->active_count, stats->lookup_count, stats->matched_count);
    }
    if (alike_features && t->max_entries) { /* since 1.3, statistics have no features beside them */
        strbuf_puts(s, "    (same features)\n");
        return;
    }
    if (t->metadata_match || t->metadata_write) {
        strbuf_printf(s, "    metadata: match=%#" PRIx64 " write=%#" PRIx64 "\n", t->metadata_match,
                      t->metadata_write);
    }
    if (t->miss_config >= 0) {
        strbuf_printf(s, "    config=%s\n", miss[t->miss_config]);
    }
    if (t->eviction >= 0) {
        strbuf_printf(s, "    eviction: %ssupported\n", t->eviction ? "" : "not ");
    }
    if (t->vacancy >= 0) {
        strbuf_printf(s, "    vacancy events: %ssupported\n", t->vacancy ? "" : "not ");
    }
    if (t->max_entries) {
        strbuf_printf(s, "    max_entries=%" PRIu32 "\n", t->max_entries);
    }
    if (t->features & OFPTFF_FIRST_EGRESS) {
        strbuf_puts(s, "    first egress table\n");
    }
    put_tables("    synchronized from: ", t->sync_from, s);
    for (unsigned i = 0; i < t->n_packet_types; i++) {
        strbuf_printf(s, "%s(%u,0x%x)", i ? " " : "    packet types: ", t->packet_types[i] >> 16,
                      t->packet_types[i] & 0xffff);
    }
    strbuf_puts(s, t->n_packet_types ? "\n" : "");
    if (t->n_experimenter) {
        strbuf_printf(s, "    experimenters' properties: %u\n", t->n_experimenter);
    }
    put_instructions(t, previous, s);
    put_matching(t, previous, s);
}

/* --- Messages --- */

static enum ofperr print_tables(const struct ofp_msg *m, bool with_stats, struct strbuf *s)
{
    struct reader r = m->body;
    struct table_features previous, t;
    struct table_stats previous_stats, stats;
    int first_ditto = -1;
    bool more, first = true;
    for (;; first = false) {
        enum ofperr error = with_stats ? table_stats_features_decode(&r, m->version, &t, &stats, &more)
                                       : table_features_decode(&r, m->version, false, &t, &more);
        if (error) {
            return error;
        }
        if (!more) {
            break;
        }
        table_features_format(&t, first ? NULL : &previous, with_stats ? &stats : NULL,
                              first || !with_stats ? NULL : &previous_stats, &first_ditto, s);
        previous = t;
        previous_stats = stats;
    }
    if (!first) {
        table_features_format_ditto(first_ditto, previous.table_id, s);
    }
    return OFPERR_NONE;
}

enum ofperr print_table_features(const struct ofp_msg *m, const struct print *p)
{
    return print_tables(m, false, p->s);
}

enum ofperr print_table_stats(const struct ofp_msg *m, const struct print *p)
{
    return print_tables(m, true, p->s);
}
