/* SPDX-License-Identifier: Apache-2.0 */
/* Devices come, go and change: rtnetlink tells, and this passes it on to the vports that are open. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "base/log.h"
#include "io/netlink.h"
#include "port/device.h"
#include "port/kinds.h"

LOG_MODULE(netdev_linux);

static struct nl_sock *sock; /* control thread; NULL: not opened yet */

struct change {
    void (*on_change)(struct vport *, const char *name, void *aux);
    void *aux;
};

int vport_monitor_fd(void)
{
    if (!sock) {
        int error = nl_sock_open(NETLINK_ROUTE, &sock);
        if (!error) {
            error = nl_join(sock, RTNLGRP_LINK);
        }
        if (error) {
            LOG_ERR("cannot watch the host's devices: %s", strerror(error));
            nl_sock_close(sock);
            sock = NULL;
            return -1;
        }
    }
    return nl_sock_fd(sock);
}

static struct vport *find_by_index(int ifindex)
{
    struct vport *vport;
    LIST_FOR_EACH (vport, node, vport_all()) {
        if (vport->ops->needs_host && vport->status.ifindex == ifindex && !vport->status.elsewhere) {
            return vport;
        }
    }
    return NULL;
}

static int each_message(const struct nlmsghdr *msg, void *change_)
{
    const struct change *change = change_;
    struct device_info info;
    if (!device_parse(msg, &info)) {
        return 0;
    }
    struct vport *vport = find_by_index(info.ifindex);
    bool gone = msg->nlmsg_type == RTM_DELLINK;
    if (!vport && !gone) {
        vport = vport_find(info.name);
        if (vport && vport->status.elsewhere) {
            vport->ops->refresh(vport); /* it may have come back */
            change->on_change(vport, vport->name, change->aux);
            return 0;
        }
        vport = NULL;
    }
    if (vport) {
        uint32_t seq = vport_status_seq(vport);
        if (gone && vport->ops->is_attached && vport->ops->is_attached(vport)) {
            vport->ops->refresh(vport);
        } else if (gone) {
            device_status_gone(vport);
        } else {
            device_update_status(vport, &info, false);
        }
        if (seq != vport_status_seq(vport)) {
            change->on_change(vport, vport->name, change->aux); /* may close it */
        }
    }
    /* Nobody's device, or one of ours that has a new name, which another port may have been waiting for. */
    if (!gone && (!vport || !vport_find(info.name))) {
        change->on_change(NULL, info.name, change->aux);
    }
    return 0;
}

void vport_monitor_run(void (*on_change)(struct vport *, const char *name, void *aux), void *aux)
{
    struct change change = {on_change, aux};
    if (!sock || nl_receive(sock, each_message, &change) != ENOBUFS) {
        return;
    }
    /* Notifications were lost: look at every device, and let the owner try again what it could not open. */
    struct vport *vport, *next;
    LIST_FOR_EACH_SAFE (vport, next, node, vport_all()) {
        if (!vport->ops->needs_host || !vport->ops->refresh) {
            continue;
        }
        uint32_t seq = vport_status_seq(vport);
        vport->ops->refresh(vport);
        if (seq != vport_status_seq(vport)) {
            on_change(vport, vport->name, aux);
        }
    }
    on_change(NULL, NULL, aux);
}
