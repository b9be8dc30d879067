/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/ipfix.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bytebuf.h"
#include "base/clock.h"
#include "base/coverage.h"
#include "base/hash.h"
#include "base/hmap.h"
#include "base/list.h"
#include "base/task.h"
#include "flow/key.h"
#include "openflow/nicira_codec.h"
#include "pipeline/collectors.h"
#include "pipeline/ipfix_record.h"
#include "wire/eth.h"
#include "wire/ipv4.h"

COVERAGE_DEFINE(ipfix_sample_not_sent);

#define PERIOD_MS    1000
#define TEMPLATE_MS  (600 * 1000) /* templates are told again that often */
#define MESSAGE_SIZE 1024         /* templates: a message that has reached it is sent */
#define MAX_FLOWS    131072       /* cached, whatever the configuration says */
#define MAX_READY    4096         /* records that wait for the control thread */
#define MAX_SLICE    512          /* sent at one go */
#define N_DOMAINS    8            /* observation domains whose templates are known to have been sent */

/* flowEndReason */
#define END_ACTIVE    2
#define END_FORCED    4
#define END_RESOURCES 5

struct counts {
    uint64_t dropped, packets, in_unicast, in_multicast, in_broadcast, out_unicast, out_broadcast;
    uint64_t post_multicast, l2_bytes, dropped_bytes, bytes, squares, post_multicast_bytes;
    uint64_t ack, fin, psh, rst, syn, urg;
};

/* A flow: cached, or about to be told. */
struct entry {
    struct hmap_node node; /* in exporter.cache */
    struct list by_age;    /* in exporter.by_age or .ready */
    struct ipfix_about about;
    uint8_t end_reason;
    uint32_t domain;
    int64_t start_ms, end_ms; /* on the wall's clock */
    int64_t cached_ms;        /* on ours */
    struct counts counts;
    uint64_t min_bytes, max_bytes;
    uint32_t flow_len;
    uint8_t flow[]; /* as it goes into the record */
};

/* A letter on each member: c control thread alone, m under ipfix.mutex. */
struct exporter {
    struct list node; /* c: in ipfix.sets */
    uint32_t id;      /* c, m: of the collector set */
    bool wanted;      /* c: by the configuration that is being set */
    struct collectors collectors;
    uint32_t process_id;                             /* c */
    uint32_t sequence;                               /* c: of the next record */
    struct counts totals;                            /* c: of what has been told */
    int64_t active_ms;                               /* m */
    size_t max_flows;                                /* m */
    bool tunnels;                                    /* m */
    char *virtual_id;                                /* m; NULL: none */
    struct hmap cache;                               /* m */
    struct list by_age;                              /* m: the cached, oldest first */
    struct list ready;                               /* m: to be told */
    size_t n_ready;                                  /* m */
    uint64_t n_flows, n_packets, n_not_sent;         /* m */
    uint64_t n_ipv4, n_ipv6, n_ipv4_err, n_ipv6_err; /* m */
    struct {
        uint32_t id;
        int64_t told_ms;
    } domains[N_DOMAINS]; /* c: templates were told; told_ms 0: free */
};

struct ipfix {
    int refs; /* a */
    pthread_mutex_t mutex;
    struct exporter *bridge; /* c, m: NULL: none */
    uint32_t domain, point;  /* m: of the bridge's samples */
    struct ipfix_sampling sampling;
    uint32_t bridge_process_id;
    struct list sets; /* c, m: struct exporter, by id */
    size_t n_sets;
    struct task_queue *tasks; /* i */
    struct task task;         /* c */
};

static uint32_t last_process_id; /* c */

/* ------------------------------------------------------------------ telling, on the control thread */

static void send_message(struct exporter *x, struct bytebuf *b)
{
    ipfix_end_message(b, 0);
    collectors_send(&x->collectors, b->data, b->len);
    bytebuf_clear(b);
}

static uint32_t export_time(void)
{
    return (uint32_t)((clock_wall_ms() + 999) / 1000); /* nothing has happened after it */
}

