/* SPDX-License-Identifier: Apache-2.0 */
#include "switchd/dummy.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/strbuf.h"
#include "control/control.h"
#include "dpif/dpif.h"
#include "flow/compose.h"
#include "flow/dpkey_text.h"
#include "io/loop.h"
#include "port/dummy.h"
#include "wire/eth.h"

static struct {
    struct loop *loop;
    struct loop_fd fd;
    struct task task;
    struct packet_pool *pool;
} self;

/* ---- which datapath a dummy is in ---- */

struct place {
    const struct vport *vport;
    struct datapath *dp;
    uint32_t port_no;
};

static void look_at_port(const struct dp_port_desc *port, void *place_)
{
    struct place *place = place_;
    if (port->vport == place->vport) {
        place->port_no = port->port_no;
    }
}

static void look_in_datapath(struct datapath *dp, void *place_)
{
    struct place *place = place_;
    if (!place->dp) {
        dp->ops->port_dump(dp, look_at_port, place);
        place->dp = place->port_no != PACKET_NO_PORT ? dp : NULL;
    }
}

static struct place place_of(const struct vport *vport)
{
    struct place place = {.vport = vport, .port_no = PACKET_NO_PORT};
    dpif_for_each(look_in_datapath, &place);
    return place;
}

static struct vport *find_dummy(const char *name)
{
    struct vport *vport = vport_find(name);
    return vport && vport_is_dummy(vport) ? vport : NULL;
}

/* ---- netdev-dummy/receive ---- */

static bool parse_hex(const char *text, struct strbuf *bytes)
{
    size_t n = strlen(text);
    strbuf_clear(bytes);
    if (n % 2 || n / 2 < ETH_HEADER_LEN) {
        return false;
    }
    for (size_t i = 0; i < n; i += 2) {
        char digits[3] = {text[i], text[i + 1], '\0'};
        if (!isxdigit((unsigned char)digits[0]) || !isxdigit((unsigned char)digits[1])) {
            return false;
        }
        strbuf_put_char(bytes, (char)strtoul(digits, NULL, 16));
    }
    return true;
}

/* A frame from hexadecimal, or made from a flow in datapath syntax; an error text, or NULL. */
static char *make_frame(const char *text, size_t len, struct strbuf *frame)
{
    if (parse_hex(text, frame)) {
        return NULL;
    }
    struct flow_key *key = xzalloc_cacheline(sizeof *key);
    char *error = dpkey_parse(text, NULL, key, NULL, NULL);
    if (!error) {
        bool too_small = false;
        struct packet *packet =
            len ? flow_compose_sized(self.pool, key, len, &too_small) : flow_compose(self.pool, key, NULL, 0);
        if (packet) {
            strbuf_clear(frame);
            strbuf_put(frame, packet->data, packet->len);
            packet_free(packet);
        } else {
            error = xasprintf("--len %zu: %s", len,
                              too_small ? "the flow's headers alone are longer" : "out of packet memory");
        }
    }
    free(key);
    return error;
}

static void receive(struct control_request *request, int argc, const char *argv[], void *aux)
{
    struct vport *vport = find_dummy(argv[1]);
    uint16_t queue = 0;
    int next = 2;
    if (!vport) {
        control_reply_error(request, "no such dummy netdev");
        return;
    }
    if (next + 1 < argc && !strcmp(argv[next], "--qid")) {
        queue = (uint16_t)atoi(argv[next + 1]);
        next += 2;
        if (queue >= vport->n_rxq) {
            control_reply_error(request, "bad rx queue id.");
            return;
        }
    }
    struct place place = place_of(vport);
    struct strbuf frame = STRBUF_INITIALIZER;
    while (next < argc) {
        const char *text = argv[next++];
        size_t len = 0;
        if (next + 1 < argc && !strcmp(argv[next], "--len")) {
            len = strtoul(argv[next + 1], NULL, 10);
            next += 2;
        }
        char *error = make_frame(text, len, &frame);
        if (error) {
            strbuf_fini(&frame);
            control_reply_error_steal(request, error);
            return;
        }
        if (place.dp) {
            place.dp->ops->receive(place.dp, place.port_no, queue, frame.text, frame.len);
        }
    }
    strbuf_fini(&frame);
    control_reply(request, NULL);
}

/* ---- the others ---- */

struct all_dummies {
    void (*each)(struct vport *, void *aux);
    void *aux;
};

static void each_dummy_port(const struct dp_port_desc *port, void *all_)
{
    struct all_dummies *all = all_;
    if (port->vport && vport_is_dummy(port->vport)) {
        all->each(port->vport, all->aux);
    }
}

static void each_dummy_in(struct datapath *dp, void *all)
{
    dp->ops->port_dump(dp, each_dummy_port, all);
}

static void (*on_address)(void *aux);
static void *on_address_aux;

void dummy_on_address(void (*changed)(void *aux), void *aux)
{
    on_address = changed;
    on_address_aux = aux;
}

static void (*on_change)(struct vport *, void *aux);
static void *on_change_aux;

void dummy_on_change(void (*changed)(struct vport *, void *aux), void *aux)
{
    on_change = changed;
    on_change_aux = aux;
}

static void set_admin(struct vport *vport, void *up)
{
    vport->ops->set_admin(vport, *(bool *)up);
    if (on_change) {
        on_change(vport, on_change_aux);
    }
}

