/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 3. Sets of bits with names, in text: "syn|ack" where every bit counts, "+syn-ack" under a mask.
 * Thread-safety: pure functions and constant data. */
#ifndef FLOW_FLAGS_H
#define FLOW_FLAGS_H 1

#include "base/strbuf.h"

struct flag_name {
    uint32_t bit;
    const char *name;
};

/* Each ends with a bit of 0. Bits are in host byte order. */
extern const struct flag_name flag_names_ct_state[];
extern const struct flag_name flag_names_tcp[];
extern const struct flag_name flag_names_tunnel[];     /* tun_flags of a match: oam alone */
extern const struct flag_name flag_names_tunnel_all[]; /* the datapath's: oam, df, csum, key */

/* "a|b", "0"; bits without a name as "0x...". */
void flags_format(struct strbuf *, const struct flag_name *, uint32_t flags);
/* "+a-b" of the bits in MASK; all of ALL in the mask: as flags_format(). */
void flags_format_masked(struct strbuf *, const struct flag_name *, uint32_t flags, uint32_t mask,
                         uint32_t all);
/* "a|b", "0x21", "0x1/0x3" (a hexadecimal value under a mask), "+a-b". LEN bytes at TEXT. Bits outside of ALL
 * are an error. Errors end with "unknown WHAT flag(s)". */
char *flags_parse(const char *text, size_t len, const struct flag_name *, const char *what, uint32_t all,
                  uint32_t *flags, uint32_t *mask) WARN_UNUSED;

#endif
