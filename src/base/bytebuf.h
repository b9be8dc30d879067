/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 0. Bytes that grow: for messages and action lists that are built up. Pointers into it are valid until
 * the next put. Thread-safety: none; the owner serialises. */
#ifndef BASE_BYTEBUF_H
#define BASE_BYTEBUF_H 1

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct bytebuf {
    uint8_t *data;
    size_t len;
    size_t allocated;
};

#define BYTEBUF_INITIALIZER                                                                                  \
    {                                                                                                        \
        NULL, 0, 0                                                                                           \
    }

void bytebuf_init(struct bytebuf *);
void bytebuf_fini(struct bytebuf *);
void bytebuf_clear(struct bytebuf *);
void bytebuf_truncate(struct bytebuf *, size_t len);
void *bytebuf_steal(struct bytebuf *); /* the bytes, the caller's to free; may be NULL if empty */
void bytebuf_reserve(struct bytebuf *, size_t n);
/* N more bytes: uninitialised, zeroed, a copy. Each returns where they start. */
void *bytebuf_put_uninit(struct bytebuf *, size_t n);
void *bytebuf_put_zeros(struct bytebuf *, size_t n);
void *bytebuf_put(struct bytebuf *, const void *, size_t n);
/* Takes N bytes off the front, moving the rest down. */
void bytebuf_pull(struct bytebuf *, size_t n);
/* Makes room for N bytes at OFFSET, moving the rest up; uninitialised. */
void *bytebuf_insert_uninit(struct bytebuf *, size_t offset, size_t n);
/* Zeroes appended until the length is a multiple of ALIGN. */
void bytebuf_pad(struct bytebuf *, size_t align);

static inline void *bytebuf_at(const struct bytebuf *b, size_t offset)
{
    return b->data ? b->data + offset : NULL;
}

#endif
