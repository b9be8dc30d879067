/* SPDX-License-Identifier: Apache-2.0 */
/* Cycles per packet of the journey itself: a pcap replayed from memory through extraction, lookup and actions
 * into a null port, on one forwarding thread, with flows put in by hand; and the floor under it: the same
 * ports, nobody looking at the packets. With rules and the slow path: tests/bench/run.
 *
 * usage: journey_bench DIR [S1|S2|S3|S4]  DIR: where mkpcap.py wrote its files; one scenario alone
 *        journey_bench --floor PCAP...    only the floor: what the two ports cost when nobody looks at the
 * packets */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "action/action.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/rcu.h"
#include "base/smap.h"
#include "datapath/datapath.h"
#include "datapath/dp.h"
#include "dpif/dpif.h"
#include "flow/extract.h"
#include "port/pcap.h"

static struct datapath *dp;
static const char *dir, *only; /* only: the scenario's prefix, or NULL */

static uint32_t add_port(const char *name, const char *type, const char *pcap)
{
    struct smap options = SMAP_INITIALIZER;
    uint32_t port_no = PACKET_NO_PORT;
    char *error = NULL;
    if (pcap) {
        smap_set_format(&options, "file", "%s/%s", dir, pcap);
    }
    if (dp->ops->port_add(dp, name, type, &options, &port_no, &error)) {
        fprintf(stderr, "%s\n", error);
        exit(1);
    }
    smap_fini(&options);
    return port_no;
}

static void put(const struct flow_key *key, const struct flow_mask *mask, uint32_t out)
{
    struct bytebuf actions = BYTEBUF_INITIALIZER;
    dp_actions_put_output(&actions, out);
    struct dp_flow_desc desc = {.ufid = dpif_flow_ufid(key, mask),
                                .key = key,
                                .mask = mask,
                                .actions = actions.data,
                                .actions_len = actions.len};
    dp->ops->flow_put(dp, &desc, DP_PUT_CREATE, NULL);
    bytebuf_fini(&actions);
}

static void common_mask(struct flow_mask *mask)
{
    memset(mask, 0, sizeof *mask);
    mask->blocks = 1;
    mask->bits.in_port = mask->bits.recirc_id = mask->bits.packet_type = UINT32_MAX;
    mask->bits.dl_type = 0xffff;
    mask->bits.nw_frag = 3;
}

/* A flow for each different frame of the file, under MASK. */
static void put_each(const char *pcap, const struct flow_mask *mask, uint32_t in, uint32_t out)
{
    char *path, *error = NULL;
    struct pcap_packets packets;
    struct packet_pool *pool = packet_pool_create_heap();
    path = xasprintf("%s/%s", dir, pcap);
    error = pcap_load(path, &packets);
    if (error) {
        fprintf(stderr, "%s\n", error);
        exit(1);
    }
    const uint8_t *p = packets.bytes;
    for (size_t i = 0; i < packets.n; i++) {
        struct flow_key key;
        struct packet *packet = packet_from_bytes(pool, p, packets.lengths[i]);
        p += packets.lengths[i];
        packet->in_port = in;
        flow_key_extract_complete(packet, &key);
        put(&key, mask, out);
        packet_free(packet);
    }
    pcap_packets_fini(&packets);
    packet_pool_destroy(pool);
    free(path);
}

