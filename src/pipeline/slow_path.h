/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7. The slow path of one datapath: upcalls are translated, flows installed and kept right.
 *
 *   slow_path.c   threads, limits, texts
 *   upcall.c      one upcall: translate, install, execute
 *   ukey.c        the flows that are installed, each with its record
 *   revalidate.c  what keeps them right: after changes, and every half second for statistics and idleness
 *   revalidator.c the thread that does that, and those who wait for it
 *
 * A datapath without threads has no revalidator either: what it would do is done by the caller, at once.
 *
 * Thread-safety: functions here are for the control thread unless they say otherwise. */
#ifndef PIPELINE_SLOW_PATH_H
#define PIPELINE_SLOW_PATH_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dp_backer;
struct dp_handler;
struct dp_upcall;
struct ofproto;
struct pipeline;
struct slow_path;
struct rule;
struct strbuf;

struct slow_path *slow_path_create(struct dp_backer *);
void slow_path_destroy(struct slow_path *); /* the datapath's flows are deleted. NULL is legal */

/* Changes were noted: every flow that they touch is mended, soon. Any thread; on an inline datapath the
 * control thread is woken for it. */
void slow_path_changed(struct slow_path *);
/* The same for the control thread: an inline datapath's flows have been mended when it returns. */
void slow_path_check_changes(struct slow_path *);
/* Until the flows agree with all that was noted before the call. */
void slow_path_wait(struct slow_path *);
/* The same without waiting: 0 if they do, else a number for slow_path_is_settled(); the control thread is
 * woken when the answer may have changed. */
uint64_t slow_path_under_way(struct slow_path *);
bool slow_path_is_settled(const struct slow_path *, uint64_t under_way);
/* Statistics and idleness of every flow now; each is also translated anew if ALL. */
void slow_path_revalidate(struct slow_path *, bool all);
/* Statistics as fresh as can be had within STATS_WAIT_MS: what a reply that shows counters wants. */
#define STATS_WAIT_MS 20
void slow_path_refresh_stats(struct slow_path *);
/* The counters of these rules, which are about to go. Control thread; waits for nobody. */
void slow_path_count_rules(struct slow_path *, struct rule *const *rules, size_t n);
/* Deletes all flows and waits until none is left (revalidator/purge). */
void slow_path_purge(struct slow_path *);
/* Deletes the flows whose records name the bridge, and waits out who may be making one. */
void slow_path_forget_bridge(struct slow_path *, const struct ofproto *);

void slow_path_set_flow_limit(struct slow_path *, unsigned limit); /* 0: adaptive again */
void slow_path_set_megaflows(struct slow_path *, bool on);
void slow_path_set_ufid(struct slow_path *, bool on);
void slow_path_show(const struct slow_path *, struct strbuf *); /* upcall/show */

/* Handles one upcall, on the thread that HANDLER belongs to. Consumes its packet. */
void slow_path_upcall(struct slow_path *, struct dp_handler *, struct dp_upcall *);

#endif
