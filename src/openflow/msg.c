/* SPDX-License-Identifier: Apache-2.0 */
#include "openflow/msg.h"

#include "base/log.h"

LOG_MODULE(ofp_msgs);
static struct log_rate_limit rl = LOG_RATE_LIMIT_INIT(1, 5);

#define MSG      OFPK_MSG
#define STAT     OFPK_STAT
#define REPLY    OFPK_REPLY
#define NXT      OFPK_NXT
#define NXSTAT   OFPK_NXSTAT
#define NXREPLY  OFPK_NXREPLY
#define ONFT     OFPK_ONFT
#define ONFSTAT  OFPK_ONFSTAT
#define ONFREPLY OFPK_ONFREPLY

#define MAX_FORMS      6
#define OFPT_VENDOR    4
#define ERROR_DATA_MAX (OFP_MAX_LEN - 20)

struct form {
    const char *name;
    uint8_t first, last, kind;
    uint16_t number;
    uint16_t min;  /* bytes of the body, at least */
    uint8_t extra; /* 0: no more than that; else multiples of this may follow */
};

static const struct form types[N_OFPTYPES][MAX_FORMS] = {
/* clang-format off */
#define F(NAME, FIRST, LAST, KIND, NUMBER, MIN, EXTRA) { NAME, FIRST, LAST, KIND, NUMBER, MIN, EXTRA },
#define X(ENUM, FORMS) [OFPTYPE_##ENUM] = { FORMS },
    OFPTYPES
#undef X
#undef F
    /* clang-format on */
};

static uint8_t stats_type(enum ofp_version v, bool reply)
{
    return (v == OFP10 ? 16 : 18) + reply;
}

static const struct form *find_form(enum ofp_version v, enum ofp_kind kind, uint16_t number,
                                    enum ofptype *type)
{
    for (int t = 0; t < N_OFPTYPES; t++) {
        for (int i = 0; i < MAX_FORMS && types[t][i].name; i++) {
            const struct form *f = &types[t][i];
            if (f->kind == kind && f->number == number && v >= f->first && v <= f->last) {
                *type = t;
                return f;
            }
        }
    }
    return NULL;
}

/* The second header of a multipart: type, flags; padding since 1.1; the experimenter's behind. */
static enum ofperr get_stats_header(struct ofp_msg *m, bool reply, enum ofp_kind *kind, uint16_t *number)
{
    struct reader *r = &m->body;
    *number = get_u16(r);
    m->flags = get_u16(r);
    if (m->version > OFP10) {
        get_skip(r, 4);
    }
    *kind = reply ? OFPK_REPLY : OFPK_STAT;
    if (r->bad) {
        return OFPERR_OFPBRC_BAD_LEN;
    }
    if (*number == 0xffff) {
        uint32_t vendor = get_u32(r);
        if (r->bad) {
            return OFPERR_OFPBRC_BAD_LEN;
        }
        if (vendor != OFP_VENDOR_NX && vendor != OFP_VENDOR_ONF) {
            return OFPERR_OFPBRC_BAD_VENDOR; /* what is behind it is its own */
        }
        uint32_t subtype = get_u32(r);
        *number = subtype;
        if (m->version == OFP10) {
            get_skip(r, 4); /* Nicira's statistics in 1.0 are padded to 8 */
        }
        if (r->bad) {
            return OFPERR_OFPBRC_BAD_LEN;
        }
        *kind = vendor == OFP_VENDOR_NX ? (reply ? OFPK_NXREPLY : OFPK_NXSTAT)
                : reply                 ? OFPK_ONFREPLY
                                        : OFPK_ONFSTAT;
        if (subtype > UINT16_MAX) {
            return OFPERR_OFPBRC_BAD_SUBTYPE;
        }
    }
    return OFPERR_NONE;
}

/* What the headers say, as far as they are there; *FOUND is the form that has them. */
static enum ofperr identify(const void *data, size_t len, struct ofp_msg *m, const struct form **found)
{
    *found = NULL;
    *m = (struct ofp_msg){.raw = data, .len = len, .body = reader_of(data, len)};
    struct reader *r = &m->body;
    m->version = get_u8(r);
    uint8_t type = get_u8(r);
    get_skip(r, 2);
    m->xid = get_u32(r);
    if (r->bad) {
        return OFPERR_OFPBRC_BAD_LEN;
    }
    if (m->version < OFP10 || m->version > OFP15) {
        if (type == 0) { /* a hello of the future */
            m->type = OFPTYPE_HELLO;
            m->name = "OFPT_HELLO";
            return OFPERR_NONE;
        }
        return OFPERR_OFPBRC_BAD_VERSION;
    }
    enum ofp_kind kind = OFPK_MSG;
    uint16_t number = type;
    enum ofperr error = OFPERR_NONE;
    if (type == stats_type(m->version, false) || type == stats_type(m->version, true)) {
        error = get_stats_header(m, type == stats_type(m->version, true), &kind, &number);
    } else if (type == OFPT_VENDOR) {
        uint32_t vendor = get_u32(r), subtype = get_u32(r);
        if (r->bad) {
            return OFPERR_OFPBRC_BAD_LEN;
        }
        if (vendor != OFP_VENDOR_NX && vendor != OFP_VENDOR_ONF) {
            return OFPERR_OFPBRC_BAD_VENDOR;
        }
        kind = vendor == OFP_VENDOR_NX ? OFPK_NXT : OFPK_ONFT;
        number = subtype;
        if (subtype > UINT16_MAX) {
            return OFPERR_OFPBRC_BAD_SUBTYPE;
        }
    }
    if (error) {
        return error;
    }
    const struct form *f = find_form(m->version, kind, number, &m->type);
    if (!f) {
        return kind == OFPK_MSG                          ? OFPERR_OFPBRC_BAD_TYPE
               : kind == OFPK_STAT || kind == OFPK_REPLY ? OFPERR_OFPBRC_BAD_STAT
                                                         : OFPERR_OFPBRC_BAD_SUBTYPE;
    }
    m->name = f->name;
    m->kind = kind;
    m->number = number;
    *found = f;
    return OFPERR_NONE;
}

