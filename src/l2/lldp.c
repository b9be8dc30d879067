/* SPDX-License-Identifier: Apache-2.0 */
#include "l2/lldp.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/compiler.h"

/* 8.4 */
enum {
    TLV_END = 0,
    TLV_CHASSIS = 1,
    TLV_PORT = 2,
    TLV_TTL = 3,
    TLV_PORT_DESCRIPTION = 4,
    TLV_SYSTEM_NAME = 5,
    TLV_SYSTEM_DESCRIPTION = 6,
    TLV_CAPABILITIES = 7,
    TLV_MANAGEMENT_ADDRESS = 8,
    TLV_ORGANIZATION = 127,
    CHASSIS_MAC = 4,
    PORT_INTERFACE_NAME = 5,
    CAPABILITY_BRIDGE = 4,
};

/* Auto-attach: organization 00:04:0d, subtype 11, HMAC (32 bytes, not computed), type and state and VLAN (3,
 * with a reserved byte), system id (10). */
enum {
    ELEMENT_SUBTYPE = 11,
    ELEMENT_LEN = 50,
    ELEMENT_AT_TYPE = 36,
    ELEMENT_AT_ID = 40,
    ELEMENT_TYPE_CLIENT = 14, /* a virtual switch */
};
static const uint8_t element_oui[] = {0x00, 0x04, 0x0d};

struct lldp {
    struct lldp_settings settings;
    int64_t next_tx;
    struct lldp_stats stats;
    size_t n;
    struct lldp_neighbour neighbours[LLDP_MAX_NEIGHBOURS];
};

struct lldp *lldp_create(const struct lldp_settings *settings, int64_t now_ms)
{
    struct lldp *lldp = xzalloc(sizeof *lldp);
    lldp_configure(lldp, settings, now_ms);
    return lldp;
}

void lldp_destroy(struct lldp *lldp)
{
    free(lldp);
}

void lldp_configure(struct lldp *lldp, const struct lldp_settings *settings, int64_t now_ms)
{
    lldp->settings = *settings;
    lldp->next_tx = now_ms;
}

/* ---- Sending ---- */

static uint8_t *put_tlv(uint8_t *p, unsigned type, const void *value, size_t len)
{
    p[0] = (uint8_t)(type << 1 | len >> 8);
    p[1] = (uint8_t)len;
    memcpy(p + 2, value, len);
    return p + 2 + len;
}

static uint8_t *put_id(uint8_t *p, unsigned type, uint8_t subtype, const void *id, size_t len)
{
    uint8_t value[256] = {subtype};
    len = MIN(len, sizeof value - 1);
    memcpy(value + 1, id, len);
    return put_tlv(p, type, value, len + 1);
}

static uint8_t *put_text(uint8_t *p, unsigned type, const char *text)
{
    size_t len = strnlen(text, LLDP_TEXT_MAX - 1);
    return len ? put_tlv(p, type, text, len) : p;
}

size_t lldp_make_message(struct lldp *lldp, uint8_t buf[LLDP_MAX_LEN], bool shutdown, int64_t now_ms)
{
    const struct lldp_settings *s = &lldp->settings;
    uint8_t ttl[2] = {0, shutdown ? 0 : LLDP_TTL_S};
    uint8_t *p = put_id(buf, TLV_CHASSIS, CHASSIS_MAC, &s->chassis_id, sizeof s->chassis_id);
    p = put_id(p, TLV_PORT, PORT_INTERFACE_NAME, s->port_id, strnlen(s->port_id, sizeof s->port_id));
    p = put_tlv(p, TLV_TTL, ttl, sizeof ttl);
    if (!shutdown) {
        static const uint8_t capabilities[4] = {0, CAPABILITY_BRIDGE, 0, CAPABILITY_BRIDGE};
        uint8_t element[ELEMENT_LEN] = {0};
        memcpy(element, element_oui, sizeof element_oui);
        element[3] = ELEMENT_SUBTYPE;
        element[ELEMENT_AT_TYPE] = ELEMENT_TYPE_CLIENT << 2;
        memcpy(element + ELEMENT_AT_ID, &s->chassis_id, sizeof s->chassis_id);
        p = put_text(p, TLV_SYSTEM_NAME, s->system_name);
        p = put_text(p, TLV_SYSTEM_DESCRIPTION, s->system_description);
        p = put_tlv(p, TLV_CAPABILITIES, capabilities, sizeof capabilities);
        p = put_tlv(p, TLV_ORGANIZATION, element, sizeof element);
    }
    p = put_tlv(p, TLV_END, "", 0);
    lldp->stats.tx++;
    lldp->next_tx = now_ms + LLDP_TX_INTERVAL_MS;
    return (size_t)(p - buf);
}

/* ---- Receiving ---- */

static void copy_text(char *text, const uint8_t *value, size_t len)
{
    len = MIN(len, (size_t)LLDP_TEXT_MAX - 1);
    memcpy(text, value, len);
    text[len] = '\0';
}

static bool copy_id(struct lldp_id *id, const uint8_t *value, size_t len)
{
    if (len < 2 || len > 256) {
        return false;
    }
    id->subtype = value[0];
    id->len = (uint8_t)(len - 1);
    memcpy(id->bytes, value + 1, len - 1);
    return true;
}

