/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 5, for openflow/ itself. Reading bytes that nobody vouches for, and appending integers in network
 * byte order. A reader that is asked for more than it has becomes `bad`, gives zeros, and stays so: a decoder
 * reads on and asks once at the end. Thread-safety: plain data. */
#ifndef OPENFLOW_WIRE_H
#define OPENFLOW_WIRE_H 1

#include <arpa/inet.h>
#include <endian.h>
#include <string.h>

#include "base/bytebuf.h"
#include "base/types.h"

struct tun_md_table;

struct reader {
    const uint8_t *p;
    size_t n; /* bytes left */
    bool bad;
    /* What tun_metadata0 to 63 are: of the switch that reads. NULL: any of them, with any value. */
    const struct tun_md_table *tun_md;
};

static inline struct reader reader_of(const void *p, size_t n)
{
    return (struct reader){.p = p, .n = n};
}
/* N bytes, or NULL (and bad). */
static inline const uint8_t *get_bytes(struct reader *r, size_t n)
{
    if (r->bad || n > r->n) {
        r->bad = true;
        r->n = 0;
        return NULL;
    }
    const uint8_t *p = r->p;
    r->p += n;
    r->n -= n;
    return p;
}
static inline void get_skip(struct reader *r, size_t n)
{
    get_bytes(r, n);
}
/* N bytes that have to be zero; false if one is not. */
static inline bool get_zeros(struct reader *r, size_t n)
{
    const uint8_t *p = get_bytes(r, n);
    for (size_t i = 0; p && i < n; i++) {
        if (p[i]) {
            return false;
        }
    }
    return true;
}
static inline uint8_t get_u8(struct reader *r)
{
    const uint8_t *p = get_bytes(r, 1);
    return p ? *p : 0;
}
static inline uint16_t get_u16(struct reader *r)
{
    const uint8_t *p = get_bytes(r, 2);
    return p ? ntohs(get_be16(p)) : 0;
}
static inline uint32_t get_u32(struct reader *r)
{
    const uint8_t *p = get_bytes(r, 4);
    return p ? ntohl(get_be32(p)) : 0;
}
static inline uint64_t get_u64(struct reader *r)
{
    const uint8_t *p = get_bytes(r, 8);
    return p ? be64toh(get_be64(p)) : 0;
}
/* The next N bytes as a reader of their own. */
static inline struct reader get_sub(struct reader *r, size_t n)
{
    const uint8_t *p = get_bytes(r, n);
    return (struct reader){.p = p, .n = p ? n : 0, .bad = !p, .tun_md = r->tun_md};
}

/* The next property: its type and what is in it (without the header), taken off R with its padding to 8.
 * False: it has no room for its own header, or goes beyond R. */
static inline bool get_property(struct reader *r, uint16_t *type, struct reader *body)
{
    *type = get_u16(r);
    uint16_t len = get_u16(r);
    if (r->bad || len < 4 || (size_t)(len + 7) / 8 * 8 > r->n + 4) {
        return false;
    }
    *body = get_sub(r, len - 4u);
    get_skip(r, (8 - len % 8) % 8);
    return true;
}

static inline void put_u8(struct bytebuf *b, uint8_t v)
{
    bytebuf_put(b, &v, 1);
}
static inline void put_u16(struct bytebuf *b, uint16_t v)
{
    put_be16(bytebuf_put_uninit(b, 2), htons(v));
}
static inline void put_u32(struct bytebuf *b, uint32_t v)
{
    put_be32(bytebuf_put_uninit(b, 4), htonl(v));
}
static inline void put_u64(struct bytebuf *b, uint64_t v)
{
    put_be64(bytebuf_put_uninit(b, 8), htobe64(v));
}
/* Writes at OFFSET what is known only later. */
static inline void set_u16(struct bytebuf *b, size_t offset, uint16_t v)
{
    put_be16(b->data + offset, htons(v));
}
static inline void set_u32(struct bytebuf *b, size_t offset, uint32_t v)
{
    put_be32(b->data + offset, htonl(v));
}
/* Pads what began at START with zeroes to a multiple of ALIGN. */
static inline void put_pad_from(struct bytebuf *b, size_t start, size_t align)
{
    bytebuf_put_zeros(b, (align - (b->len - start) % align) % align);
}

static inline size_t property_begin(struct bytebuf *b, uint16_t type)
{
    size_t start = b->len;
    put_u16(b, type);
    put_u16(b, 0);
    return start;
}
/* Sets its length and pads it to 8. */
static inline void property_end(struct bytebuf *b, size_t start)
{
    set_u16(b, start + 2, b->len - start);
    put_pad_from(b, start, 8);
}

#endif
