/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 8. What the files of `sluice ofctl` share: the options, a blocking OpenFlow connection, errors that
 * end the program. Thread-safety: the main thread alone. */
#ifndef TOOLS_OFCTL_H
#define TOOLS_OFCTL_H 1

#include <stdio.h>

#include "base/error.h"
#include "openflow/bundle_codec.h"
#include "openflow/msg.h"
#include "openflow/print.h"

struct field;
struct ofctl_options {
    unsigned versions;  /* OFP_VERSION_BIT()s that may be negotiated */
    uint32_t protocols; /* OFPROTO_*s that may be used */
    bool read_only, strict, readd, hide_stats, bundle, may_create, use_names, no_names, timestamp, unsorted;
    int verbosity;
    struct ofctl_sort {
        const struct field *field; /* NULL: priority */
        bool reverse;
    } sorts[16]; /* dump-flows: the first decides, then the next */
    size_t n_sorts;
    uint32_t packet_in_format;           /* UINT32_MAX: not given */
    const struct color_palette *palette; /* --color; NULL: none */
    struct ofp_time bundle_at;           /* --bundle-at; 0 seconds: at once */
    const char *unixctl;                 /* monitor, snoop: where commands come in */
};
extern struct ofctl_options ofctl_options;

/* A connection to a switch. All functions end the program with an error text if it fails. */
struct ofctl_conn;
struct ofctl_conn *ofctl_connect(const char *target);
struct ofctl_conn *ofctl_connect_suffix(const char *target, const char *suffix, bool quiet);
void ofctl_close(struct ofctl_conn *);
enum ofp_version ofctl_version(const struct ofctl_conn *);
uint32_t ofctl_xid(struct ofctl_conn *);                /* a new one */
void ofctl_send(struct ofctl_conn *, struct bytebuf *); /* empties it */
/* A message was to be appended to B, which had BEFORE bytes. Ends the program if it is too long for OpenFlow.
 */
void ofctl_must_fit(const struct bytebuf *b, size_t before);
/* The next message; valid until the next call. False: the other side has closed. */
bool ofctl_recv(struct ofctl_conn *, const uint8_t **msg, size_t *len);
/* The same without waiting: 0, EAGAIN, or what ended the connection (EOF or an errno). */
int ofctl_try_recv(struct ofctl_conn *, const uint8_t **msg, size_t *len);
/* One turn of the loop, until something happens to it. */
void ofctl_wait(struct ofctl_conn *, bool for_messages);
struct loop *ofctl_loop(struct ofctl_conn *);
const char *ofctl_target(const struct ofctl_conn *); /* as the user called it */
const char *ofctl_stream(const struct ofctl_conn *); /* as a connection method */
void ofctl_get_config(struct ofctl_conn *, uint16_t *flags, uint16_t *miss_send_len);
void ofctl_set_config(struct ofctl_conn *, uint16_t flags, uint16_t miss_send_len);
/* Sends one message and returns what answers it (an error, too). */
void ofctl_transact(struct ofctl_conn *, struct bytebuf *request, const uint8_t **reply, size_t *len);
/* Sends messages that are answered only by errors, then a barrier. Prints the errors; false if there was one.
 */
bool ofctl_transact_mods(struct ofctl_conn *, struct bytebuf *requests);
/* A bundle, atomic and ordered: its messages are kept until ofctl_bundle_run(), which sends them and commits.
 * It prints which message the switch finds fault with, and ends the program then. If it `streams`, messages
 * go out while more are made, for the switch to look at meanwhile; a program that ends before
 * ofctl_bundle_run() has changed nothing. */
struct ofctl_bundle {
    struct ofctl_conn *conn;
    struct bytebuf messages; /* one behind the other */
    size_t sent;             /* bytes of them that went out */
    bool streams, is_open;
};
void ofctl_bundle_add(struct ofctl_bundle *, const void *message, size_t len);
void ofctl_bundle_run(struct ofctl_bundle *);
/* Sends a multipart request and gives each reply to EACH; prints errors and ends the program then. */
void ofctl_dump(struct ofctl_conn *, struct bytebuf *request, void (*each)(const uint8_t *, size_t, void *),
                void *aux);
/* Errors of other requests that came meanwhile, one behind the other. */
const struct bytebuf *ofctl_stray(const struct ofctl_conn *);
/* The same, printing each reply; with the time before, if asked for. */
void ofctl_dump_print(struct ofctl_conn *, struct bytebuf *request, const struct ofp_names *);

/* The protocol in force, if it is one of USABLE that may be used; 0: it is not. */
uint32_t ofctl_protocol_of(const struct ofctl_conn *, uint32_t usable);
/* The protocol to use on the connection, of USABLE: it is switched to if need be (formats of OpenFlow 1.0).
 */
uint32_t ofctl_use_protocol(struct ofctl_conn *, uint32_t usable, bool widest);
/* The names of the switch's ports and tables, as far as the options want them. */
const struct ofp_names *ofctl_names(struct ofctl_conn *, bool display);

/* Ends the program with ERROR (which is freed) if it is not NULL. */
void ofctl_check(char *error);

#define OFCTL_COMMANDS                                                                                       \
    X(show)                                                                                                  \
    X(monitor)                                                                                               \
    X(snoop)                                                                                                 \
    X(dump_desc)                                                                                             \
    X(dump_flows)                                                                                            \
    X(dump_aggregate)                                                                                        \
    X(queue_stats)                                                                                           \
    X(queue_get_config)                                                                                      \
    X(add_flow)                                                                                              \
    X(add_flows)                                                                                             \
    X(mod_flows)                                                                                             \
    X(del_flows)                                                                                             \
    X(replace_flows)                                                                                         \
    X(diff_flows)                                                                                            \
    X(dump_ports) X(dump_ports_desc) X(mod_port) X(mod_table) X(dump_table_desc) X(get_frags) X(set_frags)   \
        X(probe) X(ping) X(dump_tlv_map) X(add_meter) X(mod_meter) X(del_meters) X(dump_meters)              \
            X(meter_stats) X(meter_features) X(packet_out) X(ct_flush_zone) X(add_group) X(add_groups)       \
                X(mod_group) X(del_groups) X(insert_buckets) X(remove_buckets) X(dump_groups)                \
                    X(dump_group_stats) X(dump_group_features) X(add_tlv_map) X(del_tlv_map) X(parse_group)  \
                        X(ofp_parse) X(ofp_print) X(parse_flow) X(parse_flows) X(print_error)                \
                            X(ofp_parse_pcap) X(dump_tables) X(dump_table_features) X(dump_ipfix_bridge)     \
                                X(dump_ipfix_flow) X(benchmark) X(ct_flush) X(bundle) X(bundle_features)     \
                                    X(parse_actions) X(parse_instructions) X(encode_hello)                   \
                                        X(encode_error_reply) X(parse_key_value) X(compose_packet)           \
                                            X(parse_packet) X(parse_nx_match) X(parse_oxm)                   \
                                                X(parse_ofp10_match) X(parse_ofp11_match) X(parse_pcap)      \
                                                    X(check_vlan) X(help) X(list_commands)
#define X(NAME) void ofctl_##NAME(int argc, char **argv);
OFCTL_COMMANDS
#undef X

#endif
