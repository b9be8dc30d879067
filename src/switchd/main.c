/* SPDX-License-Identifier: Apache-2.0 */
/* `sluiced`, or `ovs-vswitchd`: the process around the switch. In order: options, run directory, log,
 * background, control socket, the switch itself, the loop; and back. */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/coverage.h"
#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/rcu.h"
#include "base/version.h"
#include "control/builtin.h"
#include "control/control.h"
#include "io/daemon.h"
#include "io/dirs.h"
#include "io/logsinks.h"
#include "io/loop.h"
#include "io/ssl.h"
#include "io/stream.h"
#include "switchd/log_names.h"
#include "switchd/switchd.h"

LOG_MODULE(vswitchd);

enum {
    COVERAGE_PERIOD_MS = 5000,
    FIRST_MEMORY_LINE_MS = 10000
};

static const char daemon_name[] = "ovs-vswitchd"; /* of pidfile, socket and log, so that clients find us */

static struct options_given {
    struct switchd_options switchd;
    char *unixctl;
    bool lock_memory;
    bool serve_db; /* no remote is given, and we are not called ovs-vswitchd */
    const char *invoked_as;
} given;

/* Options. */

enum {
    OPT_DB,
    OPT_DB_FILE,
    OPT_ENABLE_DUMMY,
    OPT_DISABLE_SYSTEM,
    OPT_DISABLE_SYSTEM_ROUTE,
    OPT_MLOCKALL,
    OPT_UNIXCTL,
    OPT_HELP,
    OPT_VERSION
};

static const struct option_def switch_defs[] = {
    {"db", 0, OPTION_ARG_REQUIRED, "REMOTE", "be a client of the ovsdb-server at REMOTE", OPT_DB},
    {"db-file", 0, OPTION_ARG_REQUIRED, "FILE", "serve the database FILE (default: DBDIR/conf.db)",
     OPT_DB_FILE},
    {"enable-dummy", 0, OPTION_ARG_OPTIONAL, "override|system", "simulated datapath and devices, for testing",
     OPT_ENABLE_DUMMY},
    {"disable-system", 0, OPTION_NO_ARG, NULL, "keep off the host's datapaths and devices",
     OPT_DISABLE_SYSTEM},
    {"disable-system-route", 0, OPTION_NO_ARG, NULL, "keep off the host's routing table",
     OPT_DISABLE_SYSTEM_ROUTE},
    {"mlockall", 0, OPTION_NO_ARG, NULL, "keep all memory in RAM", OPT_MLOCKALL},
};

static const struct option_def other_defs[] = {
    {"unixctl", 0, OPTION_ARG_REQUIRED, "SOCKET", "override default control socket name", OPT_UNIXCTL},
    {"help", 'h', OPTION_NO_ARG, NULL, "display this help message", OPT_HELP},
    {"version", 'V', OPTION_NO_ARG, NULL, "display version information", OPT_VERSION},
};

static char *set_dummy(const char *level)
{
    if (!level) {
        given.switchd.dummy = SWITCHD_DUMMY;
    } else if (!strcmp(level, "override")) {
        given.switchd.dummy = SWITCHD_DUMMY_OVERRIDE;
    } else if (!strcmp(level, "system")) {
        given.switchd.dummy = SWITCHD_DUMMY_SYSTEM;
    } else {
        return xasprintf("%s: unknown dummy level, expected \"override\" or \"system\" or none", level);
    }
    return NULL;
}

static void print_help(void);

static char *take_option(const struct option_def *def, const char *arg, void *aux)
{
    switch (def->id) {
    case OPT_DB:
        given.switchd.db_remote = arg;
        break;
    case OPT_DB_FILE:
        given.switchd.db_file = arg;
        break;
    case OPT_ENABLE_DUMMY:
        return set_dummy(arg);
    case OPT_DISABLE_SYSTEM:
        given.switchd.disable_system = true;
        break;
    case OPT_DISABLE_SYSTEM_ROUTE:
        given.switchd.disable_system_route = true;
        break;
    case OPT_MLOCKALL:
        given.lock_memory = true;
        break;
    case OPT_UNIXCTL:
        free(given.unixctl);
        given.unixctl = xstrdup(arg);
        break;
    case OPT_HELP:
        print_help();
        exit(0);
    case OPT_VERSION:
        printf("%s " VERSION_TEXT, given.invoked_as);
        exit(0);
    }
    return NULL;
}

