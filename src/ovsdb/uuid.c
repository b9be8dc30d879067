/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb/uuid.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

/* Random bytes are drawn from the kernel a page at a time: an insert costs no system call of its own. */
void uuid_random(struct uuid *u)
{
    static _Thread_local uint8_t pool[1024];
    static _Thread_local size_t left;

    if (left < sizeof *u) {
        size_t have = 0;
        while (have < sizeof pool) {
            ssize_t n = getrandom(pool + have, sizeof pool - have, 0);
            if (n > 0) {
                have += (size_t)n;
            }
        }
        left = sizeof pool;
    }
    left -= sizeof *u;
    memcpy(u, pool + left, sizeof *u);
    u->bytes[6] = (u->bytes[6] & 0x0f) | 0x40;
    u->bytes[8] = (u->bytes[8] & 0x3f) | 0x80;
}

static bool is_dash_position(int i)
{
    return i == 8 || i == 13 || i == 18 || i == 23;
}

void uuid_format(const struct uuid *u, char text[UUID_LEN + 1])
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *b = u->bytes;

    for (int i = 0; i < UUID_LEN;) {
        if (is_dash_position(i)) {
            text[i++] = '-';
            continue;
        }
        text[i++] = digits[*b >> 4];
        text[i++] = digits[*b++ & 15];
    }
    text[UUID_LEN] = '\0';
}

static int hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

bool uuid_parse_prefix(struct uuid *u, const char *text)
{
    if (uuid_partial_length(text) != UUID_LEN) {
        memset(u, 0, sizeof *u);
        return false;
    }
    for (int i = 0, n = 0; i < UUID_LEN;) {
        if (is_dash_position(i)) {
            i++;
            continue;
        }
        u->bytes[n++] = (uint8_t)(hex_value(text[i]) << 4 | hex_value(text[i + 1]));
        i += 2;
    }
    return true;
}

bool uuid_parse(struct uuid *u, const char *text)
{
    if (uuid_parse_prefix(u, text) && text[UUID_LEN] == '\0') {
        return true;
    }
    memset(u, 0, sizeof *u);
    return false;
}

int uuid_partial_length(const char *text)
{
    int i;
    for (i = 0; i < UUID_LEN; i++) {
        if (is_dash_position(i) ? text[i] != '-' : hex_value(text[i]) < 0) {
            break;
        }
    }
    return i;
}
