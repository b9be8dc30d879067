/* SPDX-License-Identifier: Apache-2.0 */
#include "io/logsinks.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "io/address.h"
#include "io/dirs.h"

LOG_MODULE(vlog);

/* A log that cannot be written must not stop the switch: after a failure the file is tried again with each
 * line, and what was lost meanwhile is lost. */
static int file_fd = -1; /* under the log's lock once the sink is set */
static char *file_name;  /* of the file in use, or of the last one */
static bool wanted;
static char *wanted_name;

struct datagram_target {
    int fd;
    bool is_unix; /* reconnects: the logger may have been restarted */
    char *unix_file;
    const char *prefix; /* a pattern */
};

static struct datagram_target syslog_out = {.fd = -1}; /* --syslog-method */
static struct datagram_target extra_out = {.fd = -1};  /* --syslog-target */

/* The file. */

static void write_all(int fd, const char *text, size_t n)
{
    while (n) {
        ssize_t written = write(fd, text, n);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return;
        }
        text += written;
        n -= (size_t)written;
    }
}

static void write_file(void *aux, enum log_level level, const char *line, size_t len)
{
    char *text = xmalloc(len + 1);
    memcpy(text, line, len);
    text[len] = '\n';
    write_all(file_fd, text, len + 1); /* one call, so that lines of several processes stay whole */
    free(text);
}

bool logsinks_file_wanted(void)
{
    return wanted;
}

static void close_file(void);

static char *open_file(const char *name)
{
    char *chosen = name          ? xstrdup(name)
                   : wanted_name ? xstrdup(wanted_name)
                                 : xasprintf("%s/%s.log", dirs_log(), log_program());
    int fd = open(chosen, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0660);
    if (fd < 0) {
        char *error = xasprintf("failed to open %s for logging: %s", chosen, error_text(errno));
        free(chosen);
        return error;
    }
    struct stat old, new;
    bool same = file_fd >= 0 && !fstat(file_fd, &old) && !fstat(fd, &new) &&
                old.st_dev == new.st_dev &&old.st_ino == new.st_ino;
    if (same) {
        close(fd);
        free(chosen);
        return NULL;
    }
    close_file();
    file_fd = fd;
    free(file_name);
    file_name = chosen;
    log_set_sink(LOG_FILE, &(struct log_sink){.write = write_file});
    LOG_INFO("opened log file %s", file_name);
    return NULL;
}

/* Commands come from the thread of each control socket. */
static pthread_mutex_t file_mutex = PTHREAD_MUTEX_INITIALIZER;

char *logsinks_open_file(const char *name)
{
    pthread_mutex_lock(&file_mutex);
    char *error = open_file(name);
    pthread_mutex_unlock(&file_mutex);
    return error;
}

char *logsinks_reopen_file(void)
{
    pthread_mutex_lock(&file_mutex);
    char *name = xstrdup_or_null(file_name), *error = NULL;
    if (name) {
        error = open_file(name);
        free(name);
    }
    pthread_mutex_unlock(&file_mutex);
    return error;
}

void logsinks_close_file(void)
{
    pthread_mutex_lock(&file_mutex);
    close_file();
    pthread_mutex_unlock(&file_mutex);
}

static void close_file(void)
{
    if (file_fd >= 0) {
        LOG_INFO("closing log file");
        log_set_sink(LOG_FILE, NULL);
        close(file_fd);
        file_fd = -1;
    }
}

/* The console. */

static void write_nowhere(void *aux, enum log_level level, const char *line, size_t len)
{
}

void logsinks_detach_console(void)
{
    log_set_sink(LOG_CONSOLE, &(struct log_sink){.write = write_nowhere});
}

/* Syslog: one datagram for each line of the text. */