static void send_templates(struct exporter *x, uint32_t domain, uint64_t not_sent, bool virtual_id)
{
    struct bytebuf b = BYTEBUF_INITIALIZER;
    size_t set = 0;
    for (unsigned i = 0; i < IPFIX_N_TEMPLATES; i++) {
        struct ipfix_about about;
        if (!ipfix_template_about(i, &about)) {
            continue;
        }
        about.virtual_id = virtual_id;
        if (b.len >= MESSAGE_SIZE) {
            ipfix_end_set(&b, set);
            send_message(x, &b);
        }
        if (!b.len) {
            ipfix_begin_message(&b, export_time(), x->sequence, domain);
            set = ipfix_begin_set(&b, IPFIX_SET_TEMPLATE);
        }
        ipfix_put_template(&b, &about);
    }
    ipfix_end_set(&b, set);
    send_message(x, &b);

    ipfix_begin_message(&b, export_time(), x->sequence, 0);
    set = ipfix_begin_set(&b, IPFIX_SET_OPTIONS);
    ipfix_put_options_template(&b);
    ipfix_end_set(&b, set);
    send_message(x, &b);
    ipfix_begin_message(&b, export_time(), x->sequence++, 0);
    set = ipfix_begin_set(&b, IPFIX_OPTIONS_TEMPLATE);
    ipfix_put_options(&b, x->process_id, not_sent);
    ipfix_end_set(&b, set);
    send_message(x, &b);
    bytebuf_fini(&b);
}

/* A collector knows templates by the observation domain that told of them. */
static bool templates_are_due(struct exporter *x, uint32_t domain)
{
    int64_t now = clock_ms();
    size_t oldest = 0;
    for (size_t i = 0; i < N_DOMAINS; i++) {
        if (x->domains[i].told_ms && x->domains[i].id == domain) {
            bool due = now - x->domains[i].told_ms >= TEMPLATE_MS;
            x->domains[i].told_ms = due ? now : x->domains[i].told_ms;
            return due;
        }
        oldest = x->domains[i].told_ms < x->domains[oldest].told_ms ? i : oldest;
    }
    x->domains[oldest].id = domain;
    x->domains[oldest].told_ms = now;
    return true;
}

static void add_counts(struct counts *to, const struct counts *c)
{
    uint64_t *sums = (uint64_t *)to;
    const uint64_t *more = (const uint64_t *)c;
    for (size_t i = 0; i < sizeof *to / sizeof *sums; i++) {
        sums[i] += more[i];
    }
}

static void tell(struct exporter *x, const struct entry *e, uint64_t not_sent)
{
    if (templates_are_due(x, e->domain)) {
        send_templates(x, e->domain, not_sent, e->about.virtual_id);
    }
    const struct counts *d = &e->counts, *t = &x->totals;
    add_counts(&x->totals, d);
    uint32_t export_s = export_time();
    int64_t export_ms = (int64_t)export_s * 1000;
    const struct ipfix_counts c = {
        .start_us = htobe32((uint32_t)((export_ms - e->start_ms) * 1000)),
        .end_us = htobe32((uint32_t)((export_ms - e->end_ms) * 1000)),
        .dropped = htobe64(d->dropped),
        .dropped_total = htobe64(t->dropped),
        .packets = htobe64(d->packets),
        .packets_total = htobe64(t->packets),
        .in_unicast_total = htobe64(t->in_unicast),
        .in_multicast_total = htobe64(t->in_multicast),
        .in_broadcast_total = htobe64(t->in_broadcast),
        .out_unicast_total = htobe64(t->out_unicast),
        .out_broadcast_total = htobe64(t->out_broadcast),
        .post_multicast = htobe64(d->post_multicast),
        .post_multicast_total = htobe64(t->post_multicast),
        .l2_bytes = htobe64(d->l2_bytes),
        .l2_bytes_total = htobe64(t->l2_bytes),
        .end_reason = e->end_reason,
        .dropped_bytes = htobe64(d->dropped_bytes),
        .dropped_bytes_total = htobe64(t->dropped_bytes),
        .bytes = htobe64(d->bytes),
        .bytes_total = htobe64(t->bytes),
        .squares = htobe64(d->squares),
        .squares_total = htobe64(t->squares),
        .min_bytes = htobe64(e->min_bytes),
        .max_bytes = htobe64(e->max_bytes),
        .post_multicast_bytes = htobe64(d->post_multicast_bytes),
        .post_multicast_bytes_total = htobe64(t->post_multicast_bytes),
        .ack_total = htobe64(t->ack),
        .fin_total = htobe64(t->fin),
        .psh_total = htobe64(t->psh),
        .rst_total = htobe64(t->rst),
        .syn_total = htobe64(t->syn),
        .urg_total = htobe64(t->urg),
    };
    struct bytebuf b = BYTEBUF_INITIALIZER;
    ipfix_begin_message(&b, export_s, x->sequence++, e->domain);
    size_t set = ipfix_begin_set(&b, ipfix_template_id(&e->about));
    bytebuf_put(&b, e->flow, e->flow_len);
    ipfix_put_counts(&b, &e->about, &c);
    ipfix_end_set(&b, set);
    send_message(x, &b);
    bytebuf_fini(&b);
}

