/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7. A packet for controllers, as the pipeline's hook gets it. Everything is valid during the call
 * alone. Thread-safety: plain data. */
#ifndef PIPELINE_PACKET_IN_H
#define PIPELINE_PACKET_IN_H 1

#include <stdint.h>

#include "flow/key.h"
#include "packet/packet.h"

struct frozen_state;

struct ofproto_packet_in {
    const struct packet *packet; /* all of it */
    struct flow_key key;         /* complete: metadata and registers as they were; in_port OpenFlow's */
    uint8_t reason;              /* enum ofp_packet_in_reason */
    uint8_t table_id;
    uint16_t max_len; /* bytes that the controller wants */
    uint16_t controller_id;
    uint64_t cookie;
    const struct frozen_state *continuation; /* controller(pause): where to go on; else NULL */
    const uint8_t *userdata;
    size_t userdata_len;
};

#endif
