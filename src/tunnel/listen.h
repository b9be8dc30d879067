/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. Which packets for this host are a tunnel's: those to an address of a device that a route names, of
 * the protocol and to the port of a datapath vport. tnl/ports/show.
 *
 * Thread-safety: changes by the control thread; lookups by any thread. */
#ifndef TUNNEL_LISTEN_H
#define TUNNEL_LISTEN_H 1

#include "flow/key.h"
#include "tunnel/device.h"
#include "tunnel/kind.h"

struct tunnel_listeners;
struct strbuf;

struct tunnel_listeners *tunnel_listeners_create(void);
void tunnel_listeners_destroy(struct tunnel_listeners *);

/* One tunnel more (less) uses the vport NAME, which OWNER calls DP_PORT. */
void tunnel_listen(struct tunnel_listeners *, const void *owner, uint32_t dp_port, const char *name,
                   enum tunnel_kind, uint16_t dst_port);
void tunnel_unlisten(struct tunnel_listeners *, const void *owner, uint32_t dp_port);
bool tunnel_listeners_any(const struct tunnel_listeners *, const void *owner);

/* These are the devices now; it takes them over. True: something is different. */
bool tunnel_listeners_set_devices(struct tunnel_listeners *, struct tunnel_device *, size_t n);

/* The vport of a packet with KEY, UINT32_MAX: none. WC gets the bits that decided. */
uint32_t tunnel_listeners_find(struct tunnel_listeners *, const void *owner, const struct flow_key *,
                               struct flow_key *wc);
bool tunnel_listeners_has_device(struct tunnel_listeners *, const char *name);
bool tunnel_listeners_mac(struct tunnel_listeners *, const char *name,
                          struct eth_addr *mac); /* false: no such */
/* Is it an address of a device NAME? */
bool tunnel_listeners_has_address(struct tunnel_listeners *, const char *name, const struct ipv6_addr *);

void tunnel_listeners_show(struct tunnel_listeners *, bool verbose, struct strbuf *);

#endif
