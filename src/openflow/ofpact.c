/* SPDX-License-Identifier: Apache-2.0 */
#include "openflow/actions.h"

#include <string.h>

#include "flow/field.h"

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

bool ofpact_set_field_is_exact(const struct ofpact_set_field *a)
{
    const uint8_t *mask = ofpact_set_field_mask(a);
    union field_value ones;
    if (a->masked) {
        memset(&ones, 0xff, sizeof ones); /* a mask of all bytes' bits says no more than none */
    } else {
        field_all_ones(a->field, &ones);
    }
    return !memcmp(mask, &ones, a->n_bytes);
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

/* Where actions have fields. */
static const struct {
    uint8_t type; /* enum ofpact_type */
    uint8_t ofs;  /* of a pointer to a struct field, or NULL */
} field_members[] = {
    {OFPACT_OUTPUT_REG, offsetof(struct ofpact_output_reg, src.field)},
    {OFPACT_BUNDLE, offsetof(struct ofpact_bundle, dst.field)},
    {OFPACT_SET_FIELD, offsetof(struct ofpact_set_field, field)},
    {OFPACT_MOVE, offsetof(struct ofpact_move, src.field)},
    {OFPACT_MOVE, offsetof(struct ofpact_move, dst.field)},
    {OFPACT_DELETE_FIELD, offsetof(struct ofpact_delete_field, field)},
    {OFPACT_STACK_PUSH, offsetof(struct ofpact_stack, subfield.field)},
    {OFPACT_STACK_POP, offsetof(struct ofpact_stack, subfield.field)},
    {OFPACT_LEARN, offsetof(struct ofpact_learn, result_dst.field)},
    {OFPACT_MULTIPATH, offsetof(struct ofpact_multipath, dst.field)},
    {OFPACT_CT, offsetof(struct ofpact_ct, zone_src.field)},
    {OFPACT_CHECK_PKT_LARGER, offsetof(struct ofpact_check_pkt_larger, dst.field)},
};

static uint64_t tun_metadata_bit(const struct field *field)
{
    return field && field_is_tun_metadata(field) ? TUN_MD_BIT(field->id - FIELD_TUN_METADATA0) : 0;
}

uint64_t ofpacts_tun_metadata(const struct ofpact *list, size_t len)
{
    uint64_t bits = 0;
    const struct ofpact *a;
    OFPACT_FOR_EACH (a, list, len) {
        for (size_t i = 0; i < ARRAY_SIZE(field_members); i++) {
            if (field_members[i].type == a->type) {
                const struct field *field;
                memcpy(&field, (const char *)a + field_members[i].ofs, sizeof field);
                bits |= tun_metadata_bit(field);
            }
        }
        if (a->type == OFPACT_WRITE_ACTIONS || a->type == OFPACT_CLONE) {
            const struct ofpact_nest *nest = OFPACT_CAST(CLONE, a);
            bits |= ofpacts_tun_metadata(nest->actions, ofpact_nest_len(nest));
        } else if (a->type == OFPACT_CT) {
            const struct ofpact_ct *ct = OFPACT_CAST(CT, a);
            bits |= ofpacts_tun_metadata(ct->actions, ofpact_ct_len(ct));
        } else if (a->type == OFPACT_LEARN) {
            const struct learn_spec *spec;
            LEARN_SPEC_FOR_EACH(spec, OFPACT_CAST(LEARN, a))
            {
                bits |= tun_metadata_bit(spec->src.field) | tun_metadata_bit(spec->dst.field);
            }
        }
    }
    return bits;
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
