/* SPDX-License-Identifier: Apache-2.0 */
#include "io/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "io/dirs.h"
#include "io/logsinks.h"
#include "io/user.h"

LOG_MODULE(daemon_unix);

static bool detach, no_chdir, monitor, overwrite_pidfile, want_pidfile;
static char *pidfile;
static bool change_user; /* to `user` */
static struct user user;
static int pidfile_fd = -1; /* holds the lock; never closed before exit */
static char *second_pidfile;
static int second_pidfile_fd = -1;
static int ready_fd = -1; /* write end of the pipe to the starter or monitor */
static pid_t daemon_pid;  /* whose exit removes the pidfile */

enum {
    RESTART_MIN_INTERVAL_S = 10
};

/* Options. */

enum {
    OPT_DETACH,
    OPT_NO_CHDIR,
    OPT_PIDFILE,
    OPT_OVERWRITE_PIDFILE,
    OPT_MONITOR,
    OPT_NO_SELF_CONFINEMENT,
    OPT_USER
};

static const struct option_def option_defs[] = {
    {"detach", 0, OPTION_NO_ARG, NULL, "run in background as daemon", OPT_DETACH},
    {"monitor", 0, OPTION_NO_ARG, NULL, "creates a process to monitor this daemon", OPT_MONITOR},
    {"no-chdir", 0, OPTION_NO_ARG, NULL, "do not chdir to '/'", OPT_NO_CHDIR},
    {"pidfile", 0, OPTION_ARG_OPTIONAL, "FILE", "create pidfile (default: RUNDIR/PROGRAM.pid)", OPT_PIDFILE},
    {"overwrite-pidfile", 0, OPTION_NO_ARG, NULL, "with --pidfile, start even if already running",
     OPT_OVERWRITE_PIDFILE},
    {"user", 0, OPTION_ARG_REQUIRED, "USER[:GROUP]", "be this user, with the rights of a switch only",
     OPT_USER},
    {"no-self-confinement", 0, OPTION_NO_ARG, NULL, NULL, OPT_NO_SELF_CONFINEMENT},
};

static char *take_option(const struct option_def *def, const char *arg, void *aux)
{
    switch (def->id) {
    case OPT_DETACH:
        detach = true;
        break;
    case OPT_NO_CHDIR:
        no_chdir = true;
        break;
    case OPT_PIDFILE:
        want_pidfile = true;
        free(pidfile);
        pidfile = arg ? dirs_file(dirs_run(), arg) : NULL;
        break;
    case OPT_OVERWRITE_PIDFILE:
        overwrite_pidfile = true;
        break;
    case OPT_MONITOR:
        monitor = true;
        break;
    case OPT_USER:
        change_user = true;
        free(user.name);
        return user_parse(arg, &user);
    }
    return NULL;
}

const struct option_group daemon_options = {
    .title = "Daemon options:",
    .defs = option_defs,
    .n = ARRAY_SIZE(option_defs),
    .take = take_option,
};

bool daemon_is_detaching(void)
{
    return detach && ready_fd >= 0;
}

/* The pidfile. */

static bool is_same_file(const char *file, int fd)
{
    struct stat ours, there;
    return fd >= 0 && !fstat(fd, &ours) && !stat(file, &there) && ours.st_dev == there.st_dev &&
           ours.st_ino == there.st_ino;
}

int daemon_read_pidfile(const char *file, pid_t *pid)
{
    if (is_same_file(file, pidfile_fd) || is_same_file(file, second_pidfile_fd)) {
        *pid = getpid(); /* closing another descriptor of it would give our lock up (fcntl(2)) */
        return 0;
    }
    int fd = open(file, O_RDWR | O_CLOEXEC), error = 0;
    if (fd < 0 && (errno == EACCES || errno == EROFS)) {
        fd = open(file, O_RDONLY | O_CLOEXEC);
    }
    if (fd < 0) {
        return errno;
    }
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char text[32] = "";
    if (fcntl(fd, F_GETLK, &lock)) {
        error = errno;
    } else if (lock.l_type == F_UNLCK) {
        error = ESRCH;
    } else if (read(fd, text, sizeof text - 1) < 0) {
        error = errno;
    } else {
        *pid = (pid_t)strtol(text, NULL, 10);
        error = *pid > 0 ? 0 : EINVAL;
    }
    close(fd);
    return error;
}

static void check_not_running(const char *file)
{
    pid_t pid;
    int error = daemon_read_pidfile(file, &pid);
    if (!error) {
        error_fatal("%s: already running as pid %ld, aborting", file, (long)pid);
    }
    if (error != ENOENT && error != ESRCH) {
        error_fatal("%s: pidfile check failed (%s), aborting", file, error_text(error));
    }
}

static void remove_if_ours(const char *file, int fd)
{
    if (is_same_file(file, fd)) {
        unlink(file);
    }
}

