/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7. Recirculation ids: a packet that the datapath is to bring back names by its id the state in which
 * its translation stopped ("frozen"), and translation goes on from there ("thaw"). Equal states share an id.
 *
 * Ownership: an id lives while somebody holds a reference: the cached flow whose actions recirculate to it, a
 * translation at work. It lives on for some seconds after that, since packets may be under way with it: those
 * of a packet-out, of a flow that was deleted. A state stays readable for a grace period more.
 *
 * Thread-safety: any thread. */
#ifndef PIPELINE_RECIRC_H
#define PIPELINE_RECIRC_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/key.h"
#include "openflow/actions.h"

struct recirc_table;

#define FROZEN_MAX_EGRESS 8 /* ports whose egress processing is under way, each within another's */

struct frozen_state {
    uint64_t ofproto_id; /* the bridge where it goes on */
    uint8_t table_id;    /* and the table, if there are no actions; 255 with them: theirs */
    bool conntracked, was_mpls;
    bool hashed;          /* the datapath computes dp_hash before the packet comes back */
    bool resume_in_table; /* look up in table_id; else run `actions`, then the action set */
    uint32_t mirrors;
    uint64_t rule_cookie;
    /* Metadata that the datapath does not carry. */
    uint32_t in_port; /* OpenFlow's */
    uint32_t actset_output;
    be64 metadata;
    uint64_t tun_md_present;
    uint8_t
        *tun_md; /* FLOW_TUN_MD_SIZE bytes as the bridge's table lays them out, or NULL: no option is there */
    uint64_t tunnel[8];
    uint32_t erspan_idx;
    uint32_t regs[FLOW_N_REGS];
    uint8_t n_egress;
    uint32_t egress[FROZEN_MAX_EGRESS]; /* the outermost first; the rest are 0 */
    uint8_t *stack;
    size_t stack_len;
    struct ofpact *actions;
    size_t actions_len;
    struct ofpact *action_set;
    size_t action_set_len;
    uint8_t *userdata; /* of controller(pause) */
    size_t userdata_len;
};

/* The members from `actset_output` to `regs`, from a key and into one. The first borrows its tun_md. */
void frozen_state_take_metadata(struct frozen_state *, const struct flow_key *);
void frozen_state_give_metadata(const struct frozen_state *, struct flow_key *);

struct recirc_table *recirc_table_create(void);
void recirc_table_destroy(struct recirc_table *); /* no reader */

/* The id of a state equal to STATE (whose pointers are copied), with a reference. Never 0. */
uint32_t recirc_alloc(struct recirc_table *, const struct frozen_state *);
/* An id that nobody has, for what has no state of its own (bonds). */
uint32_t recirc_alloc_empty(struct recirc_table *);
bool recirc_ref(struct recirc_table *, uint32_t id); /* false: there is none */
void recirc_unref(struct recirc_table *, uint32_t id);
/* Valid until the thread is quiescent; NULL: none. */
const struct frozen_state *recirc_find(const struct recirc_table *, uint32_t id);
/* Those that somebody holds. */
size_t recirc_count(const struct recirc_table *);

#endif
