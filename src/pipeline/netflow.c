/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/netflow.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/hmap.h"
#include "base/log.h"
#include "base/task.h"
#include "flow/mask.h"
#include "pipeline/collectors.h"
#include "pipeline/xlate/record.h"
#include "wire/eth.h"
#include "wire/ipv4.h"

LOG_MODULE(netflow);

#define VERSION        5
#define MAX_RECORDS    30 /* in a datagram */
#define PERIOD_MS      1000
#define DEFAULT_ACTIVE 600
#define IDLE_MS        60000 /* who has no cached flow behind it is told after that */
#define MAX_FLOWS      200000

/* As they are on the wire. */
struct v5_header {
    be16 version, count;
    be32 uptime_ms, seconds, nanoseconds, sequence;
    uint8_t engine_type, engine_id;
    be16 sampling;
};
struct v5_record {
    be32 src, dst, nexthop;
    be16 input, output;
    be32 packets, bytes, first_ms, last_ms;
    be16 src_port, dst_port;
    uint8_t pad1, tcp_flags, proto, tos;
    be16 src_as, dst_as;
    uint8_t src_mask, dst_mask;
    be16 pad2;
};
_Static_assert(sizeof(struct v5_header) == 24 && sizeof(struct v5_record) == 48, "wire formats");

struct flow_id {
    be32 src, dst;
    uint32_t in_port;
    be16 src_port, dst_port;
    uint8_t proto, tos;
    uint16_t pad;
};

struct netflow_id {
    struct flow_id flow;
    uint16_t out;
};

struct flow {
    struct hmap_node node; /* in netflow.flows */
    struct flow_id id;
    uint16_t out;
    uint8_t tcp_flags;
    uint64_t packets, bytes;            /* since the last record */
    int64_t first_ms, used_ms, told_ms; /* the last: when the last record was made, or the flow */
};

struct netflow {
    int refs; /* a */
    pthread_mutex_t mutex;
    struct hmap flows;                    /* m */
    struct collectors collectors;         /* m */
    int64_t active_ms;                    /* m: 0: never */
    uint8_t engine_type, engine_id;       /* m */
    uint16_t datapath_hash;               /* i */
    bool id_in_interfaces, stopped, full; /* m */
    uint32_t sequence;                    /* m */
    int64_t started_ms;                   /* i */
    unsigned n_records;                   /* m: that wait to be sent */
    struct {
        struct v5_header header;
        struct v5_record records[MAX_RECORDS];
    } message;                /* m */
    struct task_queue *tasks; /* i */
    struct task task;         /* c */
};

/* Sending, under the mutex. */

