/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 0. Integers in network byte order by name, addresses, and unaligned access. Header-only and free of
 * libc beyond <stdint.h>, so that eBPF programs can share it.
 *
 * A `be16`, `be32` or `be64` holds a value in network byte order; convert with `htobe*` and `be*toh`
 * (<endian.h>) or the constant forms CONST_BE16 and CONST_BE32 below. */
#ifndef BASE_TYPES_H
#define BASE_TYPES_H 1

#include <stdbool.h>
#include <stdint.h>

typedef uint16_t be16;
typedef uint32_t be32;
typedef uint64_t be64;

#define CONST_BE16(X) ((be16)__builtin_bswap16((uint16_t)(X)))
#define CONST_BE32(X) ((be32)__builtin_bswap32((uint32_t)(X)))
#define CONST_BE64(X) ((be64)__builtin_bswap64((uint64_t)(X)))
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "CONST_BE* assume a little-endian host"
#endif

struct eth_addr {
    uint8_t ea[6];
};

/* An IPv6 address; aligned to 4 as it stands in packets of ours and in the flow key. */
struct ipv6_addr {
    union {
        uint8_t u8[16];
        be32 be32[4];
    };
};

/* 128 bits in network byte order: ct_label, xxreg. */
typedef struct {
    union {
        uint8_t u8[16];
        be32 be32[4];
    };
} be128;

static inline be16 get_be16(const void *p)
{
    be16 v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}
static inline be32 get_be32(const void *p)
{
    be32 v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}
static inline be64 get_be64(const void *p)
{
    be64 v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}
static inline void put_be16(void *p, be16 v)
{
    __builtin_memcpy(p, &v, sizeof v);
}
static inline void put_be32(void *p, be32 v)
{
    __builtin_memcpy(p, &v, sizeof v);
}
static inline void put_be64(void *p, be64 v)
{
    __builtin_memcpy(p, &v, sizeof v);
}

#endif
