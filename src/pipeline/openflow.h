/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7. What a bridge answers to OpenFlow: the handlers that its service (ofconn/ofconn.h) is created
 * with, whose `switch_` is the bridge's `struct ofproto`. The service must go before the bridge.
 *
 *   openflow.c        the table; features, configuration, description, ports
 *   openflow_flow.c   flow mods, flow statistics, tables, packet-out
 *   openflow_table.c  table features
 *   openflow_async.c  what nobody asked for: packets for controllers, removed rules, changed ports
 *
 * Thread-safety: control thread. */
#ifndef PIPELINE_OPENFLOW_H
#define PIPELINE_OPENFLOW_H 1

#include "ofconn/ofconn.h"
#include "pipeline/ofproto.h"

/* Flow mods that were bundled. */
enum ofperr openflow_commit(struct ofconn *, const struct bytebuf *messages, void *ofproto, size_t *failed);

extern const struct ofconn_handlers pipeline_openflow;

/* Binds the pipeline's hooks: what happens in a bridge is told to its sessions (ofproto_set_sessions()), on
 * LOOP's thread, the control thread. One pipeline a process. Unbind when nothing translates any more. */
void openflow_bind(struct pipeline *, struct loop *);
void openflow_unbind(void);

/* In this folder: */
struct ofp_port;
void openflow_describe_port(const struct ofproto_port *, struct ofp_port *);
void openflow_hidden_rule(void *ofproto, const struct match *, int priority, int queue, bool there);
void openflow_miss_wanted(void *ofproto, bool wanted);

ofconn_handler openflow_flow_mod, openflow_flow_stats, openflow_aggregate, openflow_table_stats,
    openflow_packet_out, openflow_table_features;

#endif
