/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. Who has which IP address next to the switch: the neighbours of a bridge, to whom encapsulated
 * packets are addressed. They are learned from ARP and neighbour-discovery replies that cross a bridge, or
 * set by hand, and age when nobody asks for them.
 *
 * Asking for one that is not known leaves a note for a while: a reply to it is worth telling of, and whoever
 * asked asks again when the note ends. So replies that nobody waited for, of which a hostile host can make
 * any number, change nothing; and the table is bounded.
 *
 * Thread-safety: any thread. CHANGED is called, with no lock held, on the thread that learned. */
#ifndef TUNNEL_NEIGH_H
#define TUNNEL_NEIGH_H 1

#include "tunnel/address.h"

struct tunnel_neighbours;
struct strbuf;

#define TUNNEL_NEIGH_AGING_S 900
#define TUNNEL_NEIGH_MAX     16384

/* What translation asked for has another answer now. */
typedef void tunnel_neigh_changed_fn(void *aux);

struct tunnel_neighbours *tunnel_neighbours_create(tunnel_neigh_changed_fn *, void *aux);
void tunnel_neighbours_destroy(struct tunnel_neighbours *);

/* True: *MAC. False: not known; *ASK says whether a request should be sent now (the last one was some time
 * ago). */
bool tunnel_neigh_lookup(struct tunnel_neighbours *, const char *bridge, const struct ipv6_addr *,
                         struct eth_addr *mac, bool *ask);
void tunnel_neigh_learn(struct tunnel_neighbours *, const char *bridge, const struct ipv6_addr *,
                        struct eth_addr);
void tunnel_neigh_flush(struct tunnel_neighbours *, const char *bridge); /* NULL: all */
/* Ages; once a second or so. */
void tunnel_neigh_run(struct tunnel_neighbours *);

void tunnel_neigh_set_aging(struct tunnel_neighbours *, unsigned seconds);
unsigned tunnel_neigh_aging(const struct tunnel_neighbours *);
void tunnel_neigh_show(struct tunnel_neighbours *, struct strbuf *);

#endif
