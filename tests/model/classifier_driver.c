/* SPDX-License-Identifier: Apache-2.0 */
/* A classifier on standard input and output, for tests/interop/classifier.py:
 *
 *     rule PRIORITY FIELD=VALUE/MASK ...    in hexadecimal, as on the wire
 *     packet FIELD=VALUE ...                answers: PRIORITY FIELD=MASK ...  (-1: no rule)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rcu.h"
#include "match/classifier.h"

#define FIELD(NAME, MEMBER)                                                                                  \
    {                                                                                                        \
        NAME, offsetof(struct flow_key, MEMBER), sizeof(((struct flow_key *)NULL)->MEMBER)                   \
    }
static const struct {
    const char *name;
    size_t offset, size;
} fields[] = {
    FIELD("in_port", in_port),     FIELD("dl_src", dl_src),         FIELD("dl_dst", dl_dst),
    FIELD("dl_type", dl_type),     FIELD("vlan_tci", vlans[0].tci), FIELD("nw_src", nw_src),
    FIELD("nw_dst", nw_dst),       FIELD("nw_proto", nw_proto),     FIELD("nw_tos", nw_tos),
    FIELD("nw_ttl", nw_ttl),       FIELD("tp_src", tp_src),         FIELD("tp_dst", tp_dst),
    FIELD("tcp_flags", tcp_flags), FIELD("ipv6_src", ipv6_src),     FIELD("ipv6_dst", ipv6_dst),
    FIELD("reg0", regs[0]),        FIELD("pkt_mark", pkt_mark),
};

static void parse_hex(const char *s, uint8_t *p, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char digits[3] = {s[2 * i], s[2 * i + 1], 0};
        p[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
}

static void parse_fields(char *text, struct flow_key *key, struct flow_mask *mask)
{
    memset(key, 0, sizeof *key);
    memset(mask, 0, sizeof *mask);
    for (char *word = strtok(text, " \n"); word; word = strtok(NULL, " \n")) {
        char *value = strchr(word, '=');
        for (size_t i = 0; value && i < ARRAY_SIZE(fields); i++) {
            if (strlen(fields[i].name) == (size_t)(value - word) &&
                !strncmp(fields[i].name, word, strlen(fields[i].name))) {
                parse_hex(value + 1, (uint8_t *)key + fields[i].offset, fields[i].size);
                char *slash = strchr(value, '/');
                if (slash) {
                    parse_hex(slash + 1, (uint8_t *)&mask->bits + fields[i].offset, fields[i].size);
                }
            }
        }
    }
    mask->blocks = (uint16_t)flow_mask_find_blocks(mask);
}

static void answer(struct classifier *cls, struct flow_key *key)
{
    struct flow_mask wc = {.blocks = 0};
    const struct classifier_rule *rule = classifier_lookup(cls, CLASSIFIER_NEWEST, key, &wc);
    printf("%d", rule ? rule->priority : -1);
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        const uint8_t *p = (const uint8_t *)&wc.bits + fields[i].offset;
        printf(" %s=", fields[i].name);
        for (size_t j = 0; j < fields[i].size; j++) {
            printf("%02x", p[j]);
        }
    }
    putchar('\n');
    fflush(stdout);
}

int main(void)
{
    static char line[4096];
    struct flow_key key;
    struct flow_mask mask;
    struct classifier *cls = classifier_create();
    rcu_register();
    while (fgets(line, sizeof line, stdin)) {
        char *rest = strchr(line, ' ');
        if (rest && !strncmp(line, "rule ", 5)) {
            int priority = (int)strtol(rest, &rest, 10);
            struct classifier_rule *rule = xmalloc(sizeof *rule);
            parse_fields(rest, &key, &mask);
            classifier_rule_init(rule, &key, &mask, priority);
            classifier_insert(cls, rule, 1);
        } else if (rest && !strncmp(line, "packet ", 7)) {
            parse_fields(rest, &key, &mask);
            answer(cls, &key);
        }
    }
    struct classifier_cursor cursor;
    struct classifier_rule *rule;
    while ((rule = classifier_first(&cursor, cls, CLASSIFIER_NEWEST, NULL)) != NULL) {
        classifier_remove(cls, rule);
        classifier_rule_fini(rule);
        free(rule);
    }
    classifier_destroy(cls);
    rcu_unregister();
    rcu_barrier_all();
    return 0;
}
