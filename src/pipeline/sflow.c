/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/sflow.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/bytebuf.h"
#include "base/clock.h"
#include "base/coverage.h"
#include "base/list.h"
#include "base/log.h"
#include "base/task.h"
#include "dpif/dpif.h"
#include "pipeline/collectors.h"
#include "pipeline/ofproto.h"
#include "port/vport.h"

LOG_MODULE(sflow);

COVERAGE_DEFINE(sflow_sample_dropped);

#define VERSION       5
#define DATAGRAM_MAX  1400
#define HEADER_MAX    1200 /* of a sample: it fits into a datagram */
#define WAITING_MAX   64   /* datagrams */
#define PERIOD_MS     1000
#define FCS_LEN       4 /* part of a frame, and never seen here */
#define UNKNOWN       UINT32_MAX
#define BRIDGE_SOURCE 0x020003e8u /* a data source of class 2 (entity), as the reference numbers it */
#define DEFAULT_SPEED 100000000u

/* Samples and the records in them. */
enum {
    SAMPLE_FLOW = 1,
    SAMPLE_COUNTERS = 2,
    FLOW_HEADER = 1,
    FLOW_SWITCH = 1001,
    FLOW_MPLS = 1006,
    COUNTERS_INTERFACE = 1,
    COUNTERS_ETHERNET = 2,
    COUNTERS_OPENFLOW_PORT = 1004,
    COUNTERS_PORT_NAME = 1005,
    COUNTERS_APPLICATION = 2203,
    COUNTERS_DATAPATH = 2207,
};
enum {
    HEADER_ETHERNET = 1,
    HEADER_IPV4 = 11,
    IF_ETHERNET = 6,
};

struct datagram {
    struct list node;
    struct bytebuf samples;
    unsigned n;
};

/* A letter on each member: c control thread alone, m under the mutex, i immutable, a atomic. */
struct sflow {
    int refs;                /* a */
    struct ofproto *ofproto; /* c; NULL: stopped */
    pthread_mutex_t mutex;
    struct collectors collectors;       /* c */
    char **targets;                     /* c: as they were set, with the rest: */
    size_t n_targets;                   /* c */
    char *agent_name;                   /* c; NULL: none */
    uint32_t sampling, header, polling; /* m */
    bool on;                            /* m */
    struct sockaddr_storage agent;      /* c */
    int64_t started_ms;                 /* c */
    uint32_t sequence;                  /* c: of datagrams */
    uint32_t n_samples, pool, drops;    /* m */
    uint32_t n_counters;                /* c: rounds of polling */
    struct datagram *filling;           /* m; NULL: none yet */
    struct list waiting;                /* m: struct datagram, full ones */
    size_t n_waiting;                   /* m */
    int64_t ticks;                      /* c */
    struct task_queue *tasks;           /* i */
    struct task task;                   /* c */
};

/* ------------------------------------------------------------------ words */

static void put(struct bytebuf *b, uint32_t v)
{
    be32 be = htobe32(v);
    bytebuf_put(b, &be, sizeof be);
}

static void put64(struct bytebuf *b, uint64_t v)
{
    put(b, (uint32_t)(v >> 32));
    put(b, (uint32_t)v);
}

static void put_counter(struct bytebuf *b, uint64_t v)
{
    put(b, v == UINT64_MAX ? UNKNOWN : (uint32_t)v);
}

/* Bytes, and zeros up to a whole word. */
static void put_opaque(struct bytebuf *b, const void *bytes, size_t n)
{
    put(b, (uint32_t)n);
    bytebuf_put(b, bytes, n);
    bytebuf_put_zeros(b, ROUND_UP(n, 4) - n);
}

/* What has a type and a length, which end() fills in. */
static size_t begin(struct bytebuf *b, uint32_t type)
{
    put(b, type);
    put(b, 0);
    return b->len;
}

