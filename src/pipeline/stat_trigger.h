/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7, for this folder alone. OpenFlow 1.5's statistics triggers: a rule with stat_trigger is looked at
 * twice a second, and controllers are told its statistics when they have passed a threshold.
 *
 * Ownership: a rule in force owns its trigger. Thread-safety: control thread. */
#ifndef PIPELINE_STAT_TRIGGER_H
#define PIPELINE_STAT_TRIGGER_H 1

struct ofproto;
struct rule;

void stat_triggers_init(struct ofproto *);
void stat_triggers_fini(struct ofproto *); /* no rule with a trigger is in force */
/* The rule came into force: if it has a trigger, it is looked at from now on. What its counters have passed
 * already (it replaces another) is not told. */
void stat_trigger_rule_enters(struct rule *);
void stat_trigger_rule_leaves(struct rule *);

#endif
