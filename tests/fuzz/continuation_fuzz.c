/* SPDX-License-Identifier: Apache-2.0 */
/* What a controller gives back of a paused packet: whatever it is, it is refused, or it is a state that can
 * be sent out again and comes back the same. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "pipeline/continuation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_equal(const struct bytebuf *a, const struct bytebuf *b)
{
    if (a->len != b->len || (a->len && memcmp(a->data, b->data, a->len))) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct continuation c, again;
    struct bytebuf first = BYTEBUF_INITIALIZER, second = BYTEBUF_INITIALIZER;
    log_set_all_levels(LOG_LEVEL_OFF);
    if (data && !continuation_decode(data, size, 1, OFP13, &c)) {
        continuation_encode(&c.state, OFP13, &first);
        if (first.len < 60000 && !continuation_decode(first.data, first.len, 1, OFP13, &again)) {
            continuation_encode(&again.state, OFP13, &second);
            check_equal(&first, &second);
            check_equal(&c.stack, &again.stack);
            continuation_fini(&again);
        } else if (first.len < 60000) {
            continuation_fini(&again);
        }
        continuation_fini(&c);
    } else if (data) {
        continuation_fini(&c);
    }
    bytebuf_fini(&first);
    bytebuf_fini(&second);
    return 0;
}