/* Under the mutex, which is let go of meanwhile: at most MAX entries that wait are told. */
static void tell_ready(struct ipfix *ipfix, struct exporter *x, size_t max)
{
    while (max-- && x->n_ready) {
        struct entry *e = CONTAINER_OF(list_pop_front(&x->ready), struct entry, by_age);
        uint64_t not_sent = x->n_not_sent;
        x->n_ready--;
        pthread_mutex_unlock(&ipfix->mutex);
        tell(x, e, not_sent);
        free(e);
        pthread_mutex_lock(&ipfix->mutex);
    }
}

/* ------------------------------------------------------------------ the cache, under the mutex */

static void make_ready(struct exporter *x, struct entry *e, uint8_t reason)
{
    hmap_remove(&x->cache, &e->node);
    list_remove(&e->by_age);
    e->end_reason = reason;
    list_push_back(&x->ready, &e->by_age);
    x->n_ready++;
}

/* Who has been there for long enough, and who is too many; as far as there is room for them to wait. */
static void expire(struct exporter *x)
{
    int64_t now = clock_ms();
    while (!list_is_empty(&x->by_age) && x->n_ready < MAX_READY) {
        struct entry *e = CONTAINER_OF(list_front(&x->by_age), struct entry, by_age);
        if (now - e->cached_ms >= x->active_ms) {
            make_ready(x, e, END_ACTIVE);
        } else if (hmap_count(&x->cache) > x->max_flows) {
            make_ready(x, e, END_RESOURCES);
        } else {
            break;
        }
    }
}

static uint32_t hash_flow(uint32_t domain, const struct bytebuf *flow)
{
    return hash_bytes(flow->data, flow->len, domain);
}

static struct entry *find(const struct exporter *x, uint32_t domain, const struct ipfix_about *about,
                          const struct bytebuf *flow)
{
    struct entry *e;
    HMAP_FOR_EACH_WITH_HASH (e, node, hash_flow(domain, flow), &x->cache) {
        if (e->domain == domain && ipfix_template_id(&e->about) == ipfix_template_id(about) &&
            e->about.virtual_id == about->virtual_id && e->flow_len == flow->len &&
            !memcmp(e->flow, flow->data, flow->len)) {
            return e;
        }
    }
    return NULL;
}

/* The flow's entry, old or new; NULL: too much waits already. */
static struct entry *enter(struct exporter *x, uint32_t domain, const struct ipfix_about *about,
                           const struct bytebuf *flow)
{
    struct entry *e = find(x, domain, about, flow);
    if (e) {
        return e;
    }
    if (x->n_ready >= MAX_READY) {
        return NULL;
    }
    e = xzalloc(sizeof *e + flow->len);
    e->domain = domain;
    e->about = *about;
    e->flow_len = (uint32_t)flow->len;
    memcpy(e->flow, flow->data, flow->len);
    e->start_ms = clock_wall_ms();
    e->cached_ms = clock_ms();
    hmap_insert(&x->cache, &e->node, hash_flow(domain, flow));
    list_push_back(&x->by_age, &e->by_age);
    x->n_flows++;
    return e;
}

