/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an action list on any bytes as a packet: the check refuses the list, or it can be written and
 * run, and nothing outside of the packet is touched (each packet is malloc'd by itself).
 *
 * Input: length of the list in units of 8 bytes, checksum state, csum_start and whether it has an Ethernet
 * header (a byte each), the list, the packet. */
#include <stdlib.h>
#include <string.h>

#include "action/hash.h"
#include "action/rewrite.h"
#include "action/text.h"
#include "base/alloc.h"
#include "flow/extract.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run(struct packet *p, const void *list, size_t len)
{
    const struct dp_action *a, *inner;
    size_t n;
    struct flow_key key;
    DP_ACTION_FOR_EACH (a, list, len) {
        if (a->type == DP_ACTION_RECIRC) {
            flow_key_extract_complete(p, &key);
        } else if (a->type == DP_ACTION_HASH) {
            p->dp_hash = dp_hash_packet(p, DP_ACTION_AS(dp_action_hash, a)->alg, 0);
        } else if (a->type == DP_ACTION_DEC_TTL) {
            if (rewrite_dec_ttl(p)) {
                inner = dp_action_nested(a, &n);
                run(p, inner, n);
            }
        } else if (a->type == DP_ACTION_METER) {
            rewrite_dscp_remark(p, (uint8_t)dp_action_value(a));
        } else if (a->type == DP_ACTION_SAMPLE || a->type == DP_ACTION_CLONE) {
            inner = dp_action_nested(a, &n);
            run(p, inner, n);
        } else if (a->type == DP_ACTION_CHECK_PKT_LEN) {
            inner = dp_action_if_greater(a, &n);
            run(p, inner, n);
            inner = dp_action_if_less_equal(a, &n);
            run(p, inner, n);
        } else if (rewrite_handles(a->type) && rewrite_packet(p, a)) {
            return;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4 || size < 4 + data[0] * 8u) {
        return 0;
    }
    size_t len = data[0] * 8u;
    void *list = aligned_alloc(8, len ? len : 8);
    memcpy(list, data + 4, len);
    char *error;
    if (!dp_actions_check(list, len, &error)) {
        struct packet_pool *pool = packet_pool_create_heap();
        struct packet *p = packet_from_bytes(pool, data + 4 + len, (uint32_t)(size - 4 - len));
        struct strbuf s = STRBUF_INITIALIZER;
        struct flow_key key;
        flow_set_vlan_limit(2);
        p->packet_type = data[3] % 4 == 1   ? FLOW_PT(1, 0x0800)
                         : data[3] % 4 == 2 ? FLOW_PT(1, 0x86dd)
                         : data[3] % 4 == 3 ? FLOW_PT(1, 0x8847)
                                            : FLOW_PT_ETH;
        flow_key_extract_complete(p, &key);
        p->csum = data[1] % 3;
        p->csum_start = data[2] == 255 ? p->l4_ofs : data[2];
        dp_actions_format(list, len, NULL, &s);
        dp_actions_check_key(list, len, &key, &error);
        free(error);
        run(p, list, len);
        if (p->cutlen > p->len) {
            abort();
        }
        /* Headroom that push used is given back only to grow again. */
        flow_key_extract_complete(p, &key);
        strbuf_fini(&s);
        packet_free(p);
        packet_pool_destroy(pool);
    } else {
        free(error);
    }
    free(list);
    return 0;
}
