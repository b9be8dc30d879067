/* SPDX-License-Identifier: Apache-2.0 */
/* Any packet is taken apart, or dropped with a reason: by every kind of tunnel, with any offload metadata.
 * What comes out is put into a tunnel again.
 *
 * Input: kind, flags (1 gbp, 2 gpe, 4 partial checksum, 8 a segment, 16 good checksum), csum_start (2 bytes),
 * csum_offset, the packet. */
#include <stdlib.h>
#include <string.h>

#include "flow/extract.h"
#include "tunnel/header.h"
#include "tunnel/pop.h"
#include "tunnel/push.h"
#include "tunnel/stt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void push_again(struct packet *p, const struct flow_key *key, const struct tunnel_vport *vport)
{
    static _Atomic uint32_t seq;
    struct tunnel_config c = {.kind = vport->kind,
                              .dst_port = vport->dst_port,
                              .gbp = vport->gbp,
                              .gpe = vport->gpe,
                              .seq = true,
                              .payload_ethertype = vport->payload_ethertype};
    struct tunnel_path path = {.src = {.u8 = {0xfd, 1}}, .dst = {.u8 = {0xfd, 2}}};
    struct tunnel_header h;
    if (key->tun_dst) {
        path.src = tunnel_address_v4(key->tun_dst);
        path.dst = tunnel_address_v4(key->tun_src);
    }
    if (!tunnel_header_build(&c, key, &path, &h)) {
        struct flow_key outer;
        if (h.len > sizeof h.bytes) {
            abort();
        }
        tunnel_header_key(&h, &outer);
        if (!tunnel_push(p, h.bytes, h.len, h.type, 0x12345678, &seq, 1500) && !p->gso_type) {
            flow_key_extract_complete(p, &outer);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 6 || size > 5000) {
        return 0;
    }
    struct packet_pool *pool = packet_pool_create_heap();
    struct packet *p = packet_from_bytes(pool, data + 6, (uint32_t)size - 6);
    struct tunnel_vport vport = {.kind = (enum tunnel_kind)(data[0] % TUNNEL_N_KINDS),
                                 .dst_port = 4789,
                                 .gbp = data[1] & 1,
                                 .gpe = data[1] & 2,
                                 .payload_ethertype = data[1] & 32 ? CONST_BE16(0x8847) : CONST_BE16(0x0800)};
    p->csum = data[1] & 4 ? PACKET_CSUM_PARTIAL : data[1] & 16 ? PACKET_CSUM_GOOD : PACKET_CSUM_UNKNOWN;
    p->gso_type = data[1] & 8 ? PACKET_GSO_TCPV4 : PACKET_GSO_NONE;
    p->gso_size = 100;
    p->csum_start = get_be16(data + 2);
    p->csum_offset = data[4];
    if (vport.kind == TUNNEL_STT) {
        /* Segments of one frame meet from one input to the next. */
        static struct stt_frames *frames;
        struct packet *whole;
        uint32_t lost;
        frames = frames ? frames : stt_frames_create();
        if (!stt_gather(frames, p, pool, 0, &whole, &lost)) {
            p = whole;
        }
    }
    if (p && !tunnel_pop(p, &vport)) {
        struct flow_key key;
        flow_key_extract_complete(p, &key);
        push_again(p, &key, &vport);
    }
    packet_free(p);
    if (packet_pool_in_use(pool)) {
        abort();
    }
    packet_pool_destroy(pool);
    return 0;
}