/* ------------------------------------------------------------------ a sample */

static void find_about(const struct exporter *x, const struct ipfix_sample *s, struct ipfix_about *a)
{
    static const uint8_t l4[UINT8_MAX + 1] = {[6] = IPFIX_L4_TCP,
                                              [17] = IPFIX_L4_UDP,
                                              [132] = IPFIX_L4_SCTP,
                                              [1] = IPFIX_L4_ICMP,
                                              [58] = IPFIX_L4_ICMP};
    const struct flow_key *key = s->key;
    memset(a, 0, sizeof *a);
    a->vlan = key->vlans[0].tpid != 0;
    a->egress = s->egress;
    a->tunnel = x->tunnels && s->tunnel_type && !s->egress && flow_key_from_tunnel(key);
    a->virtual_id = x->virtual_id != NULL;
    a->l3 = key->dl_type == CONST_BE16(ETH_TYPE_IPV4)   ? IPFIX_L3_IPV4
            : key->dl_type == CONST_BE16(ETH_TYPE_IPV6) ? IPFIX_L3_IPV6
                                                        : IPFIX_L3_UNKNOWN;
    uint8_t icmp = a->l3 == IPFIX_L3_IPV4 ? 1 : 58;
    if (a->l3 != IPFIX_L3_UNKNOWN && (l4[key->nw_proto] != IPFIX_L4_ICMP || key->nw_proto == icmp)) {
        a->l4 = l4[key->nw_proto];
    }
}

static struct ipfix_text text(const void *bytes, size_t len)
{
    return (struct ipfix_text){bytes, (uint8_t)MIN(len, (size_t)254)};
}

static struct ipfix_port port(const struct ipfix_sample_port *p)
{
    return (struct ipfix_port){.ifindex = htobe32(p->ifindex), .name = text(p->name, strlen(p->name))};
}

static uint8_t eth_header_len(const struct flow_key *key)
{
    return key->packet_type != FLOW_PT_ETH ? 0
           : key->vlans[0].tpid            ? ETH_HEADER_LEN + VLAN_HEADER_LEN
                                           : ETH_HEADER_LEN;
}

/* GRE's keys have 32 bits, others' 24. */
#define TUNNEL_TYPE_GRE 2

static void put_flow(const struct exporter *x, const struct ipfix_sample *s, uint32_t point,
                     const struct ipfix_about *about, struct bytebuf *b)
{
    const struct flow_key *key = s->key;
    size_t tunnel_key_len = s->tunnel_type == TUNNEL_TYPE_GRE ? 4 : 3;
    const struct ipfix_flow flow = {
        .point = htobe32(point),
        .direction = s->egress,
        .src = key->dl_src,
        .dst = key->dl_dst,
        .eth_type = key->dl_type,
        .eth_header_len = eth_header_len(key),
        .in = port(&s->in),
        .out = s->egress ? port(&s->out) : (struct ipfix_port){0},
        .vlan_id = htobe16(be16toh(key->vlans[0].tci) & VLAN_VID_MASK),
        .vlan_priority = (uint8_t)(be16toh(key->vlans[0].tci) >> VLAN_PCP_SHIFT),
        .ip_version = about->l3 == IPFIX_L3_IPV4 ? 4 : 6,
        .ttl = key->nw_ttl,
        .proto = key->nw_proto,
        .dscp = (uint8_t)(key->nw_tos >> 2),
        .precedence = (uint8_t)(key->nw_tos >> 5),
        .tos = key->nw_tos,
        .ip4_src = key->nw_src,
        .ip4_dst = key->nw_dst,
        .ip6_src = key->ipv6_src,
        .ip6_dst = key->ipv6_dst,
        .ip6_label = key->ipv6_label,
        .src_port = key->tp_src,
        .dst_port = key->tp_dst,
        .icmp_type = (uint8_t)be16toh(key->tp_src),
        .icmp_code = (uint8_t)be16toh(key->tp_dst),
        .tunnel_src = key->tun_src,
        .tunnel_dst = key->tun_dst,
        .tunnel_proto = s->tunnel_proto,
        .tunnel_src_port = key->tun_tp_src,
        .tunnel_dst_port = key->tun_tp_dst,
        .tunnel_type = s->tunnel_type,
        .tunnel_key = text((const char *)(&key->tun_id + 1) - tunnel_key_len, tunnel_key_len),
        .virtual_id = text(x->virtual_id, x->virtual_id ? strlen(x->virtual_id) : 0),
    };
    ipfix_put_flow(b, about, &flow);
}

