/* SPDX-License-Identifier: Apache-2.0 */
/* Logging what happens to the rows of chosen tables: ovsdb-server/tlog-set and -list. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/bitmap.h"
#include "base/log.h"
#include "ovsdb/server_private.h"

LOG_MODULE(transaction);

struct tlog {
    struct db_observer observer;
    unsigned long *tables; /* bitmap, as in the schema */
};

static void put_row(struct strbuf *s, const struct db_row *row)
{
    const struct ovsdb_table_schema *t = row->table->schema;
    char uuid[UUID_TEXT_LEN + 1];
    strbuf_printf(s, ",_uuid:%s", uuid_format(&row->uuid, uuid));
    strbuf_printf(s, ",_version:%s", uuid_format(&row->version, uuid));
    for (size_t i = 0; i < t->n_columns; i++) {
        strbuf_printf(s, ",%s:", t->columns[i]->name);
        ovsdb_datum_put_text(row->columns[i], &t->columns[i]->type, s);
    }
}

static void committed(struct db_observer *observer, const struct db_change *changes, size_t n)
{
    static struct log_rate_limit rl = LOG_RATE_LIMIT_INIT(30, 60);
    const struct tlog *tlog = OBJECT_OF(observer, tlog, observer);
    for (size_t i = 0; i < n; i++) {
        const struct db_change *c = &changes[i];
        if (bitmap_is_set(tlog->tables, c->table->index) &&
            !log_should_drop(&log_this_module, LOG_LEVEL_INFO, &rl)) {
            struct strbuf s = STRBUF_INITIALIZER;
            strbuf_printf(&s, "table:%s,op:%s", c->table->name,
                          !c->old   ? "inserted"
                          : !c->new ? "deleted"
                                    : "updated");
            put_row(&s, c->new ? c->new : c->old);
            LOG_INFO("%s", s.text);
            strbuf_fini(&s);
        }
    }
}

void tlog_forget(struct hosted_db *hosted)
{
    if (hosted->tlog) {
        list_remove(&hosted->tlog->observer.node);
        free(hosted->tlog->tables);
        free(hosted->tlog);
        hosted->tlog = NULL;
    }
}

char *ovsdb_server_tlog_set(struct ovsdb_server *server, const char *db_and_table, bool on)
{
    const char *colon = strchr(db_and_table, ':');
    if (!colon) {
        return xstrdup("invalid DB:TABLE argument");
    }
    char *name = xmemdup0(db_and_table, (size_t)(colon - db_and_table));
    struct hosted_db *hosted = server_find_db(server, name);
    free(name);
    if (!hosted) {
        return xstrdup("no such database");
    }
    const struct db_table *t = db_table(hosted->db, colon + 1);
    if (!t) {
        return xstrdup("no such table");
    }
    if (!hosted->tlog && on) {
        hosted->tlog = xzalloc(sizeof *hosted->tlog);
        hosted->tlog->observer.committed = committed;
        hosted->tlog->tables = bitmap_create(hosted->db->schema->n_tables);
        list_push_back(&hosted->db->observers, &hosted->tlog->observer.node);
    }
    if (hosted->tlog) {
        bitmap_set_to(hosted->tlog->tables, t->schema->index, on);
    }
    return NULL;
}

static int compare_dbs(const void *a_, const void *b_)
{
    const struct hosted_db *const *a = a_, *const *b = b_;
    return strcmp((*a)->db->name, (*b)->db->name);
}

static void list_db(struct strbuf *s, const struct hosted_db *hosted)
{
    const struct ovsdb_schema *schema = hosted->db->schema;
    strbuf_printf(s, "%-16s \n", hosted->db->name);
    for (size_t i = 0; i < schema->n_tables; i++) {
        bool on = hosted->tlog && bitmap_is_set(hosted->tlog->tables, i);
        strbuf_printf(s, "%-16s%-27s %s\n", "", schema->tables[i]->name, on ? "ON" : "OFF");
    }
}

char *ovsdb_server_tlog_list(const struct ovsdb_server *server)
{
    struct strbuf s = STRBUF_INITIALIZER;
    size_t n = 0;
    struct hosted_db *hosted, **sorted = xmalloc(list_size(&server->dbs) * sizeof(struct hosted_db *));
    LIST_FOR_EACH (hosted, node, &server->dbs) {
        sorted[n++] = hosted;
    }
    qsort(sorted, n, sizeof(struct hosted_db *), compare_dbs);
    strbuf_puts(&s, "database        table                       logging\n"
                    "--------        -----                       -------\n");
    for (size_t i = 0; i < n; i++) {
        list_db(&s, sorted[i]);
    }
    free(sorted);
    return strbuf_steal(&s);
}
