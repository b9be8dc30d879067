/* SPDX-License-Identifier: Apache-2.0 */
/* A wire between two ports, made of the port drivers alone: what one receives the other sends. It measures
 * the drivers without a datapath, and the system tests drive ports through it.
 *
 * usage: relay TYPE:NAME[,KEY=VALUE...] TYPE:NAME[,KEY=VALUE...] [two more]...
 *
 * Opens and starts the ports, prints "ready", and takes commands on its standard input, each answered by
 * lines of which the last is "." alone:
 *
 *   status NAME     the port's state and the statistics
 *   admin NAME up|down,  mtu NAME N,  mac NAME XX:XX:XX:XX:XX:XX
 *   drops           what was dropped, by port and reason
 *   quit            stops in an orderly way (so do SIGTERM and end of file)
 *
 * A device that goes and comes back is taken again: prints "gone NAME", "back NAME". One thread does
 * everything: it polls while there is traffic and sleeps when there is none. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/smap.h"
#include "packet/packet.h"
#include "port/vport.h"

#define BURSTS      8
#define MAX_ENDS    512
#define QUEUE_SHIFT 16 /* in an event's data: the receive queue's number above the end's */

struct end {
    char *type, *name;
    struct smap options;
    struct vport *vport; /* NULL: the device is gone */
    struct vport_tx tx;
    uint64_t rx_dropped[DROP_N_REASONS];
};

static struct end ends[MAX_ENDS];
static unsigned n_ends;
static int epoll_fd;
static struct packet_pool *pool;

static void watch(int fd, uint32_t data)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = data};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static int take(unsigned i, char **error_text)
{
    struct end *e = &ends[i];
    int error = vport_open(e->type, e->name, &e->options, &e->vport, error_text);
    if (!error) {
        error = vport_start(e->vport, error_text);
        if (error) {
            vport_close(e->vport);
            e->vport = NULL;
        } else {
            for (uint32_t q = 0; q < e->vport->n_rxq; q++) {
                watch(e->vport->rxqs[q]->fd, i | q << QUEUE_SHIFT);
            }
        }
    }
    return error;
}

static uint64_t received_drops(const struct end *e, int reason)
{
    uint64_t n = e->rx_dropped[reason];
    for (int q = 0; e->vport && q < e->vport->n_rxq; q++) {
        n += e->vport->rxqs[q]->dropped[reason];
    }
    return n;
}

static void give_up(struct end *e)
{
    for (int r = 0; e->vport && r < DROP_N_REASONS; r++) {
        e->rx_dropped[r] = received_drops(e, r);
    }
    vport_close(e->vport);
    e->vport = NULL;
}

static void changed(struct vport *vport, const char *name, void *aux)
{
    for (unsigned i = 0; i < n_ends; i++) {
        struct end *e = &ends[i];
        if (vport && e->vport == vport && vport->status.gone) {
            give_up(e);
            printf("gone %s\n", e->name);
        } else if (!vport && !e->vport && (!name || !strcmp(name, e->name))) {
            char *error_text = NULL;
            if (!take(i, &error_text)) {
                printf("back %s\n", e->name);
            }
            free(error_text);
        }
    }
}

static bool parse_end(char *arg, struct end *e)
{
    char *save, *colon = strchr(arg, ':');
    if (!colon) {
        return false;
    }
    *colon = '\0';
    e->type = arg;
    e->name = strtok_r(colon + 1, ",", &save);
    smap_init(&e->options);
    for (char *option; (option = strtok_r(NULL, ",", &save)) != NULL;) {
        char *equals = strchr(option, '=');
        if (!equals) {
            return false;
        }
        *equals = '\0';
        smap_set(&e->options, option, equals + 1);
    }
    return e->name != NULL;
}

