/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. Asking who has an address: an ARP request, or an IPv6 neighbour solicitation.
 * Thread-safety: pure. */
#ifndef TUNNEL_REQUEST_H
#define TUNNEL_REQUEST_H 1

#include <stddef.h>

#include "tunnel/address.h"

#define TUNNEL_REQUEST_MAX 128

/* The frame from MAC, which has SOURCE, for ADDRESS, into FRAME; returns its length. */
size_t tunnel_request_compose(const struct ipv6_addr *address, const struct ipv6_addr *source,
                              struct eth_addr mac, uint8_t frame[TUNNEL_REQUEST_MAX]);

#endif
