/* SPDX-License-Identifier: Apache-2.0 */
/* Any packet with any offload metadata: it is cut or refused; segments are no larger than gso_size allows,
 * and checksums are completed or refused.
 *
 * Input: gso_type, gso_size, csum_start, csum_offset (1, 2, 2, 2 bytes), leave_partial, the packet. */
#include <stdlib.h>

#include "packet/csum.h"
#include "packet/gso.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 8 || size > 5000) {
        return 0;
    }
    struct packet_pool *pool = packet_pool_create_heap();
    struct packet *p = packet_from_bytes(pool, data + 8, (uint32_t)size - 8);
    struct packet_batch batch;
    struct gso g;
    p->gso_type = data[0] % 8;
    p->gso_size = get_be16(data + 1);
    p->csum = PACKET_CSUM_PARTIAL;
    p->csum_start = get_be16(data + 3);
    p->csum_offset = get_be16(data + 5);
    gso_is_tunneled(p);
    enum drop_reason why = gso_begin(&g, p, pool, data[7] & 1);
    batch_init(&batch);
    while (!why && gso_next(&g, &batch)) {
        struct packet *segment;
        BATCH_FOR_EACH (segment, &batch) {
            if (segment->len > (uint32_t)g.hdr_len + 8 + p->gso_size || packet_csum_resolve(segment)) {
                abort();
            }
        }
        batch_free(&batch);
    }
    packet_csum_resolve(p);
    p->csum = PACKET_CSUM_UNKNOWN;
    p->l3_ofs = (uint16_t)(data[3] % 64);
    p->l4_ofs = (uint16_t)(p->l3_ofs + data[5]);
    packet_ipv4_csum_ok(p);
    packet_csum_verify(p);
    packet_free(p);
    if (packet_pool_in_use(pool)) {
        abort();
    }
    packet_pool_destroy(pool);
    return 0;
}
