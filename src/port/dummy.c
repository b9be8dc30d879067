/* SPDX-License-Identifier: Apache-2.0 */
#include "port/dummy.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "port/dummy_stream.h"
#include "port/kinds.h"
#include "port/pcap.h"

#define MAX_QUEUES 64
#define MAX_QUEUED 4096 /* frames in a receive queue that nobody empties */

/* A frame that has come in. */
struct frame {
    struct list node;
    uint32_t len;
    uint8_t bytes[];
};

struct dummy_rxq {
    struct vport_rxq up;
    struct list frames;      /* struct frame; m */
    unsigned n_frames;       /* m */
    uint64_t packets, bytes; /* m: taken by the datapath */
};

struct dummy_vport {
    struct vport up;
    pthread_mutex_t mutex;               /* of what is marked m, the pcap writers' pointers, and `stream` */
    struct dummy_stream *stream;         /* m; NULL: none */
    char *active, *passive;              /* control: as configured */
    char *pcap, *rxq_pcap, *tx_pcap;     /* control: as configured */
    struct pcap_writer *rx_out, *tx_out; /* m */
    struct vport_dummy_addresses addresses;
    uint64_t rx_dropped;                                   /* m */
    uint64_t tx_packets[MAX_QUEUES], tx_bytes[MAX_QUEUES]; /* m */
};

static struct dummy_vport *dummy_cast(const struct vport *vport)
{
    return CONTAINER_OF(vport, struct dummy_vport, up);
}
static struct dummy_rxq *rxq_cast(struct vport_rxq *rxq)
{
    return CONTAINER_OF(rxq, struct dummy_rxq, up);
}

bool vport_is_dummy(const struct vport *vport)
{
    return vport->ops->is_dummy;
}

static bool replace_text(char **text, const char *new_text)
{
    if (*text ? new_text && !strcmp(*text, new_text) : !new_text) {
        return false;
    }
    free(*text);
    *text = xstrdup_or_null(new_text);
    return true;
}

static char *open_writer(const char *option, const char *file, struct pcap_writer **w)
{
    int error = pcap_writer_open(file, w);
    return error ? xasprintf("options:%s: %s: %s", option, file, strerror(error)) : NULL;
}

static char *set_pcaps(struct dummy_vport *d, const struct smap *options)
{
    bool changed = replace_text(&d->pcap, vport_option(options, "pcap"));
    changed |= replace_text(&d->rxq_pcap, vport_option(options, "rxq_pcap"));
    changed |= replace_text(&d->tx_pcap, vport_option(options, "tx_pcap"));
    if (!changed) {
        return NULL;
    }
    pcap_writer_unref(d->rx_out);
    pcap_writer_unref(d->tx_out);
    d->rx_out = d->tx_out = NULL;
    if (d->pcap) {
        char *error = open_writer("pcap", d->pcap, &d->rx_out);
        if (!error) {
            d->tx_out = pcap_writer_ref(d->rx_out);
        }
        return error;
    }
    if (d->rxq_pcap && d->tx_pcap && !strcmp(d->rxq_pcap, d->tx_pcap)) {
        char *error = open_writer("rxq_pcap", d->rxq_pcap, &d->rx_out);
        if (!error) {
            d->tx_out = pcap_writer_ref(d->rx_out);
        }
        return error;
    }
    char *error = d->rxq_pcap ? open_writer("rxq_pcap", d->rxq_pcap, &d->rx_out) : NULL;
    if (!error && d->tx_pcap) {
        error = open_writer("tx_pcap", d->tx_pcap, &d->tx_out);
    }
    return error;
}

static char *set_streams(struct dummy_vport *d, const struct smap *options)
{
    bool changed = replace_text(&d->active, vport_option(options, "stream"));
    changed |= replace_text(&d->passive, vport_option(options, "pstream"));
    if (!changed) {
        return NULL;
    }
    dummy_stream_destroy(d->stream);
    d->stream = NULL;
    return d->active || d->passive ? dummy_stream_create(d->active, d->passive, d, &d->stream) : NULL;
}

