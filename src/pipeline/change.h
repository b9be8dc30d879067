/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7, for this folder alone. A change of rules and groups at work: one flow mod, one group mod, or all
 * of a bundle. It is prepared in the bridge's next version, where no translation looks, and then either takes
 * effect at once or is taken back.
 *
 *   change_init(); change_flow_mod(), change_group_mod() ... ; change_commit() or change_revert()
 *
 * Ownership: the change owns what it made until it is committed. Thread-safety: control thread; one change of
 * a bridge at a time. */
#ifndef PIPELINE_CHANGE_H
#define PIPELINE_CHANGE_H 1

#include "base/list.h"
#include "openflow/errors.h"
#include "openflow/flow_mod.h"
#include "openflow/group_codec.h"

struct group;
struct group_array;
struct ofconn;
struct ofproto;
struct rule;

struct change {
    struct ofproto *ofproto;
    uint64_t version;           /* in which it takes effect */
    bool internal;              /* by the switch itself: hidden rules and tables too */
    const struct ofconn *asker; /* whose request it is; NULL: nobody's */
    uint32_t xid;               /* of the request */
    struct list added, removed; /* struct rule, by `change` */
    struct group_array *groups; /* as they will be; NULL: as they are */
    struct group **gone;        /* groups that were in force */
    size_t n_gone, gone_allocated;
};

void change_init(struct change *, struct ofproto *, bool internal);
/* REMOVAL: the reason that the owners of rules it deletes are told (enum rule_removal). */
enum ofperr change_flow_mod(struct change *, const struct flow_mod *, uint8_t removal);
/* For an addition: the rule that it makes, before there is a change; NULL: it says something that only the
 * change can judge. It is change_add_rule() that takes it, error or not, or change_forget_rule(). */
struct rule *change_prepare_rule(struct ofproto *, const struct flow_mod *);
enum ofperr change_add_rule(struct change *, struct rule *);
void change_forget_rule(struct rule *);
void change_remove_rule(struct change *, struct rule *, uint8_t removal);
enum ofperr change_group_mod(struct change *, const struct group_mod *);
void change_commit(struct change *);
void change_revert(struct change *);

/* The group as the change has it so far. NULL: none. */
struct group *change_find_group(const struct change *, uint32_t group_id);

/* --- group.c, for rule.c --- */
/* Puts the change's groups in place of the present ones; translations that read an older version still find
 * those. To be called before the new version is published; and the other when it is. */
void change_swap_groups(struct change *);
void change_release_groups(struct change *);
void change_revert_groups(struct change *);
/* A rule that names groups came into force (BY 1), or left it (-1). */
void groups_count_rule(struct ofproto *, const struct rule *, int by);

#endif
