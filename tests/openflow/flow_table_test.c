/* SPDX-License-Identifier: Apache-2.0 */
/* Flows as the reference prints them, or what it says is wrong with them (tests/tables/openflow_flows.tsv):
 * text in, the wire in one version, back, and text out must be the same to the letter. Usage: flow_table_test
 * FILE */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "openflow/flow_codec.h"
#include "openflow/print.h"

/* The text of the message, or the error; the caller's to free. */
static char *run(int version, const char *flow)
{
    struct flow_mod fm;
    uint32_t usable;
    char *error = flow_mod_parse(&fm, flow, FLOW_ADD, false, NULL, &usable);
    if (error) {
        return error;
    }
    static const uint32_t of[] = {[OFP10] = OFPROTO_10_NXM_ANY, [OFP11] = OFPROTO_11, [OFP12] = OFPROTO_12,
                                  [OFP13] = OFPROTO_13,         [OFP14] = OFPROTO_14, [OFP15] = OFPROTO_15};
    usable &= of[version];
    struct bytebuf b = BYTEBUF_INITIALIZER;
    flow_mod_encode(&b, &fm, usable & -usable, 1);
    flow_mod_fini(&fm);
    char *text = ofp_to_string(b.data, b.len, NULL);
    text[strcspn(text, "\n")] = '\0';
    bytebuf_fini(&b);
    return text;
}

int main(int argc, char **argv)
{
    FILE *f = argc > 1 ? fopen(argv[1], "r") : NULL;
    if (!f) {
        fprintf(stderr, "usage: flow_table_test FILE\n");
        return 2;
    }
    log_set_level(NULL, LOG_CONSOLE, LOG_LEVEL_OFF);
    char *line = NULL;
    size_t allocated = 0, n = 0, failed = 0;
    while (getline(&line, &allocated, f) > 0) {
        line[strcspn(line, "\n")] = '\0';
        char *save = NULL, *version = strtok_r(line, "\t", &save), *flow = strtok_r(NULL, "\t", &save);
        char *kind = strtok_r(NULL, "\t", &save), *expected = strtok_r(NULL, "", &save);
        if (*line == '#' || !kind || !expected) {
            continue;
        }
        char *got = run(atoi(version) - 9, flow);
        n++;
        if (strcmp(got, expected)) {
            printf("OpenFlow 1.%d: %s\n  expected %s\n  got      %s\n", atoi(version) - 10, flow, expected,
                   got);
            failed++;
        }
        free(got);
    }
    free(line);
    fclose(f);
    printf("%zu flows, %zu differ\n", n, failed);
    return failed || !n;
}
