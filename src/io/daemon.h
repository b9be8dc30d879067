/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 1. Being a daemon: in the background, watched by a monitor, with a locked pidfile, known to systemd.
 *
 *     parse options (daemon_options); daemon_start(argc, argv); open sockets, start threads; daemon_ready();
 * run
 *
 * With --detach the process that was started stays until daemon_ready() and then exits with status 0; should
 * the daemon die before, it exits with the daemon's status, whose message the terminal has shown. With
 * --monitor a process in between starts the daemon again when a signal that means a bug ended it. The pidfile
 * is locked (fcntl) by the daemon itself, written before the first socket is opened, and removed at exit; a
 * file left by the dead has no lock and is replaced. Thread-safety: the main thread; daemon_start() before
 * any other thread exists. */
#ifndef IO_DAEMON_H
#define IO_DAEMON_H 1

#include <stdbool.h>
#include <sys/types.h>

#include "base/options.h"

/* --detach --no-chdir --pidfile[=FILE] --overwrite-pidfile --monitor --user, and --no-self-confinement, which
 * the reference's scripts pass and which changes nothing here. */
extern const struct option_group daemon_options;

/* With --user: what it says, before the first file is made. Ends the process on failure, with a text. */
void daemon_become_user(void);
/* ARGV's memory is used for the monitor's title. Ends the process on failure, with a text. */
void daemon_start(int argc, char **argv);
/* The first configuration is done: lets the starter go, leaves the terminal and the directory, tells systemd.
 */
void daemon_ready(void);
/* Output that is no terminal stays when daemon_ready() leaves the terminal: of a program whose business is
 * output. */
void daemon_keep_output(void);
/* With --pidfile, this process is found as PROGRAM, too: RUNDIR/PROGRAM.pid, as the other. */
void daemon_also_is(const char *program);
void daemon_stopping(void);       /* tells systemd; the pidfile goes at exit */
void daemon_remove_pidfile(void); /* now, where exit() will not be called */
bool daemon_is_detaching(void);   /* --detach was given and daemon_ready() has not been called */
/* "STATUS=..." or so, to systemd; nothing if it does not listen. */
void daemon_notify(const char *state);

/* The process that holds the lock on the pidfile FILE. 0 and *PID; ENOENT; ESRCH: nobody holds the lock;
 * EINVAL: no number in it. */
int daemon_read_pidfile(const char *file, pid_t *pid);

#endif
