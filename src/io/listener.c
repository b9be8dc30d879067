/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "io/address.h"
#include "io/loop.h"
#include "io/stream.h"
#include "io/stream_private.h"

LOG_MODULE(stream);

enum {
    BACKLOG = 64,
    ACCEPTS_A_TURN = 16,
    OUT_OF_FDS_PAUSE_MS = 1000
};

struct listener {
    char *name;
    char *file; /* Unix: removed with the listener; NULL for others */
    dev_t dev;  /* of `file`, as it was made: another's socket of the same name is left alone */
    ino_t ino;
    int fd;
    bool tls, paused;
    uint8_t dscp;
    struct loop *loop;
    struct loop_fd watched;
    struct task resume;
    void (*accepted)(struct stream *, void *aux);
    void *aux;
};

/* Whether anybody listens at the socket FILE. */
static bool is_alive(const char *file)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return true;
    }
    int error = address_unix(fd, file, connect);
    close(fd);
    return error != ECONNREFUSED && error != ENOENT;
}

/* Binds FD to FILE, in the place of what a dead process left there. EEXIST: something that is no socket. */
static int bind_unix(int fd, const char *file)
{
    int error = address_unix(fd, file, bind);
    struct stat s;
    if (error == EADDRINUSE && !lstat(file, &s)) {
        if (!S_ISSOCK(s.st_mode)) {
            return EEXIST;
        }
        if (!is_alive(file) && !unlink(file)) {
            error = address_unix(fd, file, bind);
        }
    }
    return error;
}

static void accept_ready(struct loop_fd *watched, unsigned events);

static void resume(struct task *task)
{
    struct listener *l = OBJECT_OF(task, l, resume);
    if (!l->paused && !l->watched.loop) {
        loop_add_fd(l->loop, &l->watched, l->fd, LOOP_READ, accept_ready);
    }
}

static struct stream *accepted_stream(struct listener *l, int fd, const struct sockaddr_storage *ss)
{
    static unsigned n_unix; /* one thread's worth of precision is enough for a log name */
    char name[80], address[64];
    if (l->file) {
        snprintf(name, sizeof name, "unix#%u", __atomic_fetch_add(&n_unix, 1, __ATOMIC_RELAXED));
    } else {
        stream_set_tos(fd, ss->ss_family, l->dscp);
        address_format(ss, address);
        snprintf(name, sizeof name, "%s:%s", l->tls ? "ssl" : "tcp", address);
    }
    struct stream *stream = stream_from_fd(fd, name);
    return l->tls ? stream_make_tls(stream, true) : stream;
}

static void accept_ready(struct loop_fd *watched, unsigned events)
{
    struct listener *l = OBJECT_OF(watched, l, watched);
    for (int i = 0; i < ACCEPTS_A_TURN && l->watched.loop; i++) {
        struct sockaddr_storage ss = {.ss_family = AF_UNIX};
        socklen_t n = sizeof ss;
        int fd = accept4(l->fd, (struct sockaddr *)&ss, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            l->accepted(accepted_stream(l, fd, &ss), l->aux);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            static struct log_rate_limit rl = LOG_RATE_LIMIT_INIT(6, 2);
            LOG_ERR_RL(&rl, "%s: cannot accept a connection: %s", l->name, error_text(errno));
            loop_remove_fd(&l->watched);
            task_schedule_in(loop_tasks(l->loop), &l->resume, OUT_OF_FDS_PAUSE_MS);
            return;
        }
        if (errno == EAGAIN) {
            return;
        }
    }
}

static int open_socket(const char *name, const char *rest, int method, uint16_t default_port, int *fd,
                       char **error)
{
    struct sockaddr_storage ss = {.ss_family = AF_UNIX};
    if (!stream_method_is_unix(method)) {
        char *problem = address_parse_passive(rest, default_port, &ss);
        if (problem) {
            *error = error_prefix(problem, "%s", name);
            return EINVAL;
        }
    }
    *fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0) {
        *error = xasprintf("%s: socket: %s", name, error_text(errno));
        return errno;
    }
    int result;
    if (stream_method_is_unix(method)) {
        fchmod(*fd, 0770); /* the file's mode, less the umask: nobody else's business */
        result = bind_unix(*fd, rest);
        if (result == EADDRINUSE) {
            *error = xasprintf("%s: another process is listening there", name);
        }
    } else {
        int one = 1;
        setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        if (ss.ss_family == AF_INET6) {
            setsockopt(*fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
        }
        result = bind(*fd, (struct sockaddr *)&ss, address_length(&ss)) ? errno : 0;
    }
    if (!result && listen(*fd, BACKLOG)) {
        result = errno;
    }
    if (result) {
        if (!*error) {
            *error = xasprintf("%s: bind: %s", name, error_text(result));
        }
        close(*fd);
    }
    return result;
}

int listener_open(const char *name, uint16_t default_port, uint8_t dscp, struct loop *loop,
                  void (*accepted)(struct stream *, void *aux), void *aux, struct listener **lp,
                  char **errorp)
{
    const char *rest;
    char *error = NULL;
    int method = stream_method(name, &rest), fd = -1, result;
    *lp = NULL;
    if (method < 0 || !stream_method_is_passive(method)) {
        error = listener_check_name(name);
        result = EAFNOSUPPORT;
    } else {
        result = open_socket(name, rest, method, default_port, &fd, &error);
    }
    if (result) {
        if (errorp) {
            *errorp = error;
        } else {
            free(error);
        }
        return result;
    }
    struct listener *l = xzalloc(sizeof *l);
    l->name = xstrdup(name);
    l->fd = fd;
    l->tls = stream_method_is_tls(method);
    l->dscp = dscp;
    l->loop = loop;
    l->accepted = accepted;
    l->aux = aux;
    task_init(&l->resume, "listener", resume);
    if (stream_method_is_unix(method)) {
        struct stat s = {.st_ino = 0};
        l->file = xstrdup(rest);
        lstat(l->file, &s);
        l->dev = s.st_dev;
        l->ino = s.st_ino;
    }
    loop_add_fd(loop, &l->watched, fd, LOOP_READ, accept_ready);
    *lp = l;
    return 0;
}

void listener_close(struct listener *l)
{
    if (!l) {
        return;
    }
    loop_remove_fd(&l->watched);
    task_cancel(&l->resume);
    struct stat s;
    if (l->file && !lstat(l->file, &s) && s.st_dev == l->dev && s.st_ino == l->ino) {
        unlink(l->file);
    }
    close(l->fd);
    free(l->file);
    free(l->name);
    free(l);
}

const char *listener_name(const struct listener *l)
{
    return l->name;
}

uint16_t listener_port(const struct listener *l)
{
    struct sockaddr_storage ss;
    socklen_t n = sizeof ss;
    return getsockname(l->fd, (struct sockaddr *)&ss, &n) ? 0 : address_port(&ss);
}

void listener_pause(struct listener *l, bool paused)
{
    l->paused = paused;
    if (paused) {
        loop_remove_fd(&l->watched);
    } else if (!task_is_scheduled(&l->resume)) {
        resume(&l->resume);
    }
}
