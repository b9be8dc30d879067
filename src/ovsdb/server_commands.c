/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb/server_commands.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "control/control.h"
#include "ovsdb/server.h"

static void finish(struct control_request *request, char *error)
{
    if (error) {
        control_reply_error_steal(request, error);
    } else {
        control_reply(request, "");
    }
}

static void add_db(struct control_request *request, int argc, const char *argv[], void *server)
{
    finish(request, ovsdb_server_add_db(server, argv[1]));
}

static void remove_db(struct control_request *request, int argc, const char *argv[], void *server)
{
    finish(request, ovsdb_server_remove_db(server, argv[1]));
}

static void list_dbs(struct control_request *request, int argc, const char *argv[], void *server)
{
    control_reply_steal(request, ovsdb_server_list_dbs(server));
}

static void add_remote(struct control_request *request, int argc, const char *argv[], void *server)
{
    finish(request, ovsdb_server_add_remote(server, argv[1]));
}

static void remove_remote(struct control_request *request, int argc, const char *argv[], void *server)
{
    finish(request, ovsdb_server_remove_remote(server, argv[1]));
}

static void list_remotes(struct control_request *request, int argc, const char *argv[], void *server)
{
    control_reply_steal(request, ovsdb_server_list_remotes(server));
}

static void compacted(const char *error, void *request)
{
    finish(request, xstrdup_or_null(error));
}

static void compact(struct control_request *request, int argc, const char *argv[], void *server)
{
    ovsdb_server_compact(server, argc > 1 ? argv[1] : NULL, compacted, request);
}

static void reconnect(struct control_request *request, int argc, const char *argv[], void *server)
{
    ovsdb_server_reconnect_all(server);
    control_reply(request, "");
}

static void disable_monitor_cond(struct control_request *request, int argc, const char *argv[], void *server)
{
    ovsdb_server_disable_monitor_cond(server);
    control_reply(request, "");
}

static void storage_status(struct control_request *request, int argc, const char *argv[], void *server)
{
    char *error;
    char *status = ovsdb_server_storage_status(server, argv[1], &error);
    if (error) {
        control_reply_error_steal(request, error);
    } else {
        control_reply_steal(request, status);
    }
}

static void sync_status(struct control_request *request, int argc, const char *argv[], void *server)
{
    control_reply(request, "state: active\n"); /* replication stays with the reference's server */
}

static void trim_on_compaction(struct control_request *request, int argc, const char *argv[], void *server)
{
    if (strcmp(argv[1], "on") != 0 && strcmp(argv[1], "off") != 0) {
        control_reply_error(request, "invalid argument");
    } else {
        control_reply(request, ""); /* memory is always given back after a compaction */
    }
}

static void tlog_list(struct control_request *request, int argc, const char *argv[], void *server)
{
    control_reply_steal(request, ovsdb_server_tlog_list(server));
}

static void tlog_set(struct control_request *request, int argc, const char *argv[], void *server)
{
    bool on = !strcmp(argv[2], "on");
    finish(request, on || !strcmp(argv[2], "off") ? ovsdb_server_tlog_set(server, argv[1], on)
                                                  : xstrdup("invalid command argument"));
}

/* Active-backup replication stays with the reference's server: these say what a server says that has no
 * active one, and remember what they are told. */
static char *active_server, *excluded_tables; /* of the process: a server is replicated as a whole */

static void remember(char **text, const char *value)
{
    free(*text);
    *text = xstrdup(value);
}

static void set_active(struct control_request *request, int argc, const char *argv[], void *server)
{
    remember(&active_server, argv[1]);
    control_reply(request, "");
}

static void get_active(struct control_request *request, int argc, const char *argv[], void *server)
{
    control_reply(request, active_server ? active_server : "");
}

static void connect_active(struct control_request *request, int argc, const char *argv[], void *server)
{
    if (!active_server) {
        control_reply(request, "Unable to connect: active server is not specified.\n");
    } else {
        control_reply_error(request, "this server cannot be a backup: active-backup replication is not "
                                     "supported (use a cluster, or a separate ovsdb-server)");
    }
}

static void disconnect_active(struct control_request *request, int argc, const char *argv[], void *server)
{
    control_reply(request, "");
}

static void set_active_probe(struct control_request *request, int argc, const char *argv[], void *server)
{
    char *end;
    strtol(argv[1], &end, 10);
    control_reply(request, *argv[1] && !*end ? "" : "Invalid probe interval, integer value expected");
}

static void set_excluded(struct control_request *request, int argc, const char *argv[], void *server)
{
    if (strchr(argv[1], ':')) {
        remember(&excluded_tables, argv[1]);
    }
    control_reply(request, "");
}

static void get_excluded(struct control_request *request, int argc, const char *argv[], void *server)
{
    control_reply(request, excluded_tables ? excluded_tables : "");
}

static void perf_counters_show(struct control_request *request, int argc, const char *argv[], void *server)
{
    control_reply(request, "performance counter is not supported on this platform");
}

static void perf_counters_clear(struct control_request *request, int argc, const char *argv[], void *server)
{
    control_reply(request, "");
}

static void memory_show(struct control_request *request, int argc, const char *argv[], void *server)
{
    control_reply_steal(request, ovsdb_server_memory(server));
}

static const struct control_command commands[] = {
    {"ovsdb-server/add-db", "DB", 1, 1, add_db},
    {"ovsdb-server/remove-db", "DB", 1, 1, remove_db},
    {"ovsdb-server/list-dbs", "", 0, 0, list_dbs},
    {"ovsdb-server/add-remote", "REMOTE", 1, 1, add_remote},
    {"ovsdb-server/remove-remote", "REMOTE", 1, 1, remove_remote},
    {"ovsdb-server/list-remotes", "", 0, 0, list_remotes},
    {"ovsdb-server/compact", "", 0, 1, compact},
    {"ovsdb-server/reconnect", "", 0, 0, reconnect},
    {"ovsdb-server/disable-monitor-cond", "", 0, 0, disable_monitor_cond},
    {"ovsdb-server/get-db-storage-status", "DB", 1, 1, storage_status},
    {"ovsdb-server/sync-status", "", 0, 0, sync_status},
    {"ovsdb-server/memory-trim-on-compaction", "on|off", 1, 1, trim_on_compaction},
    {"ovsdb-server/tlog-list", "", 0, 0, tlog_list},
    {"ovsdb-server/tlog-set", "DB:TABLE on|off", 2, 2, tlog_set},
    {"ovsdb-server/set-active-ovsdb-server", "", 1, 1, set_active},
    {"ovsdb-server/get-active-ovsdb-server", "", 0, 0, get_active},
    {"ovsdb-server/connect-active-ovsdb-server", "", 0, 0, connect_active},
    {"ovsdb-server/disconnect-active-ovsdb-server", "", 0, 0, disconnect_active},
    {"ovsdb-server/set-active-ovsdb-server-probe-interval", "", 1, 1, set_active_probe},
    {"ovsdb-server/set-sync-exclude-tables", "", 1, 1, set_excluded},
    {"ovsdb-server/get-sync-exclude-tables", "", 0, 0, get_excluded},
    {"ovsdb-server/perf-counters-show", "", 0, 0, perf_counters_show},
    {"ovsdb-server/perf-counters-clear", "", 0, 0, perf_counters_clear},
    {"memory/show", "", 0, 0, memory_show},
};

void ovsdb_server_register_commands(struct ovsdb_server *server, struct control_server *control)
{
    control_register(control, commands, sizeof commands / sizeof commands[0], server);
}
