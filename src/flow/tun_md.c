/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/tun_md.h"

#include <string.h>

#define ALL_WORDS UINT64_MAX
_Static_assert(TUN_MD_WORDS == 64, "a bitmap of words");

/* --- Layout --------------------------------------------------------------------------------------------- */

static unsigned count_words(unsigned len)
{
    return (len + 3) / 4;
}

bool tun_md_layout_add(struct tun_md_layout *l, unsigned i, unsigned len)
{
    unsigned n = count_words(len);
    if (n > (unsigned)__builtin_popcountll(~l->words)) {
        return false;
    }
    l->slots[i] = (struct tun_md_slot){.first = 0, .len = (uint8_t)len};
    l->known |= TUN_MD_BIT(i);
    uint8_t *link = &l->slots[i].first;
    while (n-- > 0) {
        uint8_t word = (uint8_t)__builtin_ctzll(~l->words);
        l->words |= TUN_MD_BIT(word);
        *link = word;
        link = &l->next[word];
        *link = 0;
    }
    return true;
}

void tun_md_layout_remove(struct tun_md_layout *l, unsigned i)
{
    if (!(l->known & TUN_MD_BIT(i))) {
        return;
    }
    unsigned word = l->slots[i].first;
    for (unsigned n = count_words(l->slots[i].len); n-- > 0; word = l->next[word]) {
        l->words &= ~TUN_MD_BIT(word);
    }
    l->known &= ~TUN_MD_BIT(i);
    l->slots[i] = (struct tun_md_slot){0, 0};
}

void tun_md_layout_copy(struct tun_md_layout *to, const struct tun_md_layout *from)
{
    if (from->known) {
        *to = *from;
    } else {
        to->known = to->words = to->exact = 0;
        to->fixed = from->fixed;
    }
}

/* --- Values --------------------------------------------------------------------------------------------- */

/* The slot as its user sees it: empty if the field is not known. */
static struct tun_md_slot slot_of(const struct tun_md_layout *l, unsigned i)
{
    return l && l->known & TUN_MD_BIT(i) ? l->slots[i] : (struct tun_md_slot){0, 0};
}

/* Runs through a value's bytes from the first one: AT is where byte B of it lies in tun_md. A value that is
 * not whole words begins at the first byte of its first word. */
#define FOR_EACH_BYTE(B, AT, LAYOUT, SLOT)                                                                   \
    for (unsigned B = 0, word__ = (SLOT).first, AT = word__ * 4; B < (SLOT).len;                             \
         B++, word__ = B % 4 ? word__ : (LAYOUT)->next[word__], AT = word__ * 4 + B % 4)

void tun_md_get(const struct tun_md_layout *l, unsigned i, const struct flow_key *key, uint8_t *value,
                unsigned n)
{
    struct tun_md_slot slot = slot_of(l, i);
    memset(value, 0, n);
    FOR_EACH_BYTE(b, at, l, slot)
    {
        if (b + n >= slot.len) {
            value[b + n - slot.len] = key->tun_md[at];
        }
    }
}

void tun_md_set(const struct tun_md_layout *l, unsigned i, const uint8_t *value, unsigned n,
                struct flow_key *key)
{
    struct tun_md_slot slot = slot_of(l, i);
    if (!l || !(l->known & TUN_MD_BIT(i))) {
        return;
    }
    FOR_EACH_BYTE(b, at, l, slot)
    {
        key->tun_md[at] = b + n >= slot.len ? value[b + n - slot.len] : 0;
    }
    key->tun_md_present |= TUN_MD_BIT(i);
}

void tun_md_set_mask(const struct tun_md_layout *l, unsigned i, const uint8_t *bits, unsigned n,
                     struct flow_key *mask)
{
    struct tun_md_slot slot = slot_of(l, i);
    FOR_EACH_BYTE(b, at, l, slot)
    {
        if (b + n >= slot.len) {
            mask->tun_md[at] |= bits[b + n - slot.len];
        }
    }
    mask->tun_md_present |= TUN_MD_BIT(i);
}

void tun_md_clear(const struct tun_md_layout *l, unsigned i, struct flow_key *key)
{
    struct tun_md_slot slot = slot_of(l, i);
    FOR_EACH_BYTE(b, at, l, slot)
    {
        key->tun_md[at] = 0;
    }
    key->tun_md_present &= ~TUN_MD_BIT(i);
}

