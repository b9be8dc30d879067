/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 8. The host that the switch runs on, as the Open_vSwitch row describes it. Reads /proc and the run
 * directory; what cannot be read is left out. Thread-safety: any thread, each with its own map. */
#ifndef SWITCHD_HOST_H
#define SWITCHD_HOST_H 1

struct smap;

/* ID and VERSION_ID of os-release(5); *ID and *VERSION are the caller's, NULL: not said. */
void host_release(char **id, char **version);

/* The column `statistics` of ovs-vswitchd.conf.db(5): cpu, load_average, memory (kB), file_systems (kB), and
 * process_NAME (kB, ms) for each locked pidfile in the run directory. Added to STATISTICS. */
void host_statistics(struct smap *statistics);

#endif
