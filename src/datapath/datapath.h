/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 6. The userspace datapath, behind dpif/dpif.h. docs/journey.md walks through it; journey.c is the
 * spine. Thread-safety: control thread, at start. */
#ifndef DATAPATH_DATAPATH_H
#define DATAPATH_DATAPATH_H 1

#include <stdbool.h>

/* Puts the datapath types `netdev`, `system` (WITH_SYSTEM) and `dummy` (WITH_DUMMY) into dpif's table. */
void datapath_register(bool with_dummy, bool with_system);

/* Forwarding threads of datapaths made from now on; 0: chosen by the number of processors. */
void datapath_set_threads(unsigned n);

#endif
