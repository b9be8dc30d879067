/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 8. Tables of database values as text: the formats of ovs-vsctl(8) and ovsdb-client(1), "Table
 * Formatting Options". Thread-safety: none. */
#ifndef TOOLS_DBTABLE_H
#define TOOLS_DBTABLE_H 1

#include <stdbool.h>

#include "base/strbuf.h"
#include "ovsdb/datum.h"

enum dbtable_format {
    DBTABLE_TABLE,
    DBTABLE_LIST,
    DBTABLE_HTML,
    DBTABLE_CSV,
    DBTABLE_JSON
};
enum dbtable_data {
    DBTABLE_STRING,
    DBTABLE_BARE,
    DBTABLE_DATA_JSON
};

struct dbtable_style {
    enum dbtable_format format;
    enum dbtable_data data;
    bool headings, pretty, oneline;
    unsigned max_width; /* of a column, 0: any */
};

struct dbtable_cell {
    char *text; /* or NULL: */
    bool json;  /* the text is JSON */
    struct ovsdb_datum *datum;
    const struct ovsdb_type *type;
};

struct dbtable {
    char *caption;
    bool timestamp;
    char **headings;
    size_t n_columns;
    struct dbtable_cell *cells;
    size_t n_cells, allocated;
};

void dbtable_init(struct dbtable *);
void dbtable_fini(struct dbtable *);
void dbtable_add_column(struct dbtable *, const char *heading);
/* Cells are added row by row. A datum is referenced, its type must live as long. */
void dbtable_add_text(struct dbtable *, const char *);
void dbtable_add_json(struct dbtable *, const char *); /* its text */
void dbtable_add_datum(struct dbtable *, const struct ovsdb_datum *, const struct ovsdb_type *);
/* BLANK: there was a table before. */
void dbtable_format(const struct dbtable *, const struct dbtable_style *, bool blank, struct strbuf *);

/* -f -d --no-headings --pretty --bare --max-column-width. Each returns NULL or an error. */
char *dbtable_set_format(struct dbtable_style *, const char *);
char *dbtable_set_data(struct dbtable_style *, const char *);

#endif
