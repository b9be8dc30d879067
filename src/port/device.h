/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 3, internal to port/. A network device of the host: what rtnetlink and ethtool say of it, and how to
 * change it. Devices are meant in the network namespace of the process. Thread-safety: control thread alone
 * (one request socket for all). Errors: a positive errno; ENODEV: no such device. */
#ifndef PORT_DEVICE_H
#define PORT_DEVICE_H 1

#include <linux/netlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/types.h"
#include "port/vport.h"

struct nl_sock;

/* As one RTM_NEWLINK message tells it. */
struct device_info {
    char name[IFNAMSIZ];
    int ifindex;
    uint16_t arphrd; /* ARPHRD_* */
    unsigned flags;  /* IFF_* */
    bool carrier;
    bool has_mac;
    struct eth_addr mac;
    int mtu;
    int master;           /* ifindex of the bridge, bond or the like that it belongs to; 0: none */
    uint32_t xdp_prog_id; /* of the XDP program on it; 0: none */
    char kind[16];        /* "veth", "tun", "vxlan"; "" for hardware */
    char alias[64];       /* cut off if longer */
    bool has_stats;
    struct vport_stats stats; /* as the host counts: received is what the device's driver took in */
};

/* False: not a message about a device. */
bool device_parse(const struct nlmsghdr *, struct device_info *);
int device_get(const char *name, struct device_info *);
int device_get_by_index(int ifindex, struct device_info *); /* with statistics */
const char *device_name(int ifindex, char name[IFNAMSIZ]);  /* "?" if there is none */

int device_set_up(int ifindex, bool up);
int device_set_mtu(int ifindex, int mtu);
int device_set_mac(int ifindex, struct eth_addr);
int device_set_alias(int ifindex, const char *);

/* ethtool */
struct device_driver {
    char name[32], version[32], firmware[32];
};
int device_get_driver(const char *name, struct device_driver *);
void device_get_link(const char *name,
                     struct vport_status *); /* its speed, duplex and link; 0 if not known */
/* Large-receive offload merges frames in a way that cannot be undone. *WAS: whether it was on. */
int device_set_lro(const char *name, bool on, bool *was);

unsigned device_get_rx_queues(const char *name); /* in use; at least 1 */

/* From here on all of these functions speak of the network namespace that NETNS_FD stands for, until
 * device_leave_netns(). Nothing else may happen in between. */
int device_enter_netns(int netns_fd);
void device_leave_netns(void);
bool device_is_own_netns(int netns_fd);

/* The socket for requests of other files of port/ (the gate). NULL: it cannot be had. */
struct nl_sock *device_sock(void);

/* For the hooks of kinds whose vport is a device of the host; IFINDEX as it was when the vport was opened. */
int device_refresh(struct vport *, int ifindex);
int device_change_mac(struct vport *, struct eth_addr); /* these three: and the new status is known at once */
int device_change_mtu(struct vport *, int mtu);
int device_change_up(struct vport *, bool up);
/* The same from a message at hand; ELSEWHERE: it is in another namespace, where it may have another name. */
void device_update_status(struct vport *, const struct device_info *, bool elsewhere);
void device_status_gone(struct vport *);
void device_get_driver_info(const struct vport *, struct smap *);

#endif