static void end(struct bytebuf *b, size_t start)
{
    be32 len = htobe32((uint32_t)(b->len - start));
    memcpy(b->data + start - sizeof len, &len, sizeof len);
}

/* ------------------------------------------------------------------ datagrams */

static void free_datagram(struct datagram *d)
{
    if (d) {
        bytebuf_fini(&d->samples);
        free(d);
    }
}

/* Under the mutex. The datagram that has room for N bytes more; NULL: too many wait. */
static struct datagram *room(struct sflow *s, size_t n)
{
    if (s->filling && s->filling->samples.len + n > DATAGRAM_MAX) {
        if (s->n_waiting >= WAITING_MAX) {
            return NULL;
        }
        list_push_back(&s->waiting, &s->filling->node);
        s->n_waiting++;
        s->filling = NULL;
    }
    if (!s->filling) {
        s->filling = xzalloc(sizeof *s->filling);
    }
    return s->filling;
}

static bool add(struct sflow *s, const struct bytebuf *sample)
{
    struct datagram *d = room(s, sample->len);
    if (d) {
        bytebuf_put(&d->samples, sample->data, sample->len);
        d->n++;
    }
    return d != NULL;
}

static void send_datagram(struct sflow *s, const struct datagram *d)
{
    struct bytebuf b = BYTEBUF_INITIALIZER;
    put(&b, VERSION);
    if (s->agent.ss_family == AF_INET6) {
        put(&b, 2);
        bytebuf_put(&b, &((struct sockaddr_in6 *)&s->agent)->sin6_addr, 16);
    } else {
        put(&b, 1);
        bytebuf_put(&b, &((struct sockaddr_in *)&s->agent)->sin_addr, 4);
    }
    put(&b, 0); /* sub-agent */
    put(&b, ++s->sequence);
    put(&b, (uint32_t)(clock_ms() - s->started_ms));
    put(&b, d->n);
    bytebuf_put(&b, d->samples.data, d->samples.len);
    collectors_send(&s->collectors, b.data, b.len);
    bytebuf_fini(&b);
}

/* Sends what waits, and what is not full yet if ALL. */
static void flush(struct sflow *s, bool all)
{
    struct list ready;
    list_init(&ready);
    pthread_mutex_lock(&s->mutex);
    list_splice_back(&ready, &s->waiting);
    s->n_waiting = 0;
    if (all && s->filling) {
        list_push_back(&ready, &s->filling->node);
        s->filling = NULL;
    }
    pthread_mutex_unlock(&s->mutex);
    while (!list_is_empty(&ready)) {
        struct datagram *d = CONTAINER_OF(list_pop_front(&ready), struct datagram, node);
        send_datagram(s, d);
        free_datagram(d);
    }
}

void sflow_run(struct sflow *s)
{
    flush(s, false);
}

/* ------------------------------------------------------------------ packets */

static void put_header(struct bytebuf *b, const struct sflow_sample *p, uint32_t max)
{
    size_t start = begin(b, FLOW_HEADER);
    put(b, p->is_ethernet ? HEADER_ETHERNET : HEADER_IPV4);
    put(b, p->len + FCS_LEN);
    put(b, FCS_LEN);
    put_opaque(b, p->frame, MIN(p->len, max));
    end(b, start);
}

static void put_switch(struct bytebuf *b, const struct sflow_sample *p)
{
    size_t start = begin(b, FLOW_SWITCH);
    put(b, p->in_tci & 0xfff);
    put(b, p->in_tci >> 13);
    put(b, p->out_tci & 0xfff);
    put(b, p->out_tci >> 13);
    end(b, start);
}

static void put_mpls(struct bytebuf *b, const struct sflow_sample *p)
{
    size_t start = begin(b, FLOW_MPLS);
    put(b, 1); /* the next hop: an IPv4 address that is not known */
    put(b, 0);
    put(b, 0); /* labels that it came with */
    put(b, (uint32_t)p->n_labels);
    bytebuf_put(b, p->labels, p->n_labels * sizeof p->labels[0]);
    end(b, start);
}

