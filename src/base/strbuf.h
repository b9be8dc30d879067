/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 0. A string that grows. Always NUL-terminated once something was put; `text` is NULL before.
 * Thread-safety: none; the owner serialises. */
#ifndef BASE_STRBUF_H
#define BASE_STRBUF_H 1

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct color_palette;

struct strbuf {
    char *text;
    size_t len;                          /* without the NUL */
    size_t allocated;                    /* bytes at `text` */
    const struct color_palette *palette; /* base/color.h; NULL: plain text */
};

#define STRBUF_INITIALIZER                                                                                   \
    {                                                                                                        \
        NULL, 0, 0, NULL                                                                                     \
    }

void strbuf_init(struct strbuf *);
void strbuf_fini(struct strbuf *);
void strbuf_clear(struct strbuf *); /* empties, keeps the memory */
void strbuf_truncate(struct strbuf *, size_t len);
char *strbuf_reserve(struct strbuf *, size_t n); /* room for N more bytes and a NUL; returns where they go */
char *strbuf_steal(struct strbuf *);             /* the text, the caller's to free; never NULL */
const char *strbuf_text(const struct strbuf *);  /* never NULL */

void strbuf_put(struct strbuf *, const void *, size_t);
void strbuf_put_char(struct strbuf *, char);
void strbuf_put_chars(struct strbuf *, char, size_t n);
void strbuf_puts(struct strbuf *, const char *);
void strbuf_printf(struct strbuf *, const char *format, ...) PRINTF_FORMAT(2, 3);
void strbuf_vprintf(struct strbuf *, const char *format, va_list) PRINTF_FORMAT(2, 0);
void strbuf_chomp(struct strbuf *, char c); /* takes one final C off, if there */
bool strbuf_ends_with(const struct strbuf *, const char *suffix);

#endif
