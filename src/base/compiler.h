/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 0. Words for the compiler: attributes, container_of, static checks. Header-only. */
#ifndef BASE_COMPILER_H
#define BASE_COMPILER_H 1

#include <stddef.h>
#include <stdint.h>

#define likely(X)   __builtin_expect(!!(X), 1)
#define unlikely(X) __builtin_expect(!!(X), 0)

#define ALWAYS_INLINE            inline __attribute__((always_inline))
#define NO_RETURN                __attribute__((noreturn))
#define FALLTHROUGH              __attribute__((fallthrough))
#define PRINTF_FORMAT(FMT, ARG1) __attribute__((format(printf, FMT, ARG1)))
#define WARN_UNUSED              __attribute__((warn_unused_result))
#define MALLOC_LIKE              __attribute__((malloc))
#define PACKED                   __attribute__((packed))

#define CACHE_LINE_SIZE 64
#define CACHE_ALIGNED   __attribute__((aligned(CACHE_LINE_SIZE)))

#define ARRAY_SIZE(A)      (sizeof(A) / sizeof((A)[0]))
#define ROUND_UP(X, Y)     (((X) + (Y)-1) / (Y) * (Y))
#define DIV_ROUND_UP(X, Y) (((X) + (Y)-1) / (Y))
#define MIN(A, B)          ((A) < (B) ? (A) : (B))
#define MAX(A, B)          ((A) > (B) ? (A) : (B))

/* The structure of type TYPE whose member MEMBER is at PTR. */
#define CONTAINER_OF(PTR, TYPE, MEMBER) ((TYPE *)(void *)((char *)(PTR)-offsetof(TYPE, MEMBER)))
/* The same, with the type taken from the pointer OBJ that is to be assigned. */
#define OBJECT_OF(PTR, OBJ, MEMBER)                                                                          \
    ((__typeof__(OBJ))(void *)((char *)(PTR)-offsetof(__typeof__(*(OBJ)), MEMBER)))

#define STATIC_ASSERT(EXPR) _Static_assert(EXPR, #EXPR)
#define NOT_REACHED()       __builtin_unreachable()

#endif
