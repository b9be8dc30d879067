/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 0. Memory that is there or the process ends: no caller checks for NULL. Any thread.
 * Not for the forwarding path, which takes its memory from pools made beforehand. */
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H 1

#include <stdarg.h>
#include <stddef.h>

#include "base/compiler.h"

void *xmalloc(size_t) MALLOC_LIKE;
void *xcalloc(size_t n, size_t size) MALLOC_LIKE; /* zeroed; the product is checked */
void *xzalloc(size_t) MALLOC_LIKE;                /* zeroed */
void *xrealloc(void *, size_t);
void *xmemdup(const void *, size_t) MALLOC_LIKE;
char *xmemdup0(const char *, size_t) MALLOC_LIKE; /* adds a final NUL */
char *xstrdup(const char *) MALLOC_LIKE;
char *xstrdup_or_null(const char *) MALLOC_LIKE;
char *xasprintf(const char *format, ...) PRINTF_FORMAT(1, 2) MALLOC_LIKE;
char *xvasprintf(const char *format, va_list) PRINTF_FORMAT(1, 0) MALLOC_LIKE;

/* Room for one more element in the array P of *N allocated elements of SIZE bytes: grows by half, updates *N.
 */
void *x2nrealloc(void *p, size_t *n, size_t size);

/* SIZE bytes, zeroed, on cache line boundaries of its own. Free with free(). */
void *xzalloc_cacheline(size_t size) MALLOC_LIKE;

/* SIZE bytes, zeroed, in huge pages where the host has them: for tables that are looked up at random, which
 * would otherwise wait for page tables. Rounded up to HUGE_PAGE_SIZE, all of it resident. Free with free().
 */
#define HUGE_PAGE_SIZE (2u << 20)
void *xzalloc_huge(size_t size) MALLOC_LIKE;

/* Ends the process: "out of memory". */
void out_of_memory(void) NO_RETURN;

#endif
