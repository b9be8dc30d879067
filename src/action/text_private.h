/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. What the files text_*.c share; nobody else includes it.
 *
 *   text_fields.c    the table of fields that `set` names, one field's value in and out
 *   text_format.c    actions to text
 *   text_parse.c     text to actions
 *   text_tunnel.c    set(tunnel(...)), both ways
 *   text_header.c    tnl_push's header(...), both ways */
#ifndef ACTION_TEXT_PRIVATE_H
#define ACTION_TEXT_PRIVATE_H 1

#include "action/text.h"

/* How a field's value is written, and its size. */
enum text_kind {
    TEXT_U8,   /* 5, 5/0xf */
    TEXT_X8,   /* 0x5, 0x5/0xf */
    TEXT_BE16, /* 5, 5/0xf */
    TEXT_X32,  /* host order */
    TEXT_XBE32,
    TEXT_ETH,
    TEXT_IPV4,
    TEXT_IPV6,
    TEXT_FRAG, /* no, first, later */
};

/* A field of a group that `set` can name. */
struct text_field {
    uint8_t group;    /* enum dp_set_group */
    uint8_t kind;     /* enum text_kind */
    uint16_t ofs;     /* in the group's structure */
    const char *name; /* NULL: the group is this value */
};
extern const struct text_field text_fields[];
extern const size_t n_text_fields;
extern const char *const text_group_names[DP_N_SET_GROUPS];

/* Bytes of a value. */
size_t text_kind_size(enum text_kind);
/* VALUE, and MASK behind a slash unless it is NULL or all ones. */
void text_put_value(struct strbuf *, enum text_kind, const void *value, const void *mask);
void text_put_eth(struct strbuf *, const void *mac);
void dp_text_put_ipv4(struct strbuf *, const void *addr);
void dp_text_put_ipv6(struct strbuf *, const void *addr);
/* Bytes as one hexadecimal number: 0, 0x1f. */
void text_put_hex(struct strbuf *, const uint8_t *bytes, size_t n);
void text_put_port(struct strbuf *, uint32_t port, const struct port_names *);

/* A place in a text. The first thing that is wrong is kept, and nothing more is read after it. */
struct text_cursor {
    const char *start, *p;
    const struct port_names *ports;
    char *error;
    int depth;
};
/* Says what was expected at the cursor; false. */
bool text_fail(struct text_cursor *, const char *format, ...) PRINTF_FORMAT(2, 3);
/* Steps over WORD if it is next. */
bool text_eat(struct text_cursor *, const char *word);
/* The same, and it is an error if it is not. */
bool text_expect(struct text_cursor *, const char *word);
/* A number up to MAX, in base 10, or 16 behind 0x. */
bool text_number(struct text_cursor *, uint64_t max, uint64_t *);
/* A hexadecimal number, 0x or not: so the reference reads ct's mark. */
bool text_hex32(struct text_cursor *, uint32_t *);
/* "name=" and a number. */
bool text_named(struct text_cursor *, const char *name_and_equals, uint64_t max, uint64_t *);
bool text_eth(struct text_cursor *, void *mac);
bool text_ipv4(struct text_cursor *, void *addr);
bool text_ipv6(struct text_cursor *, void *addr);
/* A hexadecimal number into N bytes, most significant first. */
bool text_hex(struct text_cursor *, uint8_t *bytes, size_t n);
/* VALUE and MASK (all ones if none is said). */
bool text_value(struct text_cursor *, enum text_kind, void *value, void *mask);
bool text_port(struct text_cursor *, uint32_t *port);
/* Between fields: steps over ',' and goes on, over ')' and ends (false), or fails. */
bool text_more(struct text_cursor *);

/* What is inside of the parentheses, and for parsing the one that closes. */
void text_put_tunnel(struct strbuf *, const struct dp_tunnel *);
bool text_tunnel(struct text_cursor *, struct bytebuf *actions);
void text_put_header(struct strbuf *, const struct dp_action_tnl_push *);
/* header(...): HEADER is filled, of at most SIZE bytes. */
bool text_header(struct text_cursor *, uint8_t *header, size_t size, uint32_t *header_len,
                 uint32_t *tnl_type);
void text_put_geneve_options(struct strbuf *, const uint8_t *opts, size_t len);
bool text_geneve_options(struct text_cursor *, uint8_t *opts, size_t size, size_t *len);

#endif
