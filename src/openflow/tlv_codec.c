/* SPDX-License-Identifier: Apache-2.0 */
#include "openflow/tlv_codec.h"

#include "base/log.h"

LOG_MODULE(ofp_match);
static struct log_rate_limit rl = LOG_RATE_LIMIT_INIT(60, 5);

void tlv_map_put(struct bytebuf *b, const struct tlv_map *map)
{
    put_u16(b, map->option.class);
    put_u8(b, map->option.type);
    put_u8(b, map->option.len);
    put_u16(b, map->index);
    put_u16(b, 0);
}

struct tlv_map tlv_map_get(struct reader *r)
{
    struct tlv_map map;
    map.option.class = get_u16(r);
    map.option.type = get_u8(r);
    map.option.len = get_u8(r);
    map.index = get_u16(r);
    get_skip(r, 2);
    return map;
}

enum ofperr tlv_table_mod_decode(const struct ofp_msg *m, enum tlv_command *command, struct reader *maps)
{
    struct reader r = m->body;
    uint16_t c = get_u16(&r);
    get_skip(&r, 6);
    *maps = r;
    if (r.bad) {
        return OFPERR_OFPBRC_BAD_LEN;
    }
    if (c > TLV_CLEAR) {
        return OFPERR_NXTTMFC_BAD_COMMAND;
    }
    *command = c;
    while (r.n) {
        struct tlv_map map = tlv_map_get(&r);
        if (r.bad) {
            return OFPERR_OFPBRC_BAD_LEN;
        }
        if (map.option.len % 4 || map.option.len > TUN_MD_MAX_LEN) {
            LOG_WARN_RL(&rl, "tlv table option length (%u) is not a valid option size", map.option.len);
            return OFPERR_NXTTMFC_BAD_OPT_LEN;
        }
        if (map.index >= FLOW_N_TUN_MD) {
            LOG_WARN_RL(&rl, "tlv table field index (%u) is too large (max %u)", map.index,
                        FLOW_N_TUN_MD - 1);
            return OFPERR_NXTTMFC_BAD_FIELD_IDX;
        }
    }
    return OFPERR_NONE;
}

size_t tlv_table_mod_encode_begin(struct bytebuf *b, enum tlv_command command, enum ofp_version v,
                                  uint32_t xid)
{
    size_t start = ofp_msg_begin(b, OFPTYPE_TLV_TABLE_MOD, v, xid);
    put_u16(b, command);
    bytebuf_put_zeros(b, 6);
    return start;
}

enum ofperr tlv_table_reply_decode(const struct ofp_msg *m, uint32_t *max_space, uint16_t *max_fields,
                                   struct reader *maps)
{
    struct reader r = m->body;
    *max_space = get_u32(&r);
    *max_fields = get_u16(&r);
    get_skip(&r, 10);
    *maps = r;
    return r.bad ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

void tlv_table_reply_encode(struct bytebuf *b, const struct tun_md_table *t, enum ofp_version v, uint32_t xid)
{
    size_t start = ofp_msg_begin(b, OFPTYPE_TLV_TABLE_REPLY, v, xid);
    put_u32(b, FLOW_TUN_MD_SIZE);
    put_u16(b, FLOW_N_TUN_MD);
    bytebuf_put_zeros(b, 10);
    for (uint64_t left = t->layout.known; left; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctzll(left);
        tlv_map_put(b, &(struct tlv_map){t->maps[i], (uint16_t)i});
    }
    ofp_msg_end(b, start);
}
