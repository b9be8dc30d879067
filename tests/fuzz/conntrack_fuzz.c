/* SPDX-License-Identifier: Apache-2.0 */
/* Any packets, one after the other, through connection tracking: fragments, ICMP errors, FTP and TFTP
 * helpers, translation.
 *
 * Input, for each packet: how it is tracked (1 commit, 2 NAT, 4 source, 8 destination, 16 IPv6, 32 force, 64
 * ftp, 128 tftp), its checksum's state and how time goes on (2 bits, 6), length (2 bytes, big-endian), the
 * packet. */
#include <stdlib.h>
#include <string.h>

#include "base/rcu.h"
#include "conntrack/conntrack.h"
#include "conntrack/fragments.h"
#include "flow/extract.h"
#include "flow/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore(uint32_t port, void *aux)
{
}

static void track(struct conntrack *ct, struct packet *p, const struct ct_request *req, int64_t now_ms,
                  struct packet_pool *pool)
{
    struct packet_batch b;
    struct flow_key key;
    flow_key_extract_complete(p, &key);
    batch_init(&b);
    batch_add(&b, p);
    uint32_t fragments = conntrack_execute(ct, &b, req, now_ms);
    if (p->len > p->buf_size - (uint32_t)(p->data - p->buf)) {
        abort();
    }
    struct ct_fragments *complete = NULL;
    if (fragments && conntrack_fragment(ct, p, req->zone, now_ms, &complete) == CT_FRAGMENT_COMPLETE) {
        struct packet *whole = ct_fragments_whole(complete, pool);
        if (whole) {
            flow_key_extract_complete(whole, &key);
            batch_init(&b);
            batch_add(&b, whole);
            conntrack_execute(ct, &b, req, now_ms);
            for (size_t i = 0; i < ct_fragments_count(complete); i++) {
                packet_free(ct_fragments_get(complete, i, whole, pool));
            }
            packet_free(whole);
        }
        ct_fragments_free(complete);
    }
    packet_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rcu_register();
    struct packet_pool *pool = packet_pool_create_heap();
    struct conntrack *ct = conntrack_create();
    int64_t now_ms = 1000;
    conntrack_frag_set_min_size(ct, false, 400);
    while (size >= 4) {
        uint32_t len = (uint32_t)data[2] << 8 | data[3];
        struct ct_request req = {.zone = 7,
                                 .helper = data[0] & 64    ? CT_ALG_FTP
                                           : data[0] & 128 ? CT_ALG_TFTP
                                                           : CT_ALG_NONE};
        bool v6 = data[0] & 16;
        req.flags = (data[0] & 1 ? CT_REQ_COMMIT : 0) | (data[0] & 2 ? CT_REQ_NAT : 0) |
                    (data[0] & 32 ? CT_REQ_FORCE : 0);
        if (data[0] & 12 && data[0] & 2) {
            req.flags |=
                (data[0] & 4 ? CT_REQ_NAT_SRC : CT_REQ_NAT_DST) | (v6 ? CT_REQ_NAT_V6 : CT_REQ_NAT_V4);
            req.nat_min.be32[v6 ? 3 : 0] = CONST_BE32(0x0a00f0c8);
        }
        if (len > size - 4) {
            len = (uint32_t)size - 4;
        }
        struct packet *p = packet_from_bytes(pool, data + 4, len);
        p->csum = data[1] & 1 ? PACKET_CSUM_GOOD : PACKET_CSUM_UNKNOWN;
        p->gso_type = data[1] & 2 ? PACKET_GSO_TCPV4 : PACKET_GSO_NONE;
        now_ms += (data[1] >> 2) * 500;
        track(ct, p, &req, now_ms, pool);
        conntrack_sweep(ct, now_ms);
        conntrack_sweep_fragments(ct, now_ms, ignore, NULL);
        rcu_quiescent();
        data += 4 + len;
        size -= 4 + len;
    }
    conntrack_destroy(ct);
    rcu_unregister();
    if (packet_pool_in_use(pool)) {
        abort();
    }
    packet_pool_destroy(pool);
    return 0;
}