static void count(struct entry *e, const struct ipfix_sample *s)
{
    static const struct eth_addr broadcast = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
    const struct flow_key *key = s->key;
    bool is_broadcast = !memcmp(&key->dl_dst, &broadcast, sizeof broadcast);
    bool is_multicast = !is_broadcast && (key->dl_dst.ea[0] & 1);
    uint64_t bytes =
        e->about.l3 != IPFIX_L3_UNKNOWN ? s->len - MIN(s->len, (uint32_t)eth_header_len(key)) : 0;
    unsigned flags = e->about.l4 == IPFIX_L4_TCP ? be16toh(key->tcp_flags) : 0;
    struct counts c = {
        .dropped = s->dropped,
        .packets = 1,
        .in_unicast = !s->egress && !is_multicast && !is_broadcast,
        .in_multicast = !s->egress && is_multicast,
        .in_broadcast = !s->egress && is_broadcast,
        .out_unicast = s->egress && !is_multicast && !is_broadcast,
        .out_broadcast = s->egress && is_broadcast,
        .post_multicast = s->egress && is_multicast,
        .l2_bytes = s->len,
        .dropped_bytes = s->dropped ? bytes : 0,
        .bytes = bytes,
        .squares = bytes * bytes,
        .post_multicast_bytes = s->egress && is_multicast ? bytes : 0,
        .fin = flags & 1,
        .syn = flags >> 1 & 1,
        .rst = flags >> 2 & 1,
        .psh = flags >> 3 & 1,
        .ack = flags >> 4 & 1,
        .urg = flags >> 5 & 1,
    };
    e->min_bytes = e->counts.packets ? MIN(e->min_bytes, bytes) : bytes;
    e->max_bytes = MAX(e->max_bytes, bytes);
    e->end_ms = clock_wall_ms();
    add_counts(&e->counts, &c);
}

static struct exporter *find_set(const struct ipfix *ipfix, uint32_t id)
{
    struct exporter *x;
    LIST_FOR_EACH (x, node, &ipfix->sets) {
        if (x->id == id) {
            return x;
        }
    }
    return NULL;
}

static bool record_sample(struct exporter *x, const struct ipfix_sample *s, uint32_t domain, uint32_t point)
{
    struct ipfix_about about;
    find_about(x, s, &about);
    x->n_packets++;
    if (about.l3 != IPFIX_L3_UNKNOWN) {
        bool known = about.l4 != IPFIX_L4_UNKNOWN;
        (*(about.l3 == IPFIX_L3_IPV4 ? known ? &x->n_ipv4 : &x->n_ipv4_err
           : known                   ? &x->n_ipv6
                                     : &x->n_ipv6_err))++;
    }
    struct bytebuf flow = BYTEBUF_INITIALIZER;
    put_flow(x, s, point, &about, &flow);
    struct entry *e = enter(x, domain, &about, &flow);
    bytebuf_fini(&flow);
    if (!e) {
        x->n_not_sent++;
        COVERAGE_INC(ipfix_sample_not_sent);
        return true;
    }
    count(e, s);
    expire(x);
    return x->n_ready > 0;
}

bool ipfix_sample(struct ipfix *ipfix, const struct ipfix_sample *s)
{
    bool waits = false;
    pthread_mutex_lock(&ipfix->mutex);
    struct exporter *x = s->of_set ? find_set(ipfix, s->set) : ipfix->bridge;
    if (x) {
        waits =
            record_sample(x, s, s->of_set ? s->domain : ipfix->domain, s->of_set ? s->point : ipfix->point);
    }
    pthread_mutex_unlock(&ipfix->mutex);
    return waits;
}

/* ------------------------------------------------------------------ exporters, on the control thread */

