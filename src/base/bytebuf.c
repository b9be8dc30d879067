/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bytebuf.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

void bytebuf_init(struct bytebuf *b)
{
    *b = (struct bytebuf)BYTEBUF_INITIALIZER;
}

void bytebuf_fini(struct bytebuf *b)
{
    if (b) {
        free(b->data);
        bytebuf_init(b);
    }
}

void bytebuf_clear(struct bytebuf *b)
{
    b->len = 0;
}

void bytebuf_truncate(struct bytebuf *b, size_t len)
{
    b->len = MIN(b->len, len);
}

void *bytebuf_steal(struct bytebuf *b)
{
    void *data = b->data;
    bytebuf_init(b);
    return data;
}

void bytebuf_reserve(struct bytebuf *b, size_t n)
{
    if (b->len + n > b->allocated) {
        b->allocated = MAX(b->allocated * 2, MAX(b->len + n, 64));
        b->data = xrealloc(b->data, b->allocated);
    }
}

void *bytebuf_put_uninit(struct bytebuf *b, size_t n)
{
    if (!n && !b->data) {
        return NULL; /* NULL + 0 is undefined */
    }
    bytebuf_reserve(b, n);
    void *p = b->data + b->len;
    b->len += n;
    return p;
}

void *bytebuf_put_zeros(struct bytebuf *b, size_t n)
{
    void *p = bytebuf_put_uninit(b, n);
    if (n) {
        memset(p, 0, n);
    }
    return p;
}

void *bytebuf_put(struct bytebuf *b, const void *data, size_t n)
{
    void *p = bytebuf_put_uninit(b, n);
    if (n) {
        memcpy(p, data, n);
    }
    return p;
}

void bytebuf_pull(struct bytebuf *b, size_t n)
{
    if (n) {
        memmove(b->data, b->data + n, b->len - n);
        b->len -= n;
    }
}

void *bytebuf_insert_uninit(struct bytebuf *b, size_t offset, size_t n)
{
    bytebuf_reserve(b, n);
    memmove(b->data + offset + n, b->data + offset, b->len - offset);
    b->len += n;
    return b->data + offset;
}

void bytebuf_pad(struct bytebuf *b, size_t align)
{
    bytebuf_put_zeros(b, ROUND_UP(b->len, align) - b->len);
}
