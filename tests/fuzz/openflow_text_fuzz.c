/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a flow, a request for flows, a change of a group, a meter, a monitor's wishes, a tuple of
 * connections, a key as ofproto/trace takes it: what parses is sent in each usable protocol and printed, and
 * what is sent must decode or be refused. The first byte says which; the second, of groups, which change. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "openflow/flow_codec.h"
#include "openflow/group_codec.h"
#include "openflow/meter_codec.h"
#include "openflow/nicira_codec.h"
#include "openflow/print.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void print(const struct bytebuf *b)
{
    if (b->len <= OFP_MAX_LEN) {
        free(ofp_to_string(b->data, b->len, NULL));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool quiet;
    if (!quiet) {
        log_set_level(NULL, LOG_CONSOLE, LOG_LEVEL_OFF);
        quiet = true;
    }
    if (size < 2 || size > 4096 || memchr(data, 0, size)) {
        return 0;
    }
    char *text = strndup((const char *)data + 1, size - 1);
    uint32_t usable;
    if (data[0] == 'g') {
        struct group_mod gm;
        static const enum group_command commands[] = {GROUP_ADD,    GROUP_MODIFY,        GROUP_ADD_OR_MOD,
                                                      GROUP_DELETE, GROUP_INSERT_BUCKET, GROUP_REMOVE_BUCKET};
        enum group_command command = commands[(uint8_t)*text % ARRAY_SIZE(commands)];
        char *error = group_mod_parse(&gm, text + 1, command, NULL, &usable);
        bool buckets = command == GROUP_INSERT_BUCKET || command == GROUP_REMOVE_BUCKET;
        for (enum ofp_version v = OFP10; !error && v <= OFP15; v++) {
            struct bytebuf b = BYTEBUF_INITIALIZER;
            if (!buckets || v == OFP10 || v == OFP15) {
                group_mod_encode(&b, &gm, v, 1);
                print(&b);
            }
            bytebuf_fini(&b);
        }
        if (!error) {
            group_mod_fini(&gm);
        }
        free(error);
    } else if (data[0] == 'm') {
        struct meter_config mc;
        char *error = meter_parse(&mc, text, METER_ADD);
        if (!error) {
            struct bytebuf b = BYTEBUF_INITIALIZER;
            meter_mod_encode(&b, METER_ADD, &mc, OFP13, 1);
            print(&b);
            bytebuf_fini(&b);
            meter_fini(&mc);
        }
        free(error);
    } else if (data[0] == 'r') {
        struct flow_stats_request r;
        free(flow_stats_request_parse(&r, false, text, NULL, &usable));
    } else if (data[0] == 'c') {
        struct ct_flush f = {0};
        free(ct_flush_tuple_parse(text, &f, &f.orig));
    } else if (data[0] == 'k') {
        struct flow_key key;
        free(flow_key_parse(&key, NULL, NULL, text));
    } else {
        struct flow_mod fm;
        char *error = flow_mod_parse(&fm, text, FLOW_ADD, false, NULL, &usable);
        for (uint32_t p = 1; !error && p <= OFPROTO_15; p <<= 1) {
            struct bytebuf b = BYTEBUF_INITIALIZER;
            if (usable & p) {
                flow_mod_encode(&b, &fm, p, 1);
                print(&b);
            }
            bytebuf_fini(&b);
        }
        if (!error) {
            flow_mod_fini(&fm);
        }
        free(error);
    }
    free(text);
    return 0;
}
