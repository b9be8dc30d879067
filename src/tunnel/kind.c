/* SPDX-License-Identifier: Apache-2.0 */
#include "tunnel/kind.h"

#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "wire/ipv4.h"
#include "wire/tunnel.h"

const struct tunnel_kind_info tunnel_kinds[TUNNEL_N_KINDS] = {
    [TUNNEL_GRE] = {.type = "gre",
                    .vport = "gre_sys",
                    .number = 3,
                    .proto = IP_PROTO_GRE,
                    .carries_l2 = true,
                    .carries_l3 = true,
                    .has_csum_option = true,
                    .has_seq_option = true},
    [TUNNEL_IP6GRE] = {.type = "ip6gre",
                       .vport = "ip6gre_sys",
                       .number = 109,
                       .proto = IP_PROTO_GRE,
                       .carries_l2 = true,
                       .has_csum_option = true,
                       .has_seq_option = true},
    [TUNNEL_ERSPAN] = {.type = "erspan",
                       .vport = "erspan_sys",
                       .number = 107,
                       .proto = IP_PROTO_GRE,
                       .carries_l2 = true,
                       .has_csum_option = true,
                       .has_seq_option = true,
                       .has_erspan_options = true},
    [TUNNEL_IP6ERSPAN] = {.type = "ip6erspan",
                          .vport = "ip6erspan_sys",
                          .number = 108,
                          .proto = IP_PROTO_GRE,
                          .carries_l2 = true,
                          .has_csum_option = true,
                          .has_seq_option = true,
                          .has_erspan_options = true},
    [TUNNEL_VXLAN] = {.type = "vxlan",
                      .vport = "vxlan_sys",
                      .number = 4,
                      .default_port = VXLAN_PORT,
                      .proto = IP_PROTO_UDP,
                      .has_port = true,
                      .carries_l2 = true,
                      .carries_l3 = true,
                      .has_csum_option = true,
                      .has_exts_option = true},
    [TUNNEL_GENEVE] = {.type = "geneve",
                       .vport = "genev_sys",
                       .number = 5,
                       .default_port = GENEVE_PORT,
                       .proto = IP_PROTO_UDP,
                       .has_port = true,
                       .carries_l2 = true,
                       .has_csum_option = true},
    [TUNNEL_LISP] = {.type = "lisp",
                     .vport = "lisp_sys",
                     .number = 105,
                     .default_port = LISP_PORT,
                     .proto = IP_PROTO_UDP,
                     .has_port = true,
                     .carries_l3 = true,
                     .packets = TUNNEL_L3},
    [TUNNEL_STT] = {.type = "stt",
                    .vport = "stt_sys",
                    .number = 106,
                    .default_port = STT_PORT,
                    .proto = IP_PROTO_TCP,
                    .has_port = true,
                    .carries_l2 = true},
    [TUNNEL_GTPU] = {.type = "gtpu",
                     .vport = "gtpu_sys",
                     .number = 110,
                     .default_port = GTPU_PORT,
                     .proto = IP_PROTO_UDP,
                     .has_port = true,
                     .carries_l3 = true,
                     .packets = TUNNEL_L3,
                     .has_csum_option = true},
    [TUNNEL_BAREUDP] = {.type = "bareudp",
                        .vport = "udp_sys",
                        .number = 111,
                        .proto = IP_PROTO_UDP,
                        .has_port = true,
                        .carries_l3 = true,
                        .packets = TUNNEL_L3,
                        .has_payload_option = true},
};

const struct tunnel_kind_info *tunnel_kind_find(const char *type)
{
    for (size_t i = 0; i < TUNNEL_N_KINDS; i++) {
        if (!strcmp(tunnel_kinds[i].type, type)) {
            return &tunnel_kinds[i];
        }
    }
    return NULL;
}

const struct tunnel_kind_info *tunnel_kind_by_number(uint32_t number)
{
    for (size_t i = 0; i < TUNNEL_N_KINDS; i++) {
        if (tunnel_kinds[i].number == number) {
            return &tunnel_kinds[i];
        }
    }
    return NULL;
}

void tunnel_vport_name(enum tunnel_kind kind, uint16_t dst_port, char name[TUNNEL_VPORT_NAME_SIZE])
{
    const struct tunnel_kind_info *info = &tunnel_kinds[kind];
    if (info->has_port) {
        snprintf(name, TUNNEL_VPORT_NAME_SIZE, "%s_%u", info->vport, dst_port);
    } else {
        snprintf(name, TUNNEL_VPORT_NAME_SIZE, "%s", info->vport);
    }
}
