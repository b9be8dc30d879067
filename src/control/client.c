/* SPDX-License-Identifier: Apache-2.0 */
#include "control/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/bytebuf.h"
#include "base/error.h"
#include "base/log.h"
#include "io/address.h"
#include "io/daemon.h"
#include "io/dirs.h"
#include "io/json.h"

LOG_MODULE(unixctl);

struct control_client {
    int fd;
    char *target;
};

/* The socket of the program TARGET. */
static char *find_socket(const char *target, char **error)
{
    char *name = xasprintf("%s.pid", target), *pidfile = dirs_file(dirs_run(), name), *path = NULL;
    free(name);
    pid_t pid;
    int result = daemon_read_pidfile(pidfile, &pid);
    if (result) {
        *error = xasprintf("cannot read pidfile \"%s\" (%s)", pidfile, error_text(result));
    } else {
        path = xasprintf("%s/%s.%ld.ctl", dirs_run(), target, (long)pid);
    }
    free(pidfile);
    return path;
}

struct control_client *control_client_connect(const char *target, char **error)
{
    if (!target) {
        target = "ovs-vswitchd";
    }
    *error = NULL;
    char *path = *target == '/' ? xstrdup(target) : find_socket(target, error);
    if (!path) {
        return NULL;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int result = fd < 0 ? errno : address_unix(fd, path, connect);
    if (result) {
        LOG_WARN("failed to connect to %s", path);
        *error = xasprintf("cannot connect to \"%s\" (%s)", path, error_text(result));
        free(path);
        if (fd >= 0) {
            close(fd);
        }
        return NULL;
    }
    free(path);
    struct control_client *client = xmalloc(sizeof *client);
    client->fd = fd;
    client->target = xstrdup(target);
    return client;
}

void control_client_close(struct control_client *client)
{
    if (client) {
        close(client->fd);
        free(client->target);
        free(client);
    }
}

const char *control_client_target(const struct control_client *client)
{
    return client->target;
}

static int send_request(int fd, int argc, char *const argv[])
{
    struct strbuf s = STRBUF_INITIALIZER;
    strbuf_puts(&s, "{\"id\":0,\"method\":");
    json_format_string(&s, argv[0], strlen(argv[0]));
    strbuf_puts(&s, ",\"params\":[");
    for (int i = 1; i < argc; i++) {
        strbuf_puts(&s, i > 1 ? "," : "");
        json_format_string(&s, argv[i], strlen(argv[i]));
    }
    strbuf_puts(&s, "]}");
    int error = 0;
    for (size_t sent = 0; sent < s.len && !error;) {
        ssize_t n = send(fd, s.text + sent, s.len - sent, MSG_NOSIGNAL);
        if (n >= 0) {
            sent += (size_t)n;
        } else if (errno != EINTR) {
            error = errno;
        }
    }
    strbuf_fini(&s);
    return error;
}

/* One JSON value from FD. NULL and *ERROR if there is none. */
static struct json_object *receive_value(int fd, char **error)
{
    struct bytebuf in = BYTEBUF_INITIALIZER;
    struct json_scanner scanner;
    struct json_object *obj = NULL;
    json_scanner_init(&scanner, 0);
    for (;;) {
        enum {
            PIECE = 65536
        };
        bytebuf_reserve(&in, PIECE);
        ssize_t n = recv(fd, in.data + in.len, PIECE, 0);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            *error = xstrdup(error_text(n < 0 ? errno : ERROR_EOF));
            break;
        }
        size_t used;
        enum json_scan result =
            json_scanner_feed(&scanner, (char *)in.data + in.len, (size_t)n, &used, error);
        in.len += used;
        if (result == JSON_SCAN_DONE) {
            obj = json_parse_scanned(&scanner, (char *)in.data, in.len, error);
        }
        if (result != JSON_SCAN_MORE) {
            break;
        }
    }
    bytebuf_fini(&in);
    return obj;
}

char *control_client_call(struct control_client *client, int argc, char *const argv[], bool *ok, char **text)
{
    char *error = NULL;
    int result = send_request(client->fd, argc, argv);
    if (result) {
        return xasprintf("%s: transaction error (%s)", client->target, error_text(result));
    }
    struct json_object *reply = receive_value(client->fd, &error);
    if (error) {
        char *full = xasprintf("%s: transaction error (%s)", client->target, error);
        free(error);
        return full;
    }
    struct json_object *failure = json_member(reply, "error", NULL);
    struct json_object *body = failure ? failure : json_member(reply, "result", NULL);
    *ok = !failure;
    if (json_object_is_type(body, json_type_string)) {
        *text = xstrdup(json_object_get_string(body));
    } else {
        error = xasprintf("%s: answered with something that is no text", client->target);
    }
    json_object_put(reply);
    return error;
}
