/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 0. UUIDs (RFC 4122): 16 bytes in the order in which they are written. Thread-safety: any thread. */
#ifndef BASE_UUID_H
#define BASE_UUID_H 1

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/compiler.h"
#include "base/hash.h"

#define UUID_TEXT_LEN 36

struct uuid {
    uint8_t b[16];
};

void uuid_generate(struct uuid *); /* version 4, random */
/* Writes "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx" and a NUL. Returns OUT. */
char *uuid_format(const struct uuid *, char out[UUID_TEXT_LEN + 1]);
/* The whole of S must be a UUID; upper and lower case are alike. False, with *U zeroed, if not. */
bool uuid_parse(struct uuid *, const char *s);
/* The same for the start of S: as uuid_parse(), but text may follow the 36 characters. */
bool uuid_parse_prefix(struct uuid *, const char *s);
/* How many leading characters of S could be the start of a UUID as text: 0 to 36. */
size_t uuid_partial_match_len(const char *s);
/* Whether the text of the UUID starts with PREFIX, in any case of letters. */
bool uuid_text_starts_with(const struct uuid *, const char *prefix);

static inline bool uuid_equal(const struct uuid *a, const struct uuid *b)
{
    return !memcmp(a, b, sizeof *a);
}
static inline int uuid_compare(const struct uuid *a, const struct uuid *b) /* as text sorts */
{
    return memcmp(a, b, sizeof *a);
}
static inline bool uuid_is_zero(const struct uuid *u)
{
    static const struct uuid zero;
    return uuid_equal(u, &zero);
}
static inline uint32_t uuid_hash(const struct uuid *u)
{
    return hash_bytes(u, sizeof *u, 0);
}

#endif