static void send_datagram(struct datagram_target *target, const char *text, size_t n)
{
    if (target->fd < 0) {
        return;
    }
    if (send(target->fd, text, n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && target->is_unix &&
        (errno == ECONNREFUSED || errno == ENOTCONN || errno == ECONNRESET || errno == ENOENT)) {
        if (!address_unix(target->fd, target->unix_file, connect)) {
            send(target->fd, text, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        }
    }
}

static void send_lines(struct datagram_target *target, enum log_level level, const char *line, size_t len)
{
    struct strbuf s = STRBUF_INITIALIZER;
    struct log_line header = {
        .module = "", .message = "", .thread = "", .level = level, .wall_ms = clock_wall_ms()};
    log_format(&s, target->prefix ? target->prefix : "", &header);
    size_t prefix = s.len;
    for (size_t i = 0; i < len;) {
        size_t n = strcspn(line + i, "\n");
        strbuf_truncate(&s, prefix);
        strbuf_put(&s, line + i, MIN(n, len - i));
        send_datagram(target, strbuf_text(&s), s.len);
        i += n + 1;
    }
    strbuf_fini(&s);
}

static void write_syslog(void *aux, enum log_level level, const char *line, size_t len)
{
    send_lines(&syslog_out, level, line, len);
    if (extra_out.fd >= 0) {
        send_lines(&extra_out, level, line, len);
    }
}

static const char libc_prefix[] = "<%B> %D{%h %e %T} %E %A: ";

static char *open_unix(struct datagram_target *target, const char *file, const char *prefix)
{
    target->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (target->fd < 0) {
        return xasprintf("socket: %s", error_text(errno));
    }
    target->is_unix = true;
    target->unix_file = xstrdup(file);
    target->prefix = prefix;
    address_unix(target->fd, file, connect); /* nobody there yet: tried again with each line */
    return NULL;
}

static char *open_udp(struct datagram_target *target, const char *host_port, const char *prefix)
{
    struct sockaddr_storage ss;
    char *error = address_parse_active(host_port, 514, false, &ss);
    if (error) {
        return error;
    }
    target->fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (target->fd < 0 || connect(target->fd, (struct sockaddr *)&ss, address_length(&ss))) {
        return xasprintf("%s: %s", host_port, error_text(errno));
    }
    target->prefix = prefix;
    return NULL;
}

static void close_target(struct datagram_target *target)
{
    if (target->fd >= 0) {
        close(target->fd);
    }
    free(target->unix_file);
    *target = (struct datagram_target){.fd = -1};
}

char *logsinks_set_syslog_method(const char *method)
{
    log_set_sink(LOG_SYSLOG, NULL);
    close_target(&syslog_out);
    char *error;
    if (!strcmp(method, "null")) {
        error = NULL;
    } else if (!strcmp(method, "libc")) {
        error = open_unix(&syslog_out, "/dev/log", libc_prefix);
    } else if (!strncmp(method, "unix:", 5)) {
        error = open_unix(&syslog_out, method + 5, "<%B>");
    } else if (!strncmp(method, "udp:", 4)) {
        error = open_udp(&syslog_out, method + 4, "<%B>");
    } else {
        error = xasprintf("unsupported syslog method '%s'", method);
    }
    if (!error) {
        log_set_syslog_prefix_shown(syslog_out.prefix ? syslog_out.prefix : "");
        log_set_sink(LOG_SYSLOG, &(struct log_sink){.write = write_syslog});
    }
    return error;
}

char *logsinks_set_syslog_target(const char *host_port)
{
    log_set_sink(LOG_SYSLOG, NULL);
    close_target(&extra_out);
    char *error = open_udp(&extra_out, host_port, "<%B>");
    log_set_sink(LOG_SYSLOG, &(struct log_sink){.write = write_syslog});
    return error_prefix(error, "--syslog-target");
}

/* Options. */

enum {
    OPT_VERBOSE,
    OPT_LOG_FILE,
    OPT_SYSLOG_METHOD,
    OPT_SYSLOG_TARGET
};

static const struct option_def option_defs[] = {
    {"verbose", 'v', OPTION_ARG_OPTIONAL, "SPEC", "set logging levels; without SPEC, maximum verbosity",
     OPT_VERBOSE},
    {"log-file", 0, OPTION_ARG_OPTIONAL, "FILE",
     "enable logging to specified FILE\n(default: LOGDIR/PROGRAM.log)", OPT_LOG_FILE},
    {"syslog-method", 0, OPTION_ARG_REQUIRED, "METHOD",
     "(libc|unix:file|udp:ip:port|null)\nspecify how to send messages to syslog daemon", OPT_SYSLOG_METHOD},
    {"syslog-target", 0, OPTION_ARG_REQUIRED, "HOST:PORT", "also send syslog msgs to HOST:PORT via UDP",
     OPT_SYSLOG_TARGET},
};

static char *take_option(const struct option_def *def, const char *arg, void *aux)
{
    switch (def->id) {
    case OPT_VERBOSE:
        return error_prefix(log_set_levels(arg ? arg : ""), "processing \"%s\"", arg ? arg : "");
    case OPT_LOG_FILE:
        wanted = true;
        free(wanted_name);
        wanted_name = xstrdup_or_null(arg);
        return NULL;
    case OPT_SYSLOG_METHOD:
        return logsinks_set_syslog_method(arg);
    case OPT_SYSLOG_TARGET:
        return logsinks_set_syslog_target(arg);
    }
    return NULL;
}

const struct option_group logsinks_options = {
    .title = "Logging options:",
    .defs = option_defs,
    .n = ARRAY_SIZE(option_defs),
    .take = take_option,
};
