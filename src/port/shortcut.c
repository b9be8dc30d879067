/* SPDX-License-Identifier: Apache-2.0 */
#include "port/shortcut.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "packet/packet.h"
#include "port/shortcut_layout.h"
#include "port/shortcut_object.h" /* made by the build: shortcut.bpf.c, compiled */
#include "port/vport.h"

LOG_MODULE(netdev_linux);

#define FRAME_OVERHEAD 14 /* bytes of a frame beyond the MTU */

/* The process's, loaded with the first port that could use it. */
static struct {
    bool tried;
    int tap_fd, pass_fd, micro_fd; /* -1: there is no shortcut */
    unsigned n_cpus;
    union shortcut_flow *flows;         /* a: shared with the kernel */
    union shortcut_port *ports;         /* a: the same */
    struct shortcut_counters *counters; /* a: the kernel writes, but for slots that are being claimed */

    pthread_mutex_t mutex;
    uint32_t *free_slots; /* m: a queue, so that a slot rests before it is used again */
    uint32_t free_head, n_free;

    struct vport *taken[SHORTCUT_PORTS]; /* control */
    unsigned next_port;                  /* control */
} sc = {.tap_fd = -1, .pass_fd = -1, .micro_fd = -1, .mutex = PTHREAD_MUTEX_INITIALIZER};

/* Load */

static int be_quiet(enum libbpf_print_level level, const char *format, va_list args)
{
    return 0;
}

