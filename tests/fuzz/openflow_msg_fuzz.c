/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an OpenFlow message: decoded and printed; and encoded again, where the codec can do both. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "openflow/flow_codec.h"
#include "openflow/print.h"
#include "recode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the codec encodes of a message, it decodes, and encodes the same. */
static void round_trip(const struct ofp_msg *m)
{
    struct bytebuf first = BYTEBUF_INITIALIZER, second = BYTEBUF_INITIALIZER;
    struct ofp_msg again;
    enum ofperr error;
    if (openflow_recode(m, &first, &error) && !error && first.len) {
        if (!ofp_msg_decode(first.data, first.len, &again) && openflow_recode(&again, &second, &error) &&
            !error && (first.len != second.len || memcmp(first.data, second.data, first.len))) {
            abort();
        }
    }
    bytebuf_fini(&first);
    bytebuf_fini(&second);
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
    if (!ofp_msg_decode(copy, size, &m)) {
        round_trip(&m);
    }
    free(copy);
    return 0;
}
