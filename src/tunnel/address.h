/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. A tunnel's addresses: IPv6, with IPv4 mapped into it (::ffff:a.b.c.d); all zeros: none.
 * Thread-safety: plain data. */
#ifndef TUNNEL_ADDRESS_H
#define TUNNEL_ADDRESS_H 1

#include <stdbool.h>
#include <stddef.h>

#include "base/types.h"
#include "wire/ipv6.h"

#define TUNNEL_ADDRESS_SIZE 48 /* of text */

static inline struct ipv6_addr tunnel_address_v4(be32 v4)
{
    struct ipv6_addr a = {.be32 = {0, 0, CONST_BE32(0xffff), v4}};
    return a;
}
/* 0: it is none of IPv4. */
static inline be32 tunnel_address_get_v4(const struct ipv6_addr *a)
{
    return ipv6_addr_is_v4mapped(a) ? a->be32[3] : 0;
}
/* Of a flow key's pair of members, of which one is set. */
static inline struct ipv6_addr tunnel_address_of(be32 v4, const struct ipv6_addr *v6)
{
    return v4 ? tunnel_address_v4(v4) : *v6;
}

/* IPv4 or IPv6 text. False: it is neither. */
bool tunnel_address_parse(const char *text, struct ipv6_addr *);
void tunnel_address_format(const struct ipv6_addr *, char text[TUNNEL_ADDRESS_SIZE]);
/* ADDRESS/PLEN; without a length: that address alone. PLEN counts in IPv6's 128 bits. */
bool tunnel_prefix_parse(const char *text, struct ipv6_addr *, unsigned *plen);
/* Are the first PLEN bits the same? */
bool tunnel_prefix_covers(const struct ipv6_addr *prefix, unsigned plen, const struct ipv6_addr *);
/* Clears what is behind the first PLEN bits. */
void tunnel_prefix_clear(struct ipv6_addr *, unsigned plen);

#endif
