/* SPDX-License-Identifier: Apache-2.0 */
#include "openflow/errors.h"

#include <string.h>

#include "base/compiler.h"

#define MAX_SPANS 4
#define NX        OFP_VENDOR_NX
#define ONF       OFP_VENDOR_ONF

struct span {
    uint8_t first, last; /* versions; 0: unused */
    struct ofperr_wire wire;
};

static const struct {
    const char *name;
    struct span spans[MAX_SPANS];
} errors[N_OFPERRS] = {
/* clang-format off */
#define W(FIRST, LAST, VENDOR, TYPE, CODE) { FIRST, LAST, { VENDOR, TYPE, CODE } },
#define X(NAME, WIRE) [OFPERR_##NAME] = { #NAME, { WIRE } },
    OFPERRORS
#undef X
#undef W
    /* clang-format on */
};

const char *ofperr_name(enum ofperr e)
{
    return e > OFPERR_NONE && e < N_OFPERRS ? errors[e].name : "<invalid>";
}

enum ofperr ofperr_from_name(const char *name)
{
    for (int e = 1; e < N_OFPERRS; e++) {
        if (!strcmp(errors[e].name, name)) {
            return e;
        }
    }
    return OFPERR_NONE;
}

bool ofperr_to_wire(enum ofperr e, enum ofp_version version, struct ofperr_wire *wire)
{
    if (e <= OFPERR_NONE || e >= N_OFPERRS) {
        return false;
    }
    for (int i = 0; i < MAX_SPANS && errors[e].spans[i].first; i++) {
        const struct span *s = &errors[e].spans[i];
        if (version >= s->first && version <= s->last) {
            *wire = s->wire;
            return true;
        }
    }
    return false;
}

enum ofperr ofperr_from_wire(const struct ofperr_wire *wire, enum ofp_version version)
{
    struct ofperr_wire w;
    for (int e = 1; e < N_OFPERRS; e++) {
        if (ofperr_to_wire(e, version, &w) && w.vendor == wire->vendor && w.type == wire->type &&
            w.code == wire->code) {
            return e;
        }
    }
    return OFPERR_NONE;
}