static void *map_memory(const struct bpf_object *object, const char *name)
{
    const struct bpf_map *map = bpf_object__find_map_by_name(object, name);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t size = (size_t)bpf_map__value_size(map) * bpf_map__max_entries(map);
    void *m =
        mmap(NULL, (size + page - 1) & ~(page - 1), PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
    return m == MAP_FAILED ? NULL : m;
}

static int keep(int fd)
{
    return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static int program_fd(const struct bpf_object *object, const char *name)
{
    return keep(bpf_program__fd(bpf_object__find_program_by_name(object, name)));
}

/* The descriptors that are kept outlive the object. */
static int load(void)
{
    int n_cpus = libbpf_num_possible_cpus(), error = 0;
    sc.n_cpus = (unsigned)MIN(MAX(n_cpus, 1), SHORTCUT_MAX_CPUS);
    libbpf_print_fn_t print = libbpf_set_print(be_quiet);
    struct bpf_object *object = bpf_object__open_mem(shortcut_object, sizeof shortcut_object, NULL);
    if (!object) {
        error = errno;
    } else if (bpf_map__set_max_entries(bpf_object__find_map_by_name(object, "sluice_counts"),
                                        SHORTCUT_SLOTS * sc.n_cpus) ||
               bpf_object__load(object)) {
        error = errno;
    } else {
        sc.flows = map_memory(object, "sluice_flows");
        sc.ports = map_memory(object, "sluice_ports");
        sc.counters = map_memory(object, "sluice_counts");
        sc.micro_fd = keep(bpf_map__fd(bpf_object__find_map_by_name(object, "sluice_micro")));
        int tap_fd = program_fd(object, "sluice_tap");
        sc.pass_fd = program_fd(object, "sluice_pass");
        if (!sc.flows || !sc.ports || !sc.counters || sc.micro_fd < 0 || sc.pass_fd < 0 || tap_fd < 0) {
            error = errno;
        } else {
            sc.tap_fd = tap_fd;
        }
    }
    bpf_object__close(object);
    libbpf_set_print(print);
    return error;
}

static bool is_ready(void)
{
    if (!sc.tried) {
        sc.tried = true;
        int error = sizeof shortcut_object > 1 ? load() : ENOSYS;
        if (error) {
            LOG_INFO("no shortcut through the kernel: %s",
                     error == ENOSYS ? "built without clang" : strerror(error));
        } else {
            sc.free_slots = xcalloc(SHORTCUT_SLOTS, sizeof *sc.free_slots);
            for (uint32_t slot = 1; slot < SHORTCUT_SLOTS; slot++) {
                sc.free_slots[sc.n_free++] = slot;
            }
        }
    }
    return sc.tap_fd >= 0;
}

/* Slots */

uint32_t shortcut_claim(void)
{
    uint32_t slot = 0;
    pthread_mutex_lock(&sc.mutex);
    if (sc.n_free) {
        slot = sc.free_slots[sc.free_head];
        sc.free_head = (sc.free_head + 1) % SHORTCUT_SLOTS;
        sc.n_free--;
        for (unsigned cpu = 0; cpu < sc.n_cpus; cpu++) {
            sc.counters[cpu * SHORTCUT_SLOTS + slot] = (struct shortcut_counters){.packets = 0};
        }
    }
    pthread_mutex_unlock(&sc.mutex);
    return slot;
}

void shortcut_release(uint32_t slot)
{
    if (slot) {
        shortcut_cut(slot);
        pthread_mutex_lock(&sc.mutex);
        sc.free_slots[(sc.free_head + sc.n_free) % SHORTCUT_SLOTS] = slot;
        sc.n_free++;
        pthread_mutex_unlock(&sc.mutex);
    }
}

static union shortcut_flow get_flow(uint32_t slot)
{
    return (union shortcut_flow){.word = __atomic_load_n(&sc.flows[slot].word, __ATOMIC_ACQUIRE)};
}

/* Under the mutex: a generation must never come back. */
static void set_out(uint32_t slot, uint16_t out, uint32_t total)
{
    union shortcut_flow flow = {
        .generation = get_flow(slot).generation + 1, .out = out, .total = (uint16_t)total};
    __atomic_store_n(&sc.flows[slot].word, flow.word, __ATOMIC_RELEASE);
}

bool shortcut_is_pointed(uint32_t slot)
{
    return get_flow(slot).out != 0;
}

void shortcut_point(uint32_t slot, uint16_t out, uint32_t total)
{
    pthread_mutex_lock(&sc.mutex);
    set_out(slot, out, total);
    pthread_mutex_unlock(&sc.mutex);
}

void shortcut_cut(uint32_t slot)
{
    if (slot) {
        shortcut_point(slot, 0, 0);
    }
}

void shortcut_cut_all(void)
{
    pthread_mutex_lock(&sc.mutex);
    for (uint32_t slot = 1; sc.flows && slot < SHORTCUT_SLOTS; slot++) {
        if (shortcut_is_pointed(slot)) {
            set_out(slot, 0, 0);
        }
    }
    pthread_mutex_unlock(&sc.mutex);
}

/* Learn and count */

void shortcut_learn(uint32_t slot, const struct vport *in, const struct packet *packet)
{
    struct shortcut_key key;
    uint32_t tcp_flags;
    const uint8_t *head = packet->data;
    union shortcut_flow flow = get_flow(slot);
    memset(&key, 0, sizeof key);
    key.ifindex = (uint32_t)in->status.ifindex; /* of a device that is ours: it does not change */
    if (packet->len < SHORTCUT_HEAD || !flow.out) {
        return;
    }
    memcpy(key.eth, head, sizeof key.eth);
    bool parsed = head[12] == 0x08 && head[13] == 0x00
                      ? shortcut_parse_v4(head, packet->len, &key, &tcp_flags)
                  : head[12] == 0x86 && head[13] == 0xdd && packet->len >= SHORTCUT_HEAD_V6
                      ? shortcut_parse_v6(head, packet->len, &key, &tcp_flags)
                      : false;
    if (parsed) {
        struct shortcut_entry entry = {slot, flow.generation};
        bpf_map_update_elem(sc.micro_fd, &key, &entry, BPF_ANY); /* fails: it stays with the switch */
    }
}

void shortcut_get_count(uint32_t slot, struct shortcut_count *count)
{
    uint64_t used_ns = 0;
    *count = (struct shortcut_count){.packets = 0};
    for (unsigned cpu = 0; slot && cpu < sc.n_cpus; cpu++) {
        const struct shortcut_counters *c = &sc.counters[cpu * SHORTCUT_SLOTS + slot];
        count->packets += __atomic_load_n(&c->packets, __ATOMIC_RELAXED);
        count->bytes += __atomic_load_n(&c->bytes, __ATOMIC_RELAXED);
        count->tcp_flags |= (uint16_t)__atomic_load_n(&c->tcp_flags, __ATOMIC_RELAXED);
        used_ns = MAX(used_ns, (uint64_t)__atomic_load_n(&c->used_ns, __ATOMIC_RELAXED));
    }
    count->used_ms = (int64_t)(used_ns / 1000000);
}

/* Ports */

int shortcut_gate_program(void)
{
    return is_ready() ? keep(sc.pass_fd) : -1;
}

void shortcut_update_port(const struct vport *vport)
{
    if (vport->shortcut) {
        const struct vport_status *s = &vport->status;
        bool takes = s->admin_up && !s->gone && !s->elsewhere;
        union shortcut_port port = {.ifindex = takes ? (uint32_t)s->ifindex : 0,
                                    .max_len = (uint32_t)MAX(s->mtu, 0) + FRAME_OVERHEAD};
        __atomic_store_n(&sc.ports[vport->shortcut].word, port.word, __ATOMIC_RELEASE);
    }
}

static int listen_at(const struct vport *vport, bool on)
{
    int fd = vport->rxqs[0]->fd, unused = 0;
    int error = on ? setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &sc.tap_fd, sizeof sc.tap_fd)
                   : setsockopt(fd, SOL_SOCKET, SO_DETACH_BPF, &unused, sizeof unused);
    return error ? errno : 0;
}

void shortcut_listen(struct vport *vport, bool on)
{
    if (vport->shortcut) {
        listen_at(vport, on); /* off when it is off is no harm */
    }
}

void shortcut_attach(struct vport *vport)
{
    if (!is_ready()) {
        return;
    }
    for (unsigned tried = 0; tried < SHORTCUT_PORTS; tried++) {
        sc.next_port = sc.next_port % (SHORTCUT_PORTS - 1) + 1;
        if (!sc.taken[sc.next_port]) {
            int error = listen_at(vport, !policer_is_active(&vport->policer));
            if (error) {
                LOG_WARN("%s: no shortcut through the kernel: %s", vport->name, strerror(error));
                return;
            }
            vport->shortcut = (uint16_t)sc.next_port;
            sc.taken[sc.next_port] = vport;
            shortcut_update_port(vport);
            return;
        }
    }
}

void shortcut_detach(struct vport *vport)
{
    if (vport->shortcut) {
        listen_at(vport, false);
        __atomic_store_n(&sc.ports[vport->shortcut].word, 0, __ATOMIC_RELEASE);
        sc.taken[vport->shortcut] = NULL;
        vport->shortcut = 0;
        shortcut_cut_all(); /* the number may be another port's one day */
    }
}