/* Seconds of processor time that the forwarding thread had: what else the machine does is left out. */
static double forwarding_seconds(void)
{
    clockid_t clock;
    struct timespec ts = {0, 0};
    if (!pthread_getcpuclockid(dp_cast(dp)->threads[0]->pthread, &clock)) {
        clock_gettime(clock, &ts);
    }
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double measure(void)
{
    struct forwarder_stats before, after;
    usleep(500000);
    forwarder_sum(dp_cast(dp), &before);
    uint64_t start = clock_cycles();
    double begin = forwarding_seconds(), wall = (double)clock_us() / 1e6;
    usleep(1500000);
    forwarder_sum(dp_cast(dp), &after);
    double used = forwarding_seconds() - begin;
    double hz = (double)(clock_cycles() - start) / ((double)clock_us() / 1e6 - wall);
    return used * hz / (double)(after.received - before.received);
}

static void scenario(const char *name, const char *pcap, unsigned which)
{
    char *error = NULL;
    struct flow_mask mask;
    struct dp_stats stats;
    if (only && strncmp(name, only, strlen(only))) {
        return;
    }
    datapath_set_threads(1);
    if (dpif_open("netdev", NULL, &dp, &error)) {
        fprintf(stderr, "%s\n", error);
        exit(1);
    }
    uint32_t out = add_port("null0", "null", NULL), in = 2;
    common_mask(&mask);
    if (which >= 2) {
        mask.bits.nw_dst = UINT32_MAX;
    }
    if (which == 4) {
        mask.bits.nw_src = UINT32_MAX;
        mask.bits.nw_proto = 0xff;
        mask.bits.tp_src = mask.bits.tp_dst = 0xffff;
    }
    put_each(pcap, &mask, in, out);
    if (add_port("replay0", "pcap", pcap) != in) {
        fprintf(stderr, "the replay port has another number than %u\n", in);
        exit(1);
    }
    double cycles = measure();
    dp->ops->get_stats(dp, &stats);
    printf("%-24s %8.1f cycles/packet  %7llu flows %3u masks  cache %.1f%%\n", name, cycles,
           (unsigned long long)stats.n_flows, stats.n_masks,
           100.0 * (double)stats.n_cache_hit / (double)MAX(stats.n_hit, 1));
    dpif_close(dp);
}

/* Cycles of this thread's own processor time, so that what else the machine does is left out. */
static double thread_seconds(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void floor_of(const char *pcap)
{
    struct smap options = SMAP_INITIALIZER;
    struct vport *in, *out;
    char *error = NULL;
    struct packet_pool *pool = packet_pool_create(8192, 256);
    struct vport_tx tx = {.pool = pool};
    smap_set(&options, "file", pcap);
    if (vport_open("pcap", "replay0", &options, &in, &error) ||
        vport_open("null", "null0", NULL, &out, &error)) {
        fprintf(stderr, "%s\n", error);
        exit(1);
    }
    uint64_t packets = 0, start = clock_cycles();
    double begin = thread_seconds(), wall = (double)clock_us() / 1e6, used;
    do {
        for (int i = 0; i < 1000; i++) {
            struct packet_batch batch;
            batch_init(&batch);
            in->ops->rxq_recv(in->rxqs[0], pool, &batch);
            packets += batch.n;
            vport_send(out, &tx, &batch);
        }
        used = thread_seconds() - begin;
    } while (used < 1);
    double hz = (double)(clock_cycles() - start) / ((double)clock_us() / 1e6 - wall);
    const char *name = strrchr(pcap, '/');
    printf("%-28s %8.1f cycles/packet\n", name ? name + 1 : pcap, used * hz / (double)packets);
    vport_close(in);
    vport_close(out);
    packet_pool_destroy(pool);
    smap_fini(&options);
}

int main(int argc, char *argv[])
{
    if (argc > 2 && !strcmp(argv[1], "--floor")) {
        rcu_register();
        for (int i = 2; i < argc; i++) {
            floor_of(argv[i]);
        }
        rcu_unregister();
        return 0;
    }
    if (argc != 2 && argc != 3) {
        fprintf(stderr, "usage: journey_bench DIR [S1|S2|S3|S4]\n");
        return 2;
    }
    dir = argv[1];
    only = argv[2];
    rcu_register();
    rcu_offline();
    datapath_register(false, false);
    scenario("S1-one-flow", "flows-1.pcap", 1);
    scenario("S2-1k-flows", "flows-1000.pcap", 2);
    scenario("S3-100k-flows", "flows-100000.pcap", 2);
    scenario("S4-100k-megaflows", "flows-100000.pcap", 4);
    rcu_online();
    rcu_unregister();
    return 0;
}