static void send_message(struct netflow *nf)
{
    struct timespec now;
    if (!nf->n_records) {
        return;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    struct v5_header *h = &nf->message.header;
    *h = (struct v5_header){.version = htobe16(VERSION),
                            .count = htobe16((uint16_t)nf->n_records),
                            .uptime_ms = htobe32((uint32_t)(clock_ms() - nf->started_ms)),
                            .seconds = htobe32((uint32_t)now.tv_sec),
                            .nanoseconds = htobe32((uint32_t)now.tv_nsec),
                            .sequence = htobe32(nf->sequence - 1),
                            .engine_type = nf->engine_type,
                            .engine_id = nf->engine_id};
    size_t size = sizeof *h + nf->n_records * sizeof nf->message.records[0];
    collectors_send(&nf->collectors, &nf->message, size);
    nf->n_records = 0;
}

static be16 interface_number(const struct netflow *nf, uint32_t port)
{
    uint16_t number = (uint16_t)port;
    if (nf->id_in_interfaces) {
        number = (uint16_t)((nf->engine_id & 0x7f) << 9 | (number & 0x1ff));
    }
    return htobe16(number);
}

static void put_record(struct netflow *nf, const struct flow *f, uint32_t packets, uint32_t bytes)
{
    bool has_ports = f->id.proto != 1;
    /* Of ICMP, type and code stand in the destination's port. */
    be16 icmp = htobe16((uint16_t)(be16toh(f->id.src_port) << 8 | (be16toh(f->id.dst_port) & 0xff)));
    nf->message.records[nf->n_records++] = (struct v5_record){
        .src = f->id.src,
        .dst = f->id.dst,
        .input = interface_number(nf, f->id.in_port),
        .output = interface_number(nf, f->out),
        .packets = htobe32(packets),
        .bytes = htobe32(bytes),
        .first_ms = htobe32((uint32_t)(f->first_ms - nf->started_ms)),
        .last_ms = htobe32((uint32_t)(f->used_ms - nf->started_ms)),
        .src_port = has_ports ? f->id.src_port : 0,
        .dst_port = has_ports ? f->id.dst_port : icmp,
        .tcp_flags = f->tcp_flags,
        .proto = f->id.proto,
        .tos = f->id.tos,
    };
    nf->sequence++;
    if (nf->n_records == MAX_RECORDS) {
        send_message(nf);
    }
}

/* Tells what has passed since the last time. What does not fit into one record's counters goes in several. */
static void tell(struct netflow *nf, struct flow *f, int64_t now)
{
    f->told_ms = now;
    while (f->packets && !nf->stopped) {
        uint64_t packets = MIN(f->packets, (uint64_t)UINT32_MAX);
        uint64_t bytes = MIN(f->bytes, (uint64_t)UINT32_MAX);
        if (bytes < f->bytes && packets == f->packets) {
            packets = MAX((uint64_t)((double)packets * ((double)bytes / (double)f->bytes)), (uint64_t)1);
        }
        put_record(nf, f, (uint32_t)packets, (uint32_t)bytes);
        f->packets -= packets;
        f->bytes -= bytes;
    }
    f->packets = f->bytes = 0;
    f->tcp_flags = 0;
}

/* Flows. */

static uint32_t hash_id(const struct flow_id *id)
{
    return hash_bytes(id, sizeof *id, 0);
}

static struct flow *find(const struct netflow *nf, const struct flow_id *id)
{
    struct flow *f;
    HMAP_FOR_EACH_WITH_HASH (f, node, hash_id(id), &nf->flows) {
        if (!memcmp(&f->id, id, sizeof *id)) {
            return f;
        }
    }
    return NULL;
}

static struct flow *add(struct netflow *nf, const struct netflow_id *id, int64_t now)
{
    if (hmap_count(&nf->flows) >= MAX_FLOWS) {
        if (!nf->full) {
            LOG_WARN("more than %d flows at a time: some are not told of", MAX_FLOWS);
            nf->full = true;
        }
        return NULL;
    }
    struct flow *f = xzalloc(sizeof *f);
    f->id = id->flow;
    f->out = id->out;
    f->told_ms = now;
    hmap_insert(&nf->flows, &f->node, hash_id(&f->id));
    return f;
}

static void remove_flow(struct netflow *nf, struct flow *f)
{
    hmap_remove(&nf->flows, &f->node);
    free(f);
    nf->full = false;
}

void netflow_credit(struct netflow *nf, const struct netflow_id *id, const struct traffic *t)
{
    int64_t now = clock_ms(), used = t->used_ms ? t->used_ms : now;
    pthread_mutex_lock(&nf->mutex);
    struct flow *f = find(nf, &id->flow);
    if (!nf->stopped && !f) {
        f = add(nf, id, now);
    }
    if (f && f->out != id->out) {
        tell(nf, f, now);
        f->first_ms = used;
        f->out = id->out;
    }
    if (f) {
        f->first_ms = f->first_ms ? f->first_ms : used;
        f->used_ms = MAX(f->used_ms, used);
        f->packets += t->packets;
        f->bytes += t->bytes;
        f->tcp_flags |= (uint8_t)t->tcp_flags;
    }
    pthread_mutex_unlock(&nf->mutex);
}

void netflow_end(struct netflow *nf, const struct netflow_id *id)
{
    pthread_mutex_lock(&nf->mutex);
    struct flow *f = find(nf, &id->flow);
    if (f) {
        tell(nf, f, clock_ms());
        remove_flow(nf, f);
    }
    pthread_mutex_unlock(&nf->mutex);
}

void netflow_mask(const struct flow_key *key, struct flow_mask *mask)
{
    struct flow_key *wc = &mask->bits;
    if (key->dl_type == CONST_BE16(ETH_TYPE_IPV4)) {
        flow_wc_set(wc, nw_proto);
        flow_wc_set(wc, nw_src);
        flow_wc_set(wc, nw_dst);
        flow_wc_set(wc, tp_src);
        flow_wc_set(wc, tp_dst);
        wc->nw_tos |= IP_DSCP_MASK;
    }
}

struct netflow_id *netflow_id_create(const struct flow_key *key, uint32_t out)
{
    if (key->dl_type != CONST_BE16(ETH_TYPE_IPV4)) {
        return NULL;
    }
    struct netflow_id *id = xzalloc(sizeof *id);
    id->flow.src = key->nw_src;
    id->flow.dst = key->nw_dst;
    id->flow.in_port = key->in_port;
    id->flow.src_port = key->tp_src;
    id->flow.dst_port = key->tp_dst;
    id->flow.proto = key->nw_proto;
    id->flow.tos = key->nw_tos & IP_DSCP_MASK;
    id->out = (uint16_t)out;
    return id;
}

/* The whole. */

static void run(struct task *task)
{
    struct netflow *nf = OBJECT_OF(task, nf, task);
    struct flow *f;
    int64_t now = clock_ms();
    pthread_mutex_lock(&nf->mutex);
    HMAP_FOR_EACH_SAFE (f, node, &nf->flows) {
        if (!f->packets && now - f->used_ms > IDLE_MS) {
            remove_flow(nf, f);
        } else if ((nf->active_ms && now - f->told_ms >= nf->active_ms) || now - f->used_ms > IDLE_MS) {
            tell(nf, f, now);
        }
    }
    send_message(nf);
    pthread_mutex_unlock(&nf->mutex);
    task_schedule_in(nf->tasks, task, PERIOD_MS);
}

struct netflow *netflow_create(struct task_queue *tasks, const char *datapath)
{
    struct netflow *nf = xzalloc(sizeof *nf);
    nf->refs = 1;
    pthread_mutex_init(&nf->mutex, NULL);
    hmap_init(&nf->flows);
    nf->tasks = tasks;
    nf->started_ms = clock_ms();
    nf->datapath_hash = (uint16_t)hash_string(datapath, 0);
    task_init(&nf->task, "netflow", run);
    task_schedule_in(tasks, &nf->task, PERIOD_MS);
    return nf;
}

void netflow_set(struct netflow *nf, const struct netflow_settings *s)
{
    pthread_mutex_lock(&nf->mutex);
    nf->engine_type = (uint8_t)(s->engine_type >= 0 ? s->engine_type : nf->datapath_hash >> 8);
    nf->engine_id = (uint8_t)(s->engine_id >= 0 ? s->engine_id : nf->datapath_hash);
    nf->id_in_interfaces = s->id_in_interfaces;
    nf->active_ms = s->active_timeout_s < 0
                        ? 0
                        : (s->active_timeout_s ? s->active_timeout_s : DEFAULT_ACTIVE) * (int64_t)1000;
    collectors_set(&nf->collectors, s->targets, s->n_targets, 0);
    pthread_mutex_unlock(&nf->mutex);
}

void netflow_stop(struct netflow *nf)
{
    struct flow *f;
    task_cancel(&nf->task);
    pthread_mutex_lock(&nf->mutex);
    HMAP_FOR_EACH (f, node, &nf->flows) {
        tell(nf, f, clock_ms());
    }
    send_message(nf);
    nf->stopped = true;
    pthread_mutex_unlock(&nf->mutex);
}

void netflow_ref(struct netflow *nf)
{
    if (nf) {
        __atomic_add_fetch(&nf->refs, 1, __ATOMIC_RELAXED);
    }
}

void netflow_unref(struct netflow *nf)
{
    struct flow *f;
    if (nf && !__atomic_sub_fetch(&nf->refs, 1, __ATOMIC_ACQ_REL)) {
        HMAP_FOR_EACH_SAFE (f, node, &nf->flows) {
            remove_flow(nf, f);
        }
        hmap_fini(&nf->flows);
        collectors_close(&nf->collectors);
        pthread_mutex_destroy(&nf->mutex);
        free(nf);
    }
}
