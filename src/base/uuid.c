/* SPDX-License-Identifier: Apache-2.0 */
#include "base/uuid.h"

#include <ctype.h>
#include <strings.h>

#include "base/random.h"

void uuid_generate(struct uuid *u)
{
    random_bytes(u, sizeof *u);
    u->b[6] = (u->b[6] & 0x0f) | 0x40;
    u->b[8] = (u->b[8] & 0x3f) | 0x80;
}

static bool is_dash(size_t position)
{
    return position == 8 || position == 13 || position == 18 || position == 23;
}

char *uuid_format(const struct uuid *u, char out[UUID_TEXT_LEN + 1])
{
    static const char digits[] = "0123456789abcdef";
    char *p = out;
    for (size_t i = 0; i < sizeof u->b; i++) {
        if (is_dash((size_t)(p - out))) {
            *p++ = '-';
        }
        *p++ = digits[u->b[i] >> 4];
        *p++ = digits[u->b[i] & 15];
    }
    *p = '\0';
    return out;
}

size_t uuid_partial_match_len(const char *s)
{
    size_t i = 0;
    while (i < UUID_TEXT_LEN && (is_dash(i) ? s[i] == '-' : isxdigit((unsigned char)s[i]))) {
        i++;
    }
    return i;
}

static uint8_t digit_value(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

bool uuid_parse_prefix(struct uuid *u, const char *s)
{
    memset(u, 0, sizeof *u);
    if (uuid_partial_match_len(s) != UUID_TEXT_LEN) {
        return false;
    }
    for (size_t i = 0, n = 0; i < UUID_TEXT_LEN; i++) {
        if (!is_dash(i)) {
            u->b[n / 2] = (uint8_t)((u->b[n / 2] << 4) | digit_value(s[i]));
            n++;
        }
    }
    return true;
}

bool uuid_parse(struct uuid *u, const char *s)
{
    if (uuid_parse_prefix(u, s) && !s[UUID_TEXT_LEN]) {
        return true;
    }
    memset(u, 0, sizeof *u);
    return false;
}

bool uuid_text_starts_with(const struct uuid *u, const char *prefix)
{
    char text[UUID_TEXT_LEN + 1];
    return !strncasecmp(uuid_format(u, text), prefix, strlen(prefix));
}
