/* SPDX-License-Identifier: Apache-2.0 */
#include "tunnel/address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

bool tunnel_address_parse(const char *text, struct ipv6_addr *a)
{
    be32 v4;
    if (inet_pton(AF_INET, text, &v4) == 1) {
        *a = tunnel_address_v4(v4);
        return true;
    }
    return inet_pton(AF_INET6, text, a) == 1;
}

void tunnel_address_format(const struct ipv6_addr *a, char text[TUNNEL_ADDRESS_SIZE])
{
    bool v4 = ipv6_addr_is_v4mapped(a);
    inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? (const void *)&a->be32[3] : (const void *)a, text,
              TUNNEL_ADDRESS_SIZE);
}

bool tunnel_prefix_parse(const char *text, struct ipv6_addr *a, unsigned *plen)
{
    char copy[TUNNEL_ADDRESS_SIZE + 8];
    size_t len = strlen(text);
    if (len >= sizeof copy) {
        return false;
    }
    memcpy(copy, text, len + 1);
    char *slash = strchr(copy, '/');
    if (slash) {
        *slash = '\0';
    }
    if (!tunnel_address_parse(copy, a)) {
        return false;
    }
    unsigned most = ipv6_addr_is_v4mapped(a) ? 32 : 128;
    unsigned long n = most;
    if (slash) {
        char *end;
        n = strtoul(slash + 1, &end, 10);
        if (!isdigit((unsigned char)slash[1]) || *end || n > most) {
            return false;
        }
    }
    *plen = (unsigned)n + (128 - most);
    return true;
}

static uint8_t mask_byte(unsigned plen, unsigned i)
{
    unsigned bits = plen > i * 8 ? plen - i * 8 : 0;
    return bits >= 8 ? 0xff : (uint8_t)(0xff00 >> bits);
}

bool tunnel_prefix_covers(const struct ipv6_addr *prefix, unsigned plen, const struct ipv6_addr *a)
{
    for (unsigned i = 0; i < 16; i++) {
        if ((prefix->u8[i] ^ a->u8[i]) & mask_byte(plen, i)) {
            return false;
        }
    }
    return true;
}

void tunnel_prefix_clear(struct ipv6_addr *a, unsigned plen)
{
    for (unsigned i = 0; i < 16; i++) {
        a->u8[i] &= mask_byte(plen, i);
    }
}
