/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 1. MPLS label stack entries (RFC 3032). Plain data. */
#ifndef WIRE_MPLS_H
#define WIRE_MPLS_H 1

#include "base/types.h"

#define MPLS_LSE_LEN     4
#define MPLS_LABEL_SHIFT 12
#define MPLS_TC_SHIFT    9
#define MPLS_BOS_SHIFT   8
#define MPLS_TTL_SHIFT   0
#define MPLS_LABEL_MASK  0xfffff000
#define MPLS_TC_MASK     0x00000e00
#define MPLS_BOS_MASK    0x00000100
#define MPLS_TTL_MASK    0x000000ff

static inline uint32_t mpls_lse_label(be32 lse)
{
    return CONST_BE32(lse) >> MPLS_LABEL_SHIFT;
}
static inline uint8_t mpls_lse_tc(be32 lse)
{
    return (CONST_BE32(lse) >> MPLS_TC_SHIFT) & 7;
}
static inline uint8_t mpls_lse_bos(be32 lse)
{
    return (CONST_BE32(lse) >> MPLS_BOS_SHIFT) & 1;
}
static inline uint8_t mpls_lse_ttl(be32 lse)
{
    return CONST_BE32(lse) & MPLS_TTL_MASK;
}
static inline be32 mpls_lse_make(uint32_t label, uint8_t tc, uint8_t bos, uint8_t ttl)
{
    return CONST_BE32((label << MPLS_LABEL_SHIFT) | (uint32_t)tc << MPLS_TC_SHIFT |
                      (uint32_t)bos << MPLS_BOS_SHIFT | ttl);
}

#endif
