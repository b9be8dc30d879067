/* SPDX-License-Identifier: Apache-2.0 */
#include "control/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/list.h"
#include "base/log.h"
#include "base/strmap.h"
#include "base/version.h"
#include "io/dirs.h"
#include "io/json.h"
#include "io/jsonrpc.h"
#include "io/loop.h"
#include "io/stream.h"

LOG_MODULE(unixctl);

/* A control client sends little: more than this is no client of ours. Answers may be long. */
enum {
    MAX_REQUEST = 16 << 20,
    MAX_BACKLOG = 256 << 20,
    MAX_CONNECTIONS = 1024
};

struct entry {
    const struct control_command *command;
    void *aux;
};

struct control_server {
    struct loop *loop;
    struct listener *listener; /* NULL for "none" */
    char *path, *program;
    struct strmap commands;  /* name -> struct entry, ours */
    struct list connections; /* the one that has been silent longest first */
    size_t n_connections;
    struct list requests; /* that are not answered yet */
};

struct connection {
    struct list node; /* in the server's `connections` */
    struct control_server *server;
    struct jsonrpc *conn;
};

struct control_request {
    struct list node; /* in the server's `requests` */
    struct control_server *server;
    struct connection *connection; /* NULL: has gone, or control_execute() */
    struct json_object *id;
    void (*done)(bool ok, const char *text, void *aux);
    void *aux;
};

/* Answers. */

struct control_server *control_request_server(struct control_request *request)
{
    return request->server;
}

static void answer(struct control_request *request, const char *text, bool ok)
{
    struct strbuf s = STRBUF_INITIALIZER;
    strbuf_puts(&s, text);
    if (s.len && !strbuf_ends_with(&s, "\n")) {
        strbuf_put_char(&s, '\n');
    }
    if (request->connection) {
        LOG_DBG("replying with %s, id=%s: \"%s\"", ok ? "success" : "error",
                json_object_to_json_string(request->id), text);
        struct json_object *body = json_object_new_string_len(strbuf_text(&s), (int)s.len);
        jsonrpc_send(request->connection->conn,
                     ok ? jsonrpc_reply(body, request->id) : jsonrpc_error(body, request->id));
    }
    list_remove(&request->node);
    if (request->done) {
        request->done(ok, strbuf_text(&s), request->aux);
    }
    strbuf_fini(&s);
    json_object_put(request->id);
    free(request);
}

void control_reply(struct control_request *request, const char *text)
{
    answer(request, text ? text : "", true);
}

void control_reply_error(struct control_request *request, const char *text)
{
    answer(request, text ? text : "", false);
}

void control_reply_steal(struct control_request *request, char *text)
{
    control_reply(request, text);
    free(text);
}

void control_reply_error_steal(struct control_request *request, char *text)
{
    control_reply_error(request, text);
    free(text);
}

/* Commands. */

void control_register(struct control_server *server, const struct control_command *commands, size_t n,
                      void *aux)
{
    for (size_t i = 0; i < n; i++) {
        struct entry *entry = xmalloc(sizeof *entry);
        *entry = (struct entry){&commands[i], aux};
        free(strmap_put(&server->commands, commands[i].name, entry));
    }
}

void control_unregister(struct control_server *server, const struct control_command *commands, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct entry *entry = strmap_get(&server->commands, commands[i].name);
        if (entry && entry->command == &commands[i]) {
            free(strmap_remove(&server->commands, commands[i].name));
        }
    }
}

static void dispatch(struct control_request *request, int argc, const char *argv[])
{
    struct entry *entry = strmap_get(&request->server->commands, argv[0]);
    if (!entry) {
        control_reply_error_steal(
            request,
            xasprintf("\"%s\" is not a valid command (use \"list-commands\" to see a list of valid commands)",
                      argv[0]));
    } else if (argc - 1 < entry->command->min_args) {
        control_reply_error_steal(request, xasprintf("\"%s\" command requires at least %d arguments", argv[0],
                                                     entry->command->min_args));
    } else if (argc - 1 > entry->command->max_args) {
        control_reply_error_steal(request, xasprintf("\"%s\" command takes at most %d arguments", argv[0],
                                                     entry->command->max_args));
    } else {
        entry->command->run(request, argc, argv, entry->aux);
    }
}

static struct control_request *make_request(struct control_server *server)
{
    struct control_request *request = xzalloc(sizeof *request);
    request->server = server;
    list_push_back(&server->requests, &request->node);
    return request;
}

void control_execute(struct control_server *server, int argc, const char *const argv[],
                     void (*done)(bool ok, const char *text, void *aux), void *aux)
{
    struct control_request *request = make_request(server);
    request->done = done;
    request->aux = aux;
    dispatch(request, argc, (const char **)(uintptr_t)argv);
}

char *control_list(const struct control_server *server, const char *prefix)
{
    struct strbuf s = STRBUF_INITIALIZER;
    struct strmap_node **sorted = strmap_sorted(&server->commands);
    for (size_t i = 0; i < strmap_count(&server->commands); i++) {
        const struct entry *entry = sorted[i]->value;
        if (entry->command->usage && !strncmp(entry->command->name, prefix, strlen(prefix))) {
            strbuf_printf(&s, "  %-23s %s\n", entry->command->name, entry->command->usage);
        }
    }
    free(sorted);
    return strbuf_steal(&s);
}

static void list_commands(struct control_request *request, int argc, const char *argv[], void *server)
{
    char *list = control_list(server, "");
    control_reply_steal(request, xasprintf("The available commands are:\n%s", list));
    free(list);
}

static void version(struct control_request *request, int argc, const char *argv[], void *server_)
{
    struct control_server *server = server_;
    control_reply_steal(request,
                        xasprintf("%s %s", server->program ? server->program : log_program(), VERSION_TEXT));
}

