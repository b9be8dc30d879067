/* SPDX-License-Identifier: Apache-2.0 */
/* Frames with any offload metadata, as a TAP device's owner can write them: taken over or refused, and then
 * sent to a port that can do nothing (what is cut, completed, truncated there), or described to a device. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "packet/packet.h"
#include "port/vnet.h"
#include "port/vport.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct vport *vport;
    static struct packet_pool *pool;
    struct virtio_net_hdr hdr;
    if (!pool) {
        char *error_text;
        vport_enable_dummy(false, false);
        pool = packet_pool_create_heap();
        if (vport_open("dummy", "fuzz", NULL, &vport, &error_text)) {
            abort();
        }
    }
    if (size < sizeof hdr + 1 + 14) {
        return 0;
    }
    memcpy(&hdr, data, sizeof hdr);
    uint8_t cut = data[sizeof hdr];
    data += sizeof hdr + 1;
    size -= sizeof hdr + 1;

    struct packet_batch batch;
    struct vport_tx tx = {.pool = pool};
    batch_init(&batch);
    /* As received by the two kinds of devices: with the metadata, and without any. */
    struct packet *p = packet_from_bytes(pool, data, (uint32_t)size);
    if (vnet_apply(&hdr, p)) {
        packet_free(p);
    } else {
        p->cutlen = cut & 1 ? cut : 0;
        vnet_describe(p, &hdr);
        batch_add(&batch, p);
    }
    p = packet_from_bytes(pool, data, (uint32_t)size);
    vnet_guess_partial(p);
    batch_add(&batch, p);
    vport_send(vport, &tx, &batch);
    if (packet_pool_in_use(pool)) {
        abort();
    }
    return 0;
}