static unsigned wanted_queues(const struct smap *options, const char *key)
{
    int64_t n = options ? smap_get_int(options, key, 1) : 1;
    return (unsigned)(n < 1 ? 1 : MIN(n, MAX_QUEUES));
}

static int dummy_set_options(struct vport *vport, const struct smap *options, char **errorp)
{
    struct dummy_vport *d = dummy_cast(vport);
    if (wanted_queues(options, "n_rxq") != vport->n_rxq || wanted_queues(options, "n_txq") != vport->n_txq) {
        return EAGAIN;
    }
    pthread_mutex_lock(&d->mutex);
    char *error = set_pcaps(d, options);
    if (!error) {
        error = set_streams(d, options);
    }
    pthread_mutex_unlock(&d->mutex);
    struct vport_status status = vport->status;
    status.ifindex = options ? (int)smap_get_int(options, "ifindex", 0) : 0;
    vport_set_status(vport, &status);
    if (error) {
        *errorp = xasprintf("%s: %s", vport->name, error);
        free(error);
        return EINVAL;
    }
    return 0;
}

static void dummy_close(struct vport *vport)
{
    struct dummy_vport *d = dummy_cast(vport);
    dummy_stream_destroy(d->stream);
    pcap_writer_unref(d->rx_out);
    pcap_writer_unref(d->tx_out);
    for (int i = 0; i < vport->n_rxq; i++) {
        struct dummy_rxq *rxq = rxq_cast(vport->rxqs[i]);
        struct frame *f, *next;
        LIST_FOR_EACH_SAFE (f, next, node, &rxq->frames) {
            free(f);
        }
        if (rxq->up.fd >= 0) {
            close(rxq->up.fd);
        }
    }
    free(d->active);
    free(d->passive);
    free(d->pcap);
    free(d->rxq_pcap);
    free(d->tx_pcap);
    pthread_mutex_destroy(&d->mutex);
    vport_fini(vport);
    free(d);
}

static int dummy_make(const struct vport_ops *ops, const char *name, const struct smap *options,
                      struct vport **vportp, char **errorp)
{
    static uint32_t n_made; /* control thread: addresses count up for the life of the process */
    struct dummy_vport *d = xzalloc(sizeof *d);
    pthread_mutex_init(&d->mutex, NULL);
    vport_init(&d->up, ops, name);
    vport_make_rxqs(&d->up, (uint16_t)wanted_queues(options, "n_rxq"), sizeof(struct dummy_rxq));
    d->up.n_txq = (uint16_t)wanted_queues(options, "n_txq");
    for (int i = 0; i < d->up.n_rxq; i++) {
        list_init(&rxq_cast(d->up.rxqs[i])->frames);
        if (!ops->synthetic) {
            d->up.rxqs[i]->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        }
    }
    uint32_t n = n_made++;
    struct vport_status status = {
        .admin_up = true,
        .link_up = true,
        .mac = {{0xaa, 0x55, 0xaa, 0x55, (uint8_t)(n >> 8), (uint8_t)n}},
        .mtu = 1500,
    };
    vport_set_status(&d->up, &status);
    int error = dummy_set_options(&d->up, options, errorp);
    if (error) {
        dummy_close(&d->up);
        return error;
    }
    *vportp = &d->up;
    return 0;
}

static int dummy_open(const char *name, const struct smap *options, struct vport **vportp, char **errorp)
{
    return dummy_make(&vport_ops_dummy, name, options, vportp, errorp);
}
static int dummy_internal_open(const char *name, const struct smap *options, struct vport **vportp,
                               char **errorp)
{
    return dummy_make(&vport_ops_dummy_internal, name, options, vportp, errorp);
}
static int dummy_pmd_open(const char *name, const struct smap *options, struct vport **vportp, char **errorp)
{
    return dummy_make(&vport_ops_dummy_pmd, name, options, vportp, errorp);
}

