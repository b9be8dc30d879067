/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. A tunnel port's configuration: an Interface's options (ovs-vswitchd.conf.db(5), "Tunnel Options"),
 * read once, and shown again as dpif/show prints them.
 *
 * Thread-safety: plain data; tunnel_config_parse() is for the control thread, since it logs. */
#ifndef TUNNEL_CONFIG_H
#define TUNNEL_CONFIG_H 1

#include "base/types.h"
#include "tunnel/address.h"
#include "tunnel/kind.h"

struct smap;

#define TUNNEL_DEFAULT_TTL 64

struct tunnel_config {
    enum tunnel_kind kind;
    enum tunnel_packets packets;
    struct ipv6_addr src, dst; /* local_ip, remote_ip; zero: any, or the flow's */
    bool src_flow, dst_flow;   /* said to be the flow's */
    be64 in_key, out_key;
    bool in_key_present, in_key_flow, out_key_present, out_key_flow;
    uint16_t dst_port; /* host order; 0: none */
    uint8_t tos, ttl;  /* ttl 0: TUNNEL_DEFAULT_TTL */
    bool tos_inherit, ttl_inherit;
    bool csum, dont_fragment, seq;
    bool gbp, gpe; /* vxlan */
    bool set_egress_mark;
    uint32_t egress_mark;
    uint8_t erspan_ver, erspan_dir, erspan_hwid;
    uint32_t erspan_idx;
    bool erspan_ver_flow, erspan_idx_flow, erspan_dir_flow, erspan_hwid_flow;
    be16 payload_ethertype; /* bareudp */
};

/* Reads OPTIONS of the Interface NAME. EINVAL: they make no tunnel, and *ERRORP says why, as the Interface's
 * `error` column shows it. What is wrong but harmless is logged. */
int tunnel_config_parse(enum tunnel_kind, const char *name, const struct smap *options,
                        struct tunnel_config *, char **errorp);

/* The options as dpif/show prints them, added to OUT. */
void tunnel_config_show(const struct tunnel_config *, struct smap *out);
/* The same of the datapath vport that all tunnels of a kind and port share. */
void tunnel_vport_show(enum tunnel_kind, uint16_t dst_port, struct smap *out);

/* What a datapath needs to know of the vport: it travels in the port's options, since a datapath is told of
 * ports by name, type and options. */
struct tunnel_vport {
    enum tunnel_kind kind;
    uint16_t dst_port;
    bool gbp, gpe;          /* vxlan */
    be16 payload_ethertype; /* bareudp */
};
void tunnel_vport_options(const struct tunnel_config *, struct smap *out);
/* The other way. False: TYPE is no tunnel's. */
bool tunnel_vport_parse(const char *type, const struct smap *options, struct tunnel_vport *);

#endif