bool sflow_sample(struct sflow *s, const struct sflow_sample *p)
{
    struct bytebuf b = BYTEBUF_INITIALIZER;
    pthread_mutex_lock(&s->mutex);
    if (s->on) {
        s->pool += s->sampling;
        size_t start = begin(&b, SAMPLE_FLOW);
        put(&b, s->n_samples + 1);
        put(&b, BRIDGE_SOURCE);
        put(&b, s->sampling);
        put(&b, s->pool);
        put(&b, s->drops);
        put(&b, p->in);
        put(&b, p->out);
        put(&b, p->n_labels ? 3 : 2); /* records */
        put_switch(&b, p);
        put_header(&b, p, s->header);
        if (p->n_labels) {
            put_mpls(&b, p);
        }
        end(&b, start);
        if (add(s, &b)) {
            s->n_samples++;
        } else {
            s->drops++;
            COVERAGE_INC(sflow_sample_dropped);
        }
    }
    bool waits = s->n_waiting > 0;
    pthread_mutex_unlock(&s->mutex);
    bytebuf_fini(&b);
    return waits;
}

/* ------------------------------------------------------------------ counters, on the control thread */

#define LINK_FULL                                                                                            \
    (VPORT_LINK_10M_FULL | VPORT_LINK_100M_FULL | VPORT_LINK_1G_FULL | VPORT_LINK_10G_FULL |                 \
     VPORT_LINK_40G_FULL | VPORT_LINK_100G_FULL | VPORT_LINK_1T_FULL)
#define LINK_HALF (VPORT_LINK_10M_HALF | VPORT_LINK_100M_HALF | VPORT_LINK_1G_HALF)

static void put_interface(struct bytebuf *b, const struct vport *vport, const struct vport_stats *c)
{
    const struct vport_status *status = &vport->status;
    size_t start = begin(b, COUNTERS_INTERFACE);
    put(b, (uint32_t)status->ifindex);
    put(b, IF_ETHERNET);
    put64(b, status->speed_bps ? status->speed_bps : DEFAULT_SPEED);
    put(b, status->link.current & LINK_FULL ? 1 : status->link.current & LINK_HALF ? 2 : 0);
    put(b, (status->admin_up ? 1u : 0) | (status->link_up ? 2u : 0));
    put64(b, c->rx_bytes);
    put_counter(b, c->rx_packets);
    put_counter(b, c->rx_multicast_packets);
    put(b, UNKNOWN); /* broadcasts */
    put_counter(b, c->rx_dropped);
    put_counter(b, c->rx_errors);
    put(b, UNKNOWN); /* unknown protocols */
    put64(b, c->tx_bytes);
    put_counter(b, c->tx_packets);
    put(b, UNKNOWN); /* multicasts */
    put(b, UNKNOWN); /* broadcasts */
    put_counter(b, c->tx_dropped);
    put_counter(b, c->tx_errors);
    put(b, 0); /* promiscuous: nobody means the switch */
    end(b, start);
}

static void put_ethernet(struct bytebuf *b, const struct vport_stats *c)
{
    size_t start = begin(b, COUNTERS_ETHERNET);
    put(b, UNKNOWN); /* alignment */
    put_counter(b, c->rx_crc_err);
    for (int i = 2; i < 13; i++) {
        put(b, UNKNOWN);
    }
    end(b, start);
}

static void add_counters(struct sflow *s, const struct bytebuf *sample)
{
    pthread_mutex_lock(&s->mutex);
    add(s, sample);
    pthread_mutex_unlock(&s->mutex);
}