/* An optional TLV. False: it is malformed. */
static bool parse_optional(struct lldp *lldp, struct lldp_neighbour *n, unsigned type, const uint8_t *v,
                           size_t len)
{
    switch (type) {
    case TLV_PORT_DESCRIPTION:
        copy_text(n->port_description, v, len);
        return true;
    case TLV_SYSTEM_NAME:
        copy_text(n->system_name, v, len);
        return true;
    case TLV_SYSTEM_DESCRIPTION:
        copy_text(n->system_description, v, len);
        return true;
    case TLV_CAPABILITIES:
        if (len != 4) {
            return false;
        }
        n->capabilities = (uint16_t)(v[0] << 8 | v[1]);
        n->capabilities_enabled = (uint16_t)(v[2] << 8 | v[3]);
        return true;
    case TLV_MANAGEMENT_ADDRESS:
        return len >= 9;
    case TLV_ORGANIZATION:
        if (len < 4) {
            return false;
        }
        if (!memcmp(v, element_oui, sizeof element_oui) && v[3] == ELEMENT_SUBTYPE && len == ELEMENT_LEN) {
            n->has_element = true;
            n->element_type = v[ELEMENT_AT_TYPE] >> 2;
            n->element_mgmt_vlan = (uint16_t)((v[ELEMENT_AT_TYPE + 1] & 15) << 8 | v[ELEMENT_AT_TYPE + 2]);
            memcpy(n->element_id, v + ELEMENT_AT_ID, sizeof n->element_id);
        } else {
            lldp->stats.rx_unrecognized++;
        }
        return true;
    }
    if (type <= TLV_TTL) {
        return false; /* a second one */
    }
    lldp->stats.rx_unrecognized++;
    return true;
}

/* 9.2.7.7: chassis, port and time to live come first, in this order. */
static bool parse(struct lldp *lldp, const uint8_t *p, size_t len, struct lldp_neighbour *n, unsigned *ttl)
{
    for (unsigned i = 0;; i++) {
        if (len < 2) {
            return false;
        }
        unsigned type = p[0] >> 1;
        size_t size = (size_t)(p[0] & 1) << 8 | p[1];
        const uint8_t *v = p + 2;
        if (size > len - 2) {
            return false;
        }
        if (i < 3) {
            bool good = type == i + 1;
            if (good && type == TLV_TTL) {
                good = size >= 2;
                *ttl = good ? (unsigned)(v[0] << 8 | v[1]) : 0;
            } else if (good) {
                good = copy_id(type == TLV_CHASSIS ? &n->chassis : &n->port, v, size);
            }
            if (!good) {
                return false;
            }
        } else if (type == TLV_END) {
            return size == 0;
        } else if (!parse_optional(lldp, n, type, v, size)) {
            return false;
        }
        p += 2 + size;
        len -= 2 + size;
    }
}

static bool is_same_id(const struct lldp_id *a, const struct lldp_id *b)
{
    return a->subtype == b->subtype && a->len == b->len && !memcmp(a->bytes, b->bytes, a->len);
}

static void forget(struct lldp *lldp, size_t i)
{
    lldp->neighbours[i] = lldp->neighbours[--lldp->n];
}

bool lldp_receive(struct lldp *lldp, const void *message, size_t len, int64_t now_ms)
{
    struct lldp_neighbour new = {.expires_ms = 0};
    unsigned ttl = 0;
    lldp->stats.rx++;
    if (!parse(lldp, message, len, &new, &ttl)) {
        lldp->stats.rx_discarded++;
        return false;
    }
    size_t i = 0;
    while (i < lldp->n && !(is_same_id(&new.chassis, &lldp->neighbours[i].chassis) &&
                            is_same_id(&new.port, &lldp->neighbours[i].port))) {
        i++;
    }
    if (!ttl) {
        if (i < lldp->n) {
            forget(lldp, i);
            lldp->stats.remove++;
        }
        return true;
    }
    if (i == lldp->n) {
        if (lldp->n == LLDP_MAX_NEIGHBOURS) {
            lldp->stats.drop++;
            return true;
        }
        lldp->n++;
        lldp->stats.insert++;
    }
    new.expires_ms = now_ms + ttl *INT64_C(1000);
    lldp->neighbours[i] = new;
    return true;
}

bool lldp_run(struct lldp *lldp, int64_t now_ms, int64_t *wake)
{
    *wake = lldp->next_tx;
    for (size_t i = 0; i < lldp->n;) {
        if (now_ms >= lldp->neighbours[i].expires_ms) {
            forget(lldp, i);
            lldp->stats.ageout++;
        } else {
            *wake = MIN(*wake, lldp->neighbours[i].expires_ms);
            i++;
        }
    }
    return now_ms >= lldp->next_tx;
}

const struct lldp_neighbour *lldp_neighbours(const struct lldp *lldp, size_t *n)
{
    *n = lldp->n;
    return lldp->neighbours;
}

void lldp_get_stats(const struct lldp *lldp, struct lldp_stats *stats)
{
    *stats = lldp->stats;
}
