/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice vsctl`, called ovs-vsctl too: options, the chain of commands, the transaction, waiting for the
 * switch. */
#include "tools/vsctl.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/version.h"
#include "io/dirs.h"
#include "io/logsinks.h"
#include "io/loop.h"
#include "io/ssl.h"
#include "tools/tool.h"

LOG_MODULE(vsctl);

static const char *db;
static bool no_wait, retry, dry_run, oneline;
static unsigned timeout_secs;
static struct vsctl_run *runs;
static size_t n_runs;
static struct loop *loop;
static struct vsctl ctx;
static char *invocation; /* the command line, for the database's log */
static int64_t next_cfg; /* to be reached by cur_cfg; 0: nothing to wait for */
static struct uuid *new_interface_uuids;
static size_t n_new_interfaces;

void vsctl_fatal_text(char *error)
{
    fflush(stdout);
    fprintf(stderr, "ovs-vsctl: %s\n", error);
    exit(1);
}

void vsctl_fatal(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsctl_fatal_text(xvasprintf(format, args));
}

/* Rows as the transaction will leave them. */

static struct ovsdb_row *skip_deleted(const struct vsctl *c, struct ovsdb_row *row, unsigned table)
{
    while (row && ovsdb_txn_is_deleted(c->txn, row)) {
        row = ovsdb_row_next(row);
    }
    return row ? row : ovsdb_txn_next_new(c->txn, NULL, table);
}

struct ovsdb_row *vsctl_first(const struct vsctl *c, unsigned table)
{
    return skip_deleted(c, ovsdb_row_first(c->client, table), table);
}

struct ovsdb_row *vsctl_next(const struct vsctl *c, const struct ovsdb_row *row)
{
    unsigned table = ovsdb_row_table(row);
    return ovsdb_txn_is_new(c->txn, row) ? ovsdb_txn_next_new(c->txn, row, table)
                                         : skip_deleted(c, ovsdb_row_next(row), table);
}

struct ovsdb_row *vsctl_find(const struct vsctl *c, unsigned table, const struct uuid *uuid)
{
    struct ovsdb_row *row = ovsdb_row_find(c->client, table, uuid);
    if (row) {
        return ovsdb_txn_is_deleted(c->txn, row) ? NULL : row;
    }
    for (row = ovsdb_txn_next_new(c->txn, NULL, table); row; row = ovsdb_txn_next_new(c->txn, row, table)) {
        if (uuid_equal(&row->uuid, uuid)) {
            return row;
        }
    }
    return NULL;
}

const struct ovsdb_datum *vsctl_get(const struct vsctl *c, const struct ovsdb_row *row, unsigned column)
{
    return ovsdb_txn_get(c->txn, row, column);
}

const char *vsctl_string(const struct vsctl *c, const struct ovsdb_row *row, unsigned column,
                         const char *default_)
{
    const struct ovsdb_datum *d = vsctl_get(c, row, column);
    return d->n ? ovsdb_datum_key(d, &ovsdb_row_column(row, column)->type, 0).string->text : default_;
}

int64_t vsctl_integer(const struct vsctl *c, const struct ovsdb_row *row, unsigned column, int64_t default_)
{
    const struct ovsdb_datum *d = vsctl_get(c, row, column);
    return d->n ? ovsdb_datum_key(d, &ovsdb_row_column(row, column)->type, 0).integer : default_;
}

struct ovsdb_row *vsctl_ref(const struct vsctl *c, const struct ovsdb_row *row, unsigned column, size_t i)
{
    const struct ovsdb_datum *d = vsctl_get(c, row, column);
    const struct ovsdb_type *type = &ovsdb_row_column(row, column)->type;
    bool map = ovsdb_type_is_map(type);
    const struct ovsdb_base_type *base = map ? &type->value : &type->key;
    if (i >= d->n || !base->uuid.ref_table) {
        return NULL;
    }
    struct uuid uuid = map ? ovsdb_datum_value(d, type, i).uuid : ovsdb_datum_key(d, type, i).uuid;
    return vsctl_find(c, base->uuid.ref_table->index, &uuid);
}

/* Commands and their options. */

static const struct vsctl_command *const command_tables[] = {vsctl_switch_commands, vsctl_bridge_commands,
                                                             vsctl_db_commands};

static const struct vsctl_command *find_command(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(command_tables); i++) {
        for (const struct vsctl_command *c = command_tables[i]; c->name; c++) {
            if (!strcmp(c->name, name)) {
                return c;
            }
        }
    }
    return NULL;
}

const char *vsctl_option(const struct vsctl_run *run, const char *name)
{
    for (size_t i = 0; i < run->n_options; i++) {
        if (!strcmp(run->options[i].name, name)) {
            return run->options[i].value ? run->options[i].value : "";
        }
    }
    return NULL;
}

/* 0: no such option; 1: without argument; 2: with. NAME has its dashes. */
static int option_kind(const char *options, const char *name, size_t n)
{
    for (const char *p = options; p && *p;) {
        size_t len = strcspn(p, ",=");
        bool has_arg = p[len] == '=';
        if (len == n && !strncmp(p, name, n)) {
            return has_arg ? 2 : 1;
        }
        p += len + has_arg;
        p += *p == ',';
    }
    return 0;
}

static int option_kind_of_any(const char *name, size_t n)
{
    for (size_t i = 0; i < ARRAY_SIZE(command_tables); i++) {
        for (const struct vsctl_command *c = command_tables[i]; c->name; c++) {
            int kind = option_kind(c->options, name, n);
            if (kind) {
                return kind;
            }
        }
    }
    return 0;
}

static void add_option(struct vsctl_run *run, const char *name, size_t n, const char *value, bool strict)
{
    char *copy = xmemdup0(name, n);
    for (size_t i = 0; i < run->n_options; i++) {
        if (!strcmp(run->options[i].name, copy)) {
            if (strict) {
                vsctl_fatal("'%s' option specified multiple times", copy);
            }
            run->options[i].value = value; /* among global options the last one counts */
            return;
        }
    }
    if (run->n_options >= ARRAY_SIZE(run->options)) {
        vsctl_fatal("too many options");
    }
    run->options[run->n_options++] = (struct vsctl_option){copy, value};
}

static void check_options(struct vsctl_run *run)
{
    const struct vsctl_command *c = run->command;
    for (size_t i = 0; i < run->n_options; i++) {
        const struct vsctl_option *o = &run->options[i];
        int kind = option_kind(c->options, o->name, strlen(o->name));
        if (!kind) {
            vsctl_fatal("'%s' command has no '%s' option", c->name, o->name);
        }
        if (kind == 1 && o->value) {
            vsctl_fatal("'%s' option on '%s' does not accept an argument", o->name, c->name);
        }
        if (kind == 2 && !o->value) {
            vsctl_fatal("missing argument to '%s' option on '%s'", o->name, c->name);
        }
    }
}

static void parse_command(struct vsctl_run *run, int argc, char **argv)
{
    int i;
    for (i = 0; i < argc && argv[i][0] == '-'; i++) {
        const char *equals = strchr(argv[i], '=');
        add_option(run, argv[i], equals ? (size_t)(equals - argv[i]) : strlen(argv[i]),
                   equals ? equals + 1 : NULL, true);
    }
    if (i == argc) {
        vsctl_fatal("missing command name (use --help for help)");
    }
    run->command = find_command(argv[i]);
    if (!run->command) {
        vsctl_fatal("unknown command '%s'; use --help for help", argv[i]);
    }
    run->argv = argv + i;
    run->argc = argc - i;
    check_options(run);
    int n = run->argc - 1;
    if (n < run->command->min_args) {
        vsctl_fatal("'%s' command requires at least %d arguments", run->command->name,
                    run->command->min_args);
    }
    if (n > run->command->max_args) {
        for (int j = run->command->max_args + 1; j < run->argc; j++) {
            if (run->argv[j][0] == '-') {
                vsctl_fatal("'%s' command takes at most %d arguments (note that options must precede command "
                            "names and "
                            "follow a \"--\" argument)",
                            run->command->name, run->command->max_args);
            }
        }
        vsctl_fatal("'%s' command takes at most %d arguments", run->command->name, run->command->max_args);
    }
}

static void parse_commands(int argc, char **argv, const struct vsctl_run *local)
{
    int start = 0;
    for (int i = 0; i <= argc; i++) {
        if (i < argc && strcmp(argv[i], "--")) {
            continue;
        }
        if (i > start) {
            runs = xrealloc(runs, (n_runs + 1) * sizeof *runs);
            runs[n_runs] = n_runs ? (struct vsctl_run){.argc = 0} : *local;
            parse_command(&runs[n_runs++], i - start, argv + start);
        }
        start = i + 1;
    }
    if (!n_runs) {
        vsctl_fatal("missing command name (use --help for help)");
    }
    runs[n_runs - 1].last = true;
}

/* Global options, mixed with those of the first command. */

enum {
    OPT_DB,
    OPT_ONELINE,
    OPT_NO_SYSLOG,
    OPT_NO_WAIT,
    OPT_DRY_RUN,
    OPT_RETRY,
    OPT_TIMEOUT,
    OPT_HELP,
    OPT_COMMANDS,
    OPT_OPTIONS,
    OPT_VERSION,
    OPT_FORMAT,
    OPT_DATA,
    OPT_NO_HEADINGS,
    OPT_PRETTY,
    OPT_BARE,
    OPT_MAX_WIDTH,
    OPT_VERBOSE,
    OPT_LOG_FILE,
    OPT_SYSLOG_METHOD,
    OPT_SYSLOG_TARGET,
    OPT_KEY,
    OPT_CERT,
    OPT_CA,
    OPT_BOOTSTRAP,
    OPT_PEER_CA,
    OPT_PROTOCOLS,
    OPT_CIPHERS,
    OPT_LEADER_ONLY,
    OPT_NO_LEADER_ONLY,
    OPT_SHUFFLE,
    OPT_NO_SHUFFLE,
};

static const struct {
    const char *name;
    char letter;
    int arg; /* 0: none, 1: required, 2: optional */
    int id;
} globals[] = {
    {"db", 0, 1, OPT_DB},
    {"oneline", 0, 0, OPT_ONELINE},
    {"no-syslog", 0, 0, OPT_NO_SYSLOG},
    {"no-wait", 0, 0, OPT_NO_WAIT},
    {"dry-run", 0, 0, OPT_DRY_RUN},
    {"retry", 0, 0, OPT_RETRY},
    {"timeout", 't', 1, OPT_TIMEOUT},
    {"help", 'h', 0, OPT_HELP},
    {"commands", 0, 0, OPT_COMMANDS},
    {"options", 0, 0, OPT_OPTIONS},
    {"version", 'V', 0, OPT_VERSION},
    {"format", 'f', 1, OPT_FORMAT},
    {"data", 'd', 1, OPT_DATA},
    {"no-headings", 0, 0, OPT_NO_HEADINGS},
    {"pretty", 0, 0, OPT_PRETTY},
    {"bare", 0, 0, OPT_BARE},
    {"max-column-width", 0, 1, OPT_MAX_WIDTH},
    {"verbose", 'v', 2, OPT_VERBOSE},
    {"log-file", 0, 2, OPT_LOG_FILE},
    {"syslog-method", 0, 1, OPT_SYSLOG_METHOD},
    {"syslog-target", 0, 1, OPT_SYSLOG_TARGET},
    {"private-key", 'p', 1, OPT_KEY},
    {"certificate", 'c', 1, OPT_CERT},
    {"ca-cert", 'C', 1, OPT_CA},
    {"bootstrap-ca-cert", 0, 1, OPT_BOOTSTRAP},
    {"peer-ca-cert", 0, 1, OPT_PEER_CA},
    {"ssl-protocols", 0, 1, OPT_PROTOCOLS},
    {"ssl-ciphers", 0, 1, OPT_CIPHERS},
    {"leader-only", 0, 0, OPT_LEADER_ONLY},
    {"no-leader-only", 0, 0, OPT_NO_LEADER_ONLY},
    {"shuffle-remotes", 0, 0, OPT_SHUFFLE},
    {"no-shuffle-remotes", 0, 0, OPT_NO_SHUFFLE},
};

static const char *private_key, *certificate;
static bool leader_only = true, shuffle = true;

static void print_commands(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(command_tables); i++) {
        for (const struct vsctl_command *c = command_tables[i]; c->name; c++) {
            for (const char *p = c->options; *p;) {
                size_t n = strcspn(p, ",");
                printf("[%.*s] ", (int)n, p);
                p += n + (p[n] == ',');
            }
            printf(",%s,%s\n", c->name, c->usage);
        }
    }
    exit(0);
}

static void print_options(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(globals); i++) {
        printf("--%s%s\n", globals[i].name, globals[i].arg ? "=ARG" : "");
        if (globals[i].letter) {
            printf("-%c%s\n", globals[i].letter, globals[i].arg ? " ARG" : "");
        }
    }
    exit(0);
}

static unsigned parse_unsigned(const char *arg, const char *what)
{
    char *end;
    errno = 0;
    unsigned long v = strtoul(arg, &end, 10);
    if (errno || *end || end == arg || v > INT32_MAX) {
        vsctl_fatal("value %s on %s is invalid", arg, what);
    }
    return (unsigned)v;
}

static void fail(char *error)
{
    if (error) {
        vsctl_fatal_text(error);
    }
}

static void take_global(int id, const char *arg)
{
    struct dbtable_style *style = &ctx.style;
    switch (id) {
    case OPT_DB:
        db = arg;
        break;
    case OPT_ONELINE:
        oneline = true;
        break;
    case OPT_NO_SYSLOG:
        log_set_level("vsctl", LOG_SYSLOG, LOG_LEVEL_WARN);
        break;
    case OPT_NO_WAIT:
        no_wait = true;
        break;
    case OPT_DRY_RUN:
        dry_run = true;
        break;
    case OPT_RETRY:
        retry = true;
        break;
    case OPT_TIMEOUT:
        timeout_secs = parse_unsigned(arg, "-t or --timeout");
        break;
    case OPT_HELP:
        vsctl_print_help();
        break;
    case OPT_COMMANDS:
        print_commands();
        break;
    case OPT_OPTIONS:
        print_options();
        break;
    case OPT_VERSION:
        printf("ovs-vsctl " VERSION_TEXT);
        printf("DB Schema 8.3.1\n");
        exit(0);
    case OPT_FORMAT:
        fail(dbtable_set_format(style, arg));
        break;
    case OPT_DATA:
        fail(dbtable_set_data(style, arg));
        break;
    case OPT_NO_HEADINGS:
        style->headings = false;
        break;
    case OPT_PRETTY:
        style->pretty = true;
        break;
    case OPT_BARE:
        style->format = DBTABLE_LIST;
        style->data = DBTABLE_BARE;
        style->headings = false;
        break;
    case OPT_MAX_WIDTH:
        style->max_width = parse_unsigned(arg, "--max-column-width");
        break;
    case OPT_VERBOSE:
        if (arg) {
            char *wrong = log_set_levels(arg);
            fail(wrong ? xasprintf("processing \"%s\": %s", arg, wrong) : NULL);
        } else {
            log_set_all_levels(LOG_LEVEL_DBG);
        }
        break;
    case OPT_LOG_FILE:
        fail(logsinks_open_file(arg));
        break;
    case OPT_SYSLOG_METHOD:
        fail(logsinks_set_syslog_method(arg));
        break;
    case OPT_SYSLOG_TARGET:
        fail(logsinks_set_syslog_target(arg));
        break;
    case OPT_KEY:
        private_key = arg;
        break;
    case OPT_CERT:
        certificate = arg;
        break;
    case OPT_CA:
        ssl_set_ca_cert(arg, false);
        break;
    case OPT_BOOTSTRAP:
        ssl_set_ca_cert(arg, true);
        break;
    case OPT_PEER_CA:
        ssl_set_peer_ca_cert(arg);
        break;
    case OPT_PROTOCOLS:
        ssl_set_protocols(arg);
        break;
    case OPT_CIPHERS:
        ssl_set_ciphers(arg);
        break;
    case OPT_LEADER_ONLY:
    case OPT_NO_LEADER_ONLY:
        leader_only = id == OPT_LEADER_ONLY;
        break;
    case OPT_SHUFFLE:
    case OPT_NO_SHUFFLE:
        shuffle = id == OPT_SHUFFLE;
        break;
    }
}

/* The global option that NAME, of N characters, is or abbreviates without doubt; -1. */
static int find_global(const char *name, size_t n)
{
    int found = -1;
    for (int i = 0; i < (int)ARRAY_SIZE(globals); i++) {
        if (!strncmp(globals[i].name, name, n)) {
            if (strlen(globals[i].name) == n) {
                return i;
            }
            found = found < 0 ? i : -2;
        }
    }
    if (found == -2) {
        vsctl_fatal("option '--%.*s' is ambiguous", (int)n, name);
    }
    return found;
}

static void take_long(struct vsctl_run *local, int argc, char **argv, int *i)
{
    const char *word = argv[*i];
    const char *equals = strchr(word, '=');
    size_t n = equals ? (size_t)(equals - word) : strlen(word);
    const char *value = equals ? equals + 1 : NULL;
    int kind = option_kind_of_any(word, n);
    int g = kind ? -1 : find_global(word + 2, n - 2);
    if (!kind && g < 0) {
        vsctl_fatal("unrecognized option '%.*s'", (int)n, word);
    }
    int arg = kind ? kind - 1 : globals[g].arg;
    if (!arg && value) {
        vsctl_fatal("option '%s%s' doesn't allow an argument", kind ? "" : "--",
                    kind ? xmemdup0(word, n) : globals[g].name);
    }
    if (arg == 1 && !value) {
        if (*i + 1 >= argc) {
            vsctl_fatal("option '%s%s' requires an argument", kind ? "" : "--",
                        kind ? xmemdup0(word, n) : globals[g].name);
        }
        value = argv[++*i];
    }
    if (kind) {
        add_option(local, word, n, value, false);
    } else {
        take_global(globals[g].id, value);
    }
}

static void take_letters(int argc, char **argv, int *i)
{
    for (const char *p = argv[*i] + 1; *p; p++) {
        size_t g;
        for (g = 0; g < ARRAY_SIZE(globals) && globals[g].letter != *p; g++) {
        }
        if (g >= ARRAY_SIZE(globals)) {
            vsctl_fatal("invalid option -- '%c'", *p);
        }
        const char *value = globals[g].arg && p[1] ? p + 1 : NULL;
        if (globals[g].arg == 1 && !value) {
            if (*i + 1 >= argc) {
                vsctl_fatal("option requires an argument -- '%c'", *p);
            }
            value = argv[++*i];
        }
        take_global(globals[g].id, value);
        if (globals[g].arg) {
            return;
        }
    }
}

static int parse_options(int argc, char **argv, struct vsctl_run *local)
{
    int i;
    for (i = 1; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
        if (!strcmp(argv[i], "--")) {
            return i + 1;
        }
        if (argv[i][1] == '-') {
            take_long(local, argc, argv, &i);
        } else {
            take_letters(argc, argv, &i);
        }
    }
    return i;
}

/* Running the commands. */

static void clear_runs(void)
{
    for (size_t i = 0; i < n_runs; i++) {
        strbuf_clear(&runs[i].out);
        if (runs[i].table) {
            dbtable_fini(runs[i].table);
            free(runs[i].table);
            runs[i].table = NULL;
        }
    }
}

static void print_oneline(const char *text)
{
    size_t n = strlen(text);
    n -= n && text[n - 1] == '\n';
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '\n') {
            fputs("\\n", stdout);
        } else if (text[i] == '\\') {
            fputs("\\\\", stdout);
        } else {
            putchar(text[i]);
        }
    }
    putchar('\n');
}

static void print_outputs(void)
{
    static bool tables_before;
    for (size_t i = 0; i < n_runs; i++) {
        struct vsctl_run *run = &runs[i];
        if (run->table) {
            struct strbuf s = STRBUF_INITIALIZER;
            dbtable_format(run->table, &ctx.style, tables_before, &s);
            fputs(strbuf_text(&s), stdout);
            strbuf_fini(&s);
            tables_before = true;
        } else if (oneline) {
            print_oneline(strbuf_text(&run->out));
        } else {
            fputs(strbuf_text(&run->out), stdout);
        }
    }
    fflush(stdout);
}

static void report_interface_errors(void)
{
    for (size_t i = 0; i < n_new_interfaces; i++) {
        struct ovsdb_row *row = ovsdb_row_find(ctx.client, OVS_TABLE_INTERFACE, &new_interface_uuids[i]);
        if (!row) {
            continue;
        }
        const char *name = ovsdb_row_string(row, OVS_INTERFACE_NAME, "");
        const char *error = ovsdb_row_string(row, OVS_INTERFACE_ERROR, "");
        if (ovsdb_row_integer(row, OVS_INTERFACE_OFPORT, 0) == -1 || *error) {
            fflush(stdout);
            fprintf(
                stderr,
                "ovs-vsctl: Error detected while setting up '%s'%s%s.  See ovs-vswitchd log for details.\n",
                name, *error ? ": " : "", error);
            fprintf(stderr, "ovs-vsctl: The default log directory is \"%s\".\n", dirs_log());
        }
    }
}

static void maybe_finish(void)
{
    const struct ovsdb_row *ovs = ovsdb_row_first(ctx.client, OVS_TABLE_OPEN_VSWITCH);
    if (next_cfg && !(ovs && ovsdb_row_integer(ovs, OVS_OPEN_VSWITCH_CUR_CFG, 0) >= next_cfg)) {
        return; /* called again when something changes */
    }
    if (next_cfg) {
        report_interface_errors();
    }
    loop_exit(loop);
}

static bool committed;

static void commit_done(struct ovsdb_txn *txn, enum ovsdb_txn_status status, void *aux)
{
    switch (status) {
    case OVSDB_TXN_TRY_AGAIN:
        ovsdb_txn_destroy(txn);
        ctx.txn = NULL;
        committed = false;
        if (!ovsdb_client_is_alive(ctx.client)) {
            vsctl_fatal("%s: database connection failed (%s)", db, ovsdb_client_error(ctx.client));
        }
        return;
    case OVSDB_TXN_ERROR:
        vsctl_fatal("transaction error: %s", ovsdb_txn_error(txn));
    case OVSDB_TXN_NOT_LOCKED:
        vsctl_fatal("database not locked");
    case OVSDB_TXN_ABORTED:
        vsctl_fatal("transaction aborted");
    default:
        break;
    }
    bool wrote = status == OVSDB_TXN_SUCCESS && !dry_run;
    for (size_t i = 0; i < n_runs; i++) {
        if (runs[i].command->finish && wrote) {
            runs[i].command->finish(&ctx, &runs[i]);
        }
    }
    print_outputs();
    if (wrote && !no_wait && ovsdb_txn_incremented(txn)) {
        next_cfg = ovsdb_txn_incremented(txn);
        n_new_interfaces = ctx.checks_ports ? ctx.n_new_interfaces : 0;
        new_interface_uuids = xcalloc(n_new_interfaces + 1, sizeof *new_interface_uuids);
        for (size_t i = 0; i < n_new_interfaces; i++) {
            new_interface_uuids[i] = *ovsdb_txn_inserted_uuid(txn, ctx.new_interfaces[i]);
        }
    }
    maybe_finish();
}

static void warn_unreferenced(void)
{
    /* What create made under a name and nothing refers to will not be there. */
    for (size_t i = 0; i < n_runs; i++) {
        struct vsctl_run *run = &runs[i];
        const char *id = vsctl_option(run, "--id");
        if (!run->row || !id) {
            continue;
        }
        const struct ovsdb_schema *s = ovsdb_client_schema(ctx.client);
        if (s->tables[ovsdb_row_table(run->row)]->is_root || ovsdb_txn_refers_to(ctx.txn, run->row, true)) {
            continue;
        }
        LOG_WARN(ovsdb_txn_refers_to(ctx.txn, run->row, false)
                     ? "row id \"%s\" was created but only a weak reference to it was inserted, so it will "
                       "not actually "
                       "appear in the database"
                     : "row id \"%s\" was created but no reference to it was inserted, so it will not "
                       "actually appear in "
                       "the database",
                 id);
    }
}

static void try_commands(void)
{
    ctx.txn = ovsdb_txn_create(ctx.client);
    ctx.symbols = ovsdb_symtab_create();
    ctx.must_wait = ctx.checks_ports = false;
    ctx.n_new_interfaces = 0;
    vsctl_info_forget(&ctx);
    clear_runs();
    ovsdb_txn_comment(ctx.txn, "%s", invocation);
    if (dry_run) {
        ovsdb_txn_set_dry_run(ctx.txn);
    }
    ctx.ovs = ovsdb_row_first(ctx.client, OVS_TABLE_OPEN_VSWITCH);
    if (!ctx.ovs) {
        ctx.ovs = ovsdb_txn_insert(ctx.txn, OVS_TABLE_OPEN_VSWITCH);
    }
    if (!no_wait) {
        ovsdb_txn_increment(ctx.txn, ctx.ovs, OVS_OPEN_VSWITCH_NEXT_CFG, false);
    }
    for (size_t i = 0; i < n_runs; i++) {
        runs[i].row = NULL;
        runs[i].command->run(&ctx, &runs[i]);
        if (ctx.must_wait) {
            break;
        }
    }
    if (ctx.must_wait) {
        ovsdb_txn_destroy(ctx.txn);
        ctx.txn = NULL;
    } else {
        vsctl_check_symbols(&ctx);
        warn_unreferenced();
        committed = true;
        ovsdb_txn_commit(ctx.txn, commit_done, NULL);
    }
    ovsdb_symtab_destroy(ctx.symbols);
    ctx.symbols = NULL;
}

static void prepare(bool may_be_narrow);

static void changed(struct ovsdb_client *client, void *aux)
{
    ovsdb_client_clear_changes(client);
    if (ovsdb_client_is_connected(client)) {
        if (!committed && ctx.narrow && !vsctl_narrow_holds(&ctx)) {
            vsctl_info_forget(&ctx);
            ovsdb_client_destroy(client);
            ctx.client = ovsdb_client_create(loop, ovsdb_vswitch_schema(), db);
            prepare(false);
            return;
        }
        if (!committed) {
            try_commands();
        } else if (next_cfg) {
            maybe_finish();
        }
    }
}

/* Has monitored what the commands are going to look at, and connects. */
static void prepare(bool may_be_narrow)
{
    ctx.narrow = may_be_narrow && vsctl_narrow(&ctx, runs, n_runs);
    ovsdb_client_monitor_rows(ctx.client, OVS_TABLE_OPEN_VSWITCH);
    if (!no_wait) {
        vsctl_monitor(&ctx, OVS_TABLE_OPEN_VSWITCH, OVS_OPEN_VSWITCH_CUR_CFG);
        vsctl_monitor(&ctx, OVS_TABLE_INTERFACE, OVS_INTERFACE_NAME);
        vsctl_monitor(&ctx, OVS_TABLE_INTERFACE, OVS_INTERFACE_OFPORT);
        vsctl_monitor(&ctx, OVS_TABLE_INTERFACE, OVS_INTERFACE_ERROR);
    }
    for (size_t i = 0; i < n_runs; i++) {
        if (runs[i].command->prepare) {
            runs[i].command->prepare(&ctx, &runs[i]);
        }
    }
    ovsdb_client_set_retry(ctx.client, retry);
    ovsdb_client_set_leader_only(ctx.client, leader_only);
    ovsdb_client_set_shuffle(ctx.client, shuffle);
    ovsdb_client_set_quick(ctx.client, !strncmp(db, "unix:", 5) && !strchr(db, ','));
    ovsdb_client_on_change(ctx.client, changed, NULL);
    ovsdb_client_start(ctx.client);
}

/* Without --retry the first failure is the last. */
static void check_alive(struct loop_idle *idle)
{
    if (!retry && ovsdb_client_has_failed(ctx.client)) {
        vsctl_fatal("%s: database connection failed (%s)", db, ovsdb_client_error(ctx.client));
    }
}

/* For the log of the database: who called. */
static char *describe_invocation(int argc, char **argv)
{
    struct strbuf s = STRBUF_INITIALIZER;
    char path[64], caller[256];
    snprintf(path, sizeof path, "/proc/%ld/cmdline", (long)getppid());
    FILE *file = fopen(path, "r");
    size_t n = file ? fread(caller, 1, sizeof caller - 1, file) : 0;
    if (file) {
        fclose(file);
    }
    caller[n] = '\0';
    strbuf_printf(&s, "ovs-vsctl%s%s%s:", n ? " (invoked by " : "", caller, n ? ")" : "");
    for (int i = 0; i < argc; i++) {
        const char *arg = argv[i];
        strbuf_put_char(&s, ' ');
        if (arg[strcspn(arg, " \t\n\v\\\'\"")] || !*arg) {
            strbuf_put_char(&s, '"');
            for (; *arg; arg++) {
                if (*arg == '\\' || *arg == '"') {
                    strbuf_put_char(&s, '\\');
                }
                strbuf_put_char(&s, *arg);
            }
            strbuf_put_char(&s, '"');
        } else {
            strbuf_puts(&s, arg);
        }
    }
    return strbuf_steal(&s);
}

int tool_vsctl(int argc, char **argv)
{
    struct vsctl_run local = {.argc = 0};
    struct loop_idle alive;
    const char *timeout = getenv("OVS_CTL_TIMEOUT");

    ctx.style = (struct dbtable_style){.format = DBTABLE_LIST, .data = DBTABLE_STRING, .headings = true};
    log_set_level(NULL, LOG_CONSOLE, LOG_LEVEL_WARN);
    log_set_level("reconnect", LOG_CONSOLE, LOG_LEVEL_WARN);
    invocation = describe_invocation(argc, argv);
    int first = parse_options(argc, argv, &local);
    if (!timeout_secs && timeout) {
        timeout_secs = (unsigned)atoi(timeout);
    }
    char *default_db = xasprintf("unix:%s/db.sock", dirs_run());
    db = db ? db : default_db;
    if (private_key || certificate) {
        ssl_set_key_and_cert(private_key, certificate);
    }
    loop = loop_create("vsctl");
    ctx.client = ovsdb_client_create(loop, ovsdb_vswitch_schema(), db);
    parse_commands(argc - first, argv + first, &local);
    prepare(true);
    if (timeout_secs) {
        tool_alarm(timeout_secs);
    }
    loop_add_idle(loop, &alive, check_alive);
    loop_run(loop);
    /* The process ends here: what is allocated goes with it. */
    fflush(stdout);
    return 0;
}