/* --- Table ---------------------------------------------------------------------------------------------- */

void tun_md_table_init(struct tun_md_table *t)
{
    memset(t, 0, sizeof *t);
    t->layout.fixed = true;
}

int tun_md_table_find(const struct tun_md_table *t, uint16_t class, uint8_t type)
{
    for (uint64_t left = t->layout.known; left; left &= left - 1) {
        int i = __builtin_ctzll(left);
        if (t->maps[i].class == class && t->maps[i].type == type) {
            return i;
        }
    }
    return -1;
}

/* --- Options on the wire -------------------------------------------------------------------------------- */

/* One option at the beginning of LEN bytes. Returns its whole length, 0: it does not fit. */
static unsigned parse_option(const uint8_t *p, unsigned len, struct tun_md_map *option)
{
    if (len < TUN_OPT_HEADER_LEN) {
        return 0;
    }
    option->class = (uint16_t)(p[0] << 8 | p[1]);
    option->type = p[2];
    option->len = (uint8_t)((p[3] & TUN_OPT_LEN_MASK) * 4);
    unsigned whole = TUN_OPT_HEADER_LEN + option->len;
    return whole <= len ? whole : 0;
}

/* Are all of them options that the table allows? */
static bool check_options(const struct tun_md_table *t, const uint8_t *opts, unsigned len)
{
    struct tun_md_map option = {0, 0, 0};
    for (unsigned n; len; opts += n, len -= n) {
        n = parse_option(opts, len, &option);
        if (!n) {
            return false;
        }
        int i = tun_md_table_find(t, option.class, option.type);
        if (i < 0 ? option.type & TUN_OPT_CRITICAL : t->maps[i].len != option.len) {
            return false;
        }
    }
    return true;
}

bool tun_md_from_options(const struct tun_md_table *t, const uint8_t *opts, unsigned len,
                         struct flow_key *key)
{
    struct tun_md_map option = {0, 0, 0};
    if (!check_options(t, opts, len)) {
        return false;
    }
    for (unsigned n; len; opts += n, len -= n) {
        n = parse_option(opts, len, &option);
        int i = tun_md_table_find(t, option.class, option.type);
        if (i >= 0) {
            tun_md_set(&t->layout, (unsigned)i, opts + TUN_OPT_HEADER_LEN, option.len, key);
        }
    }
    return true;
}

int tun_md_to_options(const struct tun_md_table *t, const struct flow_key *key,
                      uint8_t opts[FLOW_TUN_OPTS_MAX])
{
    unsigned len = 0;
    for (uint64_t left = key->tun_md_present & t->layout.known; left; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctzll(left);
        const struct tun_md_map *map = &t->maps[i];
        if (len + TUN_OPT_HEADER_LEN + map->len > FLOW_TUN_OPTS_MAX) {
            return -1;
        }
        uint8_t *p = opts + len;
        p[0] = (uint8_t)(map->class >> 8);
        p[1] = (uint8_t)map->class;
        p[2] = map->type;
        p[3] = map->len / 4;
        tun_md_get(&t->layout, i, key, p + TUN_OPT_HEADER_LEN, map->len);
        len += TUN_OPT_HEADER_LEN + map->len;
    }
    return (int)len;
}

void tun_md_mask_options(const struct tun_md_table *t, const struct flow_key *key, struct flow_key *mask)
{
    struct tun_md_map option = {0, 0, 0};
    unsigned len = key->tun_opts_len;
    mask->tun_opts_len = UINT8_MAX;
    memset(mask->tun_opts, 0, sizeof mask->tun_opts);
    if (t && !check_options(t, key->tun_opts, len)) {
        memset(mask->tun_opts, 0xff, len);
        return;
    }
    for (unsigned at = 0, n; at < len; at += n) {
        n = parse_option(key->tun_opts + at, len - at, &option);
        if (!n) {
            memset(mask->tun_opts + at, 0xff, len - at);
            return;
        }
        uint8_t *bits = mask->tun_opts + at;
        bits[0] = bits[1] = bits[2] = UINT8_MAX;
        bits[3] = TUN_OPT_LEN_MASK;
        int i = t ? tun_md_table_find(t, option.class, option.type) : -1;
        if (i >= 0) {
            tun_md_get(&t->layout, (unsigned)i, mask, bits + TUN_OPT_HEADER_LEN, option.len);
        }
    }
}
