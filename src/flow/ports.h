/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 3. Names of ports, for text in and out: two functions that the owner of the ports gives. OpenFlow
 * ports and datapath ports each have their own. Thread-safety: the owner's. */
#ifndef FLOW_PORTS_H
#define FLOW_PORTS_H 1

#include <stdbool.h>
#include <stdint.h>

struct port_names {
    /* The name of port PORT, valid until the next call or change, or NULL: it is shown as a number. */
    const char *(*name)(const struct port_names *, uint32_t port);
    /* Sets *PORT; false if there is no such name. */
    bool (*number)(const struct port_names *, const char *name, uint32_t *port);
    void *aux;
};

/* OpenFlow's port numbers in 32 bits; the 16-bit ones of OpenFlow 1.0 are the same less 0xffff0000. */
#define OFPORT_MAX        0xffffff00u /* first that is not a real port */
#define OFPORT_UNSET      0xfffffff7u
#define OFPORT_IN_PORT    0xfffffff8u
#define OFPORT_TABLE      0xfffffff9u
#define OFPORT_NORMAL     0xfffffffau
#define OFPORT_FLOOD      0xfffffffbu
#define OFPORT_ALL        0xfffffffcu
#define OFPORT_CONTROLLER 0xfffffffdu
#define OFPORT_LOCAL      0xfffffffeu
#define OFPORT_NONE       0xffffffffu /* also ANY */

struct strbuf;
/* "LOCAL", "IN_PORT", a name (quoted where it needs to be) or a number. PORTS may be NULL. */
void ofport_format(uint32_t port, const struct port_names *, struct strbuf *);
/* A number, a reserved word in any case, or a name. */
bool ofport_parse(const char *text, const struct port_names *, uint32_t *port);

#endif
