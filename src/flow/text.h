/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 3. Addresses and long numbers as text, for the texts of matches, keys and actions.
 * Thread-safety: pure functions. */
#ifndef FLOW_TEXT_H
#define FLOW_TEXT_H 1

#include "base/strbuf.h"
#include "base/types.h"

/* "0x12ab" of N bytes, most significant first, without leading zeros; "0". */
void text_put_hex_bytes(struct strbuf *, const uint8_t *, unsigned n);
void text_put_mac(struct strbuf *, const struct eth_addr *);
void text_put_ipv4(struct strbuf *, be32);
void text_put_ipv6(struct strbuf *, const struct ipv6_addr *);
/* "/24" or "/255.0.255.0" behind it unless MASK is all ones. */
void text_put_ipv4_masked(struct strbuf *, be32, be32 mask);
void text_put_ipv6_masked(struct strbuf *, const struct ipv6_addr *, const struct ipv6_addr *mask);
/* "no", "yes", "first", "later", "not_later" */
void text_put_frag(struct strbuf *, uint8_t value, uint8_t mask);
/* The length of a prefix mask, or -1. */
int text_ipv6_prefix(const struct ipv6_addr *mask);

/* Each returns how many bytes of TEXT it took, 0 if there is no such thing. */
size_t text_get_mac(const char *text, struct eth_addr *);
size_t text_get_ipv4(const char *text, be32 *);
size_t text_get_ipv6(const char *text, struct ipv6_addr *);
/* Address, and a mask or prefix length if there is one; the address without the bits outside of it. */
char *text_parse_ipv4_masked(const char *text, size_t *used, be32 *, be32 *mask) WARN_UNUSED;
char *text_parse_ipv6_masked(const char *text, size_t *used, struct ipv6_addr *,
                             struct ipv6_addr *mask) WARN_UNUSED;

#endif
