/* SPDX-License-Identifier: Apache-2.0 */
/* The Mirror table. A mirror is known by its UUID: its name need not be unique, and may change. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "switchd/config.h"

LOG_MODULE(bridge);

/* The names of the Ports in a set column; the array is the caller's to free. */
static const char **port_names(const struct ovsdb_row *row, unsigned column, size_t *n)
{
    size_t total = ovsdb_row_n(row, column);
    const char **names = xcalloc(total, sizeof *names);
    *n = 0;
    for (size_t i = 0; i < total; i++) {
        const struct ovsdb_row *port = ovsdb_row_ref(row, column, i);
        if (port) {
            names[(*n)++] = ovsdb_row_string(port, OVS_PORT_NAME, "");
        }
    }
    return names;
}

static void set_mirror(struct bridge *b, const struct ovsdb_row *row)
{
    char id[UUID_TEXT_LEN + 1];
    struct ofproto_mirror_settings s = {.name = uuid_format(&row->uuid, id)};
    const struct ovsdb_row *out = ovsdb_row_ref(row, OVS_MIRROR_OUTPUT_PORT, 0);
    s.out_bundle = out ? ovsdb_row_string(out, OVS_PORT_NAME, "") : NULL;
    s.out_vlan = out ? 0 : (uint16_t)ovsdb_row_integer(row, OVS_MIRROR_OUTPUT_VLAN, 0);
    s.snaplen = (uint16_t)ovsdb_row_integer(row, OVS_MIRROR_SNAPLEN, 0);
    s.select_all = ovsdb_row_boolean(row, OVS_MIRROR_SELECT_ALL, false);
    if (!s.out_bundle && !ovsdb_row_n(row, OVS_MIRROR_OUTPUT_VLAN)) {
        LOG_ERR("bridge %s: mirror %s does not specify output; ignoring", b->name,
                ovsdb_row_string(row, OVS_MIRROR_NAME, ""));
        return;
    }
    const char **src = port_names(row, OVS_MIRROR_SELECT_SRC_PORT, &s.n_src);
    const char **dst = port_names(row, OVS_MIRROR_SELECT_DST_PORT, &s.n_dst);
    unsigned long *vlans = config_vlans(row, OVS_MIRROR_SELECT_VLAN);
    s.src_bundles = src;
    s.dst_bundles = dst;
    s.vlans = vlans;
    int error = ofproto_mirror_set(b->ofproto, &s);
    if (error) {
        LOG_ERR("bridge %s: mirror %s: %s", b->name, ovsdb_row_string(row, OVS_MIRROR_NAME, ""),
                error == ENOSPC ? "a bridge has at most 32 mirrors" : strerror(error));
    } else {
        struct named *mirror = named_find(&b->mirrors, id);
        if (!mirror) {
            mirror = named_add(&b->mirrors, id);
        }
        mirror->wanted = true;
    }
    free(src);
    free(dst);
    free(vlans);
}

void config_mirrors_settings(struct bridge *b)
{
    struct named *mirror;
    HMAP_FOR_EACH (mirror, node, &b->mirrors) {
        mirror->wanted = false;
    }
    for (size_t i = 0; i < ovsdb_row_n(b->row, OVS_BRIDGE_MIRRORS); i++) {
        const struct ovsdb_row *row = ovsdb_row_ref(b->row, OVS_BRIDGE_MIRRORS, i);
        if (row) {
            set_mirror(b, row);
        }
    }
    HMAP_FOR_EACH_SAFE (mirror, node, &b->mirrors) {
        if (!mirror->wanted) {
            ofproto_mirror_remove(b->ofproto, mirror->name);
            named_remove(&b->mirrors, mirror);
        }
    }
}
