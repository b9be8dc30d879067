/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 3, internal to port/. The kinds of vport, and what they share: making and ending the common part.
 * Thread-safety: control thread alone. */
#ifndef PORT_KINDS_H
#define PORT_KINDS_H 1

#include "base/smap.h"
#include "port/vport.h"

extern const struct vport_ops vport_ops_system;
extern const struct vport_ops vport_ops_afxdp;
extern const struct vport_ops vport_ops_internal;
extern const struct vport_ops vport_ops_tap;
extern const struct vport_ops vport_ops_null;
extern const struct vport_ops vport_ops_replay;
extern const struct vport_ops vport_ops_dummy;
extern const struct vport_ops vport_ops_dummy_internal;
extern const struct vport_ops vport_ops_dummy_pmd;
extern const struct vport_ops *const vport_ops_tunnels[]; /* NULL-terminated */

/* Transmit queues of a kind whose `send` may be called by any number of threads at once. */
#define VPORT_ANY_TXQ UINT16_MAX

/* The common part of a new vport, with an empty status and no receive queue; it is listed from now on. */
void vport_init(struct vport *, const struct vport_ops *, const char *name);
void vport_fini(struct vport *);
/* Gives it N receive queues of SIZE bytes each, `struct vport_rxq` first, zeroed, without descriptors. */
void vport_make_rxqs(struct vport *, uint16_t n, size_t size);
/* Takes over NEW, if it differs: mends `mtu` and `up` for the forwarding threads, and counts the change. */
void vport_set_status(struct vport *, const struct vport_status *new_status);

/* By its alias, every switch knows a device that is another switch's internal port. */
#define VPORT_INTERNAL_ALIAS "internal port of a switch"

/* Does the kernel take and give UDP segmentation (gso_type 5)? */
bool vport_kernel_has_uso(void);

/* All open vports. */
struct list *vport_all(void);

/* An option's value, NULL if there is none; OPTIONS may be NULL. */
static inline const char *vport_option(const struct smap *options, const char *key)
{
    return options ? smap_get(options, key) : NULL;
}

#endif