enum ofperr ofp_msg_identify(const void *data, size_t len, struct ofp_msg *m)
{
    const struct form *f;
    return identify(data, len, m, &f);
}

enum ofperr ofp_msg_decode(const void *data, size_t len, struct ofp_msg *m)
{
    const struct form *f;
    if (len < OFP_HEADER_LEN || ntohs(get_be16((const uint8_t *)data + 2)) != len) {
        *m = (struct ofp_msg){.raw = data, .len = len, .body = reader_of(data, len)};
        return OFPERR_OFPBRC_BAD_LEN;
    }
    enum ofperr error = identify(data, len, m, &f);
    if (error || !f) {
        return error;
    }
    const struct reader *r = &m->body;
    size_t more = r->n - f->min;
    if (r->n < f->min || (f->extra ? more % f->extra : more)) {
        return OFPERR_OFPBRC_BAD_LEN;
    }
    return OFPERR_NONE;
}

size_t ofp_msg_begin_number(struct bytebuf *b, enum ofptype type, enum ofp_version v, enum ofp_kind kind,
                            uint16_t number, uint32_t xid)
{
    size_t start = b->len;
    bool onf = kind == OFPK_ONFT || kind == OFPK_ONFSTAT || kind == OFPK_ONFREPLY;
    bool reply = ofp_kind_is_reply(kind), stats = reply || ofp_kind_is_request(kind);
    put_u8(b, v);
    put_u8(b, stats ? stats_type(v, reply) : kind == OFPK_MSG ? number : OFPT_VENDOR);
    put_u16(b, 0);
    put_u32(b, xid);
    if (stats) {
        bool vendor = kind != OFPK_STAT && kind != OFPK_REPLY;
        put_u16(b, vendor ? 0xffff : number);
        put_u16(b, 0);
        bytebuf_put_zeros(b, v > OFP10 ? 4 : 0);
        if (vendor) {
            put_u32(b, onf ? OFP_VENDOR_ONF : OFP_VENDOR_NX);
            put_u32(b, number);
            bytebuf_put_zeros(b, v == OFP10 ? 4 : 0);
        }
    } else if (kind == OFPK_NXT || kind == OFPK_ONFT) {
        put_u32(b, onf ? OFP_VENDOR_ONF : OFP_VENDOR_NX);
        put_u32(b, number);
    }
    return start;
}

static size_t begin(struct bytebuf *b, enum ofptype type, enum ofp_version v, uint32_t xid, bool nx)
{
    const struct form *found = NULL;
    for (int i = 0; i < MAX_FORMS && types[type][i].name; i++) {
        const struct form *f = &types[type][i];
        if (v >= f->first && v <= f->last) {
            if (!found || (nx && f->kind >= OFPK_NXT && found->kind < OFPK_NXT)) {
                found = f;
            }
        }
    }
    if (!found) { /* the caller asked ofp_msg_exists() */
        found = &types[type][0];
    }
    return ofp_msg_begin_number(b, type, v, found->kind, found->number, xid);
}

size_t ofp_msg_begin(struct bytebuf *b, enum ofptype type, enum ofp_version v, uint32_t xid)
{
    return begin(b, type, v, xid, false);
}

size_t ofp_msg_begin_nx(struct bytebuf *b, enum ofptype type, enum ofp_version v, uint32_t xid)
{
    return begin(b, type, v, xid, true);
}

bool ofp_msg_end(struct bytebuf *b, size_t start)
{
    size_t len = b->len - start;
    if (len > OFP_MAX_LEN) {
        LOG_WARN_RL(&rl, "a message of type %u is %zu bytes long, which OpenFlow cannot say: it is not sent",
                    b->data[start + 1], len);
        bytebuf_truncate(b, start);
        return false;
    }
    set_u16(b, start + 2, len);
    return true;
}

bool ofp_msg_exists(enum ofptype type, enum ofp_version v)
{
    for (int i = 0; i < MAX_FORMS && types[type][i].name; i++) {
        if (v >= types[type][i].first && v <= types[type][i].last) {
            return true;
        }
    }
    return false;
}