void daemon_remove_pidfile(void)
{
    if (getpid() == daemon_pid) {
        remove_if_ours(pidfile, pidfile_fd);
        remove_if_ours(second_pidfile, second_pidfile_fd);
    }
}

/* A new file is locked before it gets the pidfile's name, so that the name never stands for an unlocked file
 * of somebody alive. */
static int make_pidfile(const char *file)
{
    char *temporary = xasprintf("%s.tmp", file);
    int fd = open(temporary, O_CREAT | O_RDWR | O_CLOEXEC, 0660);
    if (fd < 0) {
        error_fatal("%s: create failed (%s)", temporary, error_text(errno));
    }
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_SETLK, &lock)) {
        error_fatal("%s: fcntl(F_SETLK) failed (%s)", temporary, error_text(errno));
    }
    /* Another daemon that starts at the same time may have renamed this very file before we had the lock. */
    struct stat ours, there;
    if (!overwrite_pidfile) {
        check_not_running(file);
    }
    if (fstat(fd, &ours) || stat(temporary, &there) || ours.st_ino != there.st_ino ||
        ours.st_dev != there.st_dev) {
        error_fatal("%s: another process is starting at the same time, aborting", file);
    }
    if (ftruncate(fd, 0) || dprintf(fd, "%ld\n", (long)getpid()) < 0) {
        error_fatal("%s: write failed: %s", temporary, error_text(errno));
    }
    if (rename(temporary, file)) {
        error_fatal("failed to rename \"%s\" to \"%s\" (%s)", temporary, file, error_text(errno));
    }
    free(temporary);
    if (!daemon_pid) {
        daemon_pid = getpid();
        atexit(daemon_remove_pidfile);
    }
    return fd;
}

void daemon_also_is(const char *program)
{
    if (pidfile && !second_pidfile) {
        second_pidfile = xasprintf("%s/%s.pid", dirs_run(), program);
        second_pidfile_fd = make_pidfile(second_pidfile);
    }
}

/* Forking. */

/* Forks; the child gets `ready_fd`, the parent its other end. Returns fork()'s result. */
static pid_t fork_with_pipe(int *wait_fd)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC)) {
        error_fatal("pipe failed (%s)", error_text(errno));
    }
    fflush(stdout);
    fflush(stderr);
    pid_t pid = fork();
    if (pid < 0) {
        error_fatal("fork failed (%s)", error_text(errno));
    }
    if (!pid) {
        close(fds[0]);
        if (ready_fd >= 0) {
            close(ready_fd);
        }
        ready_fd = fds[1];
    } else {
        close(fds[1]);
        *wait_fd = fds[0];
    }
    return pid;
}

/* True when the child says that it is ready; false if it ended before. */
static bool wait_ready(int fd)
{
    char c;
    ssize_t n;
    do {
        n = read(fd, &c, 1);
    } while (n < 0 && errno == EINTR);
    close(fd);
    return n == 1;
}

static int wait_for(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

static char *status_text(int status)
{
    if (WIFEXITED(status)) {
        return xasprintf("exit status %d", WEXITSTATUS(status));
    }
    return xasprintf("killed (%s)%s", strsignal(WTERMSIG(status)), WCOREDUMP(status) ? ", core dumped" : "");
}

static void tell_ready(void)
{
    if (ready_fd >= 0) {
        while (write(ready_fd, "r", 1) < 0 && errno == EINTR) {
        }
        close(ready_fd);
        ready_fd = -1;
    }
}

/* The starter: ends when the daemon is ready or dead. */
static NO_RETURN void wait_and_exit(pid_t pid, int fd)
{
    if (wait_ready(fd)) {
        _exit(0);
    }
    int status = wait_for(pid);
    if (WIFEXITED(status) && WEXITSTATUS(status)) {
        _exit(WEXITSTATUS(status)); /* it has said why */
    }
    char *text = status_text(status);
    fprintf(stderr,
            "%s: could not detach from foreground session: the daemon ended (%s) before it was ready\n",
            log_program(), text);
    _exit(1);
}

static bool keep_output;

void daemon_keep_output(void)
{
    keep_output = true;
}

/* Standard input, output and error become /dev/null. */
static void leave_terminal(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int i = 0; i < 3 && fd >= 0; i++) {
        if (!i || !keep_output || isatty(i)) {
            dup2(fd, i);
        }
    }
    if (fd > 2) {
        close(fd);
    }
    logsinks_detach_console();
    log_set_level(NULL, LOG_CONSOLE, LOG_LEVEL_OFF);
}

/* The monitor. */

static char *title; /* argv's memory, which is what ps shows */
static size_t title_size;

static void set_title(const char *format, ...) PRINTF_FORMAT(1, 2);

