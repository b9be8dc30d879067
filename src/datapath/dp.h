/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 6, internal to datapath/. The userspace datapath's own structures.
 *
 * Who holds what, and the letter on each member:
 *   i  immutable once published
 *   c  control thread alone
 *   f  the forwarder's own thread writes; others read sums that may be a moment old
 *   r  RCU: control or the flow writer publishes, forwarders read between quiescent states
 *   m  under the mutex named
 *   a  atomic
 *
 * A `forwarder` is one thread's means to move packets: forwarding threads have one each, and so has every
 * handler (slow-path threads and the control thread execute packets too). Ports keep a slot for each
 * forwarder, made the first time it touches the port, so no counter and no transmit batch is ever shared. */
#ifndef DATAPATH_DP_H
#define DATAPATH_DP_H 1

#include <pthread.h>
#include <stdatomic.h>

#include "base/bitmap.h"
#include "base/list.h"
#include "datapath/upcall_ring.h"
#include "dpif/dpif.h"
#include "match/emc.h"
#include "match/megaflow.h"
#include "tunnel/config.h"

#define DP_MAX_PORTS      65536
#define DP_MAX_FORWARDERS 64
#define DP_MAX_NESTING    18 /* recirculation, clone and sample within one reception: what they cost */
#define DP_COST_BRANCH    3 /* one that leaves a packet behind, so that there are more of them: six at most */
#define DP_COST_ON        1 /* a recirculation in which the packet goes on */
#define DP_MAX_SOURCES    1024 /* receive queues that one forwarding thread serves */
#define DP_MAX_THREADS    32   /* forwarding threads */

struct dp;
struct forwarder;

/* What one forwarder keeps of one port. f */
struct port_slot {
    struct vport_tx tx;               /* dropped[]: what the port could not send */
    uint64_t dropped[DROP_N_REASONS]; /* what came in by the port and went no further */
    bool listed;                      /* in the forwarder's list of ports with pending packets */
    struct packet_batch pending;      /* on their way out */
};

/* One receive queue as a forwarding thread serves it. */
struct rx_source {
    struct vport_rxq *rxq;    /* i */
    struct dp_port *port;     /* i */
    struct upcall_ring *ring; /* i */
    struct dp_thread *thread; /* c */
    unsigned index;           /* c: in the thread's table */
    uint64_t cycles;          /* f: that its packets took */
    uint64_t cycles_before;   /* c: when the queues were spread last */
};

struct dp_port {
    struct hmap_node name_node;  /* c: dp->ports_by_name */
    uint32_t port_no;            /* i */
    char *name;                  /* i */
    char *type;                  /* i: as dpif/show prints it */
    struct vport *vport;         /* i */
    struct tunnel_vport *tunnel; /* i: NULL: none; of what it points to, flags are a: c writes */
    struct stt_frames *stt;      /* i: NULL: it is no STT port */
    _Atomic uint32_t tunnel_seq; /* a: the next sequence number */
    struct port_slot *_Atomic slots[DP_MAX_FORWARDERS]; /* a: set once by the forwarder */
    unsigned n_sources;                                 /* i */
    struct rx_source *sources;                          /* i */
    char *affinity;                                     /* c: pmd-rxq-affinity; NULL: none */
};

/* Statistics of a flow by one forwarding thread. f */
struct flow_counters {
    uint64_t packets, bytes;
    int64_t used_ms;
    uint16_t tcp_flags;
};

/* Actions are replaced as a whole; a forwarder reads the pointer once a batch. Flows with the same actions
 * share them: most do. */
struct flow_actions {
    struct rcu_head rcu;
    struct hmap_node node; /* m dp->flows_mutex: in dp->actions, by what they are */
    uint32_t n_flows;      /* m dp->flows_mutex */
    uint32_t len;
    _Alignas(8) uint8_t bytes[];
};

/* A cached flow. Its memory is type-stable: an index that the exact-match cache kept is safe to follow, and
 * the generation tells whether it still means this flow. What a hit needs lies on the two lines of `mega`,
 * and behind the entry are its counters, one for each forwarding thread. */
