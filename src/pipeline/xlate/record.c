/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/xlate/record.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "l2/bond.h"
#include "l2/mac_table.h"
#include "pipeline/group.h"
#include "pipeline/netflow.h"
#include "pipeline/ofproto_impl.h"
#include "pipeline/xlate/learned.h"
#include "tunnel/neigh.h"

void record_init(struct record *r)
{
    memset(r, 0, sizeof *r);
}

void record_init_room(struct record *r, struct record_room *room)
{
    record_init(r);
    r->entries = room->entries;
    r->allocated = ARRAY_SIZE(room->entries);
    r->borrowed = true;
}

static void entry_fini(struct record_entry *e)
{
    switch ((enum record_type)e->type) {
    case RECORD_TABLE:
        minimatch_fini(&e->seen);
        rule_unref(e->object);
        break;
    case RECORD_RULE:
    case RECORD_FIN_TIMEOUT:
        rule_unref(e->object);
        break;
    case RECORD_PATCH:
        traffic_counters_unref(e->object);
        traffic_counters_unref(e->object2);
        break;
    case RECORD_MIRROR:
    case RECORD_TUNNEL_RX:
    case RECORD_TUNNEL_TX:
        traffic_counters_unref(e->object);
        break;
    case RECORD_GROUP:
        group_unref(e->object);
        break;
    case RECORD_LEARN:
        learned_destroy(e->object);
        break;
    case RECORD_NEIGHBOUR:
        free(e->object);
        break;
    case RECORD_BOND:
        bond_unref(e->object);
        break;
    case RECORD_NETFLOW:
        netflow_unref(e->object);
        free(e->object2);
        break;
    case RECORD_MAC_LEARN:
    case RECORD_MAC_LOOKUP:
        break;
    }
}

void record_clear(struct record *r)
{
    for (size_t i = 0; i < r->n; i++) {
        entry_fini(&r->entries[i]);
    }
    r->n = 0;
}

void record_fini(struct record *r)
{
    record_clear(r);
    r->parts = (struct parts){{0, 0}};
    if (!r->borrowed) {
        free(r->entries);
    }
    r->entries = NULL;
    r->allocated = 0;
    r->borrowed = false;
}

void record_move(struct record *dst, struct record *src)
{
    *dst = *src;
    bool keep = src->keep_keys;
    record_init(src);
    src->keep_keys = keep;
    if (dst->borrowed) {
        dst->entries = dst->n ? xmemdup(dst->entries, dst->n * sizeof *dst->entries) : NULL;
        dst->allocated = dst->n;
        dst->borrowed = false;
    } else if (dst->n < dst->allocated) { /* it stays for long */
        dst->entries = xrealloc(dst->entries, MAX(dst->n, 1) * sizeof *dst->entries);
        dst->allocated = MAX(dst->n, 1);
    }
}

_Static_assert(sizeof(struct record_entry) == 72, "is the new member compared?");

static bool depends_alike(const struct record_entry *a, const struct record_entry *b)
{
    return a->type == b->type && a->table_id == b->table_id && a->vlan == b->vlan && a->idle == b->idle &&
           a->hard == b->hard && a->extra == b->extra && a->port == b->port &&
           !memcmp(&a->mac, &b->mac, sizeof a->mac) && a->gratuitous_arp == b->gratuitous_arp &&
           a->ofproto == b->ofproto && minimatch_equal(&a->seen, &b->seen) &&
           (a->type != RECORD_RULE || a->object == b->object);
}

static void swap(void **a, void **b)
{
    void *old = *a;
    *a = *b;
    *b = old;
}