static void set_title(const char *format, ...)
{
    if (title_size) {
        va_list args;
        va_start(args, format);
        memset(title, 0, title_size);
        vsnprintf(title, title_size, format, args);
        va_end(args);
    }
}

static bool means_bug(int status)
{
    static const int signals[] = {SIGABRT, SIGALRM, SIGBUS,  SIGFPE, SIGILL,
                                  SIGPIPE, SIGSEGV, SIGXCPU, SIGXFSZ};
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
        if (WIFSIGNALED(status) && WTERMSIG(status) == signals[i]) {
            return true;
        }
    }
    return false;
}

/* Real time, since nobody can stop the monitor's clock. */
static time_t seconds_now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec;
}

static void wait_for_next_restart(time_t last)
{
    time_t due = last + RESTART_MIN_INTERVAL_S;
    if (seconds_now() < due) {
        LOG_WARN("waiting until %d seconds since last restart", RESTART_MIN_INTERVAL_S);
        while (seconds_now() < due) {
            sleep((unsigned)(due - seconds_now()));
        }
    }
}

/* Returns in the daemon; the monitor itself never returns. The starter hears of the first copy's readiness
 * alone. */
static void run_monitor(void)
{
    int to_starter = ready_fd, fd;
    unsigned n_crashes = 0;
    time_t last_restart = seconds_now() - RESTART_MIN_INTERVAL_S;
    log_set_thread_name("monitor");
    ready_fd = -1;
    for (;;) {
        pid_t pid = fork_with_pipe(&fd);
        if (!pid) {
            if (to_starter >= 0) {
                close(to_starter);
            }
            log_set_thread_name("");
            return;
        }
        set_title(n_crashes ? "%s: monitoring pid %ld (%u crashes)" : "%s: monitoring pid %ld (healthy)",
                  log_program(), (long)pid, n_crashes);
        bool ready = wait_ready(fd);
        if (ready && to_starter >= 0) {
            ready_fd = to_starter;
            tell_ready();
            to_starter = -1;
            leave_terminal();
        }
        int status = wait_for(pid);
        char *text = status_text(status);
        if (!means_bug(status) || to_starter >= 0) {
            LOG_INFO("pid %ld died, %s, exiting", (long)pid, text);
            _exit(WIFEXITED(status) ? WEXITSTATUS(status) : to_starter >= 0);
        }
        n_crashes++;
        LOG_ERR("%u crashes: pid %ld died, %s, restarting", n_crashes, (long)pid, text);
        free(text);
        if (WCOREDUMP(status)) { /* one core file is enough: the disk is finite */
            struct rlimit r = {0, 0};
            if (setrlimit(RLIMIT_CORE, &r)) {
                LOG_WARN("failed to disable core dumps: %s", error_text(errno));
            }
        }
        wait_for_next_restart(last_restart);
        last_restart = seconds_now();
    }
}

void daemon_become_user(void)
{
    char *error = change_user ? user_become(&user) : NULL;
    if (error) {
        error_fatal("%s", error);
    }
    change_user = false; /* done */
}

void daemon_start(int argc, char **argv)
{
    daemon_become_user();
    title = argv[0];
    title_size = (size_t)(argv[argc - 1] + strlen(argv[argc - 1]) - argv[0]);
    if (want_pidfile && !pidfile) {
        pidfile = xasprintf("%s/%s.pid", dirs_run(), log_program());
    }
    if (pidfile && !overwrite_pidfile) {
        check_not_running(pidfile);
    }
    if (detach) {
        int fd;
        pid_t pid = fork_with_pipe(&fd);
        if (pid) {
            wait_and_exit(pid, fd);
        }
        setsid();
    }
    if (monitor) {
        run_monitor();
    }
    if (pidfile) {
        pidfile_fd = make_pidfile(pidfile);
    }
}

void daemon_ready(void)
{
    if (detach) {
        if (!no_chdir && chdir("/")) {
            LOG_WARN("chdir to / failed: %s", error_text(errno));
        }
        tell_ready();
        leave_terminal();
    } else {
        tell_ready();
    }
    daemon_notify("READY=1");
}

void daemon_stopping(void)
{
    daemon_notify("STOPPING=1");
}

void daemon_notify(const char *state)
{
    const char *name = getenv("NOTIFY_SOCKET");
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    if (!name || (*name != '@' && *name != '/') || strlen(name) >= sizeof un.sun_path) {
        return;
    }
    memcpy(un.sun_path, name, strlen(name));
    if (*name == '@') {
        un.sun_path[0] = '\0';
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    char *text = xasprintf("%s\nMAINPID=%ld\n", state, (long)getpid());
    socklen_t n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    if (fd >= 0 && sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&un, n) < 0) {
        LOG_WARN("cannot tell systemd \"%s\": %s", state, error_text(errno));
    }
    free(text);
    if (fd >= 0) {
        close(fd);
    }
}
