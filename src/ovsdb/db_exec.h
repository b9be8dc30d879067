/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 3. Executes the operations of a "transact" request (RFC 7047 section 5.2) on a database in memory.
 * Thread-safety: none. */
#ifndef OVSDB_DB_EXEC_H
#define OVSDB_DB_EXEC_H 1

#include "ovsdb/db.h"

struct db_exec_context {
    bool read_only;   /* the client may only look */
    bool cannot_wait; /* nobody else will change anything: a "wait" that would have to wait is an error */
    bool (*holds_lock)(const struct db_exec_context *, const char *lock);
    void *aux;
};

/* PARAMS is the request's array: database name, operations. Appends the reply's "result", a JSON array, to
 * RESULT and returns true; or, if a "wait" has to go on waiting, returns false, with the milliseconds since
 * the request's arrival at which it will give up in *TIMEOUT_MS (INT64_MAX: never). ELAPSED_MS is how long it
 * has waited so far. *CHANGED says whether the database was changed. */
bool db_execute(struct db *, const struct db_exec_context *, const struct json_object *params,
                int64_t elapsed_ms, int64_t *timeout_ms, struct strbuf *result, bool *changed);

#endif
