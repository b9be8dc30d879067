/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 3, internal to port/. Offload metadata as packet sockets and TAP devices speak it: a `virtio_net_hdr`
 * in front of each frame, in the host's byte order. Thread-safety: whoever owns the packet. */
#ifndef PORT_VNET_H
#define PORT_VNET_H 1

#include <linux/virtio_net.h>

#include "packet/packet.h"

/* Not in the oldest kernel headers that we build with; facts of the kernel's ABI. */
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

/* Takes what HDR says of the received PACKET over into its metadata. DROP_RX_ERROR: it makes no sense. */
enum drop_reason vnet_apply(const struct virtio_net_hdr *hdr, struct packet *packet);

/* A frame that came without any metadata, from a device that leaves checksums partial all the same (AF_XDP on
 * a veth): if the checksum field (TCP, UDP; inside of VXLAN too) holds just the pseudo header's sum, it is
 * partial. A complete one looks like that once in 65,536 times, and then completing it again gives the same.
 */
void vnet_guess_partial(struct packet *packet);

/* What is to be said of PACKET to a device that takes partial checksums and segments. */
void vnet_describe(const struct packet *packet, struct virtio_net_hdr *hdr);

#endif
