/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 3. The one table of match fields (flow/field_table.h), and everything that is derived from it:
 * look-up by name and by OXM code, reading and writing a field in a key, in a match, in text.
 *
 * A field's value and mask stand as on the wire: n_bytes bytes, most significant first, the bits that do not
 * belong to the field 0. `union field_value` holds any of them, the value at its start.
 *
 * Thread-safety: constant data and pure functions. */
#ifndef FLOW_FIELD_H
#define FLOW_FIELD_H 1

#include "base/strbuf.h"
#include "flow/field_table.h"
#include "flow/key.h"
#include "flow/match.h"

enum field_id {
#define X(ID, ...) FIELD_##ID,
    FIELD_TABLE(X)
#undef X
    FIELD_N
};
#define FIELD_REG(I)          ((enum field_id)(FIELD_REG0 + (I)))
#define FIELD_TUN_METADATA(I) ((enum field_id)(FIELD_TUN_METADATA0 + (I)))

enum field_masking {
    FIELD_EXACT,
    FIELD_MASKABLE
};
enum field_access {
    FIELD_RO,
    FIELD_RW
};

/* How its text looks. */
enum field_format {
    FIELD_DEC,
    FIELD_HEX,
    FIELD_MAC,
    FIELD_IPV4,
    FIELD_IPV6,
    FIELD_PORT,     /* OpenFlow port, 16 bits wide on the wire */
    FIELD_PORT_OXM, /* 32 bits wide */
    FIELD_FRAG,
    FIELD_TUNFLAGS,
    FIELD_TCPFLAGS,
    FIELD_CTSTATE,
    FIELD_PKTTYPE,
};

/* What a packet must be for the field to exist. */
enum field_prereq {
    FIELD_PRE_NONE,
    FIELD_PRE_ETH,
    FIELD_PRE_ARP, /* or RARP */
    FIELD_PRE_VLAN,
    FIELD_PRE_IPV4,
    FIELD_PRE_IPV6,
    FIELD_PRE_IP,
    FIELD_PRE_NSH,
    FIELD_PRE_MPLS,
    FIELD_PRE_TCP,
    FIELD_PRE_UDP,
    FIELD_PRE_SCTP,
    FIELD_PRE_ICMPV4,
    FIELD_PRE_ICMPV6,
    FIELD_PRE_ND,
    FIELD_PRE_ND_SOLICIT,
    FIELD_PRE_ND_ADVERT,
    FIELD_PRE_CT, /* tracked: ct_state has new, est, rel or rpl ... with IP */
};

/* How the key stores it. */
enum field_store {
    FIELD_BYTES, /* as on the wire, whole */
    FIELD_BE,    /* a number in network byte order, up to 4 bytes: `shift` from its least significant bit */
    FIELD_NUM,   /* the same in host byte order */
    FIELD_REGS,  /* one, two or four registers, most significant first */
    FIELD_OFP,   /* in_port and the like: a port number of 32 bits in host order */
    FIELD_VLAN,  /* part of vlans[0].tci, with the bit that says that there is a tag */
    FIELD_TUNMD, /* tun_metadataN */
};

struct field {
    uint8_t id;
    uint8_t n_bytes; /* of the value; 124 for tun_metadata, unless field_of_length() knows better */
    uint16_t n_bits; /* the low N bits of it belong to the field */
    const char *name;
    const char *alias; /* or NULL */
    uint16_t offset;   /* in struct flow_key, of the member that stores it */
    uint8_t size;      /* of the member, bytes */
    uint8_t store;     /* enum field_store */
    uint8_t shift;
    uint8_t masking; /* enum field_masking */
    uint8_t format;  /* enum field_format */
    uint8_t prereq;  /* enum field_prereq */
    uint8_t access;  /* enum field_access */
};

union field_value {
    uint8_t b[128];
    be16 be16; /* a value of 2 bytes; and so on */
    be32 be32;
    be64 be64;
    struct eth_addr mac;
    struct ipv6_addr ipv6;
    be128 be128;
};

const struct field *field_from_id(enum field_id);
/* A tun_metadata field as a bridge knows it whose table says that the option has N_BYTES: the same with that
 * length. Any other field is itself. */