struct dp_flow {
    struct megaflow mega;       /* r: key, mask, index and generation, and user[]: actions, counters */
    struct hmap_node ufid_node; /* m dp->flows_mutex */
    struct dp_ufid ufid;        /* i */
    enum dp_flow_origin origin; /* i */
    _Atomic uint32_t shortcut;  /* a: its slot (port/shortcut.h), set once by a forwarder; 0: none */
    struct dp_flow_stats base;  /* m dp->flows_mutex: what was counted before a reset, to be subtracted */
};
#define FLOW_ACTIONS  0
#define FLOW_COUNTERS 1
#define FLOW_REST     2 /* struct flow_rest, m dp->flows_mutex */

static inline struct dp_flow *dp_flow_cast(struct megaflow *m)
{
    return CONTAINER_OF(m, struct dp_flow, mega);
}
static inline const struct flow_actions *dp_flow_actions(const struct dp_flow *flow)
{
    return rcu_get((struct flow_actions *const *)&flow->mega.user[FLOW_ACTIONS]);
}
static inline struct flow_counters *dp_flow_counters(const struct dp_flow *flow)
{
    return flow->mega.user[FLOW_COUNTERS];
}

/* Counters of a forwarder, as they appear in dp_stats and pmd-stats-show. f */
struct forwarder_stats {
    uint64_t received, recirculated, cache_hit, mega_hit, masks_tried, missed, lost, sent, sent_batches;
    uint64_t busy_cycles, idle_cycles, iterations, bursts;
};

/* The flow that most packets of a burst were in: the next burst's are tried against it first. */
struct same_flow {
    struct megaflow *flow; /* NULL: they were in several */
    uint32_t generation;   /* its generation then: the memory is type-stable */
};
#define N_SAME 8 /* by the input port's low bits */

/* One key for each packet of a burst, for each depth: what a recirculation inside a burst must not overwrite.
 */
struct burst {
    struct flow_key keys[BATCH_SIZE];
    uint32_t hashes[BATCH_SIZE];
    uint16_t blocks[BATCH_SIZE];
    struct megaflow *flows[BATCH_SIZE];
    uint32_t cached; /* bitmap: found in the exact-match cache, so not the first of their microflow */
    struct same_flow same[N_SAME];
};

#define SHORTCUT_MEMORY 256

/* How a forwarder spends system calls on the shortcut. f */
struct shortcut_budget {
    const struct vport *in; /* of the burst at hand; NULL: none, it has no shortcut */
    int64_t filled_us;
    unsigned left; /* microflows that may be learned now */
    struct {
        uint32_t hash;
        int64_t at_us;
    } learned[SHORTCUT_MEMORY]; /* by the microflow's hash: what follows on its heels is not learned again */
};

struct forwarder {
    struct dp *dp;              /* i */
    unsigned index;             /* i: slot in ports, transmit queue */
    struct packet_pool *pool;   /* i */
    struct emc *emc;            /* i; NULL: a handler's, which looks in the megaflows alone */
    struct dp_handler *handler; /* i; NULL: a forwarding thread's */
    struct upcall_ring *ring;   /* f: of the source being served; NULL: the datapath's stray ring */
    int64_t now_us, now_ms;     /* f: clock, once a burst */
    unsigned depth;             /* f: calls of the journey's functions that are under way */
    unsigned nesting;           /* f: what they cost */
    unsigned n_bursts;          /* f: in use */
    unsigned counters;          /* i: index into a flow's counters */
    bool shares_counters;       /* i: others count there, too */
    struct burst *bursts;       /* i: DP_MAX_NESTING + 1 of them */
    unsigned n_pending;         /* f */
    struct dp_port *pending[BATCH_SIZE * 2]; /* f: ports with packets to send */
    struct forwarder_stats stats;
    struct shortcut_budget shortcut;
};

struct dp_handler {
    struct forwarder fwd;
    struct list node;           /* m dp->handlers_mutex */
    int event_fd;               /* i: readable when a ring of ours may hold something */
    _Atomic bool wanted;        /* a: the handler sleeps: whoever fills a ring writes to event_fd */
    bool takes_upcalls;         /* i */
    unsigned next_ring;         /* handler's: where the next round starts */
    unsigned n_rings;           /* m dp->handlers_mutex */
    struct upcall_ring **rings; /* m dp->handlers_mutex */
};

