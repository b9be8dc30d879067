/* SPDX-License-Identifier: Apache-2.0 */
/* Load on a database server, by one thread that does little else than wait: writers that each have one
 * transaction under way, monitors that watch what they change.
 *
 * usage: ovsdb_load SOCKET WRITERS MONITORS SECONDS [RATE]
 *
 * Each transaction adds 1 to next_cfg of the one row of Open_vSwitch and reads it; RATE is the writers' sum,
 * per second. Prints "transactions N seconds S worst_us W p99_us P lost L": W is the longest time from the
 * reply to a transaction to the moment when the last monitor has seen its value or a later one; L counts
 * monitors that never saw the last. */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_VALUES = 4000000,
    BUFFER = 65536
};

struct client {
    int fd;
    bool monitor, busy;
    long long seen; /* the highest value */
    size_t kept;    /* of what came, that may be the beginning of a value */
    char buffer[BUFFER + 1];
};

static int64_t *replied, *last_seen; /* us, by value */
static long long n_replies, highest;
static struct client *clients;
static int n_clients;

static int64_t now_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

static void die(const char *what)
{
    fprintf(stderr, "ovsdb_load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void say(struct client *c, const char *text)
{
    if (send(c->fd, text, strlen(text), 0) != (ssize_t)strlen(text)) {
        die("send");
    }
}

static void transact(struct client *c)
{
    c->busy = true;
    say(c,
        "{\"method\":\"transact\",\"id\":1,\"params\":[\"Open_vSwitch\",{\"op\":\"mutate\",\"table\":\"Open_"
        "vSwitch\","
        "\"where\":[],\"mutations\":[[\"next_cfg\",\"+=\",1]]},{\"op\":\"select\",\"table\":\"Open_vSwitch\","
        "\"where\":[],\"columns\":[\"next_cfg\"]}]}");
}

static void saw(struct client *c, long long value, int64_t now)
{
    if (value >= MAX_VALUES) {
        fprintf(stderr, "ovsdb_load: too many transactions\n");
        exit(1);
    }
    if (!c->monitor) {
        replied[value] = now;
        n_replies++;
        c->busy = false;
        highest = value > highest ? value : highest;
    } else {
        for (long long v = c->seen + 1; v <= value; v++) {
            last_seen[v] = now;
        }
        c->seen = value > c->seen ? value : c->seen;
    }
}

static void receive(struct client *c)
{
    static const char name[] = "\"next_cfg\":";
    ssize_t n = recv(c->fd, c->buffer + c->kept, BUFFER - c->kept, MSG_DONTWAIT);
    if (n <= 0) {
        if (n < 0 && errno == EAGAIN) {
            return;
        }
        die("recv");
    }
    int64_t now = now_us();
    size_t len = c->kept + (size_t)n;
    c->buffer[len] = '\0';
    char *p = c->buffer, *found, *end;
    while ((found = strstr(p, name)) != NULL) {
        long long value = strtoll(found + strlen(name), &end, 10);
        if (!*end) {
            p = found; /* more digits may come */
            break;
        }
        saw(c, value, now);
        p = end;
    }
    size_t left = len - (size_t)(p - c->buffer);
    if (!found && left > sizeof name) {
        p += left - sizeof name;
        left = sizeof name;
    }
    memmove(c->buffer, p, left);
    c->kept = left;
}

static void serve(int epoll_fd, int timeout)
{
    struct epoll_event events[256];
    int n = epoll_wait(epoll_fd, events, 256, timeout);
    for (int i = 0; i < n; i++) {
        receive(events[i].data.ptr);
    }
}

static int compare(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static void report(double seconds, long long first, int n_monitors)
{
    int64_t *late = calloc((size_t)(highest - first + 2), sizeof *late), worst = 0;
    long long n = 0;
    int lost = 0;
    for (long long v = first + 1; n_monitors && v <= highest; v++) {
        if (replied[v] && last_seen[v]) {
            late[n] = last_seen[v] > replied[v] ? last_seen[v] - replied[v] : 0;
            worst = late[n] > worst ? late[n] : worst;
            n++;
        }
    }
    for (int i = 0; i < n_clients; i++) {
        lost += clients[i].monitor && clients[i].seen < highest;
    }
    qsort(late, (size_t)n, sizeof *late, compare);
    printf("transactions %lld seconds %.2f worst_us %lld p99_us %lld lost %d\n", n_replies, seconds,
           (long long)worst, n ? (long long)late[n * 99 / 100] : 0, lost);
    free(late);
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fprintf(stderr, "usage: ovsdb_load SOCKET WRITERS MONITORS SECONDS [RATE]\n");
        return 1;
    }
    int n_writers = atoi(argv[2]), n_monitors = atoi(argv[3]), epoll_fd = epoll_create1(0);
    double seconds = atof(argv[4]), rate = argc > 5 ? atof(argv[5]) : 0;
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    snprintf(un.sun_path, sizeof un.sun_path, "%s", argv[1]);
    replied = calloc(MAX_VALUES, sizeof *replied);
    last_seen = calloc(MAX_VALUES, sizeof *last_seen);
    n_clients = n_writers + n_monitors;
    clients = calloc((size_t)n_clients, sizeof *clients);
    for (int i = 0; i < n_clients; i++) {
        struct client *c = &clients[i];
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        c->fd = socket(AF_UNIX, SOCK_STREAM, 0);
        c->monitor = i >= n_writers;
        c->seen = -1;
        if (connect(c->fd, (struct sockaddr *)&un, sizeof un)) {
            die("connect");
        }
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event);
        if (c->monitor) {
            say(c, "{\"method\":\"monitor_cond\",\"id\":1,\"params\":[\"Open_vSwitch\",1,{\"Open_vSwitch\":{"
                   "\"columns\":"
                   "[\"next_cfg\"]}}]}");
        }
    }
    int64_t settle = now_us() + 500000;
    while (now_us() < settle) {
        serve(epoll_fd, 50);
    }
    long long first = n_monitors ? clients[n_writers].seen : 0;
    int64_t start = now_us(), end = start + (int64_t)(seconds * 1e6);
    long long begun = 0;
    for (int64_t now = start; now < end; now = now_us()) {
        long long due = rate ? (long long)((double)(now - start) / 1e6 * rate) + 1 : INT64_MAX;
        for (int i = 0; i < n_writers && begun < due; i++) {
            if (!clients[i].busy) {
                transact(&clients[i]);
                begun++;
            }
        }
        serve(epoll_fd, rate ? 1 : 100);
    }
    double took = (double)(now_us() - start) / 1e6;
    end = now_us() + 3000000;
    for (bool all = false; !all && now_us() < end;) {
        serve(epoll_fd, 10);
        all = true;
        for (int i = 0; i < n_clients; i++) {
            all = all && (clients[i].monitor ? clients[i].seen >= highest : !clients[i].busy);
        }
    }
    report(took, first, n_monitors);
    return 0;
}
