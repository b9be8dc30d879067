/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 5. OpenFlow messages as text, as `ovs-ofctl ofp-print`, its dump commands, monitor and snoop print
 * them. Pure functions; hostile input is printed with what is wrong with it and a dump in hex. */
#ifndef OPENFLOW_PRINT_H
#define OPENFLOW_PRINT_H 1

#include "openflow/msg.h"

struct ofp_print {
    const struct ofp_names *names;       /* NULL: numbers */
    int verbosity;                       /* 0: a line; 1 and more: details, as -m; 5: bytes, too */
    bool hide_stats;                     /* flows without what changes with time: --no-stats */
    const struct color_palette *palette; /* for matches and actions; NULL: no colours */
};

/* Appends the text of the message of LEN bytes, with the final newline. */
void ofp_print(const void *data, size_t len, const struct ofp_print *, struct strbuf *);
char *ofp_to_string(const void *data, size_t len, const struct ofp_print *);
/* "OFPT_FLOW_MOD (OF1.3) (xid=0x1):", without newline. */
void ofp_print_header(const struct ofp_msg *, struct strbuf *);
/* Offset, 16 bytes in hex and as characters, a line each. */
void ofp_hex_dump(const void *data, size_t len, size_t first_offset, bool ascii, struct strbuf *);

#endif
