/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 5, for openflow/ itself: the functions that print the bodies of messages, by family. Each appends to
 * S and returns what is wrong with the message, if anything. */
#ifndef OPENFLOW_PRINT_PRIVATE_H
#define OPENFLOW_PRINT_PRIVATE_H 1

#include "openflow/print.h"

struct print {
    struct strbuf *s;
    const struct ofp_print *opt;
    const struct ofp_names *names;
    unsigned depth;
};

typedef enum ofperr print_fn(const struct ofp_msg *, const struct print *);

print_fn print_flow_mod, print_flow_request, print_flow_reply, print_flow_counts_reply, print_aggregate_reply,
    print_flow_removed;
print_fn print_hello, print_error_msg, print_echo, print_config, print_desc, print_role, print_tlv_table,
    print_bundle_control, print_bundle_add, print_bundle_features, print_u8_value, print_format_value,
    print_controller_id;
print_fn print_features, print_port_status, print_port_mod, print_port_request, print_port_reply,
    print_port_desc, print_queue_config_request, print_queue_config, print_queue_request, print_queue_reply;
print_fn print_group_mod, print_group_request, print_group_stats, print_group_desc, print_group_features;
print_fn print_meter_mod, print_meter_request, print_meter_stats, print_meter_config, print_meter_features;
print_fn print_packet_in, print_packet_out;
print_fn print_monitor_request, print_monitor_reply, print_monitor_cancel;
print_fn print_ipfix_bridge, print_ipfix_flow, print_ct_flush_zone, print_ct_flush;
print_fn print_table_status, print_requestforward;
print_fn print_table_features, print_table_stats;
print_fn print_port_desc_request, print_role_status, print_controller_status, print_async, print_table_mod,
    print_table_desc;

/* OpenFlow 1.0's match of 40 bytes; the TLVs of Nicira's flow mods. Both have been decoded before. */
void print_match_10(const uint8_t *, const struct print *);
void print_match_fields(const uint8_t *, size_t len, const struct print *);
/* A whole message. False: it is wrong somewhere, and its bytes are there, too. */
bool print_any_message(const void *data, size_t len, const struct print *);
/* A table's description, from its number on. */
struct table_mod;
void print_table_desc_one(const struct table_mod *, const struct print *);
/* " name1 name2" for the bits of VALUE; unknown ones as "0x...". SEPARATOR between. */
struct bit_name {
    uint32_t bit;
    const char *name;
};
void print_bits(uint32_t value, const struct bit_name *, size_t n, char separator, struct strbuf *);

#endif