/* Fills GROUPS in the order of --help. */
static struct options all_options(struct option_group groups[5])
{
    groups[0] =
        (struct option_group){"Switch options:", switch_defs, ARRAY_SIZE(switch_defs), take_option, NULL};
    groups[1] = daemon_options;
    groups[2] = logsinks_options;
    groups[3] = ssl_options;
    groups[4] =
        (struct option_group){"Other options:", other_defs, ARRAY_SIZE(other_defs), take_option, NULL};
    return (struct options){groups, 5, false};
}

static void print_help(void)
{
    struct option_group groups[5];
    struct options options = all_options(groups);
    char *help = options_help(&options);
    printf("%s: Sluice, a virtual switch\n"
           "usage: %s [OPTIONS] [DATABASE]\n"
           "where DATABASE is what an ovsdb-server listens at: unix:FILE, tcp:HOST:PORT or ssl:HOST:PORT\n"
           "      (default: %s).\n\n%s",
           given.invoked_as, given.invoked_as,
           given.serve_db ? "none, the daemon serves the database itself" : "unix:RUNDIR/db.sock", help);
    free(help);
}

/* Remotes may be several, separated by commas; each must be one that can be opened. */
static void check_remotes(const char *remotes)
{
    char *copy = xstrdup(remotes), *save = NULL;
    for (char *remote = strtok_r(copy, ",", &save); remote; remote = strtok_r(NULL, ",", &save)) {
        char *error =
            stream_name_is_passive(remote) ? listener_check_name(remote) : stream_check_name(remote);
        if (error) {
            error_fatal("database %s", error);
        }
    }
    free(copy);
}

static void parse_options(int argc, char **argv)
{
    const char *slash = strrchr(argv[0], '/');
    given.invoked_as = slash ? slash + 1 : argv[0];
    given.serve_db = strcmp(given.invoked_as, daemon_name) != 0;
    log_set_program(daemon_name);
    error_set_program(given.invoked_as);

    struct option_group groups[5];
    struct options options = all_options(groups);
    int first;
    char *error = options_parse(&options, argc, argv, &first);
    if (error) {
        error_fatal("%s", error);
    }
    if (argc - first > 1) {
        error_fatal("at most one non-option argument accepted; use --help for usage");
    }
    if (first < argc) {
        given.switchd.db_remote = argv[first];
    } else if (!given.switchd.db_remote && !given.serve_db) {
        given.switchd.db_remote = xasprintf("unix:%s/db.sock", dirs_run());
    }
    if (given.switchd.db_remote) {
        check_remotes(given.switchd.db_remote);
    }
    given.switchd.db_file = dirs_file(dirs_db(), given.switchd.db_file ? given.switchd.db_file : "conf.db");
}

/* The process. */

static void make_run_directory(void)
{
    const char *dir = dirs_run();
    if (mkdir(dir, 0755) && errno != EEXIST) {
        error_fatal(
            "cannot make the run directory %s: %s (set OVS_RUNDIR to a directory that may be written to)",
            dir, error_text(errno));
    }
    if (access(dir, W_OK)) {
        error_fatal(
            "cannot write to the run directory %s: %s (run as root, or set OVS_RUNDIR to another one)", dir,
            error_text(errno));
    }
}

static void raise_limits(void)
{
    struct rlimit files;
    if (!getrlimit(RLIMIT_NOFILE, &files) && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

static void lock_memory(void)
{
    if (given.lock_memory && mlockall(MCL_CURRENT | MCL_FUTURE)) {
        LOG_ERR("mlockall failed: %s", error_text(errno));
    }
}

/* Signals: through a descriptor, so that they are served between other things. */

static struct loop *loop;
static bool cleanup_on_exit;
static int fatal_signal;
static struct loop_fd signals;

static void signal_ready(struct loop_fd *fd, unsigned events)
{
    struct signalfd_siginfo info;
    while (read(fd->fd, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGHUP) {
            char *error = logsinks_reopen_file();
            if (error) {
                LOG_WARN("%s", error);
                free(error);
            }
            continue;
        }
        LOG_WARN("terminating with signal %u (%s)", info.ssi_signo, strsignal((int)info.ssi_signo));
        fatal_signal = (int)info.ssi_signo;
        loop_exit(loop);
    }
}

static sigset_t watched_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    return set;
}

static void watch_signals(void)
{
    sigset_t set = watched_signals();
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0) {
        error_fatal("signalfd: %s", error_text(errno));
    }
    loop_add_fd(loop, &signals, fd, LOOP_READ, signal_ready);
}

/* Commands and periodic work of the process itself. */