struct dp_thread {
    struct forwarder fwd;
    pthread_t pthread;
    unsigned number;
    int epoll_fd, wake_fd;
    _Atomic bool stop;
    struct rx_source *sources[DP_MAX_SOURCES]; /* r: by index, NULL where free */
    _Atomic unsigned n_sources;                /* a: c writes */
    _Atomic unsigned n_polled;                 /* a: c writes: sources without a descriptor */
    struct forwarder_stats cleared;            /* c: what was counted at pmd-stats-clear */
    int64_t cleared_ms;                        /* c: when that was, or when the thread began */
    int cpu;                                   /* c: the processor that it is bound to; -1: none */
    bool isolated;                             /* c: it serves what is bound to it alone */
    unsigned n_given;                          /* c: queues */
    uint64_t load;                             /* c: cycles that its queues took before they were spread */
};

struct dp {
    struct datapath up; /* first */
    bool is_inline;     /* i */

    struct dp_port **ports;                           /* r: DP_MAX_PORTS, by number */
    struct hmap ports_by_name;                        /* c */
    unsigned n_ports;                                 /* c */
    unsigned long held[BITMAP_N_WORDS(DP_MAX_PORTS)]; /* c: numbers that are given to nobody for now */

    pthread_mutex_t flows_mutex;
    struct megaflow_table *megaflows; /* r readers, m flows_mutex writers */
    struct hmap flows_by_ufid;        /* m flows_mutex */
    struct hmap actions;              /* m flows_mutex: struct flow_actions */
    uint32_t actions_seed;            /* i: packets' bytes may be in actions, by learn and move */
    unsigned n_counters;              /* i: counters in each flow */

    _Atomic uint64_t forwarder_slots;                /* a: bit N: index N is taken */
    struct forwarder *forwarders[DP_MAX_FORWARDERS]; /* c, read under forwarders_mutex */
    pthread_mutex_t forwarders_mutex;
    struct forwarder_stats cleared; /* c: what others than threads had counted at pmd-stats-clear */
    struct forwarder_stats retired; /* m forwarders_mutex: counts of forwarders that are gone, threads' ... */
    struct forwarder_stats retired_others; /* m forwarders_mutex: ... and others' */

    char *cpu_mask;     /* c: pmd-cpu-mask; NULL: none */
    bool isolate;       /* c: pmd-rxq-isolate */
    unsigned n_threads; /* c */
    struct dp_thread **threads;

    pthread_mutex_t handlers_mutex;
    struct list handlers;        /* m handlers_mutex */
    pthread_mutex_t stray_mutex; /* producers of `stray` */
    struct upcall_ring *stray;   /* misses of packets that handlers executed */

    struct dp_handler *synthetic; /* i: control thread: receives for ports that need no thread */
    void (*upcall_cb)(struct dp_upcall *, void *aux); /* c: inline */
    void *upcall_aux;

    struct dp_meters *meters;    /* i */
    struct conntrack *conntrack; /* i */

    pthread_mutex_t shortcut_mutex; /* a flow's slot is pointed where its actions say, or it is cut */
    _Atomic uint32_t
        shortcut_total; /* a: the slot that counts what the kernel forwards for us; 0: nothing yet */
};

static inline struct dp *dp_cast(struct datapath *up)
{
    return CONTAINER_OF(up, struct dp, up);
}

/* forwarder.c */
struct port_slot *forwarder_make_slot(struct forwarder *, struct dp_port *);
int forwarder_init(struct forwarder *, struct dp *, struct packet_pool *, bool with_emc);
void forwarder_fini(struct forwarder *);
void forwarder_sum(struct dp *, struct forwarder_stats *);

static inline struct port_slot *forwarder_slot(struct forwarder *f, struct dp_port *port)
{
    struct port_slot *slot = atomic_load_explicit(&port->slots[f->index], memory_order_relaxed);
    return likely(slot != NULL) ? slot : forwarder_make_slot(f, port);
}

/* Counts a packet that went no further against the port that it came in by. */
void forwarder_count_drop(struct forwarder *, uint32_t port_no, enum drop_reason);
/* Frees PACKET, counted for REASON against the port that it came in by. */
void forwarder_drop(struct forwarder *, struct packet *, enum drop_reason);
void forwarder_drop_batch(struct forwarder *, struct packet_batch *, enum drop_reason);