static const struct control_command own_commands[] = {
    {"list-commands", "", 0, 0, list_commands},
    {"help", NULL, 0, 0, list_commands},
    {"version", "", 0, 0, version},
};

/* Connections. */

static void destroy_connection(struct connection *connection)
{
    struct control_request *request;
    LIST_FOR_EACH (request, node, &connection->server->requests) {
        if (request->connection == connection) {
            request->connection = NULL;
        }
    }
    list_remove(&connection->node);
    connection->server->n_connections--;
    jsonrpc_destroy(connection->conn);
    free(connection);
}

static void log_request(const struct jsonrpc_msg *msg)
{
    if (LOG_IS_ENABLED(LOG_LEVEL_DBG)) {
        char *params = json_text(msg->params, 0), *id = json_text(msg->id, 0);
        LOG_DBG("received request %s%s, id=%s", msg->method, params, id);
        free(params);
        free(id);
    }
}

static void received(struct jsonrpc *conn, struct jsonrpc_msg *msg, void *connection_)
{
    struct connection *connection = connection_;
    if (msg->type != JSONRPC_REQUEST) {
        static struct log_rate_limit rl = LOG_RATE_LIMIT_INIT(5, 5);
        LOG_WARN_RL(&rl, "%s: received unexpected message, closing the connection", jsonrpc_name(conn));
        jsonrpc_msg_destroy(msg);
        destroy_connection(connection);
        return;
    }
    log_request(msg);
    size_t n = json_object_array_length(msg->params);
    const char **argv = xmalloc((n + 2) * sizeof *argv);
    bool strings = true;
    argv[0] = msg->method;
    for (size_t i = 0; i < n; i++) {
        struct json_object *arg = json_object_array_get_idx(msg->params, i);
        strings &= json_object_is_type(arg, json_type_string);
        argv[i + 1] = strings ? json_object_get_string(arg) : "";
    }
    argv[n + 1] = NULL;
    list_remove(&connection->node);
    list_push_back(&connection->server->connections, &connection->node);
    struct control_request *request = make_request(connection->server);
    request->connection = connection;
    request->id = json_object_get(msg->id);
    if (strings) {
        dispatch(request, (int)n + 1, argv);
    } else {
        control_reply_error_steal(request, xasprintf("\"%s\" command has non-string argument", msg->method));
    }
    free(argv);
    jsonrpc_msg_destroy(msg);
}

static void closed(struct jsonrpc *conn, int error, void *connection_)
{
    if (error != ERROR_EOF) {
        LOG_DBG("%s: %s", jsonrpc_name(conn), error_text(error));
    }
    destroy_connection(connection_);
}

static const struct jsonrpc_ops connection_ops = {.received = received, .closed = closed};

static void accepted(struct stream *stream, void *server_)
{
    struct control_server *server = server_;
    if (server->n_connections >= MAX_CONNECTIONS) {
        /* Who comes now may be the one that repairs the rest. */
        static struct log_rate_limit rl = LOG_RATE_LIMIT_INIT(5, 5);
        LOG_WARN_RL(&rl, "%s: more than %d connections, closing the one that has been silent longest",
                    server->path, MAX_CONNECTIONS);
        destroy_connection(CONTAINER_OF(list_front(&server->connections), struct connection, node));
    }
    struct connection *connection = xzalloc(sizeof *connection);
    connection->server = server;
    connection->conn = jsonrpc_create(stream, server->loop, &connection_ops, connection);
    jsonrpc_set_max_message(connection->conn, MAX_REQUEST, 0);
    jsonrpc_set_max_backlog(connection->conn, MAX_BACKLOG);
    list_push_back(&server->connections, &connection->node);
    server->n_connections++;
}

/* The server. */

struct control_server *control_server_create(struct loop *loop, const char *path, char **error)
{
    struct control_server *server = xzalloc(sizeof *server);
    server->loop = loop;
    strmap_init(&server->commands);
    list_init(&server->connections);
    list_init(&server->requests);
    *error = NULL;
    if (!path || strcmp(path, "none")) {
        server->path = path ? dirs_file(dirs_run(), path)
                            : xasprintf("%s/%s.%ld.ctl", dirs_run(), log_program(), (long)getpid());
        char *name = xasprintf("punix:%s", server->path), *cause = NULL;
        int result = listener_open(name, 0, 0, loop, accepted, server, &server->listener, &cause);
        free(name);
        if (result) {
            *error =
                xasprintf("%s: could not initialize control socket (%s)", server->path,
                          result == EADDRINUSE ? "another process is listening there" : error_text(result));
            free(cause);
            control_server_destroy(server);
            return NULL;
        }
    }
    control_register(server, own_commands, ARRAY_SIZE(own_commands), server);
    return server;
}

void control_server_destroy(struct control_server *server)
{
    if (!server) {
        return;
    }
    listener_close(server->listener);
    struct connection *connection, *next_connection;
    LIST_FOR_EACH_SAFE (connection, next_connection, node, &server->connections) {
        destroy_connection(connection);
    }
    struct control_request *request, *next_request;
    LIST_FOR_EACH_SAFE (request, next_request, node, &server->requests) {
        json_object_put(request->id);
        free(request);
    }
    struct strmap_node *node;
    STRMAP_FOR_EACH (node, &server->commands) {
        free(node->value);
    }
    strmap_fini(&server->commands);
    free(server->path);
    free(server->program);
    free(server);
}

const char *control_server_path(const struct control_server *server)
{
    return server->path;
}

struct loop *control_server_loop(struct control_server *server)
{
    return server->loop;
}

void control_server_set_program(struct control_server *server, const char *name)
{
    free(server->program);
    server->program = xstrdup(name);
}
