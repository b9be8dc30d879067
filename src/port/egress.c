/* SPDX-License-Identifier: Apache-2.0 */
/* vport_send(): the last stage of a packet's way. What a device cannot take is resolved here in software, in
 * this order: truncation, maximum transmission unit, segmentation, checksum. */
#include "packet/csum.h"
#include "packet/gso.h"
#include "port/vport.h"

#define ETH_LEN     14
#define TAG_LEN     4
#define TCP_MIN_LEN 20
#define UDP_LEN     8

#define SCTP_CSUM_OFFSET 8

/* A device's MTU speaks of what follows the Ethernet header; one VLAN tag is not counted, as in the kernel.
 */
static uint32_t max_frame(const struct packet *p, uint32_t mtu)
{
    be16 type = p->len >= ETH_LEN ? get_be16(p->data + ETH_LEN - 2) : 0;
    bool tagged = type == CONST_BE16(0x8100) || type == CONST_BE16(0x88a8);
    return mtu + ETH_LEN + (tagged ? TAG_LEN : 0);
}

/* Bytes of the longest frame that PACKET becomes on a wire. */
static uint32_t frame_len(const struct packet *p)
{
    if (!p->gso_type || p->gso_type == PACKET_GSO_UDP) {
        return p->gso_type ? 0 : p->len; /* fragments are made to fit */
    }
    uint32_t l4 = p->csum_start;
    if (p->gso_type == PACKET_GSO_UDP_L4) {
        return l4 + UDP_LEN + p->gso_size;
    }
    uint32_t header = l4 + TCP_MIN_LEN <= p->len ? (uint32_t)(p->data[l4 + 12] >> 4) * 4 : TCP_MIN_LEN;
    return l4 + header + p->gso_size;
}

static void truncate_packet(struct packet *p)
{
    uint32_t len = p->len - MIN(p->cutlen, p->len);
    p->len = MAX(len, MIN(p->len, (uint32_t)ETH_LEN));
    p->cutlen = 0;
    if (p->gso_type && p->len <= (uint32_t)p->gso_hdr_len + p->gso_size) {
        p->gso_type = PACKET_GSO_NONE;
    }
    if (p->csum == PACKET_CSUM_PARTIAL && (uint32_t)p->csum_start + p->csum_offset + 2 > p->len) {
        p->csum = PACKET_CSUM_UNKNOWN; /* the field itself was cut off */
    }
}

/* A virtio_net_hdr means the Internet checksum: an SCTP packet said to be partial would be spoilt by a device
 * that believes it. */
static bool is_sctp(const struct packet *p)
{
    return p->csum == PACKET_CSUM_PARTIAL && p->csum_offset == SCTP_CSUM_OFFSET;
}

static bool takes_segment(uint32_t features, const struct packet *p)
{
    switch (p->gso_type) {
    case PACKET_GSO_TCPV4:
    case PACKET_GSO_TCPV6:
        return (features & VPORT_TX_TSO) && ((features & VPORT_TX_VXLAN_TSO) || !gso_is_tunneled(p));
    case PACKET_GSO_UDP_L4:
        return (features & VPORT_TX_USO) && ((features & VPORT_TX_VXLAN_TSO) || !gso_is_tunneled(p));
    default:
        return false; /* UFO: no device of today takes it */
    }
}

static void flush(struct vport *vport, struct vport_tx *tx, struct packet_batch *ready)
{
    if (ready->n) {
        vport->ops->send(vport, tx, ready);
        batch_init(ready);
    }
}

static void send_segments(struct vport *vport, struct vport_tx *tx, struct packet *p)
{
    struct gso g;
    struct packet_batch segments;
    batch_init(&segments);
    enum drop_reason why = gso_begin(&g, p, tx->pool, vport->tx_features & VPORT_TX_CSUM);
    if (!why) {
        while (gso_next(&g, &segments)) {
            vport->ops->send(vport, tx, &segments);
            batch_init(&segments);
        }
        why = g.error;
    }
    if (why) {
        tx->dropped[why]++;
    }
    packet_free(p);
}

static void send_resolved(struct vport *vport, struct vport_tx *tx, struct packet_batch *batch)
{
    uint32_t features = vport->tx_features;
    uint32_t mtu = atomic_load_explicit(&vport->mtu, memory_order_relaxed);
    struct packet_batch ready;
    struct packet *p;
    batch_init(&ready);
    BATCH_FOR_EACH (p, batch) {
        enum drop_reason why = DROP_NONE;
        if (p->cutlen) {
            truncate_packet(p);
        }
        if (frame_len(p) > max_frame(p, mtu)) {
            why = DROP_MTU;
        } else if (p->gso_type) {
            if (!takes_segment(features, p)) {
                flush(vport, tx, &ready); /* order is kept */
                send_segments(vport, tx, p);
                continue;
            }
        } else if (p->csum == PACKET_CSUM_PARTIAL && (!(features & VPORT_TX_CSUM) || is_sctp(p))) {
            why = packet_csum_resolve(p);
        }
        if (why) {
            tx->dropped[why]++;
            packet_free(p);
        } else {
            batch_add(&ready, p);
        }
    }
    batch_init(batch);
    flush(vport, tx, &ready);
}

void vport_send(struct vport *vport, struct vport_tx *tx, struct packet_batch *batch)
{
    uint32_t max = atomic_load_explicit(&vport->mtu, memory_order_relaxed) + ETH_LEN;
    uint8_t bad_csum = vport->tx_features & VPORT_TX_CSUM ? UINT8_MAX : PACKET_CSUM_PARTIAL;
    struct packet *p;
    BATCH_FOR_EACH (p, batch) {
        if (unlikely(p->gso_type || p->cutlen || p->len > max || p->csum == bad_csum || is_sctp(p))) {
            send_resolved(vport, tx, batch);
            return;
        }
    }
    vport->ops->send(vport, tx, batch);
}