int vport_dummy_receive(struct vport *vport, uint16_t queue, const void *frame, size_t len)
{
    struct dummy_vport *d = dummy_cast(vport);
    if (queue >= vport->n_rxq || len > PACKET_LARGE_SIZE - PACKET_HEADROOM) {
        return EINVAL;
    }
    struct dummy_rxq *rxq = rxq_cast(vport->rxqs[queue]);
    int error = 0;
    pthread_mutex_lock(&d->mutex);
    if (rxq->n_frames >= MAX_QUEUED) {
        d->rx_dropped++;
        error = ENOBUFS;
    } else {
        struct frame *f = xmalloc(sizeof *f + len);
        f->len = (uint32_t)len;
        memcpy(f->bytes, frame, len);
        list_push_back(&rxq->frames, &f->node);
        rxq->n_frames++;
        if (rxq->up.fd >= 0) {
            uint64_t one = 1;
            error = write(rxq->up.fd, &one, sizeof one) < 0 && errno != EAGAIN ? errno : 0;
        }
    }
    pthread_mutex_unlock(&d->mutex);
    return error;
}

static int dummy_recv(struct vport_rxq *rxq_, struct packet_pool *pool, struct packet_batch *batch)
{
    struct dummy_vport *d = dummy_cast(rxq_->vport);
    struct dummy_rxq *rxq = rxq_cast(rxq_);
    pthread_mutex_lock(&d->mutex);
    while (!list_is_empty(&rxq->frames) && !batch_is_full(batch)) {
        struct frame *f = CONTAINER_OF(list_front(&rxq->frames), struct frame, node);
        struct packet *p = packet_from_bytes(pool, f->bytes, f->len);
        if (!p) {
            break;
        }
        list_remove(&f->node);
        rxq->n_frames--;
        rxq->packets++;
        rxq->bytes += f->len;
        if (d->rx_out) {
            pcap_write(d->rx_out, f->bytes, f->len);
        }
        free(f);
        batch_add(batch, p);
    }
    if (rxq->up.fd >= 0 && list_is_empty(&rxq->frames)) {
        uint64_t count;
        if (read(rxq->up.fd, &count, sizeof count) < 0 && errno != EAGAIN) {
            abort(); /* an eventfd of ours cannot fail in another way */
        }
    }
    pthread_mutex_unlock(&d->mutex);
    return batch->n ? 0 : EAGAIN;
}

static void dummy_send(struct vport *vport, struct vport_tx *tx, struct packet_batch *batch)
{
    struct dummy_vport *d = dummy_cast(vport);
    unsigned queue = tx->queue % vport->n_txq;
    struct packet *p;
    pthread_mutex_lock(&d->mutex);
    BATCH_FOR_EACH (p, batch) {
        d->tx_packets[queue]++;
        d->tx_bytes[queue] += p->len;
        if (d->tx_out) {
            pcap_write(d->tx_out, p->data, p->len);
        }
        if (d->stream) {
            dummy_stream_send(d->stream, p->data, p->len);
        }
    }
    pthread_mutex_unlock(&d->mutex);
    batch_free(batch);
}

static int dummy_get_stats(const struct vport *vport, struct vport_stats *stats)
{
    struct dummy_vport *d = dummy_cast(vport);
    memset(stats, 0xff, sizeof *stats); /* what is not known */
    stats->rx_packets = stats->rx_bytes = stats->tx_packets = stats->tx_bytes = 0;
    pthread_mutex_lock(&d->mutex);
    for (int i = 0; i < vport->n_rxq; i++) {
        stats->rx_packets += rxq_cast(vport->rxqs[i])->packets;
        stats->rx_bytes += rxq_cast(vport->rxqs[i])->bytes;
    }
    for (int i = 0; i < vport->n_txq; i++) {
        stats->tx_packets += d->tx_packets[i];
        stats->tx_bytes += d->tx_bytes[i];
    }
    pthread_mutex_unlock(&d->mutex);
    return 0;
}

static void each_queue_stat(void (*each)(const char *, uint64_t, void *), void *aux, const char *direction,
                            int queue, uint64_t packets, uint64_t bytes)
{
    char name[48];
    snprintf(name, sizeof name, "%s_q%d_packets", direction, queue);
    each(name, packets, aux);
    snprintf(name, sizeof name, "%s_q%d_bytes", direction, queue);
    each(name, bytes, aux);
}