static void show_status(const struct end *e)
{
    if (!e->vport) {
        puts("gone");
        return;
    }
    if (e->vport->ops->refresh) {
        e->vport->ops->refresh(e->vport);
    }
    const struct vport_status *s = &e->vport->status;
    printf(
        "admin_state %s\nlink_state %s\nmtu %d\nifindex %d\nlink_resets %lld\nlink_speed %llu\nduplex %s\n",
        s->admin_up ? "up" : "down", s->link_up ? "up" : "down", s->mtu, s->ifindex,
        (long long)s->link_resets, (unsigned long long)s->speed_bps, s->full_duplex ? "full" : "half");
    printf("mac_in_use %02x:%02x:%02x:%02x:%02x:%02x\n", s->mac.ea[0], s->mac.ea[1], s->mac.ea[2],
           s->mac.ea[3], s->mac.ea[4], s->mac.ea[5]);
    struct smap info;
    smap_init(&info);
    if (e->vport->ops->get_driver_info) {
        e->vport->ops->get_driver_info(e->vport, &info);
    }
    SMAP_FOR_EACH(entry, &info)
    {
        printf("%s %s\n", entry->key, entry->value);
    }
    smap_fini(&info);
    struct vport_stats stats;
    memset(&stats, 0xff, sizeof stats);
    if (!e->vport->ops->get_stats(e->vport, &stats)) {
#define X(NAME)                                                                                              \
    if (stats.NAME != UINT64_MAX) {                                                                          \
        printf(#NAME " %llu\n", (unsigned long long)stats.NAME);                                             \
    }
        VPORT_STATS(X)
#undef X
    }
}

static void show_drops(const struct end *e)
{
    for (int r = 1; r < DROP_N_REASONS; r++) {
        uint64_t rx = received_drops(e, r);
        if (rx || e->tx.dropped[r]) {
            printf("%s %s rx %llu tx %llu\n", e->name, drop_reason_name((enum drop_reason)r),
                   (unsigned long long)rx, (unsigned long long)e->tx.dropped[r]);
        }
    }
}

static int set(struct end *e, const char *verb, const char *value)
{
    if (!e->vport) {
        return ENODEV;
    }
    const struct vport_ops *ops = e->vport->ops;
    if (!ops->set_admin || !ops->set_mtu || !ops->set_mac) {
        return EOPNOTSUPP;
    }
    if (!strcmp(verb, "admin")) {
        return ops->set_admin(e->vport, !strcmp(value, "up"));
    } else if (!strcmp(verb, "mtu")) {
        return ops->set_mtu(e->vport, atoi(value));
    } else if (!strcmp(verb, "mac")) {
        struct eth_addr mac;
        uint8_t *b = mac.ea;
        return sscanf(value, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", b, b + 1, b + 2, b + 3, b + 4, b + 5) == 6
                   ? ops->set_mac(e->vport, mac)
                   : EINVAL;
    }
    return EINVAL;
}

/* False: to quit. */
static bool command(char *line)
{
    char *save, *verb = strtok_r(line, " \n", &save), *name = strtok_r(NULL, " \n", &save);
    char *value = strtok_r(NULL, " \n", &save);
    if (!verb || !strcmp(verb, "quit")) {
        return false;
    }
    for (unsigned i = 0; i < n_ends; i++) {
        if (!strcmp(verb, "drops")) {
            show_drops(&ends[i]);
        } else if (name && !strcmp(name, ends[i].name)) {
            if (!strcmp(verb, "status")) {
                show_status(&ends[i]);
            } else {
                int error = set(&ends[i], verb, value ? value : "");
                puts(error ? strerror(error) : "ok");
            }
        }
    }
    puts(".");
    return true;
}

static void serve(unsigned i, unsigned queue)
{
    struct end *from = &ends[i], *to = &ends[i ^ 1];
    for (int n = 0; n < BURSTS && from->vport; n++) {
        struct packet_batch batch;
        batch_init(&batch);
        int error = from->vport->ops->rxq_recv(from->vport->rxqs[queue], pool, &batch);
        if (error && error != EAGAIN) {
            epoll_ctl(epoll_fd, EPOLL_CTL_DEL, from->vport->rxqs[queue]->fd, NULL);
        }
        if (!batch.n) {
            return;
        }
        if (to->vport) {
            vport_send(to->vport, &to->tx, &batch);
        } else {
            from->rx_dropped[DROP_NO_PORT] += batch.n;
            batch_free(&batch);
        }
    }
}

enum {
    STDIN = MAX_ENDS,
    MONITOR,
    SIGNAL
};

static void run(void)
{
    struct epoll_event events[8];
    bool idle = false;
    char line[256];
    size_t len = 0;
    for (;;) {
        int n = epoll_wait(epoll_fd, events, 8, idle ? -1 : 0);
        idle = n <= 0;
        for (int i = 0; i < n; i++) {
            uint32_t what = events[i].data.u32 & ((1u << QUEUE_SHIFT) - 1);
            if (what < MAX_ENDS) {
                serve(what, events[i].data.u32 >> QUEUE_SHIFT);
            } else if (what == SIGNAL) {
                return;
            } else if (what == MONITOR) {
                vport_monitor_run(changed, NULL);
            } else {
                ssize_t got = read(0, line + len, sizeof line - 1 - len);
                if (got <= 0) {
                    return;
                }
                len += (size_t)got;
                line[len] = '\0';
                for (char *newline; (newline = strchr(line, '\n')) != NULL;) {
                    *newline = '\0';
                    if (!command(line)) {
                        return;
                    }
                    len -= (size_t)(newline + 1 - line);
                    memmove(line, newline + 1, len + 1);
                }
            }
        }
    }
}

int main(int argc, char *argv[])
{
    bool ok = argc >= 3 && argc % 2 && argc - 1 <= MAX_ENDS;
    for (; ok && n_ends < (unsigned)argc - 1; n_ends++) {
        ok = parse_end(argv[n_ends + 1], &ends[n_ends]);
    }
    if (!ok) {
        fprintf(stderr, "usage: %s TYPE:NAME[,KEY=VALUE...] TYPE:NAME[,KEY=VALUE...] [two more]...\n",
                argv[0]);
        return 2;
    }
    setlinebuf(stdout);
    vport_enable_dummy(false, false);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    pool = packet_pool_create(4096, 256);
    watch(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK), SIGNAL);
    watch(0, STDIN);
    watch(vport_monitor_fd(), MONITOR);
    int status = 0;
    for (unsigned i = 0; i < n_ends; i++) {
        ends[i].tx.pool = pool;
        char *error_text = NULL;
        int error = take(i, &error_text);
        if (error) {
            printf("error %s: %s\n", strerrorname_np(error), error_text);
            free(error_text);
            status = 1;
        }
    }
    if (!status) {
        puts("ready");
        run();
    }
    for (unsigned i = 0; i < n_ends; i++) {
        give_up(&ends[i]);
        smap_fini(&ends[i].options);
    }
    packet_pool_destroy(pool);
    return status;
}
