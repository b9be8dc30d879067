/* SPDX-License-Identifier: Apache-2.0 */
/* The embedded server and the client together: a database in a file, a thread, a socket pair. */
#include "ovsdb/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/loop.h"
#include "ovsdb/client.h"
#include "ovsdb/vswitch_schema.h"

struct world {
    char dir[64], file[96];
    struct ovsdb_server_thread *server;
    struct loop *loop;
    struct ovsdb_client *client;
    enum ovsdb_txn_status status;
    bool done;
};

static void start(struct world *w)
{
    const char *const files[] = {w->file};
    struct ovsdb_server_options options = {
        .databases = files, .n_databases = 1, .create_schema = ovsdb_vswitch_schema};
    char *error;
    int fd;
    w->server = ovsdb_server_start(&options, &fd, &error);
    if (!w->server) {
        fail_msg("%s", error);
    }
    w->client = ovsdb_client_create_fd(w->loop, ovsdb_vswitch_schema(), fd);
    ovsdb_client_monitor_all(w->client);
    ovsdb_client_start(w->client);
    while (!ovsdb_client_is_connected(w->client)) {
        loop_turn(w->loop, true);
    }
}

static void stop(struct world *w)
{
    ovsdb_client_destroy(w->client);
    ovsdb_server_stop(w->server);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    snprintf(w->dir, sizeof w->dir, "/tmp/ovsdb-test.XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->file, sizeof w->file, "%s/conf.db", w->dir);
    w->loop = loop_create("test");
    start(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    char name[128];
    stop(w);
    loop_destroy(w->loop);
    unlink(w->file);
    snprintf(name, sizeof name, "%s/.conf.db.~lock~", w->dir);
    unlink(name);
    rmdir(w->dir);
    free(w);
    return 0;
}

static void txn_done(struct ovsdb_txn *txn, enum ovsdb_txn_status status, void *w_)
{
    struct world *w = w_;
    w->status = status;
    w->done = true;
}

static enum ovsdb_txn_status commit(struct world *w, struct ovsdb_txn *txn)
{
    w->done = false;
    ovsdb_txn_commit(txn, txn_done, w);
    while (!w->done) {
        loop_turn(w->loop, true);
    }
    return w->status;
}

static struct ovsdb_row *add_bridge(struct world *w, const char *name)
{
    struct ovsdb_txn *txn = ovsdb_txn_create(w->client);
    struct ovsdb_row *root = ovsdb_row_first(w->client, OVS_TABLE_OPEN_VSWITCH);
    root = root ? root : ovsdb_txn_insert(txn, OVS_TABLE_OPEN_VSWITCH);
    struct ovsdb_row *bridge = ovsdb_txn_insert(txn, OVS_TABLE_BRIDGE);
    ovsdb_txn_set_string(txn, bridge, OVS_BRIDGE_NAME, name);
    ovsdb_txn_map_set(txn, bridge, OVS_BRIDGE_EXTERNAL_IDS, "key", "value");
    ovsdb_txn_add_ref(txn, root, OVS_OPEN_VSWITCH_BRIDGES, bridge);
    ovsdb_txn_increment(txn, root, OVS_OPEN_VSWITCH_NEXT_CFG, false);
    assert_int_equal(commit(w, txn), OVSDB_TXN_SUCCESS);
    struct uuid uuid = *ovsdb_txn_inserted_uuid(txn, bridge);
    ovsdb_txn_destroy(txn);
    return ovsdb_row_find(w->client, OVS_TABLE_BRIDGE, &uuid);
}

static void writes_are_seen_and_survive(void **state)
{
    struct world *w = *state;
    struct ovsdb_row *bridge = add_bridge(w, "br0");
    assert_non_null(bridge); /* the update came before the reply */
    assert_int_equal(ovsdb_row_change(bridge), OVSDB_ROW_INSERTED);
    assert_string_equal(ovsdb_row_map_string(bridge, OVS_BRIDGE_EXTERNAL_IDS, "key", ""), "value");
    struct ovsdb_row *root = ovsdb_row_first(w->client, OVS_TABLE_OPEN_VSWITCH);
    assert_ptr_equal(ovsdb_row_ref(root, OVS_OPEN_VSWITCH_BRIDGES, 0), bridge);
    assert_int_equal(ovsdb_row_integer(root, OVS_OPEN_VSWITCH_NEXT_CFG, 0), 1);
    stop(w);
    start(w);
    assert_non_null(ovsdb_row_find_string(w->client, OVS_TABLE_BRIDGE, OVS_BRIDGE_NAME, "br0"));
}

static void changes_are_tracked(void **state)
{
    struct world *w = *state;
    struct ovsdb_row *bridge = add_bridge(w, "br0"), *row;
    ovsdb_client_clear_changes(w->client);
    assert_null(ovsdb_row_first_changed(w->client, OVS_TABLE_BRIDGE));

    struct ovsdb_txn *txn = ovsdb_txn_create(w->client);
    ovsdb_txn_set_string(txn, bridge, OVS_BRIDGE_FAIL_MODE, "secure");
    ovsdb_txn_map_unset(txn, bridge, OVS_BRIDGE_EXTERNAL_IDS, "key");
    assert_int_equal(commit(w, txn), OVSDB_TXN_SUCCESS);
    ovsdb_txn_destroy(txn);
    assert_int_equal(ovsdb_row_change(bridge), OVSDB_ROW_MODIFIED);
    assert_true(ovsdb_row_column_changed(bridge, OVS_BRIDGE_FAIL_MODE));
    assert_true(ovsdb_row_column_changed(bridge, OVS_BRIDGE_EXTERNAL_IDS));
    assert_false(ovsdb_row_column_changed(bridge, OVS_BRIDGE_NAME));
    assert_int_equal(ovsdb_row_n(bridge, OVS_BRIDGE_EXTERNAL_IDS), 0);
    ovsdb_client_clear_changes(w->client);

    txn = ovsdb_txn_create(w->client);
    ovsdb_txn_set_string(txn, bridge, OVS_BRIDGE_FAIL_MODE, "secure");
    assert_int_equal(commit(w, txn), OVSDB_TXN_UNCHANGED);
    ovsdb_txn_destroy(txn);

    txn = ovsdb_txn_create(w->client);
    ovsdb_txn_remove_ref(txn, ovsdb_row_first(w->client, OVS_TABLE_OPEN_VSWITCH), OVS_OPEN_VSWITCH_BRIDGES,
                         bridge);
    assert_int_equal(commit(w, txn), OVSDB_TXN_SUCCESS);
    ovsdb_txn_destroy(txn);
    row = ovsdb_row_first_changed(w->client, OVS_TABLE_BRIDGE); /* collected by the server */
    assert_ptr_equal(row, bridge);
    assert_int_equal(ovsdb_row_change(row), OVSDB_ROW_DELETED);
    assert_string_equal(ovsdb_row_string(row, OVS_BRIDGE_NAME, ""), "br0");
    ovsdb_client_clear_changes(w->client);
    assert_int_equal(ovsdb_table_count(w->client, OVS_TABLE_BRIDGE), 0);
}

static void errors_and_verification(void **state)
{
    struct world *w = *state;
    struct ovsdb_row *bridge = add_bridge(w, "br0");
    struct ovsdb_txn *txn = ovsdb_txn_create(w->client);
    ovsdb_txn_set_string(txn, bridge, OVS_BRIDGE_FAIL_MODE, "bogus");
    assert_int_equal(commit(w, txn), OVSDB_TXN_ERROR);
    assert_non_null(strstr(ovsdb_txn_error(txn), "not one of the allowed values"));
    ovsdb_txn_destroy(txn);

    /* Two that verify the same column and change it: the second one must try again. */
    struct ovsdb_txn *first = ovsdb_txn_create(w->client), *second = ovsdb_txn_create(w->client);
    struct ovsdb_txn *both[] = {first, second};
    for (int i = 0; i < 2; i++) {
        ovsdb_txn_verify(both[i], bridge, OVS_BRIDGE_DATAPATH_TYPE);
        ovsdb_txn_set_string(both[i], bridge, OVS_BRIDGE_DATAPATH_TYPE, i ? "b" : "a");
    }
    ovsdb_txn_commit(second, txn_done, w);
    commit(w, first);
    while (ovsdb_txn_status(second) == OVSDB_TXN_INCOMPLETE ||
           ovsdb_txn_status(first) == OVSDB_TXN_INCOMPLETE) {
        loop_turn(w->loop, true);
    }
    assert_int_equal(ovsdb_txn_status(second), OVSDB_TXN_SUCCESS);
    assert_int_equal(ovsdb_txn_status(first), OVSDB_TXN_TRY_AGAIN);
    for (int i = 0; i < 3; i++) {
        loop_turn(w->loop, false);
    }
    ovsdb_txn_destroy(first);
    ovsdb_txn_destroy(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(writes_are_seen_and_survive, setup, teardown),
        cmocka_unit_test_setup_teardown(changes_are_tracked, setup, teardown),
        cmocka_unit_test_setup_teardown(errors_and_verification, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
