/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7. What a bridge answers to OpenFlow: the handlers that its service (ofconn/ofconn.h) is created
 * with, whose `switch_` is the bridge's `struct ofproto`. The service must go before the bridge.
 *
 *   openflow.c        the table; features, configuration, description, ports
 *   openflow_change.c flow mods; bundles
 *   openflow_ipfix.c  what IPFIX exporters have told
 *   openflow_flow.c   flow statistics, tables, packet-out
 *   openflow_group.c  groups
 *   openflow_meter.c  meters
 *   openflow_monitor.c flow monitors
 *   openflow_queue.c  queues
 *   openflow_table.c  table features, what a full table does
 *   openflow_tlv.c    which tunnel options are tun_metadata0 to 63
 *   openflow_async.c  what nobody asked for: packets for controllers, removed rules, changed ports
 *
 * Thread-safety: control thread. */
#ifndef PIPELINE_OPENFLOW_H
#define PIPELINE_OPENFLOW_H 1

#include "ofconn/ofconn.h"
#include "pipeline/ofproto.h"

/* Messages that were bundled. */
enum ofperr openflow_check_bundled(struct ofconn *, const struct ofp_msg *, void *ofproto, void **prepared);
void openflow_forget_bundled(void *prepared);
enum ofperr openflow_commit(struct ofconn *, const struct bytebuf *messages, void **prepared, void *ofproto,
                            size_t *failed);

extern const struct ofconn_handlers pipeline_openflow;

/* Binds the pipeline's hooks: what happens in a bridge is told to its sessions (ofproto_set_sessions()), on
 * LOOP's thread, the control thread. One pipeline a process. Unbind when nothing translates any more. */
void openflow_bind(struct pipeline *, struct loop *);
void openflow_unbind(void);

/* In this folder: */
struct ofp_port;
void openflow_describe_port(const struct ofproto_port *, struct ofp_port *);
void openflow_flush(void *ofproto);
void openflow_hidden_rule(void *ofproto, const struct match *, int priority, int queue, bool there);
void openflow_miss_wanted(void *ofproto, bool wanted);

struct packet_out;
/* PO is made only without an error. */
enum ofperr openflow_decode_packet_out(struct ofconn *, const struct ofp_msg *, void *ofproto,
                                       struct packet_out *po);
struct port_mod;
enum ofperr openflow_check_port_mod(struct ofproto *, const struct port_mod *);
/* A group mod or meter mod that took effect: told to the controllers that want to hear of it. */
void openflow_forward_request(struct ofproto *, const struct ofconn *asker, const struct ofp_msg *);
/* A band whose meter says nothing of bursts has one of its rate's size, in replies too. */
struct meter_config;
void openflow_fill_bursts(struct meter_config *);
/* Do the actions of a rule fit its table, where there are egress tables? */
struct ofpact;
enum ofperr openflow_check_stage(const struct ofproto *, uint8_t table_id, const struct ofpact *, size_t len);
/* Actions that the switch knows, 1 << OFPAT_* of the version. */
uint32_t openflow_action_bits(enum ofp_version);

ofconn_handler openflow_flow_mod, openflow_flow_stats, openflow_flow_counts, openflow_aggregate,
    openflow_table_stats, openflow_packet_out, openflow_resume, openflow_table_features, openflow_port_mod,
    openflow_group_mod, openflow_group_desc, openflow_group_stats, openflow_group_features,
    openflow_meter_mod, openflow_meter_config, openflow_meter_stats, openflow_meter_features,
    openflow_table_mod, openflow_table_desc, openflow_queue_config, openflow_queue_stats,
    openflow_flow_monitor, openflow_flow_monitor_cancel, openflow_tlv_table_mod, openflow_tlv_table,
    openflow_ipfix_bridge, openflow_ipfix_flow;

/* The message, to be decoded with the bridge's names of tunnel options. */
struct ofp_msg openflow_mapped(const struct ofp_msg *, const void *ofproto);

/* The rule's statistics have passed a threshold of its own. */
struct rule;
void openflow_stats_triggered(struct ofproto *, const struct rule *);

/* The number of rules in a table has changed. */
void openflow_table_changed(struct ofproto *, unsigned table_id);

/* --- Flow monitors: what happens to rules, told as it happens --- */
struct change;
/* RULE came, BEFORE (NULL: none) went for it. */
void openflow_monitor_added(const struct change *, const struct rule *, const struct rule *before);
void openflow_monitor_removed(const struct change *, const struct rule *);
/* The change is complete: what was collected is sent. */
void openflow_monitor_flush(struct ofproto *);
void openflow_monitors_closed(struct ofconn *, void *ofproto);
void openflow_monitors_drained(struct ofconn *, void *ofproto);

#endif