static void exit_command(struct control_request *request, int argc, const char *argv[], void *aux)
{
    cleanup_on_exit = argc > 1 && !strcmp(argv[1], "--cleanup");
    control_reply(request, NULL);
    loop_exit(loop);
}

static const struct control_command commands[] = {
    {"exit", "[--cleanup]", 0, 1, exit_command},
};

static struct task coverage_task, memory_task;
static int64_t started_ms;

static void run_coverage(struct task *task)
{
    coverage_run(clock_ms());
    task_schedule_in(loop_tasks(loop), task, COVERAGE_PERIOD_MS);
}

static struct log_module memory_module = {.name = "memory", .honor_rate_limits = true};

/* Early, then whenever the peak has grown by half again. */
static void run_memory(struct task *task)
{
    static uint64_t last_kb;
    uint64_t kb = memory_peak_kb();
    if (kb > last_kb + last_kb / 2) {
        double seconds = (double)(clock_ms() - started_ms) / 1000;
        if (!last_kb) {
            log_write(&memory_module, LOG_LEVEL_INFO, "%llu kB peak resident set size after %.1f seconds",
                      (unsigned long long)kb, seconds);
        } else {
            log_write(&memory_module, LOG_LEVEL_INFO,
                      "peak resident set size grew %.0f%% in last %.1f seconds, from %llu kB to %llu kB",
                      (double)(kb - last_kb) * 100 / (double)last_kb, seconds, (unsigned long long)last_kb,
                      (unsigned long long)kb);
        }
        char *usage = memory_show();
        if (*usage) {
            log_write(&memory_module, LOG_LEVEL_INFO, "%s", usage);
        }
        free(usage);
        last_kb = kb;
    }
    task_schedule_in(loop_tasks(loop), task, FIRST_MEMORY_LINE_MS);
}

static void drain_log(struct loop_idle *idle)
{
    log_drain();
}

static void wake_loop(void *aux)
{
    loop_wake(aux);
}

static struct loop_idle log_drainer;

static void start_housekeeping(void)
{
    started_ms = clock_ms();
    log_set_drain_wakeup(wake_loop, loop);
    loop_add_idle(loop, &log_drainer, drain_log);
    task_init(&coverage_task, "coverage", run_coverage);
    task_schedule_in(loop_tasks(loop), &coverage_task, 0);
    task_init(&memory_task, "memory", run_memory);
    task_schedule_in(loop_tasks(loop), &memory_task, FIRST_MEMORY_LINE_MS);
}

/* Ends as the signal would have ended us, for whoever waits for this process. */
static void die_of(int number)
{
    sigset_t set = watched_signals();
    fflush(NULL);
    signal(number, SIG_DFL);
    raise(number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

int main(int argc, char **argv)
{
    log_module_register(&memory_module);
    log_names_register();
    char *error = logsinks_set_syslog_method("libc");
    free(error); /* no syslog, no syslog lines */
    parse_options(argc, argv);
    raise_limits();
    daemon_become_user();
    make_run_directory();
    if (logsinks_file_wanted()) {
        error = logsinks_open_file(NULL);
        if (error) {
            error_fatal("%s", error);
        }
    }
    daemon_start(argc, argv);
    lock_memory();
    rcu_register();
    loop = loop_create("main");
    loop_use_rcu(loop);
    /* Threads that make many flows and rules ask the kernel for memory a MiB at a time, not page by page. */
    mallopt(M_TOP_PAD, 1 << 20);
    watch_signals();
    start_housekeeping();

    struct control_server *control = control_server_create(loop, given.unixctl, &error);
    if (!control) {
        error_fatal("%s", error);
    }
    control_register_builtin(control);
    control_register(control, commands, ARRAY_SIZE(commands), NULL);

    given.switchd.loop = loop;
    given.switchd.control = control;
    error = switchd_init(&given.switchd);
    if (error) {
        switchd_fini(false);
        control_server_destroy(control);
        error_fatal("%s", error);
    }
    loop_run(loop);
    daemon_stopping();
    switchd_fini(cleanup_on_exit);
    log_drain();
    control_server_destroy(control);
    int signal_fd = signals.fd;
    loop_remove_fd(&signals);
    close(signal_fd);
    loop_destroy(loop);
    rcu_unregister();
    logsinks_close_file();
    if (fatal_signal) {
        /* atexit() functions do not run when a signal ends the process, and the pidfile is to go. */
        daemon_remove_pidfile();
        die_of(fatal_signal);
    }
    return 0;
}
