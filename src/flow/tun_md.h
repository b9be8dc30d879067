/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 3. Tunnel options (Geneve's TLVs, RFC 8926) as the fields tun_metadata0 to 63.
 *
 * A *layout* says where in flow_key.tun_md the value of each field lies: a chain of words of 4 bytes, so that
 * room which was given back is used again whatever its shape, and no value ever moves. A bridge's layout is
 * `fixed`: fields that it does not know do not exist. A match outside of a bridge has a layout of its own,
 * which gives each field the room that its value needs as it comes.
 *
 * A *table* (NXT_TLV_TABLE_MOD) adds which option each field stands for.
 *
 * In a key, bit N of tun_md_present says that the packet has the option; a field that is not there is all
 * zeros.
 *
 * Thread-safety: plain data, pure functions. */
#ifndef FLOW_TUN_MD_H
#define FLOW_TUN_MD_H 1

#include <stdbool.h>
#include <stdint.h>

#include "flow/key.h"

#define FLOW_N_TUN_MD      64
#define TUN_MD_WORDS       (FLOW_TUN_MD_SIZE / 4)
#define TUN_MD_MAX_LEN     124 /* of an option's value: 31 words */
#define TUN_MD_BIT(I)      (UINT64_C(1) << (I))
#define TUN_OPT_HEADER_LEN 4
#define TUN_OPT_CRITICAL   0x80 /* in the type: who does not know it must not pass the packet on */
#define TUN_OPT_LEN_MASK   0x1f /* in the fourth byte: words of the value */

struct tun_md_layout {
    uint64_t known; /* fields that have their room, or need none */
    uint64_t words; /* taken */
    uint64_t exact; /* in a match: fields that came without a mask. On the wire that is seen */
    bool fixed;     /* a bridge's: takes no new fields */
    struct tun_md_slot {
        uint8_t first; /* word of the value's beginning */
        uint8_t len;   /* bytes, 0 to 124 */
    } slots[FLOW_N_TUN_MD];
    uint8_t next[TUN_MD_WORDS]; /* the word behind a word of a value */
};

/* Room for LEN bytes of field I, which is not known yet. False: there is not so much. */
bool tun_md_layout_add(struct tun_md_layout *, unsigned i, unsigned len);
void tun_md_layout_remove(struct tun_md_layout *, unsigned i);
/* Makes TO equal to FROM; cheap if it knows nothing. */
void tun_md_layout_copy(struct tun_md_layout *to, const struct tun_md_layout *from);

/* The value of field I of KEY (or its bits in a mask) in the N bytes at VALUE, as a number of N bytes:
 * aligned to the right. Zeros if the field is not known. */
void tun_md_get(const struct tun_md_layout *, unsigned i, const struct flow_key *key, uint8_t *value,
                unsigned n);
/* The field is there, with this value; nothing happens if it is not known. */
void tun_md_set(const struct tun_md_layout *, unsigned i, const uint8_t *value, unsigned n,
                struct flow_key *key);
/* Adds bits to a mask; the field's being there is matched on as well. */
void tun_md_set_mask(const struct tun_md_layout *, unsigned i, const uint8_t *bits, unsigned n,
                     struct flow_key *mask);
/* The field is not there; or not matched on. */
void tun_md_clear(const struct tun_md_layout *, unsigned i, struct flow_key *key);

struct tun_md_table {
    struct tun_md_layout layout;
    struct tun_md_map {
        uint16_t class;
        uint8_t type;
        uint8_t len;       /* bytes */
    } maps[FLOW_N_TUN_MD]; /* of the fields that the layout knows */
};

void tun_md_table_init(struct tun_md_table *);
/* The field that stands for an option, or -1. */
int tun_md_table_find(const struct tun_md_table *, uint16_t class, uint8_t type);

/* Options as on the wire (LEN bytes at OPTS) into the key's fields; what is not mapped is passed over. False,
 * with nothing set: they go beyond LEN, one has another length than its map says, or one is critical and not
 * mapped. */
bool tun_md_from_options(const struct tun_md_table *, const uint8_t *opts, unsigned len,
                         struct flow_key *key);
/* The key's fields as options, in the order of the fields. Returns their length, or -1: they need more than
 * FLOW_TUN_OPTS_MAX bytes. */
int tun_md_to_options(const struct tun_md_table *, const struct flow_key *key,
                      uint8_t opts[FLOW_TUN_OPTS_MAX]);
/* The bits of MASK's fields (TABLE NULL: none) as bits of its tun_opts, for packets with the options that KEY
 * has: all headers count, since they say where the values are. Options that cannot be told apart count as a
 * whole. */
void tun_md_mask_options(const struct tun_md_table *, const struct flow_key *key, struct flow_key *mask);

#endif