const struct field *field_of_length(const struct field *, unsigned n_bytes);
static inline bool field_is_tun_metadata(const struct field *f)
{
    return f->store == FIELD_TUNMD;
}
/* By name or alias, or NULL. field_from_name_len: LEN bytes at NAME. */
const struct field *field_from_name(const char *name);
const struct field *field_from_name_len(const char *name, size_t len);

/* OXM and NXM codes. A header as it stands on the wire in its first 32 bits, without the mask bit, above; the
 * experimenter below, or 0: (class << 48 | field << 41 | length << 32 | experimenter). */
struct field_oxm {
    uint64_t header;
    const char *name; /* "NXM_OF_IN_PORT" */
    uint8_t field;    /* enum field_id */
    uint8_t version;  /* the first OpenFlow version in which it may be sent: 1 (1.0) to 6 (1.5) */
};
#define FIELD_OXM_LEN(HEADER)   ((unsigned)((HEADER) >> 32) & 0xff)
#define FIELD_OXM_CLASS(HEADER) ((unsigned)((HEADER) >> 48))
#define FIELD_OXM_MASK_BIT      (UINT64_C(1) << 40)
/* The field that HEADER (mask bit and length are not looked at) stands for, or NULL. */
const struct field_oxm *field_oxm_from_header(uint64_t header);
const struct field_oxm *field_oxm_from_name_len(const char *name, size_t len);
/* The code with which FIELD is sent in OpenFlow VERSION (1 to 6): NXM before OXM in 1.0 and 1.1, the latest
 * standard one of the version before NXM in later ones, and any rather than none. NULL if the field has no
 * code. */
const struct field_oxm *field_oxm_of(const struct field *, int version);

/* In a complete key. Fields of tun_metadata have no fixed place in it (field_get() gives zeros, field_set()
 * does nothing): for them tun_md_get() and its like of flow/tun_md.h, with the layout. */
void field_get(const struct field *, const struct flow_key *, union field_value *);
void field_set(const struct field *, const union field_value *, struct flow_key *);
/* In a mask: the field's bits. */
void field_get_mask(const struct field *, const struct flow_key *mask, union field_value *);
/* Sets all of the field's bits in a mask, or those of BITS; and the mask bits of the prerequisites. */
void field_wc_set(const struct field *, struct flow_key *mask);
void field_wc_set_bits(const struct field *, const union field_value *bits, struct flow_key *mask);
void field_wc_set_prereqs(const struct field *, const struct flow_key *, struct flow_key *mask);
/* The key changes by VALUE in MASK. */
void field_set_masked(const struct field *, const union field_value *value, const union field_value *mask,
                      struct flow_key *);
/* The packet has what the field needs. */
bool field_prereqs_ok(const struct field *, const struct flow_key *);

/* In a match. MASK NULL: all bits. Replaces what was matched before. Returns NULL, or why the mask cannot be.
 * Prerequisites are not looked at. */
char *field_match(const struct field *, const union field_value *value, const union field_value *mask,
                  struct match *) WARN_UNUSED;
void field_match_get(const struct field *, const struct match *, union field_value *value,
                     union field_value *mask);
void field_match_wildcard(const struct field *, struct match *); /* matches on it no more */
/* The match demands what the field needs. */
bool field_match_prereqs_ok(const struct field *, const struct match *);
bool field_is_all_wild(const struct field *, const struct flow_key *mask);

/* Bits that may be 1 in a value of the field, as such a value. */
void field_all_ones(const struct field *, union field_value *);
bool field_is_value_valid(const struct field *, const union field_value *);

/* "10.0.0.1", "10.0.0.0/8", "0x1/0x3", "+trk-inv". MASK NULL: all bits. PORTS may be NULL. */
void field_format(const struct field *, const union field_value *value, const union field_value *mask,
                  const struct port_names *, struct strbuf *);
/* The same, but a number has its mask (not NULL) even where that is all of the field: as in set_field. */
void field_format_masked(const struct field *, const union field_value *value, const union field_value *mask,
                         const struct port_names *, struct strbuf *);
/* Also "*" and "ANY". Returns NULL or the error. */
char *field_parse(const struct field *, const char *text, const struct port_names *, union field_value *value,
                  union field_value *mask) WARN_UNUSED;
/* Without a mask; for set_field and the like. */
char *field_parse_value(const struct field *, const char *text, const struct port_names *,
                        union field_value *) WARN_UNUSED;

#endif
