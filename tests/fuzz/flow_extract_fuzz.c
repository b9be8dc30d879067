/* SPDX-License-Identifier: Apache-2.0 */
/* Any frame gives a key whose unused bytes are zero, the same on the fast path and on the full one; the key's
 * text can be read again; a packet made from it can be parsed. First byte of the input: VLAN limit and packet
 * type. */
#include <stdlib.h>
#include <string.h>

#include "flow/compose.h"
#include "flow/dpkey_text.h"
#include "flow/extract.h"
#include "flow/mask.h"
#include "flow/match.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
    if (!ok) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const be32 types[] = {
        0, 0, 0, 0, FLOW_PT(1, 0x0800), FLOW_PT(1, 0x86dd), FLOW_PT(1, 0x8847), FLOW_PT(1, 0x894f)};
    if (!size || size > 4096) {
        return 0;
    }
    struct packet_pool *pool = packet_pool_create_heap();
    struct packet *p = packet_from_bytes(pool, data + 1, (uint32_t)size - 1);
    struct flow_key fast, full, reread;
    struct strbuf s = STRBUF_INITIALIZER;

    flow_set_vlan_limit(data[0] & 3);
    p->packet_type = types[(data[0] >> 2) & 7];
    p->in_port = 7;
    memset(&fast, 0x5a, sizeof fast);
    flow_key_extract_complete(p, &fast);
    uint16_t l3 = p->l3_ofs, l4 = p->l4_ofs;
    require(l3 == PACKET_NO_OFFSET || l3 <= p->len);
    require(l4 == PACKET_NO_OFFSET || l4 <= p->len);

    p->priority = 1; /* not for the fast path */
    memset(&full, 0xa5, sizeof full);
    flow_key_extract_complete(p, &full);
    require(full.skb_priority == 1 && p->l3_ofs == l3 && p->l4_ofs == l4);
    full.skb_priority = 0;
    require(flow_key_equal(&fast, &full));

    dpkey_format(&fast, NULL, NULL, false, &s);
    char *error = dpkey_parse(strbuf_text(&s), NULL, &reread, NULL, NULL);
    require(!error);
    strbuf_clear(&s);
    match_format_key(&fast, NULL, NULL, &s);
    packet_free(p);

    p = flow_compose(pool, &fast, NULL, 0);
    if (p) {
        flow_key_extract_complete(p, &reread);
        packet_free(p);
    }
    strbuf_fini(&s);
    packet_pool_destroy(pool);
    return 0;
}
