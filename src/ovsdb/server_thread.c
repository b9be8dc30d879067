/* SPDX-License-Identifier: Apache-2.0 */
/* A database server on a thread of its own, with the control socket that a database server of its own would
 * have. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "control/builtin.h"
#include "control/control.h"
#include "io/loop.h"
#include "ovsdb/server.h"
#include "ovsdb/server_commands.h"

struct ovsdb_server_thread {
    pthread_t thread;
    struct loop *loop;
    struct ovsdb_server *server;
    struct control_server *control; /* NULL: none */
    void (*exit)(void *aux);
    void *aux;
};

struct posted {
    void (*fn)(struct ovsdb_server *, void *);
    struct ovsdb_server *server;
    void *aux;
};

static void run_posted(void *posted_)
{
    struct posted *posted = posted_;
    posted->fn(posted->server, posted->aux);
    free(posted);
}

void ovsdb_server_post(struct ovsdb_server_thread *t, void (*fn)(struct ovsdb_server *, void *aux), void *aux)
{
    struct posted *posted = xmalloc(sizeof *posted);
    *posted = (struct posted){fn, t->server, aux};
    loop_post(t->loop, run_posted, posted);
}

static void *run_thread(void *t_)
{
    struct ovsdb_server_thread *t = t_;
    log_set_thread_name("ovsdb");
    loop_run(t->loop);
    control_server_destroy(t->control);
    ovsdb_server_destroy(t->server);
    return NULL;
}

static void run_exit(struct control_request *request, int argc, const char *argv[], void *t_)
{
    const struct ovsdb_server_thread *t = t_;
    control_reply(request, "");
    t->exit(t->aux);
}

static const struct control_command exit_command[] = {{"exit", "", 0, 0, run_exit}};

/* The commands, at PATH. The socket has what can be asked of this thread: no `time/stop`, which is the whole
 * process's. */
static char *serve_commands(struct ovsdb_server_thread *t, const struct ovsdb_server_options *options)
{
    char *error = NULL;
    t->control = control_server_create(t->loop, options->control_path, &error);
    if (t->control) {
        t->exit = options->exit;
        t->aux = options->exit_aux;
        control_server_set_program(t->control, "ovsdb-server");
        control_register_log(t->control);
        ovsdb_server_register_commands(t->server, t->control);
        control_register(t->control, exit_command, ARRAY_SIZE(exit_command), t);
    }
    return error;
}

struct ovsdb_server_thread *ovsdb_server_start(const struct ovsdb_server_options *options, int *client_fd,
                                               char **error)
{
    struct ovsdb_server_thread *t = xzalloc(sizeof *t);
    int fds[2];
    t->loop = loop_create("ovsdb");
    t->server = ovsdb_server_create(t->loop, options, error);
    if (!t->server) {
        goto fail;
    }
    if (options->control_path && (*error = serve_commands(t, options))) {
        ovsdb_server_destroy(t->server);
        goto fail;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0) {
        *error = xasprintf("cannot create a socket pair: %s", strerror(errno));
        control_server_destroy(t->control);
        ovsdb_server_destroy(t->server);
        goto fail;
    }
    ovsdb_server_add_session(t->server, fds[0], "switch");
    int err = pthread_create(&t->thread, NULL, run_thread, t);
    if (err) {
        *error = xasprintf("cannot create the database thread: %s", strerror(err));
        control_server_destroy(t->control);
        ovsdb_server_destroy(t->server);
        close(fds[1]);
        goto fail;
    }
    pthread_setname_np(t->thread, "ovsdb");
    *client_fd = fds[1];
    return t;

fail:
    loop_destroy(t->loop);
    free(t);
    return NULL;
}

void ovsdb_server_stop(struct ovsdb_server_thread *t)
{
    if (t) {
        loop_exit(t->loop);
        pthread_join(t->thread, NULL);
        loop_destroy(t->loop);
        free(t);
    }
}
