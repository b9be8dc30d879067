/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 5, for openflow/ itself. What the files that parse and print families of actions share: the tables'
 * function types, the tokeniser, numbers and subfields in text.
 *
 * Parse functions get the action's argument, which they may cut up, and append to `out`; they return NULL or
 * the error's text, the caller's to free.
 * Thread-safety: no state. */
#ifndef OPENFLOW_ACTION_TEXT_H
#define OPENFLOW_ACTION_TEXT_H 1

#include "base/alloc.h"
#include "flow/field.h"
#include "openflow/actions.h"
#include "openflow/subfield.h"
#include "openflow/text.h"

struct action_parse {
    const struct ofp_names *names;
    struct bytebuf *out;
    uint32_t *usable; /* protocols that can carry what was parsed; bits are taken away */
    const char *name; /* by which the action was called */
    unsigned depth;   /* of nests around it */
};

struct action_format {
    const struct ofp_names *names;
    struct strbuf *s;
};

#define X(ENUM, STRUCT, NAME)                                                                                \
    char *ofpact_parse_##ENUM(char *arg, const struct action_parse *) WARN_UNUSED;                           \
    void ofpact_format_##ENUM(const ofpact_struct_##ENUM *, const struct action_format *);
OFPACTS
#undef X

#define ACTION_MAX_DEPTH 32

/* Parses nested actions; OUTER is the one around them. */
char *ofpacts_parse_nested(char *text, const struct action_parse *, enum ofpact_type outer,
                           bool instructions) WARN_UNUSED;

/* The next "KEY[:=(]VALUE[)]" of *TEXT, cut out of it. False at the end. VALUE is "" where there is none. */
bool text_next_key_value(char **text, char **key, char **value);

/* Actions and instructions have to come in the order in which OpenFlow 1.1 runs them: what is wrong with TYPE
 * behind *LAST (begin with -1), or NULL. */
char *instruction_order_error(enum ofpact_type type, int *last) WARN_UNUSED;

/* Whole text to a number in any C base; NULL or the error. NAME is what the error calls it. */
char *text_to_u8(const char *, const char *name, uint8_t *) WARN_UNUSED;
char *text_to_u16(const char *, const char *name, uint16_t *) WARN_UNUSED;
char *text_to_u32(const char *, uint32_t *) WARN_UNUSED;
char *text_to_u64(const char *, uint64_t *) WARN_UNUSED;
char *text_to_mac(const char *, struct eth_addr *) WARN_UNUSED;
char *text_to_ipv4(const char *, be32 *) WARN_UNUSED;
/* Appends the bytes of "hh.hh hh..." to OUT; returns where it stopped being that (the NUL if all is well). */
const char *text_to_hex(const char *, struct bytebuf *out);
/* A decimal or 0x number that need not fill the text, as atoi() has it, for what is lax in the grammar. */
int text_lax_int(const char *);

/* Writes the low N_BITS of the N-byte big-endian number at SRC to bits OFS... of the big-endian number of
 * DST_LEN bytes at DST. */
void bits_copy(const uint8_t *src, unsigned src_len, unsigned src_ofs, uint8_t *dst, unsigned dst_len,
               unsigned dst_ofs, unsigned n_bits);
bool bits_are_zero(const uint8_t *, unsigned len, unsigned ofs, unsigned n_bits);
void bits_set_ones(uint8_t *, unsigned len, unsigned ofs, unsigned n_bits);
/* A number of LEN bytes, "0x..." without leading zeros; "0" for none. */
void bytes_format_hex(const uint8_t *, unsigned len, struct strbuf *);
/* "0x..." or decimal into LEN bytes. False: not a number, or too large. *REST, if not NULL: where it ended.
 */
bool bytes_parse_int(const char *, uint8_t *, unsigned len, const char **rest);

#endif