static struct exporter *exporter_create(uint32_t id, uint32_t process_id)
{
    struct exporter *x = xzalloc(sizeof *x);
    x->id = id;
    x->process_id = process_id;
    x->sequence = 1;
    hmap_init(&x->cache);
    list_init(&x->by_age);
    list_init(&x->ready);
    return x;
}

/* Under the mutex. All that it knows is told, with what says that nothing follows. */
static void exporter_destroy(struct ipfix *ipfix, struct exporter *x)
{
    tell_ready(ipfix, x, SIZE_MAX);
    while (!list_is_empty(&x->by_age)) {
        make_ready(x, CONTAINER_OF(list_front(&x->by_age), struct entry, by_age), END_FORCED);
        tell_ready(ipfix, x, SIZE_MAX);
    }
    collectors_close(&x->collectors);
    hmap_fini(&x->cache);
    free(x->virtual_id);
    free(x);
}

/* Under the mutex. True: translation is to be done anew. */
static bool exporter_set(struct exporter *x, const struct ipfix_exporter_settings *s)
{
    bool changed = x->tunnels != s->tunnels;
    if (!x->virtual_id != !s->virtual_id) {
        memset(x->domains, 0, sizeof x->domains); /* templates are others now */
    }
    x->tunnels = s->tunnels;
    free(x->virtual_id);
    x->virtual_id = s->virtual_id ? xstrdup(s->virtual_id) : NULL;
    x->active_ms = (int64_t)s->active_timeout_s * 1000;
    x->max_flows = MIN((size_t)s->max_flows, (size_t)MAX_FLOWS);
    collectors_set(&x->collectors, s->targets, s->n_targets, IPFIX_DEFAULT_PORT);
    expire(x);
    return changed;
}

static bool set_bridge(struct ipfix *ipfix, const struct ipfix_bridge_settings *s)
{
    const struct ipfix_sampling none = {0};
    bool changed = !s != !ipfix->bridge;
    if (!s && ipfix->bridge) {
        struct exporter *x = ipfix->bridge;
        ipfix->bridge = NULL;
        exporter_destroy(ipfix, x);
    }
    if (s && !ipfix->bridge) {
        ipfix->bridge = exporter_create(0, ipfix->bridge_process_id);
    }
    if (s) {
        changed |= exporter_set(ipfix->bridge, &s->exporter);
        ipfix->domain = s->domain;
        ipfix->point = s->point;
    }
    const struct ipfix_sampling *want = s ? &s->sampling : &none;
    changed |= want->probability != ipfix->sampling.probability || want->input != ipfix->sampling.input ||
               want->output != ipfix->sampling.output;
    ipfix->sampling = *want;
    return changed;
}

static void insert_set(struct ipfix *ipfix, struct exporter *x)
{
    struct exporter *next;
    LIST_FOR_EACH (next, node, &ipfix->sets) {
        if (next->id > x->id) {
            list_insert(&next->node, &x->node);
            return;
        }
    }
    list_push_back(&ipfix->sets, &x->node);
}

bool ipfix_set(struct ipfix *ipfix, const struct ipfix_bridge_settings *bridge,
               const struct ipfix_set_settings *sets, size_t n_sets)
{
    struct exporter *x, *next;
    pthread_mutex_lock(&ipfix->mutex);
    bool changed = set_bridge(ipfix, bridge);
    for (size_t i = 0; i < n_sets; i++) {
        x = find_set(ipfix, sets[i].id);
        if (!x) {
            x = exporter_create(sets[i].id, ++last_process_id);
            insert_set(ipfix, x);
            ipfix->n_sets++;
            changed = true;
        }
        x->wanted = true;
        changed |= exporter_set(x, &sets[i].exporter);
    }
    LIST_FOR_EACH_SAFE (x, next, node, &ipfix->sets) {
        if (x->wanted) {
            x->wanted = false;
            continue;
        }
        list_remove(&x->node);
        ipfix->n_sets--;
        exporter_destroy(ipfix, x);
        changed = true;
    }
    pthread_mutex_unlock(&ipfix->mutex);
    return changed;
}