bool record_update(struct record *old, struct record *new)
{
    if (old->n != new->n) {
        return false;
    }
    for (size_t i = 0; i < old->n; i++) {
        if (!depends_alike(&old->entries[i], &new->entries[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < old->n; i++) {
        swap(&old->entries[i].object, &new->entries[i].object);
        swap(&old->entries[i].object2, &new->entries[i].object2);
    }
    old->parts = new->parts;
    return true;
}

struct record_entry *record_add(struct record *r, enum record_type type)
{
    if (r->n == r->allocated && r->borrowed) {
        r->allocated = 2 * r->n;
        r->entries =
            memcpy(xmalloc(r->allocated * sizeof *r->entries), r->entries, r->n * sizeof *r->entries);
        r->borrowed = false;
    } else if (r->n == r->allocated) {
        r->entries = x2nrealloc(r->entries, &r->allocated, sizeof *r->entries);
    }
    struct record_entry *e = &r->entries[r->n++];
    memset(e, 0, sizeof *e);
    e->type = type;
    e->extra = r->extra;
    return e;
}

static void credit_entry(struct record_entry *e, const struct traffic *traffic)
{
    struct traffic longer = *traffic;
    const struct traffic *t = &longer;
    longer.bytes += longer.packets * e->extra;
    switch ((enum record_type)e->type) {
    case RECORD_TABLE: {
        struct oftable *table = &e->ofproto->tables[e->table_id];
        __atomic_fetch_add(&table->n_lookups, t->packets, __ATOMIC_RELAXED);
        if (e->object) {
            __atomic_fetch_add(&table->n_matched, t->packets, __ATOMIC_RELAXED);
            rule_credit(e->object, t->packets, t->bytes, t->used_ms);
        }
        break;
    }
    case RECORD_RULE:
        rule_credit(e->object, t->packets, t->bytes, t->used_ms);
        break;
    case RECORD_PATCH:
        traffic_count_tx(e->object, t->packets, t->bytes);
        traffic_count_rx(e->object2, t->packets, t->bytes);
        break;
    case RECORD_TUNNEL_RX:
        traffic_count_rx(e->object, t->packets, t->bytes);
        break;
    case RECORD_MIRROR:
    case RECORD_TUNNEL_TX:
        traffic_count_tx(e->object, t->packets, t->bytes);
        break;
    case RECORD_MAC_LEARN: {
        struct mac_learn learn = {.mac = e->mac,
                                  .vlan = e->vlan,
                                  .port = (void *)(uintptr_t)e->port,
                                  .gratuitous_arp = e->gratuitous_arp};
        int64_t used = t->used_ms ? t->used_ms : clock_ms();
        struct mac_entry known;
        /* Counters are read late: who was seen elsewhere since has moved on. */
        if (!mac_table_get(e->ofproto->macs, e->mac, e->vlan, &known) || known.port == learn.port ||
            known.used_ms < used) {
            mac_table_learn(e->ofproto->macs, &learn, used);
        }
        break;
    }
    case RECORD_GROUP:
        group_credit(e->object, e->port, t->packets, t->bytes);
        break;
    case RECORD_LEARN:
        learned_refresh(e->object, t->used_ms);
        break;
    case RECORD_NEIGHBOUR: {
        const struct record_neighbour *n = e->object;
        tunnel_neigh_learn(n->table, n->bridge, &n->address, e->mac);
        break;
    }
    case RECORD_FIN_TIMEOUT:
        if (t->tcp_flags & (0x01 | 0x04)) { /* FIN, RST */
            rule_reduce_timeouts(e->object, e->idle, e->hard);
        }
        break;
    case RECORD_BOND:
        bond_account(e->object, e->port, t->bytes);
        break;
    case RECORD_NETFLOW:
        netflow_credit(e->object, e->object2, t);
        break;
    case RECORD_MAC_LOOKUP:
        break;
    }
}

void record_end(struct record *r)
{
    for (size_t i = 0; i < r->n; i++) {
        if (r->entries[i].type == RECORD_NETFLOW) {
            netflow_end(r->entries[i].object, r->entries[i].object2);
        }
    }
}

void record_credit(struct record *r, const struct traffic *t)
{
    if (t->packets) {
        for (size_t i = 0; i < r->n; i++) {
            credit_entry(&r->entries[i], t);
        }
    }
}
