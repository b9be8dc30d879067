/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 2. Universally unique identifiers (RFC 4122), as rows of the database have them.
 * Bytes in network order, so that memcmp() gives the order in which their text sorts.
 * Thread-safety: pure functions, but uuid_random(), which any thread may call. */
#ifndef OVSDB_UUID_H
#define OVSDB_UUID_H 1

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/hash.h"

#define UUID_LEN 36 /* characters of the text form, without the NUL */

struct uuid {
    uint8_t bytes[16];
};

void uuid_random(struct uuid *); /* version 4 */
void uuid_format(const struct uuid *, char text[UUID_LEN + 1]);
bool uuid_parse(struct uuid *, const char *text);        /* all of TEXT must be one UUID */
bool uuid_parse_prefix(struct uuid *, const char *text); /* TEXT begins with one */
/* The length of the beginning of TEXT that could be the beginning of a UUID, at most UUID_LEN. */
int uuid_partial_length(const char *text);

static inline int uuid_compare(const struct uuid *a, const struct uuid *b)
{
    return memcmp(a, b, sizeof *a);
}
static inline bool uuid_equal(const struct uuid *a, const struct uuid *b)
{
    return !memcmp(a, b, sizeof *a);
}
static inline bool uuid_is_zero(const struct uuid *a)
{
    static const struct uuid zero;
    return uuid_equal(a, &zero);
}
static inline uint32_t uuid_hash(const struct uuid *a)
{
    return hash_bytes(a, sizeof *a, 0);
}

#endif
