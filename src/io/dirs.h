/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 1. Where things are: OVS_RUNDIR, OVS_LOGDIR, OVS_DBDIR, OVS_SYSCONFDIR, or the usual places.
 * Thread-safety: any thread; the environment is not to change meanwhile. */
#ifndef IO_DIRS_H
#define IO_DIRS_H 1

const char *dirs_run(void);     /* OVS_RUNDIR, /var/run/openvswitch */
const char *dirs_log(void);     /* OVS_LOGDIR, /var/log/openvswitch */
const char *dirs_db(void);      /* OVS_DBDIR, else OVS_SYSCONFDIR/openvswitch, else /etc/openvswitch */
const char *dirs_sysconf(void); /* OVS_SYSCONFDIR, /etc */

/* DIR/NAME, or a copy of NAME if that begins with "/"; the caller's to free. */
char *dirs_file(const char *dir, const char *name);

#endif
