/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/dp_features.h"

#include <stdio.h>

#include "flow/key.h"
#include "pipeline/ofproto_impl.h"

const struct pipeline_dp_feature pipeline_dp_features[] = {
    {"Masked set action", "masked_set_action", 0, false},
    {"Tunnel push pop", "tnl_push_pop", 0, false},
    {"Ufid", "ufid", 0, false},
    {"Truncate action", "trunc", 0, false},
    {"Clone action", "clone", 0, false},
    {"Sample nesting", "sample_nesting", 10, true},
    {"Conntrack eventmask", "ct_eventmask", 0, false},
    {"Conntrack clear", "ct_clear", 0, false},
    {"Max dp_hash algorithm", "max_hash_alg", 1, false},
    {"Check pkt length action", "check_pkt_len", 0, false},
    {"Conntrack timeout policy", "ct_timeout", 0, false},
    {"Explicit Drop action", "explicit_drop_action", 0, false},
    {"Optimized Balance TCP mode", "lb_output_action", 0, false},
    {"Conntrack all-zero IP SNAT", "ct_zero_snat", 0, false},
    {NULL, "ct_flush", 0, false},
    {"MPLS Label add", "add_mpls", 0, false},
    {"Max VLAN headers", "max_vlan_headers", -1, false},
    {"Max MPLS depth", "max_mpls_depth", 3, false},
    {"Recirc", "recirc", 0, false},
    {"CT state", "ct_state", 0, false},
    {"CT zone", "ct_zone", 0, false},
    {"CT mark", "ct_mark", 0, false},
    {"CT label", "ct_label", 0, false},
    {"CT state NAT", "ct_state_nat", 0, false},
    {"CT orig tuple", "ct_orig_tuple", 0, false},
    {"CT orig tuple for IPv6", "ct_orig_tuple6", 0, false},
    {"IPv6 ND Extension", "nd_ext", 0, false},
};
const size_t pipeline_n_dp_features = ARRAY_SIZE(pipeline_dp_features);

const char *pipeline_dp_feature(const struct pipeline *p, const struct pipeline_dp_feature *f, char buf[16])
{
    int limit = p->config.vlan_limit;
    snprintf(buf, 16, "%d",
             f->number != -1                            ? f->number
             : limit > 0 && limit < (int)FLOW_MAX_VLANS ? limit
                                                        : (int)FLOW_MAX_VLANS);
    return buf;
}