void ofp_msg_put_empty(struct bytebuf *b, enum ofptype type, enum ofp_version v, uint32_t xid)
{
    ofp_msg_end(b, ofp_msg_begin(b, type, v, xid));
}

/* --- HELLO --- */

static enum ofp_version highest(unsigned versions)
{
    enum ofp_version v = 0;
    for (int i = OFP10; i <= OFP15; i++) {
        if (versions & OFP_VERSION_BIT(i)) {
            v = i;
        }
    }
    return v;
}

void ofp_hello_encode(struct bytebuf *b, unsigned versions, uint32_t xid)
{
    enum ofp_version top = highest(versions);
    size_t start = ofp_msg_begin(b, OFPTYPE_HELLO, top, xid);
    /* A bitmap only if the header's version does not say it all: everything from 1.0 up to it. */
    unsigned implied = ((1u << (top + 1)) - 1) & OFP_VERSIONS_ALL;
    if (versions != implied) {
        put_u16(b, 1);
        put_u16(b, 8);
        put_u32(b, versions);
    }
    ofp_msg_end(b, start);
}

uint32_t ofp_hello_versions(const struct ofp_msg *m, bool *understood)
{
    struct reader r = reader_of(m->raw, m->len);
    get_skip(&r, OFP_HEADER_LEN);
    uint32_t versions = 0;
    bool all = true;
    while (r.n) {
        uint16_t type = get_u16(&r), len = get_u16(&r);
        if (r.bad || len < 4) {
            all = false;
            break;
        }
        struct reader e = get_sub(&r, len - 4u);
        get_skip(&r, MIN(r.n, (size_t)(ROUND_UP(len, 8) - len)));
        if (e.bad || type != 1 || len < 8 || len % 4) {
            all = false;
            continue; /* perhaps one that is understood follows */
        }
        uint32_t bitmap = get_u32(&e) & ~1u;
        all &= bitmap != 0;
        versions = bitmap ? bitmap : versions;
    }
    *understood = all;
    unsigned top = MIN((unsigned)m->version, 31u);
    return versions ? versions : (uint32_t)((UINT64_C(1) << (top + 1)) - 1) & ~1u;
}

unsigned ofp_hello_decode(const struct ofp_msg *m)
{
    bool understood;
    return ofp_hello_versions(m, &understood) & OFP_VERSIONS_ALL;
}

enum ofp_version ofp_version_negotiate(unsigned ours, unsigned theirs)
{
    return highest(ours & theirs);
}

/* --- ERROR --- */

void ofp_error_encode(struct bytebuf *b, enum ofperr e, enum ofp_version v, const void *request, size_t n)
{
    struct ofperr_wire w;
    uint32_t xid = n >= OFP_HEADER_LEN ? ntohl(get_be32((const uint8_t *)request + 4)) : 0;
    if (v < OFP10 || v > OFP15) {
        v = OFP10;
    }
    size_t start = ofp_msg_begin(b, OFPTYPE_ERROR, v, xid);
    if (!ofperr_to_wire(e, v, &w) && !ofperr_to_wire(OFPERR_NXBRC_UNENCODABLE_ERROR, v, &w)) {
        w = (struct ofperr_wire){.type = 1, .code = 1};
    }
    if (!w.vendor) {
        put_u16(b, w.type);
        put_u16(b, w.code);
    } else if (v < OFP12) {
        /* Nicira's own kind of error: type 0xb0c2. */
        put_u16(b, 0xb0c2);
        put_u16(b, 0);
        put_u32(b, w.vendor);
        put_u16(b, w.type);
        put_u16(b, w.code);
    } else {
        put_u16(b, 0xffff);
        put_u16(b, w.type);
        put_u32(b, w.vendor);
    }
    bytebuf_put(b, request, MIN(n, (size_t)ERROR_DATA_MAX));
    ofp_msg_end(b, start);
}

void ofp_error_encode_hello(struct bytebuf *b, enum ofp_version v, const char *text)
{
    size_t start = ofp_msg_begin(b, OFPTYPE_ERROR, v >= OFP10 && v <= OFP15 ? v : OFP10, 0);
    put_u16(b, 0);
    put_u16(b, 0);
    bytebuf_put(b, text, strlen(text));
    ofp_msg_end(b, start);
}

enum ofperr ofp_error_decode(const struct ofp_msg *m, struct ofperr_wire *w, struct reader *payload)
{
    struct reader r = m->body;
    *w = (struct ofperr_wire){.type = get_u16(&r)};
    w->code = get_u16(&r);
    if (w->type == 0xb0c2 && w->code == 0 && m->version < OFP12 && r.n >= 8) {
        w->vendor = get_u32(&r);
        w->type = get_u16(&r);
        w->code = get_u16(&r);
    } else if (w->type == 0xffff && m->version >= OFP12 && r.n >= 4) {
        w->type = w->code;
        w->code = 0;
        w->vendor = get_u32(&r);
    }
    *payload = r;
    return ofperr_from_wire(w, m->version);
}
