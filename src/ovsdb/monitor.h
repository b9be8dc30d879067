/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 3. Monitors: what a client wants to hear of a database, and the words in which it is told (RFC 7047
 * sections 4.1.5 and 4.1.6, ovsdb-server(7) 4.1.12 to 4.1.16).
 *
 * Clients that ask for the same share one `struct ovsdb_monitor_spec`: a committed change is turned into text
 * once for each spec, however many clients watch. Ownership: specs are counted; a monitor holds one.
 * Thread-safety: none; the database's thread. */
#ifndef OVSDB_MONITOR_H
#define OVSDB_MONITOR_H 1

#include "ovsdb/condition.h"

enum ovsdb_monitor_version {
    OVSDB_MONITOR_V1 = 1,
    OVSDB_MONITOR_V2,
    OVSDB_MONITOR_V3
};

struct ovsdb_monitor_spec;

/* All specs on one database, an observer of it. */
struct ovsdb_monitor_hub {
    struct db_observer observer;
    struct db *db;
    struct hmap specs;
};

struct ovsdb_monitor {
    struct list node; /* in its spec's monitors */
    struct ovsdb_monitor_spec *spec;
    struct ovsdb_monitor_hub *hub;
    enum ovsdb_monitor_version version;
    /* BODY: <table-updates> or <table-updates2>, to be sent as an update. */
    void (*send)(struct ovsdb_monitor *, const char *body, size_t n);
};

struct ovsdb_monitor_hub *ovsdb_monitor_hub_create(struct db *);
void ovsdb_monitor_hub_destroy(struct ovsdb_monitor_hub *); /* no monitor may be left */

/* REQUESTS: <monitor-requests> or <monitor-cond-requests>. */
struct ovsdb_error *ovsdb_monitor_init(struct ovsdb_monitor *, struct ovsdb_monitor_hub *,
                                       enum ovsdb_monitor_version,
                                       const struct json_object *requests) WARN_UNUSED;
void ovsdb_monitor_fini(struct ovsdb_monitor *);
void ovsdb_monitor_put_initial(const struct ovsdb_monitor *, struct strbuf *);
/* New conditions; BODY gets the update that leads from what the client saw to what it is to see, "" if none.
 */
struct ovsdb_error *ovsdb_monitor_change_conditions(struct ovsdb_monitor *,
                                                    const struct json_object *requests,
                                                    struct strbuf *body) WARN_UNUSED;

#endif
