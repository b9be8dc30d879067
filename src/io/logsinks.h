/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 1. Where log lines go: the console (standard error), a file that can be reopened, syslog. And the
 * options -v, --log-file, --syslog-target and --syslog-method. Thread-safety: opening and closing the file
 * any thread, all else the control thread; lines themselves come from any thread through base/log.h. */
#ifndef IO_LOGSINKS_H
#define IO_LOGSINKS_H 1

#include "base/compiler.h"
#include "base/options.h"

/* The options take effect as they are parsed, but for --log-file, which only notes the name. */
extern const struct option_group logsinks_options;

/* Opens FILE (NULL: the option's, or LOGDIR/PROGRAM.log if that had none) in place of the one that was open,
 * and says so in the log. Returns NULL or what is wrong. */
char *logsinks_open_file(const char *file) WARN_UNUSED;
bool logsinks_file_wanted(void);              /* --log-file was given */
char *logsinks_reopen_file(void) WARN_UNUSED; /* NULL too if no file was ever opened */
void logsinks_close_file(void);               /* until it is reopened */
/* "libc", "null", "unix:FILE" or "udp:IP:PORT". */
char *logsinks_set_syslog_method(const char *method) WARN_UNUSED;
char *logsinks_set_syslog_target(const char *host_port) WARN_UNUSED;
/* Standard error is about to be closed: the console's lines go nowhere from now on. */
void logsinks_detach_console(void);

#endif
