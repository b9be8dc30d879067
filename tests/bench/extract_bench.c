/* SPDX-License-Identifier: Apache-2.0 */
/* Cycles (of the time stamp counter) that extraction takes a packet, in batches of 32 that fit the cache.
 * usage: extract_bench [ROUNDS] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <x86intrin.h>

#include "flow/compose.h"
#include "flow/dpkey_text.h"
#include "flow/extract.h"

static const struct {
    const char *name, *key;
} kinds[] = {
    {"UDP", "eth(src=00:00:00:00:00:01,dst=00:00:00:00:00:02),eth_type(0x0800),"
            "ipv4(src=1.2.3.4,dst=2.3.4.5,proto=17,ttl=64,frag=no),udp(src=1,dst=2)"},
    {"TCP", "eth(src=00:00:00:00:00:01,dst=00:00:00:00:00:02),eth_type(0x0800),"
            "ipv4(src=1.2.3.4,dst=2.3.4.5,proto=6,ttl=64,frag=no),tcp(src=1,dst=2),tcp_flags(ack)"},
    {"tagged UDP",
     "eth(src=00:00:00:00:00:01,dst=00:00:00:00:00:02),eth_type(0x8100),vlan(vid=5,pcp=0),"
     "encap(eth_type(0x0800),ipv4(src=1.2.3.4,dst=2.3.4.5,proto=17,ttl=64,frag=no),udp(src=1,dst=2))"},
    {"ICMP", "eth(src=00:00:00:00:00:01,dst=00:00:00:00:00:02),eth_type(0x0800),"
             "ipv4(src=1.2.3.4,dst=2.3.4.5,proto=1,ttl=64,frag=no),icmp(type=8,code=0)"},
    {"UDP over IPv6", "eth(src=00:00:00:00:00:01,dst=00:00:00:00:00:02),eth_type(0x86dd),"
                      "ipv6(src=::1,dst=::2,proto=17,hlimit=64,frag=no),udp(src=1,dst=2)"},
    {"ARP",
     "eth(src=00:00:00:00:00:01,dst=00:00:00:00:00:02),eth_type(0x0806),arp(sip=1.2.3.4,tip=2.3.4.5,op=1)"},
};

static struct flow_key keys[BATCH_SIZE];

int main(int argc, char **argv)
{
    unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 200000;
    struct packet_pool *pool = packet_pool_create(1024, 0);

    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        struct flow_key key;
        uint16_t blocks[BATCH_SIZE];
        struct packet_batch batch;
        char *error = dpkey_parse(kinds[k].key, NULL, &key, NULL, NULL);
        if (error) {
            fprintf(stderr, "%s: %s\n", kinds[k].name, error);
            return 1;
        }
        batch_init(&batch);
        for (unsigned i = 0; i < BATCH_SIZE; i++) {
            key.tp_src = (be16)i;
            struct packet *p = flow_compose(pool, &key, NULL, 0);
            p->in_port = 1;
            batch_add(&batch, p);
        }
        unsigned long long best = ~0ull, sum = 0;
        for (unsigned r = 0; r < rounds; r++) {
            unsigned long long start = __rdtsc();
            flow_extract_batch(&batch, keys, blocks);
            unsigned long long cycles = __rdtsc() - start;
            best = cycles < best ? cycles : best;
            sum += cycles;
        }
        printf("%-14s %6.1f cycles a packet (best batch %.1f)\n", kinds[k].name,
               (double)sum / rounds / BATCH_SIZE, (double)best / BATCH_SIZE);
        batch_free(&batch);
    }
    packet_pool_destroy(pool);
    return 0;
}
