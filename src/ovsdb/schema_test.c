/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "ovsdb/json_util.h"
#include "ovsdb/vswitch_schema.h"

#define INSTALLED_SCHEMA "/usr/share/openvswitch/vswitch.ovsschema"

static char *schema_text(const struct ovsdb_schema *s)
{
    struct strbuf text = STRBUF_INITIALIZER;
    ovsdb_schema_put_json(s, &text);
    return strbuf_steal(&text);
}

/* What a client is told must be what the reference tells: compared here as JSON with the file that its server
 * reads, and in tests/system with a running one. */
static void declared_schema_is_the_installed_one(void **state)
{
    if (access(INSTALLED_SCHEMA, R_OK)) {
        skip();
    }
    struct ovsdb_schema *ours = ovsdb_vswitch_schema(), *theirs;
    struct ovsdb_error *error = ovsdb_schema_from_file(&theirs, INSTALLED_SCHEMA);
    assert_null(error);
    char *a = schema_text(ours), *b = schema_text(theirs);
    assert_string_equal(a, b);
    assert_true(ovsdb_schema_equal(ours, theirs));
    free(a);
    free(b);
    ovsdb_schema_destroy(ours);
    ovsdb_schema_destroy(theirs);
}

static void columns_stand_where_their_numbers_say(void **state)
{
    struct ovsdb_schema *s = ovsdb_vswitch_schema();
    assert_int_equal(s->n_tables, OVS_N_TABLES);
    struct ovsdb_table_schema *t = s->tables[OVS_TABLE_INTERFACE];
    assert_string_equal(t->name, "Interface");
    assert_string_equal(t->columns[OVS_INTERFACE_OFPORT_REQUEST]->name, "ofport_request");
    assert_false(t->columns[OVS_INTERFACE_NAME]->is_mutable);
    assert_false(t->columns[OVS_INTERFACE_STATISTICS]->persistent);
    assert_ptr_equal(s->tables[OVS_TABLE_PORT]->columns[OVS_PORT_INTERFACES]->type.key.uuid.ref_table, t);
    assert_ptr_equal(ovsdb_table_column(t, "_uuid"), t->uuid_column);
    assert_null(ovsdb_table_column(t, "nope"));
    struct ovsdb_schema *clone = ovsdb_schema_clone(s);
    assert_true(ovsdb_schema_equal(s, clone));
    ovsdb_schema_destroy(clone);
    ovsdb_schema_destroy(s);
    ovsdb_schema_destroy(ovsdb_server_schema());
}

static void expect_error(const char *text, const char *expected)
{
    struct json_object *json = json_tokener_parse(text);
    struct ovsdb_schema *s;
    char *error = ovsdb_error_to_text_free(ovsdb_schema_from_json(&s, json));
    assert_null(s);
    assert_non_null(error);
    if (!strstr(error, expected)) {
        fail_msg("%s: got \"%s\", expected \"%s\"", text, error, expected);
    }
    free(error);
    json_object_put(json);
}

static void bad_schemas_are_refused(void **state)
{
    expect_error("{}", "Required 'name' member is missing");
    expect_error("{\"name\":\"x\",\"tables\":{\"_a\":{}}}", "reserved");
    expect_error("{\"name\":\"x\",\"tables\":{\"a\":{\"columns\":{}}}}", "at least one column");
    expect_error("{\"name\":\"x\",\"tables\":{\"a\":{\"columns\":{\"c\":{\"type\":\"foo\"}}}}}",
                 "\"foo\" is not an atomic-type");
    expect_error(
        "{\"name\":\"x\",\"tables\":{\"a\":{\"columns\":{\"c\":{\"type\":{\"key\":{\"type\":\"uuid\","
        "\"refTable\":\"b\"}}}}}}}",
        "refers to undefined table b");
    expect_error("{\"name\":\"x\",\"version\":\"1\",\"tables\":{}}", "not in format x.y.z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(declared_schema_is_the_installed_one),
        cmocka_unit_test(columns_stand_where_their_numbers_say),
        cmocka_unit_test(bad_schemas_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
