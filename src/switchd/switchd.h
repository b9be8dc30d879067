/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 8. Between the daemon's process shell (main.c: options, signals, log, control socket) and the switch.
 * Thread-safety: the control thread. */
#ifndef SWITCHD_SWITCHD_H
#define SWITCHD_SWITCHD_H 1

#include <stdbool.h>

#include "base/compiler.h"

struct loop;
struct control_server;

enum switchd_dummy {
    SWITCHD_DUMMY_NONE,
    SWITCHD_DUMMY,          /* --enable-dummy: the types "dummy..." exist */
    SWITCHD_DUMMY_SYSTEM,   /* --enable-dummy=system: `system` devices are dummies too */
    SWITCHD_DUMMY_OVERRIDE, /* --enable-dummy=override: all devices are */
};

struct switchd_options {
    const char *db_remote; /* of the server to be a client of; NULL: serve `db_file` ourselves */
    const char *db_file;   /* DBDIR/conf.db unless an option says otherwise */
    enum switchd_dummy dummy;
    bool disable_system;            /* keep off the host's datapaths and devices */
    bool disable_system_route;      /* and off its routing table */
    struct loop *loop;              /* the control thread's, registered with RCU */
    struct control_server *control; /* with the built-in commands and `exit` */
};

/* Starts all the work, on OPTIONS' loop; returns without waiting. NULL or an error text. When the first
 * configuration is done, whoever did it calls daemon_ready() (io/daemon.h). */
char *switchd_init(const struct switchd_options *) WARN_UNUSED;
/* The loop has ended. CLEANUP: takes ports and datapaths away from the host, where they would otherwise stay.
 */
void switchd_fini(bool cleanup);

#endif
