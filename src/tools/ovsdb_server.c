/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice ovsdb server`, called ovsdb-server too: the database server without a switch, as ovsdb-server(1).
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "control/builtin.h"
#include "control/control.h"
#include "io/daemon.h"
#include "io/dirs.h"
#include "io/logsinks.h"
#include "io/loop.h"
#include "io/ssl.h"
#include "ovsdb/server.h"
#include "ovsdb/server_commands.h"
#include "tools/tool.h"

LOG_MODULE(ovsdb_server_tool);

enum {
    OPT_REMOTE,
    OPT_RUN,
    OPT_UNIXCTL,
    OPT_HELP,
    OPT_VERSION,
    OPT_KEY,
    OPT_CERT,
    OPT_CA,
    OPT_BOOTSTRAP,
    OPT_PEER_CA,
    OPT_PROTOCOLS,
    OPT_CIPHERS,
    OPT_NO_DBS,
    OPT_IGNORED
};

static const char *remotes[64];
static size_t n_remotes;
static const char *unixctl, *run_command;
static bool no_dbs;
static struct ovsdb_server_options server_options;

static const struct option_def own_defs[] = {
    {"remote", 0, OPTION_ARG_REQUIRED, "REMOTE", "connect or listen to REMOTE", OPT_REMOTE},
    {"run", 0, OPTION_ARG_REQUIRED, "COMMAND", "run COMMAND as subprocess and exit with it", OPT_RUN},
    {"unixctl", 0, OPTION_ARG_REQUIRED, "SOCKET", "override default control socket name", OPT_UNIXCTL},
    {"private-key", 'p', OPTION_ARG_REQUIRED, "FILE", "file with private key, or db:DB,TABLE,COLUMN",
     OPT_KEY},
    {"certificate", 'c', OPTION_ARG_REQUIRED, "FILE", "file with certificate, or db:DB,TABLE,COLUMN",
     OPT_CERT},
    {"ca-cert", 'C', OPTION_ARG_REQUIRED, "FILE", "file with peer CA certificate, or db:...", OPT_CA},
    {"bootstrap-ca-cert", 0, OPTION_ARG_REQUIRED, "FILE", "the same, to read or to create", OPT_BOOTSTRAP},
    {"peer-ca-cert", 0, OPTION_ARG_REQUIRED, "FILE", "CA certificate to send to the peer", OPT_PEER_CA},
    {"ssl-protocols", 0, OPTION_ARG_REQUIRED, "PROTOS", "list of TLS protocols to enable", OPT_PROTOCOLS},
    {"ssl-ciphers", 0, OPTION_ARG_REQUIRED, "CIPHERS", "list of TLS ciphers to enable", OPT_CIPHERS},
    {"no-dbs", 0, OPTION_NO_ARG, NULL, "start without databases", OPT_NO_DBS},
    {"disable-file-column-diff", 0, OPTION_NO_ARG, NULL, NULL, OPT_IGNORED},
    {"disable-file-no-data-conversion", 0, OPTION_NO_ARG, NULL, NULL, OPT_IGNORED},
    {"help", 'h', OPTION_NO_ARG, NULL, "display this help message", OPT_HELP},
    {"version", 'V', OPTION_NO_ARG, NULL, "display version information", OPT_VERSION},
};

static char *take_own(const struct option_def *def, const char *arg, void *aux)
{
    bool *help = aux;
    switch (def->id) {
    case OPT_NO_DBS:
        no_dbs = true;
        break;
    case OPT_REMOTE:
        if (n_remotes >= ARRAY_SIZE(remotes)) {
            return xstrdup("too many remotes");
        }
        remotes[n_remotes++] = arg;
        break;
    case OPT_RUN:
        run_command = arg;
        break;
    case OPT_UNIXCTL:
        unixctl = arg;
        break;
    case OPT_KEY:
        server_options.private_key = arg;
        break;
    case OPT_CERT:
        server_options.certificate = arg;
        break;
    case OPT_BOOTSTRAP:
        server_options.bootstrap_ca_cert = true;
        server_options.ca_cert = arg;
        break;
    case OPT_CA:
        server_options.ca_cert = arg;
        break;
    case OPT_PEER_CA:
        ssl_set_peer_ca_cert(arg);
        break;
    case OPT_PROTOCOLS:
        ssl_set_protocols(arg);
        break;
    case OPT_CIPHERS:
        ssl_set_ciphers(arg);
        break;
    case OPT_HELP:
        *help = true;
        break;
    case OPT_VERSION:
        puts("ovsdb-server (Sluice) " SLUICE_VERSION);
        exit(0);
    default:
        break;
    }
    return NULL;
}

static struct loop *loop;
static pid_t child = -1;
static int exit_status, child_status;

static void on_signal(struct loop_fd *lfd, unsigned events)
{
    struct signalfd_siginfo info;
    while (read(lfd->fd, &info, sizeof info) == (ssize_t)sizeof info) {
        int status;
        if (info.ssi_signo != SIGCHLD) {
            loop_exit(loop);
        } else if (child > 0 && waitpid(child, &status, WNOHANG) == child) {
            exit_status = WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : 1;
            child_status = status;
            loop_exit(loop);
        }
    }
}

static int watch_signals(struct loop_fd *lfd)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    loop_add_fd(loop, lfd, fd, LOOP_READ, on_signal);
    return fd;
}

static void start_child(void)
{
    child = fork();
    if (!child) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        execl("/bin/sh", "sh", "-c", run_command, (char *)NULL);
        _exit(127);
    }
}

static void run_exit(struct control_request *request, int argc, const char *argv[], void *aux)
{
    control_reply(request, "");
    loop_exit(loop);
}

static const struct control_command exit_command[] = {{"exit", "", 0, 0, run_exit}};

static void fatal(const char *program, char *error)
{
    fprintf(stderr, "%s: %s\n", program, error);
    free(error);
    exit(1);
}

int tool_ovsdb_server(int argc, char **argv)
{
    bool help = false;
    int first;
    struct option_group groups[] = {
        {"Options:", own_defs, ARRAY_SIZE(own_defs), take_own, &help}, daemon_options, logsinks_options};
    struct options options = {groups, ARRAY_SIZE(groups), false};

    log_set_program("ovsdb-server");
    signal(SIGPIPE, SIG_IGN);
    free(logsinks_set_syslog_method("libc")); /* no syslog, no syslog lines */
    char *error = options_parse(&options, argc, argv, &first);
    if (error) {
        fatal("ovsdb-server", error);
    }
    if (help) {
        char *text = options_help(&options);
        printf("ovsdb-server: Open vSwitch database server\nusage: ovsdb-server [OPTIONS] [DATABASE...]\n%s",
               text);
        free(text);
        return 0;
    }
    char *default_db = xasprintf("%s/conf.db", dirs_db());
    const char *const default_dbs[] = {default_db};
    server_options.databases = first < argc ? (const char *const *)(argv + first) : default_dbs;
    server_options.n_databases = first < argc ? (size_t)(argc - first) : !no_dbs;
    server_options.remotes = remotes;
    server_options.n_remotes = n_remotes;

    daemon_start(argc, argv);
    if (logsinks_file_wanted() && (error = logsinks_open_file(NULL))) {
        fatal("ovsdb-server", error);
    }
    loop = loop_create("ovsdb-server");
    struct loop_fd signals = {.loop = NULL};
    int signal_fd = watch_signals(&signals);
    struct ovsdb_server *server = ovsdb_server_create(loop, &server_options, &error);
    if (!server) {
        fatal("ovsdb-server", error);
    }
    struct control_server *control = control_server_create(loop, unixctl, &error);
    if (!control) {
        fatal("ovsdb-server", error);
    }
    control_register_log(control);
    ovsdb_server_register_commands(server, control);
    control_register(control, exit_command, ARRAY_SIZE(exit_command), NULL);
    daemon_ready();
    if (run_command) {
        start_child();
    }
    loop_run(loop);
    daemon_stopping();
    loop_turn(loop, false); /* answers that are due */
    control_server_destroy(control);
    ovsdb_server_destroy(server);
    loop_remove_fd(&signals);
    close(signal_fd);
    loop_destroy(loop);
    free(default_db);
    if (exit_status) { /* the command's end was not the one wanted */
        error_fatal(
            WIFEXITED(child_status) ? "%s: child exited, exit status %d" : "%s: child exited, killed (%d)",
            run_command, WIFEXITED(child_status) ? WEXITSTATUS(child_status) : WTERMSIG(child_status));
    }
    return 0;
}
