/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7. sFlow version 5 of a bridge (sflow.org, "sFlow Version 5"; ovs-vswitchd.conf.db(5), sFlow):
 * headers of sampled packets and counters of interfaces, told to collectors by UDP.
 *
 * The way of a sample is that of IPFIX (pipeline/ipfix.h): a handler adds it to the datagram that is being
 * filled; a full one waits, bounded, for the control thread, which also sends once a second what there is.
 * What finds no room is counted as `drops` in the samples that follow.
 *
 * Ownership: counted references; the bridge and snapshots hold them.
 * Thread-safety: any thread, but for what is said. Collectors are sent to and never waited for. */
#ifndef PIPELINE_SFLOW_H
#define PIPELINE_SFLOW_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/types.h"

struct ofproto;
struct sflow;
struct task_queue;

#define SFLOW_DEFAULT_PORT     6343
#define SFLOW_DEFAULT_SAMPLING 400
#define SFLOW_DEFAULT_POLLING  30
#define SFLOW_LABELS_MAX       8
#define SFLOW_DEFAULT_HEADER   128

/* Where a packet goes, as samples say it: an interface's index, or one of these. */
#define SFLOW_OUT_DROPPED  0x40000100u /* for a reason that nobody knows */
#define SFLOW_OUT_MULTIPLE 0x80000000u /* and how many */

struct sflow_settings {
    const char *const *targets; /* "IP[:PORT]" */
    size_t n_targets;
    const char *agent; /* an address, or a device that has one; NULL: who sends to the first target */
    uint32_t sampling, header, polling; /* one of SAMPLING packets, bytes, seconds (0: never) */
};

struct sflow *sflow_create(struct ofproto *, struct task_queue *); /* control */
/* control. False: there is no collector, or the agent has no address: nothing is to be sampled. */
bool sflow_set(struct sflow *, const struct sflow_settings *);
void sflow_stop(struct sflow *); /* control: OFPROTO may go */
void sflow_ref(struct sflow *);
void sflow_unref(struct sflow *); /* NULL is legal */
/* control. Of UINT32_MAX; 0: nothing is sampled. */
uint32_t sflow_probability(const struct sflow *);

struct sflow_sample {
    const void *frame;
    uint32_t len;
    bool is_ethernet;
    uint32_t in;              /* the interface's index */
    uint32_t out;             /* one, or SFLOW_OUT_* */
    uint16_t in_tci, out_tci; /* of the outermost VLAN tag, host order; 0: none */
    const be32 *labels;       /* MPLS labels that it leaves with, outermost first */
    size_t n_labels;
};

/* True: something waits for sflow_run(). */
bool sflow_sample(struct sflow *, const struct sflow_sample *);
void sflow_run(struct sflow *); /* control */

#endif