static void run_exporter(struct ipfix *ipfix, struct exporter *x)
{
    expire(x);
    tell_ready(ipfix, x, MAX_SLICE);
}

bool ipfix_run(struct ipfix *ipfix)
{
    struct exporter *x;
    bool more = false;
    pthread_mutex_lock(&ipfix->mutex);
    if (ipfix->bridge) {
        run_exporter(ipfix, ipfix->bridge);
        more |= ipfix->bridge->n_ready > 0;
    }
    LIST_FOR_EACH (x, node, &ipfix->sets) {
        run_exporter(ipfix, x);
        more |= x->n_ready > 0;
    }
    pthread_mutex_unlock(&ipfix->mutex);
    return more;
}

static void run_task(struct task *task)
{
    struct ipfix *ipfix = OBJECT_OF(task, ipfix, task);
    task_schedule_in(ipfix->tasks, task, ipfix_run(ipfix) ? 0 : PERIOD_MS);
}

struct ipfix *ipfix_create(struct task_queue *tasks)
{
    struct ipfix *ipfix = xzalloc(sizeof *ipfix);
    ipfix->refs = 1;
    pthread_mutex_init(&ipfix->mutex, NULL);
    list_init(&ipfix->sets);
    ipfix->bridge_process_id = ++last_process_id;
    ipfix->tasks = tasks;
    task_init(&ipfix->task, "ipfix", run_task);
    task_schedule_in(tasks, &ipfix->task, PERIOD_MS);
    return ipfix;
}

void ipfix_ref(struct ipfix *ipfix)
{
    if (ipfix) {
        __atomic_add_fetch(&ipfix->refs, 1, __ATOMIC_RELAXED);
    }
}

void ipfix_unref(struct ipfix *ipfix)
{
    if (ipfix && !__atomic_sub_fetch(&ipfix->refs, 1, __ATOMIC_ACQ_REL)) {
        pthread_mutex_destroy(&ipfix->mutex);
        free(ipfix);
    }
}

void ipfix_stop(struct ipfix *ipfix)
{
    ipfix_set(ipfix, NULL, NULL, 0);
    task_cancel(&ipfix->task);
}

struct ipfix_sampling ipfix_sampling(const struct ipfix *ipfix)
{
    return ipfix->sampling;
}

bool ipfix_set_has_tunnels(struct ipfix *ipfix, uint32_t set)
{
    pthread_mutex_lock(&ipfix->mutex);
    const struct exporter *x = find_set(ipfix, set);
    bool tunnels = x && x->tunnels;
    pthread_mutex_unlock(&ipfix->mutex);
    return tunnels;
}

static void get_stats(const struct exporter *x, struct ipfix_stats *s)
{
    *s = (struct ipfix_stats){
        .total_flows = x->n_flows,
        .current_flows = hmap_count(&x->cache),
        .packets = x->n_packets,
        .ipv4_packets = x->n_ipv4,
        .ipv6_packets = x->n_ipv6,
        .error_packets = x->n_ipv4_err + x->n_ipv6_err,
        .ipv4_error_packets = x->n_ipv4_err,
        .ipv6_error_packets = x->n_ipv6_err,
        .tx_packets = x->collectors.sent,
        .tx_errors = x->collectors.failed,
        .collector_set_id = x->id,
    };
}

bool ipfix_bridge_stats(struct ipfix *ipfix, struct ipfix_stats *s)
{
    pthread_mutex_lock(&ipfix->mutex);
    bool there = ipfix->bridge != NULL;
    if (there) {
        get_stats(ipfix->bridge, s);
    }
    pthread_mutex_unlock(&ipfix->mutex);
    return there;
}

size_t ipfix_n_sets(const struct ipfix *ipfix)
{
    return ipfix->n_sets;
}

void ipfix_set_stats(struct ipfix *ipfix, size_t i, struct ipfix_stats *s)
{
    struct exporter *x;
    pthread_mutex_lock(&ipfix->mutex);
    LIST_FOR_EACH (x, node, &ipfix->sets) {
        if (!i--) {
            get_stats(x, s);
            break;
        }
    }
    pthread_mutex_unlock(&ipfix->mutex);
}
