/* SPDX-License-Identifier: Apache-2.0 */
#include "port/vport.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "port/kinds.h"
#include "port/qos.h"
#include "port/shortcut.h"

/* In the order in which they are listed. */
static const struct vport_ops *const kinds[] = {
    &vport_ops_system, &vport_ops_afxdp, &vport_ops_internal,       &vport_ops_tap,       &vport_ops_null,
    &vport_ops_replay, &vport_ops_dummy, &vport_ops_dummy_internal, &vport_ops_dummy_pmd,
};

/* What the command line said, before the first vport was opened. */
static struct {
    bool dummies;         /* the dummy kinds exist */
    bool override_all;    /* every kind is a dummy */
    bool override_system; /* `system` is a dummy */
    bool no_system;       /* nothing of the host's is touched */
} choice;

static struct list all = LIST_INITIALIZER(&all); /* struct vport, control thread */

void vport_enable_dummy(bool override_all, bool override_system)
{
    choice.dummies = true;
    choice.override_all = override_all;
    choice.override_system = override_system || override_all;
}

void vport_disable_system(void)
{
    choice.no_system = true;
}

const struct vport_ops *vport_ops_lookup(const char *type)
{
    if (!*type) {
        type = "system";
    }
    if (choice.override_system && !strcmp(type, "system")) {
        return &vport_ops_dummy;
    }
    if (choice.override_all && !strcmp(type, "internal")) {
        return &vport_ops_dummy_internal;
    }
    if (choice.override_all && !strcmp(type, "tap")) {
        return &vport_ops_dummy;
    }
    for (size_t i = 0; vport_ops_tunnels[i]; i++) {
        if (!strcmp(vport_ops_tunnels[i]->type, type)) {
            return choice.override_all ? &vport_ops_dummy : vport_ops_tunnels[i];
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (!strcmp(kinds[i]->type, type)) {
            return kinds[i]->is_dummy && !choice.dummies ? NULL : kinds[i];
        }
    }
    return NULL;
}

void vport_list_types(void (*each)(const struct vport_ops *, void *aux), void *aux)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (choice.dummies || !kinds[i]->is_dummy) {
            each(kinds[i], aux);
        }
    }
    for (size_t i = 0; vport_ops_tunnels[i]; i++) {
        each(vport_ops_tunnels[i], aux);
    }
}

void vport_init(struct vport *vport, const struct vport_ops *ops, const char *name)
{
    vport->ops = ops;
    vport->name = xstrdup(name);
    vport->port_no = PACKET_NO_PORT;
    policer_init(&vport->policer);
    list_push_back(&all, &vport->node);
}

void vport_fini(struct vport *vport)
{
    list_remove(&vport->node);
    for (int i = 0; i < vport->n_rxq; i++) {
        free(vport->rxqs[i]);
    }
    free(vport->rxqs);
    policer_fini(&vport->policer);
    free(vport->name);
}

void vport_make_rxqs(struct vport *vport, uint16_t n, size_t size)
{
    vport->rxqs = xcalloc(n, sizeof *vport->rxqs);
    vport->n_rxq = n;
    for (uint16_t i = 0; i < n; i++) {
        struct vport_rxq *rxq = xzalloc_cacheline(size);
        rxq->vport = vport;
        rxq->queue = i;
        rxq->fd = -1;
        vport->rxqs[i] = rxq;
    }
}

void vport_set_status(struct vport *vport, const struct vport_status *new_status)
{
    struct vport_status *old = &vport->status;
    if (old->gone == new_status->gone && old->elsewhere == new_status->elsewhere &&
        old->admin_up == new_status->admin_up && old->link_up == new_status->link_up &&
        !memcmp(&old->mac, &new_status->mac, sizeof old->mac) && old->mtu == new_status->mtu &&
        old->ifindex == new_status->ifindex && old->link_resets == new_status->link_resets &&
        !memcmp(&old->link, &new_status->link, sizeof old->link) && old->speed_bps == new_status->speed_bps &&
        old->full_duplex == new_status->full_duplex && !strcmp(old->driver, new_status->driver)) {
        return;
    }
    *old = *new_status;
    atomic_store_explicit(&vport->mtu, (uint32_t)MAX(new_status->mtu, 0), memory_order_relaxed);
    atomic_store_explicit(&vport->up, (new_status->admin_up || vport->ops->counts_down) && !new_status->gone,
                          memory_order_relaxed);
    atomic_fetch_add_explicit(&vport->status_seq, 1, memory_order_release);
    shortcut_update_port(vport);
}

int vport_set_policing(struct vport *vport, const struct policer_config *config)
{
    if (vport->ops->is_dummy) {
        return config->rate_kbps || config->rate_kpkts ? EOPNOTSUPP : 0;
    }
    if (policer_set(&vport->policer, config)) {
        shortcut_listen(vport,
                        !policer_is_active(&vport->policer)); /* all of its packets are to come to us */
    }
    return 0;
}

uint32_t vport_status_seq(const struct vport *vport)
{
    return atomic_load_explicit(&vport->status_seq, memory_order_acquire);
}

struct list *vport_all(void)
{
    return &all;
}

struct vport *vport_find(const char *name)
{
    struct vport *vport;
    LIST_FOR_EACH (vport, node, &all) {
        if (!strcmp(vport->name, name)) {
            return vport;
        }
    }
    return NULL;
}

int vport_open(const char *type, const char *name, const struct smap *options, struct vport **vportp,
               char **errorp)
{
    *vportp = NULL;
    *errorp = NULL;
    const struct vport_ops *ops = vport_ops_lookup(type);
    if (!ops) {
        *errorp = xasprintf("%s: there is no device of type \"%s\"", name, type);
        return EAFNOSUPPORT;
    }
    if (!*name || strlen(name) >= VPORT_NAME_MAX) {
        *errorp = xasprintf("\"%s\": a port's name has 1 to %d characters", name, VPORT_NAME_MAX - 1);
        return EINVAL;
    }
    if (choice.no_system && ops->needs_host) {
        *errorp =
            xasprintf("%s: devices of type \"%s\" are switched off (--disable-system)", name, ops->type);
        return EOPNOTSUPP;
    }
    const struct vport *other = vport_find(name);
    if (other && other->ops == &vport_ops_internal && ops == &vport_ops_system) {
        *errorp = xasprintf("%s: is an internal device of this switch", name);
        return EINVAL;
    }
    if (other) {
        *errorp = xasprintf("%s: is a port already", name);
        return EBUSY;
    }
    return ops->open(name, options, vportp, errorp);
}

void vport_close(struct vport *vport)
{
    if (vport) {
        vport_qos_fini(vport);
        vport_stop(vport);
        vport->ops->close(vport);
    }
}

int vport_start(struct vport *vport, char **errorp)
{
    *errorp = NULL;
    if (vport->started) {
        return 0;
    }
    int error = vport->ops->start ? vport->ops->start(vport, errorp) : 0;
    vport->started = !error;
    return error;
}

void vport_stop(struct vport *vport)
{
    if (vport->started) {
        vport->started = false;
        if (vport->ops->stop) {
            vport->ops->stop(vport);
        }
    }
}
