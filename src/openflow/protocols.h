/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 5. Which protocols (OFPROTO_*) can carry a match. Pure functions. */
#ifndef OPENFLOW_PROTOCOLS_H
#define OPENFLOW_PROTOCOLS_H 1

#include "flow/field.h"
#include "openflow/types.h"

/* Those that can match on (or set) the whole field, or some bits of it (MASKED). */
uint32_t ofproto_of_field(const struct field *, bool masked);
uint32_t ofproto_of_match(const struct match *);

#endif
