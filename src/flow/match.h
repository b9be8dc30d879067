/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 3. An OpenFlow match: a flow and the bits of it that count; its text, as ovs-ofctl(8) and
 * ovs-fields(7) have it, both ways. Compressed form: flow/minimatch.h. Field by field: flow/field.h.
 *
 * in_port is OpenFlow's port number of 16 bits here (flow/ports.h).
 *
 * Thread-safety: plain data. */
#ifndef FLOW_MATCH_H
#define FLOW_MATCH_H 1

#include "base/strbuf.h"
#include "flow/key.h"
#include "flow/mask.h"
#include "flow/minikey.h"
#include "flow/ports.h"
#include "flow/tun_md.h"

struct field;
struct match {
    struct flow_key flow;        /* complete; zero outside of the mask */
    struct flow_mask wc;         /* bits complete; `blocks` may name more than are used */
    struct tun_md_layout tun_md; /* what `known` does not name in it is indeterminate */
};

void match_init_catchall(struct match *);
/* NULL: a layout of its own, which knows nothing yet. Values that are there stay where they are. */
static inline void match_set_layout(struct match *m, const struct tun_md_layout *layout)
{
    static const struct tun_md_layout none;
    tun_md_layout_copy(&m->tun_md, layout ? layout : &none);
}
/* FLOW in MASK. */
void match_init(struct match *, const struct flow_key *flow, const struct flow_key *mask);
bool match_equal(const struct match *, const struct match *);
/* Zeroes what is outside of the mask. */
void match_zero_wildcards(struct match *);
/* The compressed form, without the layout; match_expand() puts LAYOUT there (NULL: none). */
void match_compress(const struct match *, struct minimatch *);
void match_expand(const struct minimatch *, const struct tun_md_layout *layout, struct match *);

/* The bits that a packet with this key has: dl_src, and so on; nw_src if it is IPv4 ... */
void flow_mask_for_packet(const struct flow_key *, struct flow_key *mask);
/* Matches on Ethernet packets, unless a packet type is matched on already. */
void match_set_default_packet_type(struct match *);
/* Takes away matches whose prerequisites are not there (nw_src without an IP type), as the reference does
 * when a rule comes in. Returns false if there was nothing to take away. */
bool match_normalise(struct match *);

/* Priority of a rule, when text does not say. */
#define MATCH_DEFAULT_PRIORITY 32768

/* Appends the match as `ovs-ofctl dump-flows` prints it: "priority=P," first unless P is
 * MATCH_DEFAULT_PRIORITY, then keywords and fields, comma-separated without a final comma. PORTS gives names
 * to ports (NULL: numbers). Values of tun_metadata are printed as the match's layout has them. */
void match_format(const struct match *, const struct port_names *, struct strbuf *, int priority);
char *match_to_string(const struct match *, const struct port_names *, int priority);
/* A key as a flow that matches in every bit which the packet has: the "Flow:" line of ofproto/trace, without
 * "Flow: ". LAYOUT is for tun_metadata; NULL: they are not printed. */
void match_format_key(const struct flow_key *, const struct tun_md_layout *layout, const struct port_names *,
                      struct strbuf *);

/* What match_parse_field() found. */
struct match_parsed {
    bool handled; /* the key is a field or a keyword; else an action, a property of flow mods, ... */
    bool wild;    /* nothing of the field is matched on */
    bool masked;  /* only some bits of it are */
    const struct field *field; /* NULL: a keyword */
};
/* Parses one KEY (with VALUE, which is empty for a keyword such as "tcp") into the match. Returns NULL, or
 * the error, the caller's to free. */
char *match_parse_field(struct match *, const struct port_names *, const char *key, const char *value,
                        struct match_parsed *) WARN_UNUSED;

/* A word that stands for an Ethertype, and for an IP protocol if it is not 0; "eth" for neither. */
struct match_keyword {
    const char *name;
    uint16_t dl_type;
    uint8_t nw_proto;
};
/* The word for both, else for the Ethertype alone, else NULL. */
const struct match_keyword *match_keyword_of(uint16_t dl_type, uint8_t nw_proto);
/* Parses "tcp,nw_src=10.0.0.0/8,..." (no priority). Spaces, tabs and commas separate. */
char *match_parse(struct match *, const struct port_names *, const char *text) WARN_UNUSED;
/* A flow that is exact in what the text says and 0 elsewhere ("in_port=1,tcp,nw_src=1.2.3.4": ofproto/trace).
 * Prerequisites must come first; the error says which are not met. LAYOUT as above. */
char *flow_key_parse(struct flow_key *, const struct tun_md_layout *layout, const struct port_names *,
                     const char *text) WARN_UNUSED;

/* The same as a match on what the text says. No wildcards. */
char *match_parse_exact(struct match *, const struct tun_md_layout *layout, const struct port_names *,
                        const char *text) WARN_UNUSED;

/* Takes the next "key", "key=value" or "key(value)" off *TEXT, which is cut up by it. Returns *KEY, or NULL
 * at the end. Parentheses nest. */
char *match_next_token(char **text, char **key, char **value);

#endif