/* Each port has its own second of the period. */
static void poll_port(const struct ofproto_port *port, void *s_)
{
    struct sflow *s = s_;
    struct vport_stats c;
    if (!port->vport || !port->vport->status.ifindex ||
        (s->ticks + port->vport->status.ifindex) % s->polling ||
        port->vport->ops->get_stats(port->vport, &c)) {
        return;
    }
    struct bytebuf b = BYTEBUF_INITIALIZER;
    size_t sample = begin(&b, SAMPLE_COUNTERS);
    put(&b, (uint32_t)(s->ticks / s->polling) + 1);
    put(&b, (uint32_t)port->vport->status.ifindex);
    put(&b, 4); /* records */
    put_ethernet(&b, &c);
    size_t start = begin(&b, COUNTERS_OPENFLOW_PORT);
    put64(&b, ofproto_datapath_id(s->ofproto));
    put(&b, port->ofp_port);
    end(&b, start);
    start = begin(&b, COUNTERS_PORT_NAME);
    put_opaque(&b, port->name, strlen(port->name));
    end(&b, start);
    put_interface(&b, port->vport, &c);
    end(&b, sample);
    add_counters(s, &b);
    bytebuf_fini(&b);
}

static uint32_t in_ms(const struct timeval *t)
{
    return (uint32_t)(t->tv_sec * 1000 + t->tv_usec / 1000);
}

static void poll_bridge(struct sflow *s)
{
    struct bytebuf b = BYTEBUF_INITIALIZER;
    struct datapath *dp = ofproto_datapath(s->ofproto);
    struct dp_stats stats;
    struct rusage usage;
    dp->ops->get_stats(dp, &stats);
    getrusage(RUSAGE_SELF, &usage);
    size_t sample = begin(&b, SAMPLE_COUNTERS);
    put(&b, ++s->n_counters);
    put(&b, BRIDGE_SOURCE);
    put(&b, 2); /* records */
    size_t start = begin(&b, COUNTERS_APPLICATION);
    put(&b, in_ms(&usage.ru_utime));
    put(&b, in_ms(&usage.ru_stime));
    put64(&b, (uint64_t)usage.ru_maxrss * 1024);
    bytebuf_put_zeros(&b, 8 + 4 * 4); /* limits, descriptors, connections */
    end(&b, start);
    start = begin(&b, COUNTERS_DATAPATH);
    put(&b, (uint32_t)stats.n_hit);
    put(&b, (uint32_t)stats.n_missed);
    put(&b, (uint32_t)stats.n_lost);
    put(&b, UNKNOWN); /* masks looked at */
    put(&b, (uint32_t)stats.n_flows);
    put(&b, UNKNOWN); /* masks */
    end(&b, start);
    end(&b, sample);
    add_counters(s, &b);
    bytebuf_fini(&b);
}

static void run_task(struct task *task)
{
    struct sflow *s = OBJECT_OF(task, s, task);
    s->ticks++;
    if (s->on && s->polling) {
        ofproto_port_for_each(s->ofproto, poll_port, s);
        if (!(s->ticks % s->polling)) {
            poll_bridge(s);
        }
    }
    flush(s, true);
    task_schedule_in(s->tasks, task, PERIOD_MS);
}

/* ------------------------------------------------------------------ settings */

struct sflow *sflow_create(struct ofproto *ofproto, struct task_queue *tasks)
{
    struct sflow *s = xzalloc(sizeof *s);
    s->refs = 1;
    s->ofproto = ofproto;
    pthread_mutex_init(&s->mutex, NULL);
    list_init(&s->waiting);
    s->tasks = tasks;
    task_init(&s->task, "sflow", run_task);
    return s;
}

/* The address of a device. */
static bool device_address(const char *name, struct sockaddr_storage *address)
{
    struct ifreq request;
    memset(&request, 0, sizeof request);
    strncpy(request.ifr_name, name, sizeof request.ifr_name - 1);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool there = fd >= 0 && strlen(name) < sizeof request.ifr_name && !ioctl(fd, SIOCGIFADDR, &request);
    if (there) {
        memcpy(address, &request.ifr_addr, sizeof request.ifr_addr);
    }
    if (fd >= 0) {
        close(fd);
    }
    return there;
}

