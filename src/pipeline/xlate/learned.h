/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7. Rules that a `learn` action made. The action asks for one, on any thread; the control thread,
 * which alone changes tables, makes it: at once if it is the one that asks (inline datapaths), else with its
 * next turn.
 *
 * Thread-safety: any thread but learned_run(), which is control's. */
#ifndef PIPELINE_XLATE_LEARNED_H
#define PIPELINE_XLATE_LEARNED_H 1

#include <stdbool.h>
#include <stdint.h>

struct flow_mod;
struct learned;
struct learned_queue;
struct ofproto;
struct pipeline;

struct learned_queue *learned_queue_create(void);
void learned_queue_destroy(struct learned_queue *);

/* A copy of MOD, a FLOW_MODIFY_STRICT that adds; LIMIT rules with its cookie in its table at most, 0: any
 * number. */
struct learned *learned_create(struct ofproto *, const struct flow_mod *mod, uint32_t limit);
void learned_destroy(struct learned *); /* NULL is legal */

/* Asks for the rule. False: over the limit (as far as can be told on this thread). */
bool learned_request(const struct learned *);
/* Traffic of the flow that learned, at USED_MS: the rule lives on, or comes back. */
void learned_refresh(const struct learned *, int64_t used_ms);

/* Makes what was asked for on other threads. */
void learned_run(struct pipeline *);

#endif
