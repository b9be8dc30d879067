/* SPDX-License-Identifier: Apache-2.0 */
/* What a client and a file may bring: the input as a value in text, as a schema, and as the operations of a
 * transaction on a database in memory, whose monitors watch. */
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "ovsdb/db_exec.h"
#include "ovsdb/json_util.h"
#include "ovsdb/monitor.h"
#include "ovsdb/vswitch_schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void text_values(const char *text)
{
    static const char *const types[] = {"integer*", "string:string*", "boolean?",
                                        "@Port*",   "real",           "integer[0..9]+"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct ovsdb_type type;
        struct ovsdb_datum *d, *again;
        struct ovsdb_symtab *symbols = ovsdb_symtab_create();
        ovsdb_type_from_notation(&type, types[i]);
        char *error = ovsdb_datum_from_string(&d, &type, text, symbols);
        if (!error) {
            struct strbuf s = STRBUF_INITIALIZER;
            ovsdb_datum_put_text(d, &type, &s);
            error = ovsdb_datum_from_string(&again, &type, strbuf_text(&s), symbols);
            if (error || (type.key.type != OVSDB_REAL && !ovsdb_datum_equal(d, again, &type))) {
                abort(); /* what is printed reads back as the same */
            }
            ovsdb_datum_unref(again, &type);
            ovsdb_datum_unref(d, &type);
            strbuf_fini(&s);
        }
        free(error);
        ovsdb_symtab_destroy(symbols);
        ovsdb_type_fini(&type);
    }
}

static void nothing(struct ovsdb_monitor *m, const char *body, size_t n)
{
}

static void transact(const struct json_object *params)
{
    struct db *db = db_create(ovsdb_vswitch_schema());
    struct ovsdb_monitor_hub *hub = ovsdb_monitor_hub_create(db);
    struct ovsdb_monitor monitor = {.send = nothing};
    struct json_object *requests = json_tokener_parse("{\"Bridge\":{},\"Port\":{},\"Open_vSwitch\":{}}");
    struct db_exec_context context = {.read_only = false};
    struct ovsdb_error *error = ovsdb_monitor_init(&monitor, hub, OVSDB_MONITOR_V2, requests);
    for (int i = 0; i < 2; i++) {
        struct strbuf result = STRBUF_INITIALIZER;
        int64_t timeout;
        bool changed;
        db_execute(db, &context, params, 0, &timeout, &result, &changed);
        strbuf_fini(&result);
    }
    if (error) {
        abort();
    }
    ovsdb_monitor_fini(&monitor);
    error = ovsdb_monitor_init(&monitor, hub, OVSDB_MONITOR_V1, json_is_object(params) ? params : requests);
    ovsdb_error_destroy(error);
    if (!error) {
        ovsdb_monitor_fini(&monitor);
    }
    ovsdb_monitor_hub_destroy(hub);
    json_object_put(requests);
    db_destroy(db);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), *error;
    memcpy(text, data, size);
    text[size] = '\0';
    text_values(text);
    struct json_object *json = json_parse(text, size, &error);
    free(error);
    if (json_is_array(json) && json_length(json)) {
        transact(json);
    } else if (json_is_object(json)) {
        struct ovsdb_schema *schema;
        struct ovsdb_error *schema_error = ovsdb_schema_from_json(&schema, json);
        if (!schema_error) {
            ovsdb_schema_destroy(schema);
        }
        ovsdb_error_destroy(schema_error);
    }
    json_object_put(json);
    free(text);
    return 0;
}