static void set_admin_state(struct control_request *request, int argc, const char *argv[], void *aux)
{
    const char *state = argv[argc - 1];
    bool up = !strcasecmp(state, "up");
    if (!up && strcasecmp(state, "down")) {
        control_reply_error(request, "Invalid Admin State");
        return;
    }
    if (argc > 2) {
        struct vport *vport = find_dummy(argv[1]);
        if (!vport) {
            control_reply_error(request, "Unknown Dummy Interface");
            return;
        }
        set_admin(vport, &up);
    } else {
        struct all_dummies all = {.each = set_admin, .aux = &up};
        dpif_for_each(each_dummy_in, &all);
    }
    control_reply(request, "OK");
}

static void put_conn_state(struct vport *vport, void *s_)
{
    strbuf_printf(s_, "%s: %s\n", vport->name, vport_dummy_conn_state(vport));
}

static void put_known_conn_state(struct vport *vport, void *s)
{
    if (strcmp(vport_dummy_conn_state(vport), "unknown")) {
        put_conn_state(vport, s);
    }
}

static void conn_state(struct control_request *request, int argc, const char *argv[], void *aux)
{
    struct strbuf s = STRBUF_INITIALIZER;
    if (argc > 1) {
        struct vport *vport = find_dummy(argv[1]);
        if (!vport) {
            control_reply_steal(request, xasprintf("%s: unknown", argv[1]));
            return;
        }
        put_conn_state(vport, &s);
    } else {
        struct all_dummies all = {.each = put_known_conn_state, .aux = &s};
        dpif_for_each(each_dummy_in, &all);
    }
    control_reply_steal(request, strbuf_steal(&s));
}

/* ADDRESS/PLEN in FAMILY, into N bytes each. */
static bool parse_prefix(const char *text, int family, void *address, uint8_t *mask, unsigned n)
{
    char copy[64];
    unsigned plen = n * 8;
    strncpy(copy, text, sizeof copy - 1);
    copy[sizeof copy - 1] = '\0';
    char *slash = strchr(copy, '/');
    if (slash) {
        *slash = '\0';
        char *end;
        plen = (unsigned)strtoul(slash + 1, &end, 10);
        if (*end || end == slash + 1 || plen > n * 8) {
            return false;
        }
    }
    for (unsigned i = 0; i < n; i++) {
        unsigned bits = plen > i * 8 ? MIN(plen - i * 8, 8u) : 0;
        mask[i] = (uint8_t)(0xff00 >> bits);
    }
    return inet_pton(family, copy, address) == 1;
}

static void set_address(struct control_request *request, int argc, const char *argv[], void *aux)
{
    struct vport *vport = find_dummy(argv[1]);
    bool v6 = !strcmp(argv[0], "netdev-dummy/ip6addr");
    if (!vport) {
        control_reply_error(request, "Unknown Dummy Interface");
        return;
    }
    struct vport_dummy_addresses *a = vport_dummy_addresses(vport);
    bool ok = v6 ? parse_prefix(argv[2], AF_INET6, &a->ip6, (uint8_t *)&a->ip6_mask, 16)
                 : parse_prefix(argv[2], AF_INET, &a->ip4, (uint8_t *)&a->ip4_mask, 4);
    if (ok) {
        if (on_address) {
            on_address(on_address_aux);
        }
        control_reply(request, "OK");
    } else {
        control_reply_error_steal(request, xasprintf("%s: invalid %s address", argv[2], v6 ? "IPv6" : "IP"));
    }
}

static const struct control_command commands[] = {
    {"netdev-dummy/receive", "name [--qid queue_id] packet|flow [--len packet_len]", 2, INT_MAX, receive},
    {"netdev-dummy/set-admin-state", "[netdev] up|down", 1, 2, set_admin_state},
    {"netdev-dummy/conn-state", "[netdev]", 0, 1, conn_state},
    {"netdev-dummy/ip4addr", "[netdev] ipaddr/mask-prefix-len", 2, 2, set_address},
    {"netdev-dummy/ip6addr", "[netdev] ip6addr", 2, 2, set_address},
};

/* ---- peers' sockets ---- */

static void peer_frames(struct vport *vport, void *aux)
{
    struct place place = place_of(vport);
    if (place.dp) {
        place.dp->ops->receive(place.dp, place.port_no, 0, NULL, 0);
    }
}

static void serve_peers(void)
{
    vport_dummy_run(peer_frames, NULL);
    int fd = vport_dummy_fd();
    if (fd != self.fd.fd || !self.fd.loop) {
        loop_remove_fd(&self.fd);
    }
    int64_t due = vport_dummy_due();
    task_schedule(loop_tasks(self.loop), &self.task, MIN(due, clock_ms() + 500));
}

static void peers_ready(struct loop_fd *fd, unsigned events)
{
    vport_dummy_run(peer_frames, NULL);
}

static void run_peers(struct task *task)
{
    serve_peers();
    int fd = vport_dummy_fd();
    if (fd >= 0 && !self.fd.loop) {
        loop_add_fd(self.loop, &self.fd, fd, LOOP_READ, peers_ready);
    }
}

void dummy_start(struct loop *loop, struct control_server *control)
{
    self.loop = loop;
    self.pool = packet_pool_create_heap();
    control_register(control, commands, ARRAY_SIZE(commands), NULL);
    task_init(&self.task, "dummy peers", run_peers);
    task_schedule_in(loop_tasks(loop), &self.task, 0);
}

void dummy_stop(void)
{
    if (self.loop) {
        task_cancel(&self.task);
        loop_remove_fd(&self.fd);
        packet_pool_destroy(self.pool);
        self.loop = NULL;
    }
}
