/* SPDX-License-Identifier: Apache-2.0 */
#include "port/dummy_stream.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/bytebuf.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/types.h"

#define RETRY_MS    1000
#define MAX_PENDING (1 << 20) /* bytes for a peer that does not read; beyond, frames are lost */

/* One connected socket. */
struct peer {
    struct list node;
    int fd;
    bool active;       /* we connected; a lost one is tried again */
    struct bytebuf in; /* begun frames */
    struct bytebuf out;
};

struct dummy_stream {
    struct list node;
    void *owner;
    struct list peers;
    char *active_path, *passive_path; /* NULL: none */
    int listener;                     /* -1: none */
    int64_t retry_ms;                 /* when to connect again; INT64_MAX: connected or not wanted */
};

static struct list streams = LIST_INITIALIZER(&streams); /* control */
/* The list of a stream's peers, which the control thread alone changes, and what waits to go out. Taken after
 * the port's mutex, and never while a frame is handed up. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int epoll_fd = -1;

/* Level-triggered and without a table: a wake-up makes every stream look at its sockets. Simulations have
 * tens. */
static void watch(int fd, uint32_t events, int op)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    epoll_ctl(epoll_fd, op, fd, &event);
}

static void add_peer(struct dummy_stream *s, int fd, bool active)
{
    struct peer *p = xzalloc(sizeof *p);
    p->fd = fd;
    p->active = active;
    pthread_mutex_lock(&mutex);
    list_push_back(&s->peers, &p->node);
    pthread_mutex_unlock(&mutex);
    watch(fd, EPOLLIN, EPOLL_CTL_ADD);
}

static void drop_peer(struct dummy_stream *s, struct peer *p)
{
    if (p->active) {
        s->retry_ms = clock_ms() + RETRY_MS;
    }
    pthread_mutex_lock(&mutex);
    list_remove(&p->node);
    pthread_mutex_unlock(&mutex);
    close(p->fd);
    bytebuf_fini(&p->in);
    bytebuf_fini(&p->out);
    free(p);
}

static bool make_address(const char *path, struct sockaddr_un *un)
{
    *un = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (!*path || strlen(path) >= sizeof un->sun_path) {
        return false;
    }
    strcpy(un->sun_path, path);
    return true;
}

static void try_connect(struct dummy_stream *s)
{
    struct sockaddr_un un;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && make_address(s->active_path, &un) && !connect(fd, (struct sockaddr *)&un, sizeof un)) {
        s->retry_ms = INT64_MAX;
        add_peer(s, fd, true);
        return;
    }
    if (fd >= 0) {
        close(fd);
    }
    s->retry_ms = clock_ms() + RETRY_MS;
}

