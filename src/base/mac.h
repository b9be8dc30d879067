/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 0. Ethernet addresses as text, aa:bb:cc:dd:ee:ff. Header-only. Thread-safety: pure functions. */
#ifndef BASE_MAC_H
#define BASE_MAC_H 1

#include <stdio.h>

#include "base/types.h"

#define MAC_TEXT_SIZE 18 /* with the NUL */

static inline char *mac_format(struct eth_addr mac, char text[MAC_TEXT_SIZE])
{
    const uint8_t *e = mac.ea;
    snprintf(text, MAC_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", e[0], e[1], e[2], e[3], e[4], e[5]);
    return text;
}

/* False, and *MAC as it was, unless the text is wholly an address. */
static inline bool mac_parse(const char *text, struct eth_addr *mac)
{
    unsigned e[6];
    int n = 0;
    if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &e[0], &e[1], &e[2], &e[3], &e[4], &e[5], &n) != 6 || !n ||
        text[n]) {
        return false;
    }
    for (int i = 0; i < 6; i++) {
        mac->ea[i] = (uint8_t)e[i];
    }
    return true;
}

#endif
