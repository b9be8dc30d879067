/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a flow: what parses is sent in each usable protocol, and what is sent must decode or be
 * refused. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "openflow/flow_codec.h"
#include "openflow/group_codec.h"
#include "openflow/meter_codec.h"
#include "openflow/print.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
        char *error = group_mod_parse(&gm, text, GROUP_ADD, NULL, &usable);
        if (!error) {
            group_mod_fini(&gm);
        }
        free(error);
    } else if (data[0] == 'm') {
        struct meter_config mc;
        char *error = meter_parse(&mc, text, METER_ADD);
        if (!error) {
            meter_fini(&mc);
        }
        free(error);
    } else {
        struct flow_mod fm;
        char *error = flow_mod_parse(&fm, text, FLOW_ADD, false, NULL, &usable);
        for (uint32_t p = 1; !error && p <= OFPROTO_15; p <<= 1) {
            struct bytebuf b = BYTEBUF_INITIALIZER;
            if (usable & p) {
                flow_mod_encode(&b, &fm, p, 1);
                if (b.len <= OFP_MAX_LEN) {
                    free(ofp_to_string(b.data, b.len, NULL));
                }
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
