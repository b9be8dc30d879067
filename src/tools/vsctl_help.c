/* SPDX-License-Identifier: Apache-2.0 */
/* What `vsctl --help` prints: the commands as their tables have them, the records' names as vsctl_db.c has
 * them, the options. */
#include "tools/vsctl.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "io/dirs.h"

/* Appends the options and arguments of COMMAND: "[--may-exist] add-br NEW-BRIDGE [PARENT [NEW-VLAN]]". */
static void format_usage(const struct vsctl_command *command, struct strbuf *out)
{
    for (const char *p = command->options; *p;) {
        int n = (int)strcspn(p, ",");
        strbuf_printf(out, "[%.*s%s] ", n, p, n && p[n - 1] == '=' ? "X" : "");
        p += n + (p[n] == ',');
    }
    strbuf_puts(out, command->name);
    const char *usage = *command->usage ? command->usage : command->max_args ? "!DATAPATH *ARG" : "";
    for (const char *p = usage; *p;) {
        struct strbuf word = STRBUF_INITIALIZER;
        char kind = *p++;
        for (; *p && *p != ' '; p++) {
            /* "COLUMN?:KEY": the rest may be left out. */
            if (*p == '?' && p[1] == ':') {
                strbuf_puts(&word, "[:KEY]");
                p += strlen(":KEY");
            } else if (*p != '?') {
                strbuf_put_char(&word, *p);
            }
        }
        p += *p == ' ';
        strbuf_printf(out,
                      kind == '!'   ? " %s"
                      : kind == '?' ? " [%s]"
                      : kind == '*' ? " [%s...]"
                                    : " %s...",
                      strbuf_text(&word));
        strbuf_fini(&word);
    }
}

static void print_commands(const char *title, const struct vsctl_command *commands)
{
    printf("\n%s:\n", title);
    for (const struct vsctl_command *c = commands; c->name; c++) {
        struct strbuf usage = STRBUF_INITIALIZER;
        format_usage(c, &usage);
        printf(usage.len <= 36 ? "  %-36s  %s\n" : "  %s\n                                        %s\n",
               strbuf_text(&usage), c->help);
        strbuf_fini(&usage);
    }
}

void vsctl_print_help(void)
{
    puts("ovs-vsctl: configures the switch, by changing its database\n"
         "usage: ovs-vsctl [OPTIONS] COMMAND [ARG...] [-- COMMAND [ARG...]]...\n"
         "\n"
         "Commands separated by -- are one transaction: all of it happens, or nothing.");
    print_commands("Switch, controllers, managers, TLS, Auto Attach, datapaths", vsctl_switch_commands);
    print_commands("Bridges, ports (a bond is one port), interfaces (a bond has several)",
                   vsctl_bridge_commands);
    print_commands("Database (names of tables and columns may be shortened)", vsctl_db_commands);
    puts("\nA RECORD is a UUID, @NAME for what `--id=@NAME create` makes, or:");
    vsctl_print_record_names();
    printf("\nConnection:\n"
           "  --db=REMOTE[,REMOTE...]     default: unix:%s/db.sock\n"
           "                              unix:FILE, tcp:HOST:PORT, ssl:HOST:PORT connect,\n"
           "                              punix:FILE, ptcp:PORT[:IP], pssl:PORT[:IP] wait for the server\n"
           "  --retry                     keep trying to connect\n"
           "  --no-leader-only            any member of a cluster will do\n"
           "  --no-shuffle-remotes        try the remotes in the order given\n"
           "  -t, --timeout=SECS          give up after SECS seconds (also: OVS_CTL_TIMEOUT)\n"
           "  -p, --private-key=FILE  -c, --certificate=FILE  -C, --ca-cert=FILE\n"
           "  --bootstrap-ca-cert=FILE  --peer-ca-cert=FILE  --ssl-protocols=LIST  --ssl-ciphers=LIST\n",
           dirs_run());
    puts("\nTransaction:\n"
         "  --no-wait                   do not wait until the switch has taken the change\n"
         "  --dry-run                   change nothing\n"
         "\nOutput:\n"
         "  --oneline                   one line for each command\n"
         "  -f, --format=FORMAT         list (the default), table, html, csv or json\n"
         "  -d, --data=FORMAT           string (the default), bare or json\n"
         "  --bare                      the same as --format=list --data=bare --no-headings\n"
         "  --no-headings  --pretty  --max-column-width=N\n"
         "\nLog:\n"
         "  -v, --verbose[=SPEC]  --log-file[=FILE]  --syslog-method=METHOD  --syslog-target=HOST:PORT\n"
         "  --no-syslog                 only warnings to the system's log\n"
         "\nOthers:\n"
         "  --commands, --options       what there is, for programs\n"
         "  -h, --help  -V, --version");
    exit(0);
}
