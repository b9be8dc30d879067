/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/ovsdb_client.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "io/stream.h"
#include "ovsdb/json_util.h"

struct dbclient dbclient;

static struct jsonrpc_session *session;
static bool connecting; /* a remote that ends the connection is no reason to end */
static int64_t waiting_for = -1, sent = -1;
static struct jsonrpc_msg *answer;
static void (*sent_answered)(const struct jsonrpc_msg *);

static void received(struct jsonrpc_session *s, struct jsonrpc_msg *msg, void *aux)
{
    int64_t id;
    bool reply = (msg->type == JSONRPC_REPLY || msg->type == JSONRPC_ERROR) && json_is_integer(msg->id, &id);
    if (reply && id == waiting_for) {
        answer = msg;
        return;
    }
    if (reply && id == sent) {
        sent_answered(msg);
    } else if (msg->type == JSONRPC_NOTIFY && dbclient.notified) {
        dbclient.notified(msg);
    }
    jsonrpc_msg_destroy(msg);
}

static void disconnected(struct jsonrpc_session *s, int error, void *aux)
{
    if (!connecting) {
        error_fatal("%s: receive failed (%s)", dbclient.server, error_text(error));
    }
}

static const struct jsonrpc_session_ops session_ops = {.received = received, .disconnected = disconnected};

/* The remotes of a list: a comma and a method begin the next one. */
static size_t n_remotes(void)
{
    size_t n = 1;
    for (const char *p = dbclient.server; (p = strchr(p, ',')) != NULL; p++) {
        n += stream_name_is_active(p + 1) || stream_name_is_passive(p + 1);
    }
    return n;
}

bool dbclient_has_remotes(void)
{
    return n_remotes() > 1;
}

static void create_session(void)
{
    dbclient.loop = loop_create("ovsdb-client");
    session = jsonrpc_session_create(dbclient.server, true, dbclient.loop, &session_ops, NULL);
}

struct jsonrpc_msg *dbclient_ask(const char *method, const char *params)
{
    struct jsonrpc_msg *msg = jsonrpc_request(method, dbclient_json(params));
    json_is_integer(msg->id, &waiting_for);
    answer = NULL;
    jsonrpc_session_send(session, msg);
    while (!answer && jsonrpc_session_is_connected(session)) {
        loop_turn(dbclient.loop, true);
    }
    return answer;
}

enum dbclient_db_state dbclient_db_state(const char *db)
{
    char *params = xasprintf(
        "[\"_Server\",{\"op\":\"select\",\"table\":\"Database\",\"where\":[[\"name\",\"==\",\"%s\"]],"
        "\"columns\":[\"model\",\"connected\",\"leader\"]}]",
        db);
    struct jsonrpc_msg *msg = dbclient_ask("transact", params);
    free(params);
    if (!msg) {
        return DBCLIENT_DB_UNKNOWN;
    }
    const struct json_object *rows =
        msg->type == JSONRPC_REPLY && json_is_array(msg->result) && json_length(msg->result)
            ? json_get(json_element(msg->result, 0), "rows")
            : NULL;
    const struct json_object *row = json_is_array(rows) && json_length(rows) ? json_element(rows, 0) : NULL;
    const char *model = "";
    enum dbclient_db_state state = DBCLIENT_DB_ABSENT;
    if (json_is_object(row) && json_is_string(json_get(row, "model"), &model)) {
        state = !strcmp(model, "standalone") || json_object_get_boolean(json_get(row, "leader"))
                    ? DBCLIENT_DB_LEADER
                : json_object_get_boolean(json_get(row, "connected")) ? DBCLIENT_DB_CONNECTED
                                                                      : DBCLIENT_DB_PRESENT;
    }
    jsonrpc_msg_destroy(msg);
    return state;
}

/* Each of several remotes once, until one suits. */
static void seek(const char *db)
{
    size_t n = n_remotes();
    connecting = true;
    for (;;) {
        unsigned decided = jsonrpc_session_n_attempts(session) - jsonrpc_session_is_connecting(session);
        if (jsonrpc_session_is_connected(session)) {
            if (!db ||
                dbclient_db_state(db) >= (dbclient.any_member ? DBCLIENT_DB_CONNECTED : DBCLIENT_DB_LEADER)) {
                connecting = false;
                return;
            }
            if (decided < n) {
                jsonrpc_session_reconnect(session, "not the one to talk to");
                continue;
            }
        }
        if (decided >= n) {
            error_fatal("no servers were available");
        }
        loop_turn(dbclient.loop, true);
    }
}

