/* SPDX-License-Identifier: Apache-2.0 */
#include "port/device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if_arp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/smap.h"
#include "io/netlink.h"
#include "port/kinds.h"

LOG_MODULE(netdev_linux);

/* Control thread. `elsewhere` is open between device_enter_netns() and device_leave_netns(). */
static struct nl_sock *own_sock, *elsewhere;
static int own_netns_fd = -1;

struct nl_sock *device_sock(void)
{
    if (elsewhere) {
        return elsewhere;
    }
    if (!own_sock) {
        nl_sock_open(NETLINK_ROUTE, &own_sock);
    }
    return own_sock;
}

static int own_netns(void)
{
    if (own_netns_fd < 0) {
        own_netns_fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    }
    return own_netns_fd;
}

bool device_is_own_netns(int netns_fd)
{
    struct stat ours, theirs;
    return own_netns() >= 0 && !fstat(own_netns_fd, &ours) && !fstat(netns_fd, &theirs) &&
           ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

int device_enter_netns(int netns_fd)
{
    if (own_netns() < 0 || setns(netns_fd, CLONE_NEWNET) < 0) {
        return errno;
    }
    int error = nl_sock_open(NETLINK_ROUTE, &elsewhere);
    if (error) {
        device_leave_netns();
    }
    return error;
}

void device_leave_netns(void)
{
    nl_sock_close(elsewhere);
    elsewhere = NULL;
    if (setns(own_netns_fd, CLONE_NEWNET) < 0) {
        LOG_EMER("cannot return to the daemon's own network namespace: %s", strerror(errno));
        abort(); /* every later request would go to the wrong devices */
    }
}

static void parse_stats(const struct nlattr *attr, struct vport_stats *s)
{
    struct rtnl_link_stats64 k;
    memset(&k, 0, sizeof k);
    memcpy(&k, mnl_attr_get_payload(attr), MIN(mnl_attr_get_payload_len(attr), sizeof k));
    *s = (struct vport_stats){
        .rx_packets = k.rx_packets,
        .tx_packets = k.tx_packets,
        .rx_bytes = k.rx_bytes,
        .tx_bytes = k.tx_bytes,
        .rx_errors = k.rx_errors,
        .tx_errors = k.tx_errors,
        .rx_dropped = k.rx_dropped,
        .tx_dropped = k.tx_dropped,
        .collisions = k.collisions,
        .rx_multicast_packets = k.multicast,
        .rx_over_err = k.rx_over_errors,
        .rx_crc_err = k.rx_crc_errors,
        .rx_frame_err = k.rx_frame_errors,
        .rx_missed_errors = k.rx_missed_errors,
    };
}

static void copy_text(char *to, size_t size, const struct nlattr *attr)
{
    size_t n = MIN((size_t)mnl_attr_get_payload_len(attr), size - 1);
    memcpy(to, mnl_attr_get_payload(attr), n);
    to[n] = '\0';
}

static void parse_attr(const struct nlattr *attr, struct device_info *info)
{
    uint16_t len = mnl_attr_get_payload_len(attr);
    switch (mnl_attr_get_type(attr)) {
    case IFLA_IFNAME:
        copy_text(info->name, sizeof info->name, attr);
        break;
    case IFLA_ADDRESS:
        if (len == sizeof info->mac) {
            memcpy(&info->mac, mnl_attr_get_payload(attr), sizeof info->mac);
            info->has_mac = true;
        }
        break;
    case IFLA_MTU:
        info->mtu = len >= 4 ? (int)mnl_attr_get_u32(attr) : 0;
        break;
    case IFLA_MASTER:
        info->master = len >= 4 ? (int)mnl_attr_get_u32(attr) : 0;
        break;
    case IFLA_CARRIER:
        info->carrier = len >= 1 && mnl_attr_get_u8(attr);
        break;
    case IFLA_IFALIAS:
        copy_text(info->alias, sizeof info->alias, attr);
        break;
    case IFLA_STATS64:
        parse_stats(attr, &info->stats);
        info->has_stats = true;
        break;
    case IFLA_XDP: {
        const struct nlattr *xdp;
        mnl_attr_for_each_nested(xdp, attr)
        {
            if (mnl_attr_get_type(xdp) == IFLA_XDP_PROG_ID && mnl_attr_get_payload_len(xdp) >= 4) {
                info->xdp_prog_id = mnl_attr_get_u32(xdp);
            }
        }
        break;
    }
    case IFLA_LINKINFO: {
        const struct nlattr *inner;
        mnl_attr_for_each_nested(inner, attr)
        {
            if (mnl_attr_get_type(inner) == IFLA_INFO_KIND) {
                copy_text(info->kind, sizeof info->kind, inner);
            }
        }
        break;
    }
    default:
        break;
    }
}

bool device_parse(const struct nlmsghdr *msg, struct device_info *info)
{
    memset(info, 0, sizeof *info);
    if ((msg->nlmsg_type != RTM_NEWLINK && msg->nlmsg_type != RTM_DELLINK) ||
        mnl_nlmsg_get_payload_len(msg) < sizeof(struct ifinfomsg)) {
        return false;
    }
    const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(msg);
    if (ifi->ifi_family != AF_UNSPEC) {
        return false; /* a bridge's view of its port */
    }
    info->ifindex = ifi->ifi_index;
    info->arphrd = ifi->ifi_type;
    info->flags = ifi->ifi_flags;
    info->carrier = ifi->ifi_flags & IFF_RUNNING;
    const struct nlattr *attr;
    mnl_attr_for_each(attr, msg, sizeof *ifi)
    {
        parse_attr(attr, info);
    }
    return true;
}

static int keep_info(const struct nlmsghdr *msg, void *info)
{
    return device_parse(msg, info) ? 0 : EBADMSG;
}

static int get_link(const char *name, int ifindex, bool stats, struct device_info *info)
{
    uint8_t buf[NL_REQUEST_SIZE];
    struct ifinfomsg *ifi;
    struct nl_sock *sock = device_sock();
    if (!sock) {
        return EMFILE;
    }
    struct nlmsghdr *msg = nl_begin(buf, RTM_GETLINK, 0, sizeof *ifi, &ifi);
    ifi->ifi_index = ifindex;
    if (name) {
        mnl_attr_put_strz(msg, IFLA_IFNAME, name);
    }
    if (!stats) {
        mnl_attr_put_u32(msg, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    }
    memset(info, 0, sizeof *info);
    int error = nl_transact(sock, msg, keep_info, info);
    return error ? error : info->ifindex ? 0 : ENODEV;
}

int device_get(const char *name, struct device_info *info)
{
    return strlen(name) >= IFNAMSIZ ? ENODEV : get_link(name, 0, false, info);
}

int device_get_by_index(int ifindex, struct device_info *info)
{
    return get_link(NULL, ifindex, true, info);
}

const char *device_name(int ifindex, char name[IFNAMSIZ])
{
    struct device_info info;
    snprintf(name, IFNAMSIZ, "%s", get_link(NULL, ifindex, false, &info) ? "?" : info.name);
    return name;
}

static struct nlmsghdr *begin_set(uint8_t *buf, int ifindex, struct ifinfomsg **ifi)
{
    struct nlmsghdr *msg = nl_begin(buf, RTM_NEWLINK, 0, sizeof **ifi, ifi);
    (*ifi)->ifi_index = ifindex;
    return msg;
}

static int finish_set(struct nlmsghdr *msg)
{
    struct nl_sock *sock = device_sock();
    return sock ? nl_transact(sock, msg, NULL, NULL) : EMFILE;
}

int device_set_up(int ifindex, bool up)
{
    uint8_t buf[NL_REQUEST_SIZE];
    struct ifinfomsg *ifi;
    struct nlmsghdr *msg = begin_set(buf, ifindex, &ifi);
    ifi->ifi_flags = up ? IFF_UP : 0;
    ifi->ifi_change = IFF_UP;
    return finish_set(msg);
}

int device_set_mtu(int ifindex, int mtu)
{
    uint8_t buf[NL_REQUEST_SIZE];
    struct ifinfomsg *ifi;
    struct nlmsghdr *msg = begin_set(buf, ifindex, &ifi);
    mnl_attr_put_u32(msg, IFLA_MTU, (uint32_t)mtu);
    return finish_set(msg);
}

int device_set_mac(int ifindex, struct eth_addr mac)
{
    uint8_t buf[NL_REQUEST_SIZE];
    struct ifinfomsg *ifi;
    struct nlmsghdr *msg = begin_set(buf, ifindex, &ifi);
    mnl_attr_put(msg, IFLA_ADDRESS, sizeof mac, &mac);
    return finish_set(msg);
}

int device_set_alias(int ifindex, const char *alias)
{
    uint8_t buf[NL_REQUEST_SIZE];
    struct ifinfomsg *ifi;
    struct nlmsghdr *msg = begin_set(buf, ifindex, &ifi);
    mnl_attr_put(msg, IFLA_IFALIAS, strlen(alias), alias);
    return finish_set(msg);
}

static int ethtool(const char *name, void *request)
{
    struct ifreq ifr;
    memset(&ifr, 0, sizeof ifr);
    if (strlen(name) >= sizeof ifr.ifr_name) {
        return ENODEV;
    }
    strcpy(ifr.ifr_name, name);
    ifr.ifr_data = request;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return errno;
    }
    int error = ioctl(fd, SIOCETHTOOL, &ifr) < 0 ? errno : 0;
    close(fd);
    return error;
}

int device_get_driver(const char *name, struct device_driver *driver)
{
    struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
    memset(driver, 0, sizeof *driver);
    int error = ethtool(name, &info);
    if (!error) {
        snprintf(driver->name, sizeof driver->name, "%.31s", info.driver);
        snprintf(driver->version, sizeof driver->version, "%.31s", info.version);
        snprintf(driver->firmware, sizeof driver->firmware, "%.31s", info.fw_version);
    }
    return error;
}

/* The kernel's link modes, as OpenFlow's features. */
static const struct {
    uint8_t mode;
    uint32_t feature;
} link_modes[] = {
    {ETHTOOL_LINK_MODE_10baseT_Half_BIT, VPORT_LINK_10M_HALF},
    {ETHTOOL_LINK_MODE_10baseT_Full_BIT, VPORT_LINK_10M_FULL},
    {ETHTOOL_LINK_MODE_100baseT_Half_BIT, VPORT_LINK_100M_HALF},
    {ETHTOOL_LINK_MODE_100baseT_Full_BIT, VPORT_LINK_100M_FULL},
    {ETHTOOL_LINK_MODE_1000baseT_Half_BIT, VPORT_LINK_1G_HALF},
    {ETHTOOL_LINK_MODE_1000baseT_Full_BIT, VPORT_LINK_1G_FULL},
    {ETHTOOL_LINK_MODE_1000baseKX_Full_BIT, VPORT_LINK_1G_FULL},
    {ETHTOOL_LINK_MODE_10000baseT_Full_BIT, VPORT_LINK_10G_FULL},
    {ETHTOOL_LINK_MODE_10000baseKX4_Full_BIT, VPORT_LINK_10G_FULL},
    {ETHTOOL_LINK_MODE_10000baseKR_Full_BIT, VPORT_LINK_10G_FULL},
    {ETHTOOL_LINK_MODE_40000baseKR4_Full_BIT, VPORT_LINK_40G_FULL},
    {ETHTOOL_LINK_MODE_40000baseCR4_Full_BIT, VPORT_LINK_40G_FULL},
    {ETHTOOL_LINK_MODE_40000baseSR4_Full_BIT, VPORT_LINK_40G_FULL},
    {ETHTOOL_LINK_MODE_40000baseLR4_Full_BIT, VPORT_LINK_40G_FULL},
    {ETHTOOL_LINK_MODE_100000baseKR4_Full_BIT, VPORT_LINK_100G_FULL},
    {ETHTOOL_LINK_MODE_100000baseSR4_Full_BIT, VPORT_LINK_100G_FULL},
    {ETHTOOL_LINK_MODE_100000baseCR4_Full_BIT, VPORT_LINK_100G_FULL},
    {ETHTOOL_LINK_MODE_100000baseLR4_ER4_Full_BIT, VPORT_LINK_100G_FULL},
    {ETHTOOL_LINK_MODE_TP_BIT, VPORT_LINK_COPPER},
    {ETHTOOL_LINK_MODE_FIBRE_BIT, VPORT_LINK_FIBER},
    {ETHTOOL_LINK_MODE_Autoneg_BIT, VPORT_LINK_AUTONEG},
    {ETHTOOL_LINK_MODE_Pause_BIT, VPORT_LINK_PAUSE},
    {ETHTOOL_LINK_MODE_Asym_Pause_BIT, VPORT_LINK_PAUSE_ASYM},
};

static uint32_t link_features(const uint32_t *map, size_t n_words)
{
    uint32_t features = 0;
    for (size_t i = 0; i < ARRAY_SIZE(link_modes); i++) {
        size_t word = link_modes[i].mode / 32;
        if (word < n_words && map[word] & 1u << link_modes[i].mode % 32) {
            features |= link_modes[i].feature;
        }
    }
    return features;
}

static uint32_t current_features(const struct ethtool_link_settings *s)
{
    static const struct {
        uint32_t mbps, half, full;
    } speeds[] = {
        {10, VPORT_LINK_10M_HALF, VPORT_LINK_10M_FULL},  {100, VPORT_LINK_100M_HALF, VPORT_LINK_100M_FULL},
        {1000, VPORT_LINK_1G_HALF, VPORT_LINK_1G_FULL},  {10000, VPORT_LINK_OTHER, VPORT_LINK_10G_FULL},
        {40000, VPORT_LINK_OTHER, VPORT_LINK_40G_FULL},  {100000, VPORT_LINK_OTHER, VPORT_LINK_100G_FULL},
        {1000000, VPORT_LINK_OTHER, VPORT_LINK_1T_FULL},
    };
    uint32_t features = s->speed && s->speed != (uint32_t)SPEED_UNKNOWN ? VPORT_LINK_OTHER : 0;
    for (size_t i = 0; i < ARRAY_SIZE(speeds); i++) {
        if (s->speed == speeds[i].mbps) {
            features = s->duplex == DUPLEX_FULL ? speeds[i].full : speeds[i].half;
        }
    }
    return features | (s->port == PORT_TP ? VPORT_LINK_COPPER : 0) |
           (s->port == PORT_FIBRE ? VPORT_LINK_FIBER : 0) | (s->autoneg ? VPORT_LINK_AUTONEG : 0);
}

void device_get_link(const char *name, struct vport_status *status)
{
    enum {
        HEAD_WORDS = sizeof(struct ethtool_link_settings) / sizeof(uint32_t)
    };
    union {
        struct ethtool_link_settings s;
        uint32_t
            words[HEAD_WORDS + 3 * 127]; /* SCHAR_MAX words each is the most that the kernel may ask for */
    } r;
    const uint32_t *maps = r.words + HEAD_WORDS;
    status->speed_bps = 0;
    status->full_duplex = false;
    memset(&status->link, 0, sizeof status->link);
    memset(&r, 0, sizeof r);
    r.s.cmd = ETHTOOL_GLINKSETTINGS;
    /* The kernel answers the first request with the size of its bit maps, negated. */
    if (ethtool(name, &r) || r.s.link_mode_masks_nwords >= 0) {
        return;
    }
    r.s.cmd = ETHTOOL_GLINKSETTINGS;
    r.s.link_mode_masks_nwords = (int8_t)-r.s.link_mode_masks_nwords;
    if (ethtool(name, &r)) {
        return;
    }
    if (r.s.speed != (uint32_t)SPEED_UNKNOWN) {
        status->speed_bps = (uint64_t)r.s.speed * 1000000;
    }
    status->full_duplex = r.s.duplex == DUPLEX_FULL;
    size_t n_words = (size_t)MAX(r.s.link_mode_masks_nwords, 0);
    status->link = (struct vport_link){.supported = link_features(maps, n_words),
                                       .advertised = link_features(maps + n_words, n_words),
                                       .peer = link_features(maps + 2 * n_words, n_words),
                                       .current = current_features(&r.s)};
}

unsigned device_get_rx_queues(const char *name)
{
    struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
    return ethtool(name, &channels) ? 1 : MAX(channels.rx_count + channels.combined_count, 1u);
}

int device_set_lro(const char *name, bool on, bool *was)
{
    struct ethtool_value value = {.cmd = ETHTOOL_GFLAGS};
    *was = false;
    int error = ethtool(name, &value);
    if (error) {
        return error == EOPNOTSUPP ? 0 : error;
    }
    *was = value.data & ETH_FLAG_LRO;
    if (*was == on) {
        return 0;
    }
    value.cmd = ETHTOOL_SFLAGS;
    value.data ^= ETH_FLAG_LRO;
    return ethtool(name, &value);
}

void device_update_status(struct vport *vport, const struct device_info *info, bool is_elsewhere)
{
    struct vport_status s = vport->status;
    s.elsewhere = is_elsewhere;
    s.gone = !is_elsewhere && strcmp(info->name, vport->name) != 0; /* renamed: another device to a person */
    s.admin_up = info->flags & IFF_UP;
    s.link_up = s.admin_up && info->carrier;
    s.mac = info->mac;
    s.mtu = info->mtu;
    s.ifindex = info->ifindex;
    if (s.link_up != vport->status.link_up && vport->status.ifindex) {
        s.link_resets++;
    }
    if (s.link_up != vport->status.link_up || !vport->status.ifindex) {
        device_get_link(vport->name, &s);
    }
    if (!s.driver[0]) {
        struct device_driver driver;
        device_get_driver(vport->name, &driver);
        memcpy(s.driver, driver.name, sizeof s.driver);
    }
    vport_set_status(vport, &s);
}

void device_status_gone(struct vport *vport)
{
    struct vport_status s = vport->status;
    s.gone = true;
    s.admin_up = s.link_up = false;
    vport_set_status(vport, &s);
}

int device_refresh(struct vport *vport, int ifindex)
{
    struct device_info info;
    int error = get_link(NULL, ifindex, false, &info);
    if (error == ENODEV) {
        device_status_gone(vport);
    } else if (!error) {
        device_update_status(vport, &info, false);
    }
    return error;
}

static int refresh_after(struct vport *vport, int error)
{
    if (!error) {
        device_refresh(vport, vport->status.ifindex);
    }
    return error;
}

int device_change_mac(struct vport *vport, struct eth_addr mac)
{
    return refresh_after(vport, device_set_mac(vport->status.ifindex, mac));
}
int device_change_mtu(struct vport *vport, int mtu)
{
    return refresh_after(vport, device_set_mtu(vport->status.ifindex, mtu));
}
int device_change_up(struct vport *vport, bool up)
{
    return refresh_after(vport, device_set_up(vport->status.ifindex, up));
}

void device_get_driver_info(const struct vport *vport, struct smap *status)
{
    struct device_driver driver;
    if (!device_get_driver(vport->name, &driver)) {
        smap_set(status, "driver_name", driver.name);
        smap_set(status, "driver_version", driver.version);
        smap_set(status, "firmware_version", driver.firmware);
    }
}
