/* SPDX-License-Identifier: Apache-2.0 */
#include "port/pcap.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/types.h"

#define MAGIC_US       0xa1b2c3d4u
#define MAGIC_NS       0xa1b23c4du
#define LINK_ETHERNET  1
#define MAX_PACKET_LEN 262144

struct file_header {
    uint32_t magic;
    uint16_t major, minor;
    int32_t zone;
    uint32_t accuracy, snap_len, link_type;
};

struct packet_header {
    uint32_t seconds, fraction, captured, original;
};

struct pcap_writer {
    FILE *file;
    pthread_mutex_t mutex; /* of `file` */
    _Atomic unsigned refs;
};

int pcap_writer_open(const char *file, struct pcap_writer **writerp)
{
    *writerp = NULL;
    FILE *f = fopen(file, "wbe");
    if (!f) {
        return errno;
    }
    const struct file_header h = {
        .magic = MAGIC_US, .major = 2, .minor = 4, .snap_len = MAX_PACKET_LEN, .link_type = LINK_ETHERNET};
    if (fwrite(&h, sizeof h, 1, f) != 1 || fflush(f)) {
        int error = errno;
        fclose(f);
        return error;
    }
    struct pcap_writer *w = xzalloc(sizeof *w);
    w->file = f;
    w->refs = 1;
    pthread_mutex_init(&w->mutex, NULL);
    *writerp = w;
    return 0;
}

struct pcap_writer *pcap_writer_ref(struct pcap_writer *w)
{
    w->refs++;
    return w;
}

void pcap_writer_unref(struct pcap_writer *w)
{
    if (w && --w->refs == 0) {
        fclose(w->file);
        pthread_mutex_destroy(&w->mutex);
        free(w);
    }
}

void pcap_write(struct pcap_writer *w, const void *data, size_t len)
{
    int64_t now = clock_wall_ms();
    const struct packet_header h = {.seconds = (uint32_t)(now / 1000),
                                    .fraction = (uint32_t)(now % 1000 * 1000),
                                    .captured = (uint32_t)len,
                                    .original = (uint32_t)len};
    pthread_mutex_lock(&w->mutex);
    /* A full disk shows when the file is read: forwarding goes on. */
    if (fwrite(&h, sizeof h, 1, w->file) != 1 || fwrite(data, 1, len, w->file) != len || fflush(w->file)) {
        clearerr(w->file);
    }
    pthread_mutex_unlock(&w->mutex);
}

static uint32_t read_u32(const void *p, bool swap)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return swap ? __builtin_bswap32(v) : v;
}

char *pcap_parse(const uint8_t *data, size_t len, struct pcap_packets *out)
{
    memset(out, 0, sizeof *out);
    if (len < sizeof(struct file_header)) {
        return xasprintf("%zu bytes: too short for a pcap file's header of %zu", len,
                         sizeof(struct file_header));
    }
    uint32_t magic = read_u32(data, false);
    bool swap = magic == __builtin_bswap32(MAGIC_US) || magic == __builtin_bswap32(MAGIC_NS);
    if (!swap && magic != MAGIC_US && magic != MAGIC_NS) {
        return xasprintf("first four bytes %08x: not a pcap file", magic);
    }
    uint32_t link = read_u32(data + offsetof(struct file_header, link_type), swap) & 0xffff;
    if (link != LINK_ETHERNET) {
        return xasprintf("link type %u: expected Ethernet (1)", link);
    }
    size_t allocated = 0;
    out->bytes = xmalloc(len);
    for (size_t ofs = sizeof(struct file_header); ofs < len;) {
        uint32_t n;
        if (len - ofs < sizeof(struct packet_header) ||
            (n = read_u32(data + ofs + offsetof(struct packet_header, captured), swap)) >
                len - ofs - sizeof(struct packet_header) ||
            n > MAX_PACKET_LEN) {
            char *error = xasprintf("packet %zu, at byte %zu, is cut off", out->n + 1, ofs);
            pcap_packets_fini(out);
            return error;
        }
        ofs += sizeof(struct packet_header);
        if (out->n >= allocated) {
            out->lengths = x2nrealloc(out->lengths, &allocated, sizeof *out->lengths);
        }
        memcpy(out->bytes + out->n_bytes, data + ofs, n);
        out->lengths[out->n++] = n;
        out->n_bytes += n;
        ofs += n;
    }
    return NULL;
}

char *pcap_load(const char *file, struct pcap_packets *out)
{
    memset(out, 0, sizeof *out);
    FILE *f = fopen(file, "rbe");
    if (!f) {
        return xasprintf("%s: %s", file, strerror(errno));
    }
    size_t len = 0, allocated = 0;
    uint8_t *data = NULL;
    do {
        allocated += allocated / 2 + 65536;
        data = xrealloc(data, allocated);
        len += fread(data + len, 1, allocated - len, f);
    } while (len == allocated);
    bool bad = ferror(f);
    fclose(f);
    char *error = bad ? xasprintf("cannot be read") : pcap_parse(data, len, out);
    free(data);
    if (error) {
        char *whole = xasprintf("%s: %s", file, error);
        free(error);
        return whole;
    }
    return NULL;
}

void pcap_packets_fini(struct pcap_packets *p)
{
    free(p->lengths);
    free(p->bytes);
    memset(p, 0, sizeof *p);
}
