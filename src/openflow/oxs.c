/* SPDX-License-Identifier: Apache-2.0 */
#include "openflow/oxs.h"

#define OXS_CLASS 0x8002

static void put_oxs_header(struct bytebuf *b, unsigned field, unsigned len)
{
    put_u32(b, (uint32_t)OXS_CLASS << 16 | field << 9 | len);
}

void oxs_put(struct bytebuf *b, const struct oxs *s)
{
    size_t start = b->len;
    put_u16(b, 0);
    put_u16(b, 0);
    if (s->present & 1 << OXS_DURATION) {
        put_oxs_header(b, OXS_DURATION, 8);
        put_u32(b, s->duration_sec);
        put_u32(b, s->duration_nsec);
    }
    if (s->present & 1 << OXS_IDLE_TIME) {
        put_oxs_header(b, OXS_IDLE_TIME, 8);
        put_u32(b, s->idle_sec);
        put_u32(b, s->idle_nsec);
    }
    if (s->present & 1 << OXS_FLOW_COUNT) {
        put_oxs_header(b, OXS_FLOW_COUNT, 4);
        put_u32(b, s->flow_count);
    }
    if (s->present & 1 << OXS_PACKET_COUNT) {
        put_oxs_header(b, OXS_PACKET_COUNT, 8);
        put_u64(b, s->packet_count);
    }
    if (s->present & 1 << OXS_BYTE_COUNT) {
        put_oxs_header(b, OXS_BYTE_COUNT, 8);
        put_u64(b, s->byte_count);
    }
    set_u16(b, start + 2, b->len - start);
    put_pad_from(b, start, 8);
}

enum ofperr oxs_get(struct reader *r, struct oxs *s)
{
    *s = (struct oxs){.packet_count = UINT64_MAX, .byte_count = UINT64_MAX};
    get_skip(r, 2);
    uint16_t len = get_u16(r);
    if (r->bad || len < 4) {
        return OFPERR_OFPBMC_BAD_LEN;
    }
    struct reader t = get_sub(r, len - 4u);
    get_skip(r, ROUND_UP(len, 8) - len);
    while (t.n) {
        uint32_t header = get_u32(&t);
        struct reader v = get_sub(&t, header & 0xff);
        unsigned field = header >> 9 & 0x7f;
        if (t.bad) {
            return OFPERR_OFPBRC_BAD_LEN;
        }
        if (header >> 16 != OXS_CLASS) {
            continue;
        }
        s->present |= field < 32 ? 1u << field : 0;
        switch (field) {
        case OXS_DURATION:
            s->duration_sec = get_u32(&v);
            s->duration_nsec = get_u32(&v);
            break;
        case OXS_IDLE_TIME:
            s->idle_sec = get_u32(&v);
            s->idle_nsec = get_u32(&v);
            break;
        case OXS_FLOW_COUNT:
            s->flow_count = get_u32(&v);
            break;
        case OXS_PACKET_COUNT:
            s->packet_count = get_u64(&v);
            break;
        case OXS_BYTE_COUNT:
            s->byte_count = get_u64(&v);
            break;
        default:
            break;
        }
        if (v.bad) {
            return OFPERR_OFPBRC_BAD_LEN;
        }
    }
    return r->bad ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}
