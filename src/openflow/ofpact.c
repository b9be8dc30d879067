/* SPDX-License-Identifier: Apache-2.0 */
#include "openflow/actions.h"

#include <string.h>

static const struct {
    const char *name;
    uint16_t size;
} ofpacts[N_OFPACTS] = {
#define X(ENUM, STRUCT, NAME) [OFPACT_##ENUM] = {NAME, sizeof(struct STRUCT)},
    OFPACTS
#undef X
};

/* Flexible members begin at their own offset, not at the end of a structure's padding. */
static size_t fixed_size(enum ofpact_type type)
{
    switch (type) {
    case OFPACT_CONTROLLER:
        return offsetof(struct ofpact_controller, userdata);
    case OFPACT_BUNDLE:
        return offsetof(struct ofpact_bundle, members);
    case OFPACT_SET_FIELD:
        return offsetof(struct ofpact_set_field, data);
    case OFPACT_DEC_TTL:
        return offsetof(struct ofpact_dec_ttl, controllers);
    case OFPACT_ENCAP:
        return offsetof(struct ofpact_encap, props);
    case OFPACT_LEARN:
        return offsetof(struct ofpact_learn, specs);
    case OFPACT_NOTE:
        return offsetof(struct ofpact_note, data);
    default:
        return ofpacts[type].size;
    }
}

static bool is_variable(enum ofpact_type type)
{
    return type == OFPACT_CONTROLLER || type == OFPACT_BUNDLE || type == OFPACT_SET_FIELD ||
           type == OFPACT_DEC_TTL || type == OFPACT_ENCAP || type == OFPACT_LEARN || type == OFPACT_NOTE ||
           type == OFPACT_CT || type == OFPACT_CLONE || type == OFPACT_WRITE_ACTIONS;
}

const char *ofpact_name(enum ofpact_type type)
{
    return ofpacts[type].name;
}

void *ofpact_put(struct bytebuf *list, enum ofpact_type type)
{
    size_t ofs = ROUND_UP(list->len, OFPACT_ALIGN), size = fixed_size(type);
    bytebuf_put_zeros(list, ofs + ROUND_UP(ofpacts[type].size, OFPACT_ALIGN) - list->len);
    struct ofpact *a = bytebuf_at(list, ofs);
    a->type = type;
    a->len = size;
    if (is_variable(type)) {
        bytebuf_truncate(list, ofs + size); /* the variable part follows */
    }
    return a;
}

void ofpact_finish(struct bytebuf *list, size_t ofs)
{
    struct ofpact *a = bytebuf_at(list, ofs);
    a->len = list->len - ofs;
    bytebuf_pad(list, OFPACT_ALIGN);
}

bool ofpacts_equal(const struct ofpact *a, size_t a_len, const struct ofpact *b, size_t b_len)
{
    return a_len == b_len && (!a_len || !memcmp(a, b, a_len));
}

/* Does the action or one in its nests satisfy TEST? */
static bool ofpacts_any(const struct ofpact *list, size_t len, bool (*test)(const struct ofpact *, uint32_t),
                        uint32_t arg)
{
    const struct ofpact *a;
    OFPACT_FOR_EACH (a, list, len) {
        if (test(a, arg)) {
            return true;
        }
        if (a->type == OFPACT_WRITE_ACTIONS || a->type == OFPACT_CLONE) {
            const struct ofpact_nest *nest = OFPACT_CAST(CLONE, a);
            if (ofpacts_any(nest->actions, ofpact_nest_len(nest), test, arg)) {
                return true;
            }
        }
    }
    return false;
}

static bool outputs_to_port(const struct ofpact *a, uint32_t port)
{
    switch (a->type) {
    case OFPACT_OUTPUT:
        return OFPACT_CAST(OUTPUT, a)->port == port;
    case OFPACT_OUTPUT_TRUNC:
        return OFPACT_CAST(OUTPUT_TRUNC, a)->port == port;
    case OFPACT_ENQUEUE:
        return OFPACT_CAST(ENQUEUE, a)->port == port;
    case OFPACT_CONTROLLER:
        return port == OFPP_CONTROLLER;
    default:
        return false;
    }
}

static bool outputs_to_group(const struct ofpact *a, uint32_t group_id)
{
    return a->type == OFPACT_GROUP && OFPACT_CAST(GROUP, a)->group_id == group_id;
}

bool ofpacts_output_to_port(const struct ofpact *list, size_t len, uint32_t port)
{
    return ofpacts_any(list, len, outputs_to_port, port);
}

bool ofpacts_output_to_group(const struct ofpact *list, size_t len, uint32_t group_id)
{
    return ofpacts_any(list, len, outputs_to_group, group_id);
}

uint32_t ofpacts_get_meter(const struct ofpact *list, size_t len)
{
    const struct ofpact *a;
    OFPACT_FOR_EACH (a, list, len) {
        if (a->type == OFPACT_METER) {
            return OFPACT_CAST(METER, a)->value;
        }
    }
    return 0;
}
