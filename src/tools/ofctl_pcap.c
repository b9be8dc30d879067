/* SPDX-License-Identifier: Apache-2.0 */
/* ofctl: ofp-parse-pcap: the OpenFlow messages in TCP streams over IPv4 that a file of captured packets
 * holds. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "openflow/wire.h"
#include "port/pcap.h"
#include "tools/ofctl.h"

/* One direction of a connection: what has come in order, and not been printed. */
struct half {
    uint32_t src, dst; /* host's byte order */
    uint16_t src_port, dst_port;
    uint32_t next_seq;
    struct bytebuf data;
};
struct streams {
    struct half *halves;
    size_t n, allocated;
    const uint16_t *ports;
    size_t n_ports;
};

struct segment {
    struct half key;
    uint32_t seq;
    bool syn;
    const uint8_t *payload;
    size_t len;
};

/* Is it TCP over IPv4 in one piece? */
static bool dissect(const uint8_t *frame, size_t len, struct segment *s)
{
    struct reader r = reader_of(frame, len);
    get_skip(&r, 12);
    uint16_t type = get_u16(&r);
    while (type == 0x8100 || type == 0x88a8) {
        get_skip(&r, 2);
        type = get_u16(&r);
    }
    if (r.bad || type != 0x800 || r.n < 20 || r.p[0] >> 4 != 4) {
        return false;
    }
    size_t header = (r.p[0] & 15u) * 4, total = ntohs(get_be16(r.p + 2));
    if (header < 20 || total < header || total > r.n || ntohs(get_be16(r.p + 6)) & 0x3fff || r.p[9] != 6) {
        return false;
    }
    s->key = (struct half){.src = ntohl(get_be32(r.p + 12)), .dst = ntohl(get_be32(r.p + 16))};
    struct reader t = reader_of(r.p + header, total - header);
    const uint8_t *tcp = t.p;
    s->key.src_port = get_u16(&t);
    s->key.dst_port = get_u16(&t);
    s->seq = get_u32(&t);
    get_skip(&t, 12);
    if (t.bad) {
        return false;
    }
    size_t options = (tcp[12] >> 4) * 4u;
    s->syn = tcp[13] & 2;
    if (options < 20) {
        return false;
    }
    get_skip(&t, options - 20);
    s->payload = t.p;
    s->len = t.n;
    return !t.bad;
}

static bool is_openflow(const struct streams *st, const struct half *k)
{
    for (size_t i = 0; i < st->n_ports; i++) {
        if (k->src_port == st->ports[i] || k->dst_port == st->ports[i]) {
            return true;
        }
    }
    return false;
}

static struct half *find_half(struct streams *st, const struct segment *s)
{
    for (size_t i = 0; i < st->n; i++) {
        struct half *h = &st->halves[i];
        if (h->src == s->key.src && h->dst == s->key.dst && h->src_port == s->key.src_port &&
            h->dst_port == s->key.dst_port) {
            return h;
        }
    }
    if (st->n == st->allocated) {
        st->halves = x2nrealloc(st->halves, &st->allocated, sizeof *st->halves);
    }
    struct half *h = &st->halves[st->n++];
    *h = s->key;
    h->next_seq = s->seq + s->syn;
    return h;
}

static void print_endpoint(uint32_t ip, uint16_t port)
{
    printf("%u.%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255, port);
}

static void print_messages(struct half *h)
{
    size_t used = 0;
    while (h->data.len - used >= OFP_HEADER_LEN) {
        const uint8_t *m = h->data.data + used;
        size_t len = ofp_msg_len(m);
        if (!len || len > h->data.len - used) {
            break;
        }
        print_endpoint(h->src, h->src_port);
        printf(" > ");
        print_endpoint(h->dst, h->dst_port);
        struct ofp_print opt = {.verbosity = ofctl_options.verbosity + 1, .palette = ofctl_options.palette};
        char *text = ofp_to_string(m, len, &opt);
        printf(":\n%s", text);
        free(text);
        used += len;
    }
    bytebuf_pull(&h->data, used);
}

void ofctl_ofp_parse_pcap(int argc, char **argv)
{
    uint16_t ports[64] = {6633, 6653};
    struct streams st = {.ports = ports, .n_ports = 2};
    struct pcap_packets packets;
    if (argc > 2) {
        st.n_ports = 0;
        for (int i = 2; i < argc && st.n_ports < ARRAY_SIZE(ports); i++) {
            ports[st.n_ports++] = strtoul(argv[i], NULL, 10);
        }
    }
    ofctl_check(pcap_load(argv[1], &packets));
    const uint8_t *frame = packets.bytes;
    for (size_t i = 0; i < packets.n; frame += packets.lengths[i++]) {
        struct segment s;
        if (!dissect(frame, packets.lengths[i], &s) || !is_openflow(&st, &s.key)) {
            continue;
        }
        struct half *h = find_half(&st, &s);
        if (s.syn) {
            h->next_seq = s.seq + 1;
            bytebuf_clear(&h->data);
        }
        /* What was there already is passed over; a gap begins anew behind it. */
        uint32_t ahead = h->next_seq - s.seq;
        if (ahead && ahead <= s.len) {
            s.payload += ahead;
            s.len -= ahead;
        } else if (ahead && (int32_t)ahead > 0) {
            continue;
        } else if (ahead) {
            bytebuf_clear(&h->data);
            h->next_seq = s.seq;
        }
        bytebuf_put(&h->data, s.payload, s.len);
        h->next_seq = (ahead ? h->next_seq : s.seq) + (uint32_t)s.len;
        print_messages(h);
    }
    for (size_t i = 0; i < st.n; i++) {
        bytebuf_fini(&st.halves[i].data);
    }
    free(st.halves);
    pcap_packets_fini(&packets);
}
