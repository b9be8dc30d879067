/* SPDX-License-Identifier: Apache-2.0 */
#include "base/random.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static __thread uint64_t state[4];
static __thread bool seeded;

void random_secret(void *buffer, size_t n)
{
    uint8_t *p = buffer;
    while (n) {
        ssize_t got = getrandom(p, n, 0);
        if (got < 0 && errno != EINTR) {
            perror("getrandom");
            abort();
        }
        if (got > 0) {
            p += got;
            n -= (size_t)got;
        }
    }
}

static uint64_t split_mix(uint64_t *x)
{
    uint64_t z = (*x += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

void random_set_seed(uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        state[i] = split_mix(&seed);
    }
    seeded = true;
}

static uint64_t rotate(uint64_t x, int n)
{
    return (x << n) | (x >> (64 - n));
}

uint64_t random_u64(void)
{
    if (!seeded) {
        uint64_t seed;
        random_secret(&seed, sizeof seed);
        random_set_seed(seed);
    }
    uint64_t result = rotate(state[1] * 5, 7) * 9, t = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= t;
    state[3] = rotate(state[3], 45);
    return result;
}

uint32_t random_u32(void)
{
    return (uint32_t)(random_u64() >> 32);
}

uint32_t random_below(uint32_t n)
{
    /* The high half of a 64-bit product; the few low products that would favour small results are redrawn. */
    uint64_t product = (uint64_t)random_u32() * n;
    if ((uint32_t)product < n) {
        uint32_t threshold = -n % n;
        while ((uint32_t)product < threshold) {
            product = (uint64_t)random_u32() * n;
        }
    }
    return (uint32_t)(product >> 32);
}

void random_bytes(void *buffer, size_t n)
{
    uint8_t *p = buffer;
    while (n) {
        uint64_t v = random_u64();
        size_t chunk = n < sizeof v ? n : sizeof v;
        memcpy(p, &v, chunk);
        p += chunk;
        n -= chunk;
    }
}