static int listen_at(const char *path)
{
    struct sockaddr_un un;
    if (!make_address(path, &un)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    /* A socket that somebody alive listens on is not ours to remove. */
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error = 0;
    if (!connect(probe, (struct sockaddr *)&un, sizeof un) || errno == EAGAIN) {
        error = EADDRINUSE;
    } else if (errno == ECONNREFUSED) {
        unlink(path);
    }
    close(probe);
    if (!error && (bind(fd, (struct sockaddr *)&un, sizeof un) || listen(fd, 16))) {
        error = errno;
    }
    if (error) {
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

static const char *after_prefix(const char *s, const char *prefix)
{
    size_t n = strlen(prefix);
    return !strncmp(s, prefix, n) && s[n] ? s + n : NULL;
}

char *dummy_stream_create(const char *active, const char *passive, void *owner, struct dummy_stream **sp)
{
    *sp = NULL;
    const char *active_path = active ? after_prefix(active, "unix:") : NULL;
    const char *passive_path = passive ? after_prefix(passive, "punix:") : NULL;
    if (active && !active_path) {
        return xasprintf("options:stream: \"%s\": expected unix:FILE", active);
    }
    if (passive && !passive_path) {
        return xasprintf("options:pstream: \"%s\": expected punix:FILE", passive);
    }
    if (epoll_fd < 0) {
        epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    }
    int listener = -1;
    if (passive_path) {
        listener = listen_at(passive_path);
        if (listener < 0) {
            return xasprintf("options:pstream: %s: %s", passive_path, strerror(errno));
        }
        watch(listener, EPOLLIN, EPOLL_CTL_ADD);
    }
    struct dummy_stream *s = xzalloc(sizeof *s);
    s->owner = owner;
    s->listener = listener;
    s->active_path = xstrdup_or_null(active_path);
    s->passive_path = xstrdup_or_null(passive_path);
    s->retry_ms = INT64_MAX;
    list_init(&s->peers);
    list_push_back(&streams, &s->node);
    if (active) {
        try_connect(s);
    }
    *sp = s;
    return NULL;
}

void dummy_stream_destroy(struct dummy_stream *s)
{
    if (!s) {
        return;
    }
    struct peer *p, *next;
    LIST_FOR_EACH_SAFE (p, next, node, &s->peers) {
        drop_peer(s, p);
    }
    if (s->listener >= 0) {
        close(s->listener);
        unlink(s->passive_path);
    }
    list_remove(&s->node);
    free(s->active_path);
    free(s->passive_path);
    free(s);
}

bool dummy_stream_is_connected(const struct dummy_stream *s)
{
    return !list_is_empty(&s->peers);
}

/* False: the connection is lost. Under the mutex. */
static bool flush(struct peer *p)
{
    while (p->out.len) {
        ssize_t n = send(p->fd, p->out.data, p->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0) {
            if (errno != EAGAIN) {
                return false;
            }
            watch(p->fd, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
            return true;
        }
        bytebuf_pull(&p->out, (size_t)n);
    }
    watch(p->fd, EPOLLIN, EPOLL_CTL_MOD);
    return true;
}

void dummy_stream_send(struct dummy_stream *s, const void *frame, size_t len)
{
    if (len > UINT16_MAX) {
        return;
    }
    struct peer *p;
    pthread_mutex_lock(&mutex);
    LIST_FOR_EACH (p, node, &s->peers) {
        if (p->out.len + len + 2 > MAX_PENDING) {
            continue;
        }
        put_be16(bytebuf_put_uninit(&p->out, 2), __builtin_bswap16((uint16_t)len));
        bytebuf_put(&p->out, frame, len);
        flush(p); /* a lost connection shows as readable: the next run closes it */
    }
    pthread_mutex_unlock(&mutex);
}

int dummy_stream_fd(void)
{
    return epoll_fd;
}

int64_t dummy_stream_due(void)
{
    int64_t due = INT64_MAX;
    struct dummy_stream *s;
    LIST_FOR_EACH (s, node, &streams) {
        due = MIN(due, s->retry_ms);
    }
    return due;
}

/* False: the connection is lost. */
static bool read_peer(struct dummy_stream *s, struct peer *p, void (*frame)(void *, const void *, size_t))
{
    for (int i = 0; i < 16; i++) {
        bytebuf_reserve(&p->in, 65536);
        ssize_t n = recv(p->fd, p->in.data + p->in.len, 65536, MSG_DONTWAIT);
        if (n <= 0) {
            return n < 0 && errno == EAGAIN;
        }
        p->in.len += (size_t)n;
        size_t done = 0;
        while (p->in.len - done >= 2) {
            size_t len = __builtin_bswap16(get_be16(p->in.data + done));
            if (p->in.len - done - 2 < len) {
                break;
            }
            frame(s->owner, p->in.data + done + 2, len);
            done += 2 + len;
        }
        bytebuf_pull(&p->in, done);
    }
    return true;
}

void dummy_stream_run(void (*frame)(void *owner, const void *, size_t len))
{
    struct dummy_stream *s;
    LIST_FOR_EACH (s, node, &streams) {
        int fd;
        while (s->listener >= 0 &&
               (fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
            add_peer(s, fd, false);
        }
        if (clock_ms() >= s->retry_ms) {
            try_connect(s);
        }
        struct peer *p, *next;
        LIST_FOR_EACH_SAFE (p, next, node, &s->peers) {
            pthread_mutex_lock(&mutex);
            bool alive = flush(p);
            pthread_mutex_unlock(&mutex);
            if (!alive || !read_peer(s, p, frame)) {
                drop_peer(s, p);
            }
        }
    }
}