static void dummy_get_custom_stats(const struct vport *vport, void (*each)(const char *, uint64_t, void *),
                                   void *aux)
{
    struct dummy_vport *d = dummy_cast(vport);
    each("rx_custom_packets_1", 0, aux); /* the reference shows these two, always 0 */
    each("rx_custom_packets_2", 0, aux);
    pthread_mutex_lock(&d->mutex);
    for (int i = 0; i < vport->n_rxq; i++) {
        const struct dummy_rxq *rxq = rxq_cast(vport->rxqs[i]);
        each_queue_stat(each, aux, "rx", i, rxq->packets, rxq->bytes);
    }
    for (int i = 0; i < vport->n_txq; i++) {
        each_queue_stat(each, aux, "tx", i, d->tx_packets[i], d->tx_bytes[i]);
    }
    pthread_mutex_unlock(&d->mutex);
}

static int dummy_set_mac(struct vport *vport, struct eth_addr mac)
{
    struct vport_status status = vport->status;
    status.mac = mac;
    vport_set_status(vport, &status);
    return 0;
}

static int dummy_set_mtu(struct vport *vport, int mtu)
{
    if (mtu < 68 || mtu > 65535) {
        return EINVAL;
    }
    struct vport_status status = vport->status;
    status.mtu = mtu;
    vport_set_status(vport, &status);
    return 0;
}

static int dummy_set_admin(struct vport *vport, bool up)
{
    struct vport_status status = vport->status;
    status.admin_up = status.link_up = up;
    vport_set_status(vport, &status);
    return 0;
}

const char *vport_dummy_conn_state(const struct vport *vport)
{
    struct dummy_vport *d = dummy_cast(vport);
    pthread_mutex_lock(&d->mutex);
    const char *state = !d->stream                             ? "unknown"
                        : dummy_stream_is_connected(d->stream) ? "connected"
                                                               : "disconnected";
    pthread_mutex_unlock(&d->mutex);
    return state;
}

struct vport_dummy_addresses *vport_dummy_addresses(struct vport *vport)
{
    return &dummy_cast(vport)->addresses;
}

int vport_dummy_fd(void)
{
    return dummy_stream_fd();
}

int64_t vport_dummy_due(void)
{
    return dummy_stream_due();
}

static void frame_came(void *owner, const void *bytes, size_t len)
{
    struct dummy_vport *d = owner;
    vport_dummy_receive(&d->up, 0, bytes, len); /* a full queue is counted there */
}

void vport_dummy_run(void (*ready)(struct vport *, void *aux), void *aux)
{
    dummy_stream_run(frame_came);
    struct vport *vport, *next;
    LIST_FOR_EACH_SAFE (vport, next, node, vport_all()) {
        if (!vport->ops->is_dummy || !vport->ops->synthetic) {
            continue;
        }
        for (int i = 0; i < vport->n_rxq; i++) {
            if (rxq_cast(vport->rxqs[i])->n_frames) {
                ready(vport, aux);
                break;
            }
        }
    }
}

#define DUMMY_HOOKS                                                                                          \
    .is_dummy = true, .close = dummy_close, .set_options = dummy_set_options, .rxq_recv = dummy_recv,        \
    .send = dummy_send, .get_stats = dummy_get_stats, .get_custom_stats = dummy_get_custom_stats,            \
    .set_mac = dummy_set_mac, .set_mtu = dummy_set_mtu, .set_admin = dummy_set_admin

const struct vport_ops vport_ops_dummy = {
    .type = "dummy", .synthetic = true, .open = dummy_open, DUMMY_HOOKS};
const struct vport_ops vport_ops_dummy_internal = {
    .type = "dummy-internal", .synthetic = true, .open = dummy_internal_open, DUMMY_HOOKS};
const struct vport_ops vport_ops_dummy_pmd = {.type = "dummy-pmd", .open = dummy_pmd_open, DUMMY_HOOKS};
