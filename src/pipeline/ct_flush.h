/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7. Flushing connections that a partial tuple names: for controllers and for commands. Control thread.
 */
#ifndef PIPELINE_CT_FLUSH_H
#define PIPELINE_CT_FLUSH_H 1

#include <stdint.h>

#include "openflow/nicira_codec.h"

struct datapath;

/* How many went. Without a tuple all go, of the zone if there is one; with one, the zone is 0 if none is
 * said. */
uint32_t ct_flush_run(struct datapath *, const struct ct_flush *);
/* Do the tuples name one connection, with nothing left open? */
bool ct_flush_is_whole(const struct ct_flush *);

#endif
