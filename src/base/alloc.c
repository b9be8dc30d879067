/* SPDX-License-Identifier: Apache-2.0 */
#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

void out_of_memory(void)
{
    static const char text[] = "sluice: out of memory\n";
    fwrite(text, 1, sizeof text - 1, stderr);
    abort();
}

static void *checked(void *p)
{
    if (!p) {
        out_of_memory();
    }
    return p;
}

void *xmalloc(size_t size)
{
    return checked(malloc(size ? size : 1));
}

void *xcalloc(size_t n, size_t size)
{
    return checked(n && size ? calloc(n, size) : calloc(1, 1));
}

void *xzalloc(size_t size)
{
    return xcalloc(1, size);
}

void *xrealloc(void *p, size_t size)
{
    return checked(realloc(p, size ? size : 1));
}

void *xmemdup(const void *src, size_t size)
{
    void *p = xmalloc(size);
    if (size) {
        memcpy(p, src, size);
    }
    return p;
}

char *xmemdup0(const char *src, size_t size)
{
    char *p = xmalloc(size + 1);
    if (size) {
        memcpy(p, src, size);
    }
    p[size] = '\0';
    return p;
}

char *xstrdup(const char *s)
{
    return xmemdup0(s, strlen(s));
}

char *xstrdup_or_null(const char *s)
{
    return s ? xstrdup(s) : NULL;
}

char *xvasprintf(const char *format, va_list args)
{
    char *s;
    if (vasprintf(&s, format, args) < 0) {
        out_of_memory();
    }
    return s;
}

char *xasprintf(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *s = xvasprintf(format, args);
    va_end(args);
    return s;
}

void *x2nrealloc(void *p, size_t *n, size_t size)
{
    *n = *n ? *n + *n / 2 + 1 : 4;
    if (size && *n > (size_t)-1 / size) {
        out_of_memory();
    }
    return xrealloc(p, *n * size);
}

void *xzalloc_huge(size_t size)
{
    size_t rounded = ROUND_UP(size ? size : 1, (size_t)HUGE_PAGE_SIZE);
    void *p = checked(aligned_alloc(HUGE_PAGE_SIZE, rounded));
    madvise(p, rounded, MADV_HUGEPAGE); /* where there are none, small pages do */
    memset(p, 0, rounded);
    return p;
}

void *xzalloc_cacheline(size_t size)
{
    size_t rounded = ROUND_UP(size ? size : 1, CACHE_LINE_SIZE);
    void *p = checked(aligned_alloc(CACHE_LINE_SIZE, rounded));
    memset(p, 0, rounded);
    return p;
}
