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

/* OpenFlow's port numbers are 16 bits wide here, as in OpenFlow 1.0; only the codec of later versions maps
 * the reserved ones to 32 bits and back. pipeline/ names the same numbers for its own use. */
#define OFPORT_MAX        0xff00u /* first that is not a real port */
#define OFPORT_UNSET      0xfff7u
#define OFPORT_IN_PORT    0xfff8u
#define OFPORT_TABLE      0xfff9u
#define OFPORT_NORMAL     0xfffau
#define OFPORT_FLOOD      0xfffbu
#define OFPORT_ALL        0xfffcu
#define OFPORT_CONTROLLER 0xfffdu
#define OFPORT_LOCAL      0xfffeu
#define OFPORT_NONE       0xffffu /* also ANY */

struct strbuf;
/* A name as it stands in text: in quotes unless it is a letter with letters and digits behind it. */
void port_name_format(const char *name, struct strbuf *);
/* "LOCAL", "IN_PORT", a name (quoted where it needs to be) or a number. PORTS may be NULL. */
void ofport_format(uint32_t port, const struct port_names *, struct strbuf *);
/* A number, a reserved word in any case, or a name. */
bool ofport_parse(const char *text, const struct port_names *, uint32_t *port);

#endif
