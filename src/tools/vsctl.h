/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 8. What the files of `sluice vsctl` share. vsctl.c: options, the chain of commands, the transaction;
 * vsctl_db.c: database commands; vsctl_bridge.c: bridges, ports, bonds, interfaces; vsctl_switch.c: the rest.
 *
 * A command says in `prepare` what it is going to read; that is monitored. `run` reads and writes through the
 * one transaction of the invocation, so that a command sees what those before it did. `finish`, if any, runs
 * after the commit. Errors end the process. Thread-safety: one thread. */
#ifndef TOOLS_VSCTL_H
#define TOOLS_VSCTL_H 1

#include "ovsdb/client.h"
#include "ovsdb/vswitch_schema.h"
#include "tools/dbtable.h"

struct vsctl;
struct vsctl_run; /* one command of the chain */

struct vsctl_command {
    const char *name;
    int min_args, max_args;
    const char *usage; /* as `--commands` lists arguments */
    const char
        *options; /* "--may-exist,--id=": with "=" one that has an argument, with "?" one that may have */
    const char *help;
    void (*prepare)(struct vsctl *, struct vsctl_run *);
    void (*run)(struct vsctl *, struct vsctl_run *);
    void (*finish)(struct vsctl *, struct vsctl_run *);
    bool writes;
};

struct vsctl_option {
    const char *name; /* with the dashes */
    const char *value;
};

struct vsctl_run {
    const struct vsctl_command *command;
    int argc; /* argv[0] is the command's name */
    char **argv;
    bool last; /* of the chain */
    struct vsctl_option options[8];
    size_t n_options;
    struct strbuf out;
    struct dbtable *table;
    struct ovsdb_symbol *symbol; /* of --id */
    struct ovsdb_row *row;       /* what create made */
};

struct vsctl {
    struct ovsdb_client *client;
    struct ovsdb_txn *txn;
    struct ovsdb_row *ovs; /* the row of Open_vSwitch */
    struct ovsdb_symtab *symbols;
    struct vsctl_info *info; /* of vsctl_bridge.c: bridges and ports, while valid */
    struct dbtable_style style;
    bool narrow;       /* only the rows that add-port needs are copied, see vsctl_narrow() */
    bool must_wait;    /* wait-until is not satisfied */
    bool checks_ports; /* add-port and the like: look for errors afterwards */
    struct ovsdb_row **new_interfaces;
    size_t n_new_interfaces;
};

extern const struct vsctl_command vsctl_db_commands[];
extern const struct vsctl_command vsctl_bridge_commands[];
extern const struct vsctl_command vsctl_switch_commands[]; /* each ends with a nameless one */

void vsctl_fatal(const char *format, ...) PRINTF_FORMAT(1, 2) NO_RETURN;
void vsctl_fatal_text(char *error) NO_RETURN;
const char *vsctl_option(const struct vsctl_run *,
                         const char *name); /* "" if it has no value; NULL if not given */
static inline bool vsctl_has(const struct vsctl_run *run, const char *name)
{
    return vsctl_option(run, name) != NULL;
}

/* Rows as the transaction will leave them. */
struct ovsdb_row *vsctl_first(const struct vsctl *, unsigned table);
struct ovsdb_row *vsctl_next(const struct vsctl *, const struct ovsdb_row *);
#define VSCTL_FOR_EACH(ROW, CTX, TABLE) for (ROW = vsctl_first(CTX, TABLE); ROW; ROW = vsctl_next(CTX, ROW))
struct ovsdb_row *vsctl_find(const struct vsctl *, unsigned table, const struct uuid *);
const struct ovsdb_datum *vsctl_get(const struct vsctl *, const struct ovsdb_row *, unsigned column);
const char *vsctl_string(const struct vsctl *, const struct ovsdb_row *, unsigned column,
                         const char *default_);
int64_t vsctl_integer(const struct vsctl *, const struct ovsdb_row *, unsigned column, int64_t default_);
struct ovsdb_row *vsctl_ref(const struct vsctl *, const struct ovsdb_row *, unsigned column, size_t i);

/* vsctl_db.c */
void vsctl_set_column(struct vsctl *, struct ovsdb_row *, const char *arg); /* "column[:key]=value" */
void vsctl_monitor(struct vsctl *, unsigned table, unsigned column);
void vsctl_check_symbols(struct vsctl *);
void vsctl_print_record_names(void); /* for --help: what other than a UUID names a record */

/* vsctl_help.c */
void vsctl_print_help(void) NO_RETURN;

/* vsctl_bridge.c */
void vsctl_info_forget(struct vsctl *);
void vsctl_prepare_info(struct vsctl *, struct vsctl_run *);
/* add-port, the commonest of commands, need not copy a thousand ports to add one: if the chain consists of
 * add-port and of settings of what it adds, sets conditions for rows of those names and returns true. It
 * holds while no port, interface or fake bridge is among them (vsctl_narrow_holds()); otherwise the command
 * begins anew with everything. */
bool vsctl_narrow(struct vsctl *, struct vsctl_run *, size_t n);
bool vsctl_narrow_holds(struct vsctl *);
/* Of the bridge, or of the fake one's parent; if there is none, the process ends. */
struct ovsdb_row *vsctl_find_bridge(struct vsctl *, const char *name);
struct ovsdb_row *vsctl_find_real_bridge(struct vsctl *, const char *name); /* a fake one ends the process */

#endif
