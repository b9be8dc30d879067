/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/parts.h"

#include <string.h>

#include "l2/bond.h"
#include "pipeline/oam.h"
#include "pipeline/snapshot.h"

static void changed(struct parts_changed *c, enum part_kind kind, const struct xbridge *xb, uint32_t number)
{
    if (c->n == MAX_PARTS_CHANGED) {
        c->all = true;
    } else {
        c->names[c->n++] = part_name(kind, xb->ofproto, number);
    }
}

static bool same_vlans(const unsigned long *a, const unsigned long *b)
{
    return a == b || (a && b && !memcmp(a, b, 512));
}

/* Whoever adds a member that flows may depend on compares it here, or calls pipeline_mark_changed() where it
 * changes (as for a port's `marks` and `tunnel`, and for all of a bridge but its ports and bundles). */
_Static_assert(sizeof(struct xport) == 128, "is the new member of xport compared, or its change marked?");
_Static_assert(sizeof(struct xbundle) == 144, "is the new member of xbundle compared, or its change marked?");

static bool same_port(const struct xport *a, const struct xport *b)
{
    /* The counters are each port's own: another port, and a peer that was made anew, has others. */
    return a->dp_port == b->dp_port && a->config == b->config && a->state == b->state &&
           a->is_patch == b->is_patch && !a->oam == !b->oam &&
           (!a->oam || !memcmp(a->oam, b->oam, sizeof *a->oam)) && a->counters == b->counters &&
           (a->peer ? a->peer->counters : NULL) == (b->peer ? b->peer->counters : NULL) &&
           (a->bundle ? a->bundle->id : 0) == (b->bundle ? b->bundle->id : 0);
}

static bool same_bundle(const struct xbundle *a, const struct xbundle *b)
{
    if (a->vlan_mode != b->vlan_mode || a->vlan != b->vlan || a->qinq_ethtype != b->qinq_ethtype ||
        a->priority_tags != b->priority_tags || a->protect != b->protect || a->floodable != b->floodable ||
        a->n_members != b->n_members || a->lacp != b->lacp || a->mcast_flood != b->mcast_flood ||
        a->mcast_flood_reports != b->mcast_flood_reports || a->recirc_id != b->recirc_id ||
        a->account != b->account || (a->bond && memcmp(a->bond, b->bond, sizeof *a->bond)) ||
        !same_vlans(a->trunks, b->trunks) || !same_vlans(a->cvlans, b->cvlans)) {
        return false;
    }
    for (size_t i = 0; i < a->n_members; i++) {
        if (a->members[i]->ofp_port != b->members[i]->ofp_port) {
            return false;
        }
    }
    return true;
}

/* Bundles of A that B does not have, or has otherwise; and their ports. */
static bool compare_bundles(const struct xbridge *a, const struct xbridge *b, struct parts_changed *c)
{
    bool any = false;
    for (size_t i = 0; i < a->n_bundles; i++) {
        const struct xbundle *x = a->bundles[i], *y = xbridge_bundle(b, x->id);
        if (!y || !same_bundle(x, y)) {
            any = true;
            changed(c, PART_BUNDLE, a, x->id);
            for (size_t m = 0; m < x->n_members; m++) {
                changed(c, PART_PORT, a, x->members[m]->ofp_port);
            }
        }
    }
    return any;
}

static bool compare_ports(const struct xbridge *a, const struct xbridge *b, struct parts_changed *c)
{
    bool any = false;
    for (size_t i = 0; i < a->n_ports; i++) {
        const struct xport *x = a->ports[i], *y = xbridge_port(b, x->ofp_port);
        if (!y || !same_port(x, y)) {
            any = true;
            changed(c, PART_PORT, a, x->ofp_port);
        }
    }
    return any;
}

/* What is flooded to, in which order. */
static bool same_order(const struct xbridge *a, const struct xbridge *b)
{
    if (a->n_ports != b->n_ports || a->n_bundles != b->n_bundles) {
        return false;
    }
    for (size_t i = 0; i < a->n_ports; i++) {
        if (a->ports[i]->ofp_port != b->ports[i]->ofp_port) {
            return false;
        }
    }
    for (size_t i = 0; i < a->n_bundles; i++) {
        if (a->bundles[i]->id != b->bundles[i]->id) {
            return false;
        }
    }
    return true;
}

static void compare(const struct xbridge *a, const struct xbridge *b, struct parts_changed *c)
{
    size_t before = c->n;
    bool any = compare_ports(a, b, c);
    any |= compare_ports(b, a, c);
    any |= compare_bundles(a, b, c);
    any |= compare_bundles(b, a, c);
    if (any || !same_order(a, b)) {
        changed(c, PART_ALL, a, 0);
    }
    c->all |= c->n > before && (a->has_mirrors || b->has_mirrors);
}

void parts_compare(const struct snapshot *a, const struct snapshot *b, const struct dp_backer *backer,
                   struct parts_changed *c)
{
    c->n = 0;
    c->all = false;
    bool others = a->n_bridges != b->n_bridges;
    for (size_t i = 0; i < a->n_bridges; i++) {
        const struct xbridge *other = snapshot_bridge(b, a->bridges[i]->ofproto);
        others |= !other;
        if (a->bridges[i]->backer == backer && other) {
            compare(a->bridges[i], other, c);
        }
    }
    if (others || c->n) {
        if (c->n == MAX_PARTS_CHANGED) {
            c->all = true;
        } else {
            c->names[c->n++] = part_name(PART_DEVICES, NULL, 0);
        }
    }
}