static void be_change_aware(void)
{
    if (dbclient.change_aware) {
        jsonrpc_msg_destroy(dbclient_call_any("set_db_change_aware", dbclient_json("[true]")));
    }
}

void dbclient_connect(const char *db)
{
    create_session();
    if (dbclient_has_remotes()) {
        seek(db);
    }
    while (!jsonrpc_session_is_connected(session)) {
        if (jsonrpc_session_last_error(session)) {
            error_fatal("failed to connect to \"%s\" (%s)", dbclient.server,
                        error_text(jsonrpc_session_last_error(session)));
        }
        loop_turn(dbclient.loop, true);
    }
    be_change_aware();
}

void dbclient_connect_some_day(void)
{
    if (!session) {
        create_session();
        connecting = true;
    }
    while (!jsonrpc_session_is_connected(session)) {
        loop_turn(dbclient.loop, true);
    }
}

bool dbclient_is_connected(void)
{
    return jsonrpc_session_is_connected(session);
}

struct json_object *dbclient_json(const char *text)
{
    char *error;
    struct json_object *json = json_parse(text, strlen(text), &error);
    if (!error && !json_is_array(json) && !json_is_object(json)) {
        error = xstrdup("line 0, column 1, byte 1: syntax error at beginning of input");
    }
    if (error) {
        error_fatal("\"%s\": %s", text, error);
    }
    return json;
}

struct jsonrpc_msg *dbclient_call_any(const char *method, const struct json_object *params)
{
    struct jsonrpc_msg *msg = jsonrpc_request(method, (struct json_object *)(uintptr_t)params);
    json_is_integer(msg->id, &waiting_for);
    answer = NULL;
    jsonrpc_session_send(session, msg);
    while (!answer) {
        loop_turn(dbclient.loop, true);
    }
    return answer;
}

struct json_object *dbclient_call(const char *method, const char *params)
{
    struct jsonrpc_msg *msg = dbclient_call_any(method, dbclient_json(params));
    if (msg->type == JSONRPC_ERROR) {
        error_fatal("%s request failed: %s", method, json_text(msg->error, JSON_SORT));
    }
    return msg->result;
}

void dbclient_send(const char *method, const char *params, void (*answered)(const struct jsonrpc_msg *))
{
    struct jsonrpc_msg *msg = jsonrpc_request(method, dbclient_json(params));
    json_is_integer(msg->id, &sent);
    sent_answered = answered;
    jsonrpc_session_send(session, msg);
}

struct ovsdb_schema *dbclient_schema(const char *db)
{
    struct ovsdb_schema *schema;
    struct ovsdb_error *error =
        ovsdb_schema_from_json(&schema, dbclient_call("get_schema", xasprintf("[\"%s\"]", db)));
    if (error) {
        error_fatal("%s", ovsdb_error_to_text_free(error));
    }
    return schema;
}

bool dbclient_has_db(const char *name)
{
    const struct json_object *dbs = dbclient_call("list_dbs", "[]");
    const char *text;
    for (size_t i = 0; i < json_length(dbs); i++) {
        if (json_is_string(json_element(dbs, i), &text) && !strcmp(text, name)) {
            return true;
        }
    }
    return false;
}

const char *dbclient_default_db(void)
{
    const struct json_object *dbs = dbclient_call("list_dbs", "[]");
    const char *text, *found = NULL;
    size_t n = 0;
    for (size_t i = 0; i < json_length(dbs); i++) {
        if (json_is_string(json_element(dbs, i), &text) && !strcmp(text, "Open_vSwitch")) {
            return "Open_vSwitch";
        }
        if (json_is_string(json_element(dbs, i), &text) && text[0] != '_') {
            found = text;
            n++;
        }
    }
    if (n != 1) {
        error_fatal("no default database for \"%s\", please specify a database name", dbclient.server);
    }
    return xstrdup(found);
}