static bool find_agent(struct sflow *s, const struct sflow_settings *set)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&s->agent;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&s->agent;
    memset(&s->agent, 0, sizeof s->agent);
    if (set->agent && inet_pton(AF_INET, set->agent, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        return true;
    }
    if (set->agent && inet_pton(AF_INET6, set->agent, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        return true;
    }
    if (set->agent) {
        return device_address(set->agent, &s->agent);
    }
    for (size_t i = 0; i < s->collectors.n; i++) {
        socklen_t len = sizeof s->agent;
        if (s->collectors.sockets[i] >= 0 &&
            !getsockname(s->collectors.sockets[i], (struct sockaddr *)&s->agent, &len)) {
            return true;
        }
    }
    return false;
}

static bool is_same(const struct sflow *s, const struct sflow_settings *set)
{
    bool same = s->n_targets == set->n_targets && s->sampling == set->sampling && s->header == set->header &&
                s->polling == set->polling && !s->agent_name == !set->agent &&
                (!set->agent || !strcmp(s->agent_name, set->agent));
    for (size_t i = 0; same && i < set->n_targets; i++) {
        same = !strcmp(s->targets[i], set->targets[i]);
    }
    return same;
}

static void forget_settings(struct sflow *s)
{
    for (size_t i = 0; i < s->n_targets; i++) {
        free(s->targets[i]);
    }
    free(s->targets);
    free(s->agent_name);
    s->targets = NULL;
    s->agent_name = NULL;
    s->n_targets = 0;
}

bool sflow_set(struct sflow *s, const struct sflow_settings *set)
{
    if (s->on && is_same(s, set)) {
        return true;
    }
    flush(s, true);
    collectors_set(&s->collectors, set->targets, set->n_targets, SFLOW_DEFAULT_PORT);
    bool on = collectors_any(&s->collectors) && find_agent(s, set);
    if (!on) {
        LOG_ERR("could not determine IP address for sFlow agent");
    }
    forget_settings(s);
    s->targets = xcalloc(set->n_targets + 1, sizeof *s->targets);
    for (; s->n_targets < set->n_targets; s->n_targets++) {
        s->targets[s->n_targets] = xstrdup(set->targets[s->n_targets]);
    }
    s->agent_name = set->agent ? xstrdup(set->agent) : NULL;
    pthread_mutex_lock(&s->mutex);
    s->on = on;
    s->sampling = MAX(set->sampling, 1u);
    s->header = MIN(set->header, (uint32_t)HEADER_MAX);
    s->polling = set->polling;
    s->n_samples = s->pool = s->drops = 0;
    pthread_mutex_unlock(&s->mutex);
    s->sequence = s->n_counters = 0;
    s->ticks = 0;
    s->started_ms = clock_ms();
    task_schedule_in(s->tasks, &s->task, PERIOD_MS);
    return on;
}

void sflow_stop(struct sflow *s)
{
    task_cancel(&s->task);
    pthread_mutex_lock(&s->mutex);
    s->on = false;
    pthread_mutex_unlock(&s->mutex);
    flush(s, true);
    s->ofproto = NULL;
}

void sflow_ref(struct sflow *s)
{
    if (s) {
        __atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
    }
}

void sflow_unref(struct sflow *s)
{
    if (s && !__atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL)) {
        while (!list_is_empty(&s->waiting)) {
            free_datagram(CONTAINER_OF(list_pop_front(&s->waiting), struct datagram, node));
        }
        free_datagram(s->filling);
        collectors_close(&s->collectors);
        forget_settings(s);
        pthread_mutex_destroy(&s->mutex);
        free(s);
    }
}

uint32_t sflow_probability(const struct sflow *s)
{
    return s->on ? UINT32_MAX / s->sampling : 0;
}
