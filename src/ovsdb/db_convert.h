/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 3. Converting a database to another schema: rows keep their UUIDs; tables and columns that the new
 * schema lacks are dropped, new columns have their defaults, and values must fit the new types.
 * Thread-safety: none. */
#ifndef OVSDB_DB_CONVERT_H
#define OVSDB_DB_CONVERT_H 1

#include "ovsdb/db.h"

/* *NEW, in memory, with the content of OLD under SCHEMA, which is taken over (also on error). */
struct ovsdb_error *db_convert(struct db **new, const struct db *old, struct ovsdb_schema *) WARN_UNUSED;

#endif
