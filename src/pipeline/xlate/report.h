/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7. The story of one translation: a tree of what was looked up and done, for ofproto/trace.
 * Translation writes into it only if it is asked to: every function takes a NULL list and then does nothing.
 *
 * Ownership: the tree belongs to whoever made its root list. Thread-safety: none. */
#ifndef PIPELINE_XLATE_REPORT_H
#define PIPELINE_XLATE_REPORT_H 1

#include "base/compiler.h"
#include "base/list.h"
#include "base/strbuf.h"

enum report_type {
    /* These have children. */
    REPORT_BRIDGE, /* packet enters a bridge: its name */
    REPORT_TABLE,  /* lookup in a table: the rule */
    REPORT_BUCKET, /* a group's bucket */
    REPORT_THAW,   /* a frozen translation goes on */
    /* These have none. */
    REPORT_ACTION,
    REPORT_DETAIL, /* " -> " */
    REPORT_WARN,   /* " >> " */
    REPORT_ERROR,  /* " >>>> ... <<<<" */
};

struct report {
    struct list node; /* in its parent's `children`, or the root list */
    enum report_type type;
    char *text;
    struct list children; /* struct report */
};

/* Appends to LIST (NULL: does nothing and returns NULL) a node with TEXT, taken over. Returns its list of
 * children. */
struct list *report_add(struct list *list, enum report_type, char *text);
void report_destroy_all(struct list *);
/* Appends the story to S, as the reference lays it out. */
void report_format(const struct list *, struct strbuf *s);

#endif