/* ports.c */
static inline struct dp_port *dp_port_get(const struct dp *dp, uint32_t port_no)
{
    return likely(port_no < DP_MAX_PORTS) ? rcu_get(&dp->ports[port_no]) : NULL;
}
int dp_port_add(struct datapath *, const char *name, const char *type, const struct smap *options,
                uint32_t *port_no, char **errorp);
int dp_port_del(struct datapath *, uint32_t port_no);
void dp_port_hold(struct datapath *, uint32_t port_no, bool held);
int dp_port_set_options(struct datapath *, uint32_t port_no, const struct smap *options, char **errorp);
int dp_port_query(struct datapath *, uint32_t port_no, struct dp_port_desc *);
int dp_port_query_name(struct datapath *, const char *name, struct dp_port_desc *);
void dp_port_dump(struct datapath *, void (*each)(const struct dp_port_desc *, void *aux), void *aux);
void dp_port_drops(struct datapath *, uint32_t port_no, struct dp_port_drops *);

/* thread.c: control */
void dp_threads_start(struct dp *, unsigned n);
void dp_threads_stop(struct dp *);
void dp_thread_add_source(struct dp_thread *, struct rx_source *);
void dp_thread_remove_source(struct dp *,
                             struct rx_source *); /* its thread may still hold it until a grace period */

/* What commands know a thread by: its processor, or its number where it is bound to none. */
static inline int dp_thread_core(const struct dp_thread *t)
{
    return t->cpu >= 0 ? t->cpu : (int)t->number;
}

/* spread.c: control */
unsigned dp_default_threads(void);
void dp_thread_bind(struct dp_thread *, int cpu);
void dp_make_slots(struct dp *, struct dp_port *);  /* for all threads, so that no first packet has to */
void dp_spread_port(struct dp *, struct dp_port *); /* a new port's queues to threads */
void dp_spread_all(struct dp *);                    /* all queues anew, by the work that they made */
void dp_set_forwarding(struct datapath *, const char *cpu_mask, bool isolate);
int dp_port_set_affinity(struct datapath *, uint32_t port_no, const char *affinity);

/* flows.c */
int dp_flow_put(struct datapath *, const struct dp_flow_desc *, enum dp_put_flags, struct dp_flow_stats *);
int dp_flow_del(struct datapath *, struct dp_ufid, struct dp_flow_stats *last);
void dp_flow_del_batch(struct datapath *, const struct dp_flow_name *, struct dp_flow_stats *last, size_t n);
int dp_flow_get(struct datapath *, struct dp_ufid, struct dp_flow_desc *, struct bytebuf *actions);
int dp_flow_flush(struct datapath *);
void dp_flow_prefetch(struct datapath *, const struct dp_flow_name *);
void dp_flow_stats(struct datapath *, const struct dp_flow_name *, struct dp_flow_stats *, size_t n);
void dp_flow_dump(struct datapath *, bool (*each)(const struct dp_flow_desc *, void *aux), void *aux);

/* shortcuts.c */
void dp_shortcut_begin(struct forwarder *, const struct dp_port *in); /* a burst comes in */
void dp_shortcut_learn(struct forwarder *, const struct burst *, const struct packet_batch *);
void dp_shortcut_cut(struct dp *, struct dp_flow *); /* its actions have changed */
void dp_shortcut_add(const struct dp_flow *, struct dp_flow_stats *);
void dp_shortcut_release(struct dp_flow *); /* after a grace period */
uint64_t dp_shortcut_packets(struct dp *);  /* that the kernel forwarded, of all flows */

/* handler.c */
struct dp_handler *dp_handler_create(struct datapath *, bool takes_upcalls);
void dp_handler_destroy(struct dp_handler *);
struct packet_pool *dp_handler_pool(struct dp_handler *);
size_t dp_handler_recv(struct dp_handler *, struct dp_upcall *, size_t n);
int dp_handler_fd(struct dp_handler *);
int dp_handler_execute(struct dp_handler *, struct dp_execute *);
void dp_handler_drop(struct dp_handler *, uint32_t port_no, enum drop_reason, struct packet *);
void dp_handlers_assign(struct dp *); /* control: spreads the rings over the handlers anew */
void dp_handler_wake(struct upcall_ring *);

#endif
