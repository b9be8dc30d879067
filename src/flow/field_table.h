/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 3. The match fields of ovs-fields(7), each once; and their OXM and NXM codes, each once. Data of
 * flow/field.h, which says what the columns mean. To add a field is to add a row here, and its code below.
 * Thread-safety: constants. */
#ifndef FLOW_FIELD_TABLE_H
#define FLOW_FIELD_TABLE_H 1

/* clang-format off */

/* id, name, alias, bytes, bits, place in the key, bytes there, storage, shift, masking, text, prerequisite,
 * access */
#define FIELD_TABLE(X) \
    X(DP_HASH, "dp_hash", NULL, 4, 32, offsetof(struct flow_key, dp_hash), 4, FIELD_NUM, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RO) \
    X(RECIRC_ID, "recirc_id", NULL, 4, 32, offsetof(struct flow_key, recirc_id), 4, FIELD_NUM, 0, FIELD_EXACT, FIELD_DEC, FIELD_PRE_NONE, FIELD_RO) \
    X(PACKET_TYPE, "packet_type", NULL, 4, 32, offsetof(struct flow_key, packet_type), 4, FIELD_BYTES, 0, FIELD_EXACT, FIELD_PKTTYPE, FIELD_PRE_NONE, FIELD_RO) \
    X(CONJ_ID, "conj_id", NULL, 4, 32, offsetof(struct flow_key, conj_id), 4, FIELD_NUM, 0, FIELD_EXACT, FIELD_DEC, FIELD_PRE_NONE, FIELD_RO) \
    X(TUN_ID, "tun_id", "tunnel_id", 8, 64, offsetof(struct flow_key, tun_id), 8, FIELD_BYTES, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_SRC, "tun_src", NULL, 4, 32, offsetof(struct flow_key, tun_src), 4, FIELD_BYTES, 0, FIELD_MASKABLE, FIELD_IPV4, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_DST, "tun_dst", NULL, 4, 32, offsetof(struct flow_key, tun_dst), 4, FIELD_BYTES, 0, FIELD_MASKABLE, FIELD_IPV4, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_IPV6_SRC, "tun_ipv6_src", NULL, 16, 128, offsetof(struct flow_key, tun_ipv6_src), 16, FIELD_BYTES, 0, FIELD_MASKABLE, FIELD_IPV6, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_IPV6_DST, "tun_ipv6_dst", NULL, 16, 128, offsetof(struct flow_key, tun_ipv6_dst), 16, FIELD_BYTES, 0, FIELD_MASKABLE, FIELD_IPV6, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_FLAGS, "tun_flags", NULL, 2, 1, offsetof(struct flow_key, tun_flags), 2, FIELD_NUM, 0, FIELD_MASKABLE, FIELD_TUNFLAGS, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_TTL, "tun_ttl", NULL, 1, 8, offsetof(struct flow_key, tun_ttl), 1, FIELD_BYTES, 0, FIELD_EXACT, FIELD_DEC, FIELD_PRE_NONE, FIELD_RO) \
    X(TUN_TOS, "tun_tos", NULL, 1, 8, offsetof(struct flow_key, tun_tos), 1, FIELD_BYTES, 0, FIELD_EXACT, FIELD_DEC, FIELD_PRE_NONE, FIELD_RO) \
    X(TUN_GBP_ID, "tun_gbp_id", NULL, 2, 16, offsetof(struct flow_key, tun_gbp_id), 2, FIELD_BYTES, 0, FIELD_MASKABLE, FIELD_DEC, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_GBP_FLAGS, "tun_gbp_flags", NULL, 1, 8, offsetof(struct flow_key, tun_gbp_flags), 1, FIELD_BYTES, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_ERSPAN_IDX, "tun_erspan_idx", NULL, 4, 20, offsetof(struct flow_key, erspan_idx), 4, FIELD_NUM, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_ERSPAN_VER, "tun_erspan_ver", NULL, 1, 4, offsetof(struct flow_key, tun_erspan_ver), 1, FIELD_NUM, 0, FIELD_MASKABLE, FIELD_DEC, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_ERSPAN_DIR, "tun_erspan_dir", NULL, 1, 1, offsetof(struct flow_key, tun_erspan_dir), 1, FIELD_NUM, 0, FIELD_MASKABLE, FIELD_DEC, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_ERSPAN_HWID, "tun_erspan_hwid", NULL, 1, 6, offsetof(struct flow_key, tun_erspan_hwid), 1, FIELD_NUM, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_GTPU_FLAGS, "tun_gtpu_flags", NULL, 1, 8, offsetof(struct flow_key, tun_gtpu_flags), 1, FIELD_BYTES, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RO) \
    X(TUN_GTPU_MSGTYPE, "tun_gtpu_msgtype", NULL, 1, 8, offsetof(struct flow_key, tun_gtpu_msgtype), 1, FIELD_BYTES, 0, FIELD_MASKABLE, FIELD_DEC, FIELD_PRE_NONE, FIELD_RO) \
    X(TUN_METADATA0, "tun_metadata0", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA1, "tun_metadata1", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA2, "tun_metadata2", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA3, "tun_metadata3", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA4, "tun_metadata4", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA5, "tun_metadata5", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA6, "tun_metadata6", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA7, "tun_metadata7", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA8, "tun_metadata8", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA9, "tun_metadata9", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA10, "tun_metadata10", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA11, "tun_metadata11", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA12, "tun_metadata12", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA13, "tun_metadata13", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA14, "tun_metadata14", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA15, "tun_metadata15", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA16, "tun_metadata16", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA17, "tun_metadata17", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA18, "tun_metadata18", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA19, "tun_metadata19", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA20, "tun_metadata20", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA21, "tun_metadata21", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA22, "tun_metadata22", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA23, "tun_metadata23", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA24, "tun_metadata24", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA25, "tun_metadata25", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA26, "tun_metadata26", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA27, "tun_metadata27", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA28, "tun_metadata28", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA29, "tun_metadata29", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA30, "tun_metadata30", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA31, "tun_metadata31", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA32, "tun_metadata32", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA33, "tun_metadata33", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA34, "tun_metadata34", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA35, "tun_metadata35", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA36, "tun_metadata36", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA37, "tun_metadata37", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA38, "tun_metadata38", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA39, "tun_metadata39", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA40, "tun_metadata40", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA41, "tun_metadata41", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA42, "tun_metadata42", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA43, "tun_metadata43", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA44, "tun_metadata44", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA45, "tun_metadata45", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA46, "tun_metadata46", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA47, "tun_metadata47", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA48, "tun_metadata48", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA49, "tun_metadata49", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA50, "tun_metadata50", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA51, "tun_metadata51", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA52, "tun_metadata52", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA53, "tun_metadata53", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA54, "tun_metadata54", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA55, "tun_metadata55", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA56, "tun_metadata56", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA57, "tun_metadata57", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA58, "tun_metadata58", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA59, "tun_metadata59", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA60, "tun_metadata60", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA61, "tun_metadata61", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA62, "tun_metadata62", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(TUN_METADATA63, "tun_metadata63", NULL, 124, 992, offsetof(struct flow_key, tun_md), 124, FIELD_TUNMD, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(METADATA, "metadata", NULL, 8, 64, offsetof(struct flow_key, metadata), 8, FIELD_BYTES, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(IN_PORT, "in_port", NULL, 2, 16, offsetof(struct flow_key, in_port), 4, FIELD_OFP, 0, FIELD_EXACT, FIELD_PORT, FIELD_PRE_NONE, FIELD_RW) \
    X(IN_PORT_OXM, "in_port_oxm", NULL, 4, 32, offsetof(struct flow_key, in_port), 4, FIELD_OFP, 0, FIELD_EXACT, FIELD_PORT_OXM, FIELD_PRE_NONE, FIELD_RW) \
    X(ACTSET_OUTPUT, "actset_output", NULL, 4, 32, offsetof(struct flow_key, actset_output), 4, FIELD_OFP, 0, FIELD_EXACT, FIELD_PORT_OXM, FIELD_PRE_NONE, FIELD_RO) \
    X(SKB_PRIORITY, "skb_priority", NULL, 4, 32, offsetof(struct flow_key, skb_priority), 4, FIELD_NUM, 0, FIELD_EXACT, FIELD_HEX, FIELD_PRE_NONE, FIELD_RO) \
    X(PKT_MARK, "pkt_mark", NULL, 4, 32, offsetof(struct flow_key, pkt_mark), 4, FIELD_NUM, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(CT_STATE, "ct_state", NULL, 4, 32, offsetof(struct flow_key, ct_state), 2, FIELD_NUM, 0, FIELD_MASKABLE, FIELD_CTSTATE, FIELD_PRE_NONE, FIELD_RO) \
    X(CT_ZONE, "ct_zone", NULL, 2, 16, offsetof(struct flow_key, ct_zone), 2, FIELD_NUM, 0, FIELD_EXACT, FIELD_HEX, FIELD_PRE_NONE, FIELD_RO) \
    X(CT_MARK, "ct_mark", NULL, 4, 32, offsetof(struct flow_key, ct_mark), 4, FIELD_NUM, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(CT_LABEL, "ct_label", NULL, 16, 128, offsetof(struct flow_key, ct_label), 16, FIELD_BYTES, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(CT_NW_PROTO, "ct_nw_proto", NULL, 1, 8, offsetof(struct flow_key, ct_nw_proto), 1, FIELD_BYTES, 0, FIELD_EXACT, FIELD_DEC, FIELD_PRE_CT, FIELD_RO) \
    X(CT_NW_SRC, "ct_nw_src", NULL, 4, 32, offsetof(struct flow_key, ct_nw_src), 4, FIELD_BYTES, 0, FIELD_MASKABLE, FIELD_IPV4, FIELD_PRE_CT, FIELD_RO) \
    X(CT_NW_DST, "ct_nw_dst", NULL, 4, 32, offsetof(struct flow_key, ct_nw_dst), 4, FIELD_BYTES, 0, FIELD_MASKABLE, FIELD_IPV4, FIELD_PRE_CT, FIELD_RO) \
    X(CT_IPV6_SRC, "ct_ipv6_src", NULL, 16, 128, offsetof(struct flow_key, ct_ipv6_src), 16, FIELD_BYTES, 0, FIELD_MASKABLE, FIELD_IPV6, FIELD_PRE_CT, FIELD_RO) \
    X(CT_IPV6_DST, "ct_ipv6_dst", NULL, 16, 128, offsetof(struct flow_key, ct_ipv6_dst), 16, FIELD_BYTES, 0, FIELD_MASKABLE, FIELD_IPV6, FIELD_PRE_CT, FIELD_RO) \
    X(CT_TP_SRC, "ct_tp_src", NULL, 2, 16, offsetof(struct flow_key, ct_tp_src), 2, FIELD_BYTES, 0, FIELD_MASKABLE, FIELD_DEC, FIELD_PRE_CT, FIELD_RO) \
    X(CT_TP_DST, "ct_tp_dst", NULL, 2, 16, offsetof(struct flow_key, ct_tp_dst), 2, FIELD_BYTES, 0, FIELD_MASKABLE, FIELD_DEC, FIELD_PRE_CT, FIELD_RO) \
    X(REG0, "reg0", NULL, 4, 32, offsetof(struct flow_key, regs[0]), 4, FIELD_REGS, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(REG1, "reg1", NULL, 4, 32, offsetof(struct flow_key, regs[1]), 4, FIELD_REGS, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(REG2, "reg2", NULL, 4, 32, offsetof(struct flow_key, regs[2]), 4, FIELD_REGS, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(REG3, "reg3", NULL, 4, 32, offsetof(struct flow_key, regs[3]), 4, FIELD_REGS, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(REG4, "reg4", NULL, 4, 32, offsetof(struct flow_key, regs[4]), 4, FIELD_REGS, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(REG5, "reg5", NULL, 4, 32, offsetof(struct flow_key, regs[5]), 4, FIELD_REGS, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(REG6, "reg6", NULL, 4, 32, offsetof(struct flow_key, regs[6]), 4, FIELD_REGS, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(REG7, "reg7", NULL, 4, 32, offsetof(struct flow_key, regs[7]), 4, FIELD_REGS, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(REG8, "reg8", NULL, 4, 32, offsetof(struct flow_key, regs[8]), 4, FIELD_REGS, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(REG9, "reg9", NULL, 4, 32, offsetof(struct flow_key, regs[9]), 4, FIELD_REGS, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(REG10, "reg10", NULL, 4, 32, offsetof(struct flow_key, regs[10]), 4, FIELD_REGS, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(REG11, "reg11", NULL, 4, 32, offsetof(struct flow_key, regs[11]), 4, FIELD_REGS, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(REG12, "reg12", NULL, 4, 32, offsetof(struct flow_key, regs[12]), 4, FIELD_REGS, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(REG13, "reg13", NULL, 4, 32, offsetof(struct flow_key, regs[13]), 4, FIELD_REGS, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(REG14, "reg14", NULL, 4, 32, offsetof(struct flow_key, regs[14]), 4, FIELD_REGS, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(REG15, "reg15", NULL, 4, 32, offsetof(struct flow_key, regs[15]), 4, FIELD_REGS, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(XREG0, "xreg0", NULL, 8, 64, offsetof(struct flow_key, regs[0]), 8, FIELD_REGS, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(XREG1, "xreg1", NULL, 8, 64, offsetof(struct flow_key, regs[2]), 8, FIELD_REGS, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(XREG2, "xreg2", NULL, 8, 64, offsetof(struct flow_key, regs[4]), 8, FIELD_REGS, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(XREG3, "xreg3", NULL, 8, 64, offsetof(struct flow_key, regs[6]), 8, FIELD_REGS, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(XREG4, "xreg4", NULL, 8, 64, offsetof(struct flow_key, regs[8]), 8, FIELD_REGS, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(XREG5, "xreg5", NULL, 8, 64, offsetof(struct flow_key, regs[10]), 8, FIELD_REGS, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(XREG6, "xreg6", NULL, 8, 64, offsetof(struct flow_key, regs[12]), 8, FIELD_REGS, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(XREG7, "xreg7", NULL, 8, 64, offsetof(struct flow_key, regs[14]), 8, FIELD_REGS, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(XXREG0, "xxreg0", NULL, 16, 128, offsetof(struct flow_key, regs[0]), 16, FIELD_REGS, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(XXREG1, "xxreg1", NULL, 16, 128, offsetof(struct flow_key, regs[4]), 16, FIELD_REGS, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(XXREG2, "xxreg2", NULL, 16, 128, offsetof(struct flow_key, regs[8]), 16, FIELD_REGS, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(XXREG3, "xxreg3", NULL, 16, 128, offsetof(struct flow_key, regs[12]), 16, FIELD_REGS, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NONE, FIELD_RW) \
    X(ETH_SRC, "eth_src", "dl_src", 6, 48, offsetof(struct flow_key, dl_src), 6, FIELD_BYTES, 0, FIELD_MASKABLE, FIELD_MAC, FIELD_PRE_ETH, FIELD_RW) \
    X(ETH_DST, "eth_dst", "dl_dst", 6, 48, offsetof(struct flow_key, dl_dst), 6, FIELD_BYTES, 0, FIELD_MASKABLE, FIELD_MAC, FIELD_PRE_ETH, FIELD_RW) \
    X(ETH_TYPE, "eth_type", "dl_type", 2, 16, offsetof(struct flow_key, dl_type), 2, FIELD_BYTES, 0, FIELD_EXACT, FIELD_HEX, FIELD_PRE_ETH, FIELD_RO) \
    X(VLAN_TCI, "vlan_tci", NULL, 2, 16, offsetof(struct flow_key, vlans[0].tci), 2, FIELD_VLAN, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_ETH, FIELD_RW) \
    X(DL_VLAN, "dl_vlan", NULL, 2, 12, offsetof(struct flow_key, vlans[0].tci), 2, FIELD_VLAN, 0, FIELD_EXACT, FIELD_DEC, FIELD_PRE_ETH, FIELD_RW) \
    X(VLAN_VID, "vlan_vid", NULL, 2, 12, offsetof(struct flow_key, vlans[0].tci), 2, FIELD_VLAN, 0, FIELD_MASKABLE, FIELD_DEC, FIELD_PRE_ETH, FIELD_RW) \
    X(DL_VLAN_PCP, "dl_vlan_pcp", NULL, 1, 3, offsetof(struct flow_key, vlans[0].tci), 2, FIELD_VLAN, 13, FIELD_EXACT, FIELD_DEC, FIELD_PRE_ETH, FIELD_RW) \
    X(VLAN_PCP, "vlan_pcp", NULL, 1, 3, offsetof(struct flow_key, vlans[0].tci), 2, FIELD_VLAN, 13, FIELD_EXACT, FIELD_DEC, FIELD_PRE_VLAN, FIELD_RW) \
    X(MPLS_LABEL, "mpls_label", NULL, 4, 20, offsetof(struct flow_key, mpls_lse[0]), 4, FIELD_BE, 12, FIELD_EXACT, FIELD_DEC, FIELD_PRE_MPLS, FIELD_RW) \
    X(MPLS_TC, "mpls_tc", NULL, 1, 3, offsetof(struct flow_key, mpls_lse[0]), 4, FIELD_BE, 9, FIELD_EXACT, FIELD_DEC, FIELD_PRE_MPLS, FIELD_RW) \
    X(MPLS_BOS, "mpls_bos", NULL, 1, 1, offsetof(struct flow_key, mpls_lse[0]), 4, FIELD_BE, 8, FIELD_EXACT, FIELD_DEC, FIELD_PRE_MPLS, FIELD_RO) \
    X(MPLS_TTL, "mpls_ttl", NULL, 1, 8, offsetof(struct flow_key, mpls_lse[0]), 4, FIELD_BE, 0, FIELD_EXACT, FIELD_DEC, FIELD_PRE_MPLS, FIELD_RW) \
    X(IPV4_SRC, "ip_src", "nw_src", 4, 32, offsetof(struct flow_key, nw_src), 4, FIELD_BYTES, 0, FIELD_MASKABLE, FIELD_IPV4, FIELD_PRE_IPV4, FIELD_RW) \
    X(IPV4_DST, "ip_dst", "nw_dst", 4, 32, offsetof(struct flow_key, nw_dst), 4, FIELD_BYTES, 0, FIELD_MASKABLE, FIELD_IPV4, FIELD_PRE_IPV4, FIELD_RW) \
    X(IPV6_SRC, "ipv6_src", NULL, 16, 128, offsetof(struct flow_key, ipv6_src), 16, FIELD_BYTES, 0, FIELD_MASKABLE, FIELD_IPV6, FIELD_PRE_IPV6, FIELD_RW) \
    X(IPV6_DST, "ipv6_dst", NULL, 16, 128, offsetof(struct flow_key, ipv6_dst), 16, FIELD_BYTES, 0, FIELD_MASKABLE, FIELD_IPV6, FIELD_PRE_IPV6, FIELD_RW) \
    X(IPV6_LABEL, "ipv6_label", NULL, 4, 20, offsetof(struct flow_key, ipv6_label), 4, FIELD_BE, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_IPV6, FIELD_RW) \
    X(IP_PROTO, "nw_proto", "ip_proto", 1, 8, offsetof(struct flow_key, nw_proto), 1, FIELD_BYTES, 0, FIELD_EXACT, FIELD_DEC, FIELD_PRE_IP, FIELD_RO) \
    X(IP_TOS, "nw_tos", NULL, 1, 8, offsetof(struct flow_key, nw_tos), 1, FIELD_NUM, 0, FIELD_EXACT, FIELD_DEC, FIELD_PRE_IP, FIELD_RW) \
    X(IP_DSCP, "ip_dscp", NULL, 1, 6, offsetof(struct flow_key, nw_tos), 1, FIELD_NUM, 2, FIELD_EXACT, FIELD_DEC, FIELD_PRE_IP, FIELD_RW) \
    X(IP_ECN, "nw_ecn", "ip_ecn", 1, 2, offsetof(struct flow_key, nw_tos), 1, FIELD_NUM, 0, FIELD_EXACT, FIELD_DEC, FIELD_PRE_IP, FIELD_RW) \
    X(IP_TTL, "nw_ttl", NULL, 1, 8, offsetof(struct flow_key, nw_ttl), 1, FIELD_BYTES, 0, FIELD_EXACT, FIELD_DEC, FIELD_PRE_IP, FIELD_RW) \
    X(IP_FRAG, "ip_frag", "nw_frag", 1, 2, offsetof(struct flow_key, nw_frag), 1, FIELD_NUM, 0, FIELD_MASKABLE, FIELD_FRAG, FIELD_PRE_IP, FIELD_RO) \
    X(ARP_OP, "arp_op", NULL, 2, 16, offsetof(struct flow_key, nw_proto), 1, FIELD_NUM, 0, FIELD_EXACT, FIELD_DEC, FIELD_PRE_ARP, FIELD_RW) \
    X(ARP_SPA, "arp_spa", NULL, 4, 32, offsetof(struct flow_key, nw_src), 4, FIELD_BYTES, 0, FIELD_MASKABLE, FIELD_IPV4, FIELD_PRE_ARP, FIELD_RW) \
    X(ARP_TPA, "arp_tpa", NULL, 4, 32, offsetof(struct flow_key, nw_dst), 4, FIELD_BYTES, 0, FIELD_MASKABLE, FIELD_IPV4, FIELD_PRE_ARP, FIELD_RW) \
    X(ARP_SHA, "arp_sha", NULL, 6, 48, offsetof(struct flow_key, arp_sha), 6, FIELD_BYTES, 0, FIELD_MASKABLE, FIELD_MAC, FIELD_PRE_ARP, FIELD_RW) \
    X(ARP_THA, "arp_tha", NULL, 6, 48, offsetof(struct flow_key, arp_tha), 6, FIELD_BYTES, 0, FIELD_MASKABLE, FIELD_MAC, FIELD_PRE_ARP, FIELD_RW) \
    X(TCP_SRC, "tcp_src", "tp_src", 2, 16, offsetof(struct flow_key, tp_src), 2, FIELD_BYTES, 0, FIELD_MASKABLE, FIELD_DEC, FIELD_PRE_TCP, FIELD_RW) \
    X(TCP_DST, "tcp_dst", "tp_dst", 2, 16, offsetof(struct flow_key, tp_dst), 2, FIELD_BYTES, 0, FIELD_MASKABLE, FIELD_DEC, FIELD_PRE_TCP, FIELD_RW) \
    X(TCP_FLAGS, "tcp_flags", NULL, 2, 12, offsetof(struct flow_key, tcp_flags), 2, FIELD_BE, 0, FIELD_MASKABLE, FIELD_TCPFLAGS, FIELD_PRE_TCP, FIELD_RO) \
    X(UDP_SRC, "udp_src", NULL, 2, 16, offsetof(struct flow_key, tp_src), 2, FIELD_BYTES, 0, FIELD_MASKABLE, FIELD_DEC, FIELD_PRE_UDP, FIELD_RW) \
    X(UDP_DST, "udp_dst", NULL, 2, 16, offsetof(struct flow_key, tp_dst), 2, FIELD_BYTES, 0, FIELD_MASKABLE, FIELD_DEC, FIELD_PRE_UDP, FIELD_RW) \
    X(SCTP_SRC, "sctp_src", NULL, 2, 16, offsetof(struct flow_key, tp_src), 2, FIELD_BYTES, 0, FIELD_MASKABLE, FIELD_DEC, FIELD_PRE_SCTP, FIELD_RW) \
    X(SCTP_DST, "sctp_dst", NULL, 2, 16, offsetof(struct flow_key, tp_dst), 2, FIELD_BYTES, 0, FIELD_MASKABLE, FIELD_DEC, FIELD_PRE_SCTP, FIELD_RW) \
    X(ICMPV4_TYPE, "icmp_type", NULL, 1, 8, offsetof(struct flow_key, tp_src), 2, FIELD_BE, 0, FIELD_EXACT, FIELD_DEC, FIELD_PRE_ICMPV4, FIELD_RW) \
    X(ICMPV4_CODE, "icmp_code", NULL, 1, 8, offsetof(struct flow_key, tp_dst), 2, FIELD_BE, 0, FIELD_EXACT, FIELD_DEC, FIELD_PRE_ICMPV4, FIELD_RW) \
    X(ICMPV6_TYPE, "icmpv6_type", NULL, 1, 8, offsetof(struct flow_key, tp_src), 2, FIELD_BE, 0, FIELD_EXACT, FIELD_DEC, FIELD_PRE_ICMPV6, FIELD_RW) \
    X(ICMPV6_CODE, "icmpv6_code", NULL, 1, 8, offsetof(struct flow_key, tp_dst), 2, FIELD_BE, 0, FIELD_EXACT, FIELD_DEC, FIELD_PRE_ICMPV6, FIELD_RW) \
    X(ND_TARGET, "nd_target", NULL, 16, 128, offsetof(struct flow_key, nd_target), 16, FIELD_BYTES, 0, FIELD_MASKABLE, FIELD_IPV6, FIELD_PRE_ND, FIELD_RW) \
    X(ND_SLL, "nd_sll", NULL, 6, 48, offsetof(struct flow_key, arp_sha), 6, FIELD_BYTES, 0, FIELD_MASKABLE, FIELD_MAC, FIELD_PRE_ND_SOLICIT, FIELD_RW) \
    X(ND_TLL, "nd_tll", NULL, 6, 48, offsetof(struct flow_key, arp_tha), 6, FIELD_BYTES, 0, FIELD_MASKABLE, FIELD_MAC, FIELD_PRE_ND_ADVERT, FIELD_RW) \
    X(ND_RESERVED, "nd_reserved", NULL, 4, 32, offsetof(struct flow_key, igmp_group), 4, FIELD_BYTES, 0, FIELD_EXACT, FIELD_DEC, FIELD_PRE_ND, FIELD_RW) \
    X(ND_OPTIONS_TYPE, "nd_options_type", NULL, 1, 8, offsetof(struct flow_key, tcp_flags), 2, FIELD_BE, 0, FIELD_EXACT, FIELD_DEC, FIELD_PRE_ND, FIELD_RW) \
    X(NSH_FLAGS, "nsh_flags", NULL, 1, 8, offsetof(struct flow_key, nsh_flags), 1, FIELD_BYTES, 0, FIELD_MASKABLE, FIELD_DEC, FIELD_PRE_NSH, FIELD_RW) \
    X(NSH_TTL, "nsh_ttl", NULL, 1, 8, offsetof(struct flow_key, nsh_ttl), 1, FIELD_BYTES, 0, FIELD_EXACT, FIELD_DEC, FIELD_PRE_NSH, FIELD_RW) \
    X(NSH_MDTYPE, "nsh_mdtype", NULL, 1, 8, offsetof(struct flow_key, nsh_mdtype), 1, FIELD_BYTES, 0, FIELD_EXACT, FIELD_DEC, FIELD_PRE_NSH, FIELD_RO) \
    X(NSH_NP, "nsh_np", NULL, 1, 8, offsetof(struct flow_key, nsh_np), 1, FIELD_BYTES, 0, FIELD_EXACT, FIELD_DEC, FIELD_PRE_NSH, FIELD_RO) \
    X(NSH_SPI, "nsh_spi", "nsp", 4, 24, offsetof(struct flow_key, nsh_path_hdr), 4, FIELD_BE, 8, FIELD_EXACT, FIELD_HEX, FIELD_PRE_NSH, FIELD_RW) \
    X(NSH_SI, "nsh_si", "nsi", 1, 8, offsetof(struct flow_key, nsh_path_hdr), 4, FIELD_BE, 0, FIELD_EXACT, FIELD_DEC, FIELD_PRE_NSH, FIELD_RW) \
    X(NSH_C1, "nsh_c1", "nshc1", 4, 32, offsetof(struct flow_key, nsh_context[0]), 4, FIELD_BYTES, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NSH, FIELD_RW) \
    X(NSH_C2, "nsh_c2", "nshc2", 4, 32, offsetof(struct flow_key, nsh_context[1]), 4, FIELD_BYTES, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NSH, FIELD_RW) \
    X(NSH_C3, "nsh_c3", "nshc3", 4, 32, offsetof(struct flow_key, nsh_context[2]), 4, FIELD_BYTES, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NSH, FIELD_RW) \
    X(NSH_C4, "nsh_c4", "nshc4", 4, 32, offsetof(struct flow_key, nsh_context[3]), 4, FIELD_BYTES, 0, FIELD_MASKABLE, FIELD_HEX, FIELD_PRE_NSH, FIELD_RW)

/* Experimenters of OXM codes. */
#define OXM_EXP_NICIRA   0x00002320
#define OXM_EXP_NSH      0x005ad650
#define OXM_EXP_ONF      0x4f4e4600

/* field, name, class, experimenter, number, first OpenFlow version (1: 1.0, 6: 1.5) */
#define FIELD_OXM_TABLE(X) \
    X(CONJ_ID, "NXM_NX_CONJ_ID", 0x0001, 0, 37, 1) \
    X(TUN_ID, "OXM_OF_TUNNEL_ID", 0x8000, 0, 38, 4) \
    X(TUN_ID, "NXM_NX_TUN_ID", 0x0001, 0, 16, 1) \
    X(TUN_SRC, "NXM_NX_TUN_IPV4_SRC", 0x0001, 0, 31, 1) \
    X(TUN_DST, "NXM_NX_TUN_IPV4_DST", 0x0001, 0, 32, 1) \
    X(TUN_IPV6_SRC, "NXM_NX_TUN_IPV6_SRC", 0x0001, 0, 109, 1) \
    X(TUN_IPV6_DST, "NXM_NX_TUN_IPV6_DST", 0x0001, 0, 110, 1) \
    X(TUN_GBP_ID, "NXM_NX_TUN_GBP_ID", 0x0001, 0, 38, 1) \
    X(TUN_GBP_FLAGS, "NXM_NX_TUN_GBP_FLAGS", 0x0001, 0, 39, 1) \
    X(TUN_ERSPAN_VER, "NXOXM_ET_ERSPAN_VER", 0xffff, OXM_EXP_NICIRA, 12, 1) \
    X(TUN_ERSPAN_IDX, "NXOXM_ET_ERSPAN_IDX", 0xffff, OXM_EXP_NICIRA, 11, 1) \
    X(TUN_ERSPAN_DIR, "NXOXM_ET_ERSPAN_DIR", 0xffff, OXM_EXP_NICIRA, 13, 1) \
    X(TUN_ERSPAN_HWID, "NXOXM_ET_ERSPAN_HWID", 0xffff, OXM_EXP_NICIRA, 14, 1) \
    X(TUN_GTPU_FLAGS, "NXOXM_ET_GTPU_FLAGS", 0xffff, OXM_EXP_NICIRA, 15, 1) \
    X(TUN_GTPU_MSGTYPE, "NXOXM_ET_GTPU_MSGTYPE", 0xffff, OXM_EXP_NICIRA, 16, 1) \
    X(TUN_METADATA0, "NXM_NX_TUN_METADATA0", 0x0001, 0, 40, 1) \
    X(TUN_METADATA1, "NXM_NX_TUN_METADATA1", 0x0001, 0, 41, 1) \
    X(TUN_METADATA2, "NXM_NX_TUN_METADATA2", 0x0001, 0, 42, 1) \
    X(TUN_METADATA3, "NXM_NX_TUN_METADATA3", 0x0001, 0, 43, 1) \
    X(TUN_METADATA4, "NXM_NX_TUN_METADATA4", 0x0001, 0, 44, 1) \
    X(TUN_METADATA5, "NXM_NX_TUN_METADATA5", 0x0001, 0, 45, 1) \
    X(TUN_METADATA6, "NXM_NX_TUN_METADATA6", 0x0001, 0, 46, 1) \
    X(TUN_METADATA7, "NXM_NX_TUN_METADATA7", 0x0001, 0, 47, 1) \
    X(TUN_METADATA8, "NXM_NX_TUN_METADATA8", 0x0001, 0, 48, 1) \
    X(TUN_METADATA9, "NXM_NX_TUN_METADATA9", 0x0001, 0, 49, 1) \
    X(TUN_METADATA10, "NXM_NX_TUN_METADATA10", 0x0001, 0, 50, 1) \
    X(TUN_METADATA11, "NXM_NX_TUN_METADATA11", 0x0001, 0, 51, 1) \
    X(TUN_METADATA12, "NXM_NX_TUN_METADATA12", 0x0001, 0, 52, 1) \
    X(TUN_METADATA13, "NXM_NX_TUN_METADATA13", 0x0001, 0, 53, 1) \
    X(TUN_METADATA14, "NXM_NX_TUN_METADATA14", 0x0001, 0, 54, 1) \
    X(TUN_METADATA15, "NXM_NX_TUN_METADATA15", 0x0001, 0, 55, 1) \
    X(TUN_METADATA16, "NXM_NX_TUN_METADATA16", 0x0001, 0, 56, 1) \
    X(TUN_METADATA17, "NXM_NX_TUN_METADATA17", 0x0001, 0, 57, 1) \
    X(TUN_METADATA18, "NXM_NX_TUN_METADATA18", 0x0001, 0, 58, 1) \
    X(TUN_METADATA19, "NXM_NX_TUN_METADATA19", 0x0001, 0, 59, 1) \
    X(TUN_METADATA20, "NXM_NX_TUN_METADATA20", 0x0001, 0, 60, 1) \
    X(TUN_METADATA21, "NXM_NX_TUN_METADATA21", 0x0001, 0, 61, 1) \
    X(TUN_METADATA22, "NXM_NX_TUN_METADATA22", 0x0001, 0, 62, 1) \
    X(TUN_METADATA23, "NXM_NX_TUN_METADATA23", 0x0001, 0, 63, 1) \
    X(TUN_METADATA24, "NXM_NX_TUN_METADATA24", 0x0001, 0, 64, 1) \
    X(TUN_METADATA25, "NXM_NX_TUN_METADATA25", 0x0001, 0, 65, 1) \
    X(TUN_METADATA26, "NXM_NX_TUN_METADATA26", 0x0001, 0, 66, 1) \
    X(TUN_METADATA27, "NXM_NX_TUN_METADATA27", 0x0001, 0, 67, 1) \
    X(TUN_METADATA28, "NXM_NX_TUN_METADATA28", 0x0001, 0, 68, 1) \
    X(TUN_METADATA29, "NXM_NX_TUN_METADATA29", 0x0001, 0, 69, 1) \
    X(TUN_METADATA30, "NXM_NX_TUN_METADATA30", 0x0001, 0, 70, 1) \
    X(TUN_METADATA31, "NXM_NX_TUN_METADATA31", 0x0001, 0, 71, 1) \
    X(TUN_METADATA32, "NXM_NX_TUN_METADATA32", 0x0001, 0, 72, 1) \
    X(TUN_METADATA33, "NXM_NX_TUN_METADATA33", 0x0001, 0, 73, 1) \
    X(TUN_METADATA34, "NXM_NX_TUN_METADATA34", 0x0001, 0, 74, 1) \
    X(TUN_METADATA35, "NXM_NX_TUN_METADATA35", 0x0001, 0, 75, 1) \
    X(TUN_METADATA36, "NXM_NX_TUN_METADATA36", 0x0001, 0, 76, 1) \
    X(TUN_METADATA37, "NXM_NX_TUN_METADATA37", 0x0001, 0, 77, 1) \
    X(TUN_METADATA38, "NXM_NX_TUN_METADATA38", 0x0001, 0, 78, 1) \
    X(TUN_METADATA39, "NXM_NX_TUN_METADATA39", 0x0001, 0, 79, 1) \
    X(TUN_METADATA40, "NXM_NX_TUN_METADATA40", 0x0001, 0, 80, 1) \
    X(TUN_METADATA41, "NXM_NX_TUN_METADATA41", 0x0001, 0, 81, 1) \
    X(TUN_METADATA42, "NXM_NX_TUN_METADATA42", 0x0001, 0, 82, 1) \
    X(TUN_METADATA43, "NXM_NX_TUN_METADATA43", 0x0001, 0, 83, 1) \
    X(TUN_METADATA44, "NXM_NX_TUN_METADATA44", 0x0001, 0, 84, 1) \
    X(TUN_METADATA45, "NXM_NX_TUN_METADATA45", 0x0001, 0, 85, 1) \
    X(TUN_METADATA46, "NXM_NX_TUN_METADATA46", 0x0001, 0, 86, 1) \
    X(TUN_METADATA47, "NXM_NX_TUN_METADATA47", 0x0001, 0, 87, 1) \
    X(TUN_METADATA48, "NXM_NX_TUN_METADATA48", 0x0001, 0, 88, 1) \
    X(TUN_METADATA49, "NXM_NX_TUN_METADATA49", 0x0001, 0, 89, 1) \
    X(TUN_METADATA50, "NXM_NX_TUN_METADATA50", 0x0001, 0, 90, 1) \
    X(TUN_METADATA51, "NXM_NX_TUN_METADATA51", 0x0001, 0, 91, 1) \
    X(TUN_METADATA52, "NXM_NX_TUN_METADATA52", 0x0001, 0, 92, 1) \
    X(TUN_METADATA53, "NXM_NX_TUN_METADATA53", 0x0001, 0, 93, 1) \
    X(TUN_METADATA54, "NXM_NX_TUN_METADATA54", 0x0001, 0, 94, 1) \
    X(TUN_METADATA55, "NXM_NX_TUN_METADATA55", 0x0001, 0, 95, 1) \
    X(TUN_METADATA56, "NXM_NX_TUN_METADATA56", 0x0001, 0, 96, 1) \
    X(TUN_METADATA57, "NXM_NX_TUN_METADATA57", 0x0001, 0, 97, 1) \
    X(TUN_METADATA58, "NXM_NX_TUN_METADATA58", 0x0001, 0, 98, 1) \
    X(TUN_METADATA59, "NXM_NX_TUN_METADATA59", 0x0001, 0, 99, 1) \
    X(TUN_METADATA60, "NXM_NX_TUN_METADATA60", 0x0001, 0, 100, 1) \
    X(TUN_METADATA61, "NXM_NX_TUN_METADATA61", 0x0001, 0, 101, 1) \
    X(TUN_METADATA62, "NXM_NX_TUN_METADATA62", 0x0001, 0, 102, 1) \
    X(TUN_METADATA63, "NXM_NX_TUN_METADATA63", 0x0001, 0, 103, 1) \
    X(TUN_FLAGS, "NXM_NX_TUN_FLAGS", 0x0001, 0, 104, 1) \
    X(IN_PORT, "NXM_OF_IN_PORT", 0x0000, 0, 0, 1) \
    X(IN_PORT_OXM, "OXM_OF_IN_PORT", 0x8000, 0, 0, 3) \
    X(PKT_MARK, "NXM_NX_PKT_MARK", 0x0001, 0, 33, 1) \
    X(ACTSET_OUTPUT, "ONFOXM_ET_ACTSET_OUTPUT", 0xffff, OXM_EXP_ONF, 43, 4) \
    X(ACTSET_OUTPUT, "OXM_OF_ACTSET_OUTPUT", 0x8000, 0, 43, 6) \
    X(PACKET_TYPE, "OXM_OF_PACKET_TYPE", 0x8000, 0, 44, 6) \
    X(CT_STATE, "NXM_NX_CT_STATE", 0x0001, 0, 105, 1) \
    X(CT_ZONE, "NXM_NX_CT_ZONE", 0x0001, 0, 106, 1) \
    X(CT_MARK, "NXM_NX_CT_MARK", 0x0001, 0, 107, 1) \
    X(CT_LABEL, "NXM_NX_CT_LABEL", 0x0001, 0, 108, 1) \
    X(CT_NW_SRC, "NXM_NX_CT_NW_SRC", 0x0001, 0, 120, 1) \
    X(CT_NW_DST, "NXM_NX_CT_NW_DST", 0x0001, 0, 121, 1) \
    X(CT_IPV6_SRC, "NXM_NX_CT_IPV6_SRC", 0x0001, 0, 122, 1) \
    X(CT_IPV6_DST, "NXM_NX_CT_IPV6_DST", 0x0001, 0, 123, 1) \
    X(CT_NW_PROTO, "NXM_NX_CT_NW_PROTO", 0x0001, 0, 119, 1) \
    X(CT_TP_SRC, "NXM_NX_CT_TP_SRC", 0x0001, 0, 124, 1) \
    X(CT_TP_DST, "NXM_NX_CT_TP_DST", 0x0001, 0, 125, 1) \
    X(METADATA, "OXM_OF_METADATA", 0x8000, 0, 2, 3) \
    X(REG0, "NXM_NX_REG0", 0x0001, 0, 0, 1) \
    X(REG1, "NXM_NX_REG1", 0x0001, 0, 1, 1) \
    X(REG2, "NXM_NX_REG2", 0x0001, 0, 2, 1) \
    X(REG3, "NXM_NX_REG3", 0x0001, 0, 3, 1) \
    X(REG4, "NXM_NX_REG4", 0x0001, 0, 4, 1) \
    X(REG5, "NXM_NX_REG5", 0x0001, 0, 5, 1) \
    X(REG6, "NXM_NX_REG6", 0x0001, 0, 6, 1) \
    X(REG7, "NXM_NX_REG7", 0x0001, 0, 7, 1) \
    X(REG8, "NXM_NX_REG8", 0x0001, 0, 8, 1) \
    X(REG9, "NXM_NX_REG9", 0x0001, 0, 9, 1) \
    X(REG10, "NXM_NX_REG10", 0x0001, 0, 10, 1) \
    X(REG11, "NXM_NX_REG11", 0x0001, 0, 11, 1) \
    X(REG12, "NXM_NX_REG12", 0x0001, 0, 12, 1) \
    X(REG13, "NXM_NX_REG13", 0x0001, 0, 13, 1) \
    X(REG14, "NXM_NX_REG14", 0x0001, 0, 14, 1) \
    X(REG15, "NXM_NX_REG15", 0x0001, 0, 15, 1) \
    X(XREG0, "OXM_OF_PKT_REG0", 0x8001, 0, 0, 4) \
    X(XREG1, "OXM_OF_PKT_REG1", 0x8001, 0, 1, 4) \
    X(XREG2, "OXM_OF_PKT_REG2", 0x8001, 0, 2, 4) \
    X(XREG3, "OXM_OF_PKT_REG3", 0x8001, 0, 3, 4) \
    X(XREG4, "OXM_OF_PKT_REG4", 0x8001, 0, 4, 4) \
    X(XREG5, "OXM_OF_PKT_REG5", 0x8001, 0, 5, 4) \
    X(XREG6, "OXM_OF_PKT_REG6", 0x8001, 0, 6, 4) \
    X(XREG7, "OXM_OF_PKT_REG7", 0x8001, 0, 7, 4) \
    X(XXREG0, "NXM_NX_XXREG0", 0x0001, 0, 111, 1) \
    X(XXREG1, "NXM_NX_XXREG1", 0x0001, 0, 112, 1) \
    X(XXREG2, "NXM_NX_XXREG2", 0x0001, 0, 113, 1) \
    X(XXREG3, "NXM_NX_XXREG3", 0x0001, 0, 114, 1) \
    X(ETH_SRC, "OXM_OF_ETH_SRC", 0x8000, 0, 4, 3) \
    X(ETH_SRC, "NXM_OF_ETH_SRC", 0x0000, 0, 2, 1) \
    X(ETH_DST, "OXM_OF_ETH_DST", 0x8000, 0, 3, 3) \
    X(ETH_DST, "NXM_OF_ETH_DST", 0x0000, 0, 1, 1) \
    X(ETH_TYPE, "OXM_OF_ETH_TYPE", 0x8000, 0, 5, 3) \
    X(ETH_TYPE, "NXM_OF_ETH_TYPE", 0x0000, 0, 3, 1) \
    X(VLAN_VID, "OXM_OF_VLAN_VID", 0x8000, 0, 6, 3) \
    X(VLAN_PCP, "OXM_OF_VLAN_PCP", 0x8000, 0, 7, 3) \
    X(VLAN_TCI, "NXM_OF_VLAN_TCI", 0x0000, 0, 4, 1) \
    X(MPLS_LABEL, "OXM_OF_MPLS_LABEL", 0x8000, 0, 34, 3) \
    X(MPLS_TC, "OXM_OF_MPLS_TC", 0x8000, 0, 35, 3) \
    X(MPLS_BOS, "OXM_OF_MPLS_BOS", 0x8000, 0, 36, 4) \
    X(MPLS_TTL, "NXM_NX_MPLS_TTL", 0x0001, 0, 30, 1) \
    X(IPV4_SRC, "OXM_OF_IPV4_SRC", 0x8000, 0, 11, 3) \
    X(IPV4_SRC, "NXM_OF_IP_SRC", 0x0000, 0, 7, 1) \
    X(IPV4_DST, "OXM_OF_IPV4_DST", 0x8000, 0, 12, 3) \
    X(IPV4_DST, "NXM_OF_IP_DST", 0x0000, 0, 8, 1) \
    X(IPV6_SRC, "OXM_OF_IPV6_SRC", 0x8000, 0, 26, 3) \
    X(IPV6_SRC, "NXM_NX_IPV6_SRC", 0x0001, 0, 19, 1) \
    X(IPV6_DST, "OXM_OF_IPV6_DST", 0x8000, 0, 27, 3) \
    X(IPV6_DST, "NXM_NX_IPV6_DST", 0x0001, 0, 20, 1) \
    X(IPV6_LABEL, "OXM_OF_IPV6_FLABEL", 0x8000, 0, 28, 3) \
    X(IPV6_LABEL, "NXM_NX_IPV6_LABEL", 0x0001, 0, 27, 1) \
    X(IP_PROTO, "OXM_OF_IP_PROTO", 0x8000, 0, 10, 3) \
    X(IP_PROTO, "NXM_OF_IP_PROTO", 0x0000, 0, 6, 1) \
    X(IP_TTL, "NXM_NX_IP_TTL", 0x0001, 0, 29, 1) \
    X(IP_FRAG, "NXM_NX_IP_FRAG", 0x0001, 0, 26, 1) \
    X(IP_TOS, "NXM_OF_IP_TOS", 0x0000, 0, 5, 1) \
    X(IP_DSCP, "OXM_OF_IP_DSCP", 0x8000, 0, 8, 3) \
    X(IP_ECN, "OXM_OF_IP_ECN", 0x8000, 0, 9, 3) \
    X(IP_ECN, "NXM_NX_IP_ECN", 0x0001, 0, 28, 1) \
    X(ARP_OP, "OXM_OF_ARP_OP", 0x8000, 0, 21, 3) \
    X(ARP_OP, "NXM_OF_ARP_OP", 0x0000, 0, 15, 1) \
    X(ARP_SPA, "OXM_OF_ARP_SPA", 0x8000, 0, 22, 3) \
    X(ARP_SPA, "NXM_OF_ARP_SPA", 0x0000, 0, 16, 1) \
    X(ARP_TPA, "OXM_OF_ARP_TPA", 0x8000, 0, 23, 3) \
    X(ARP_TPA, "NXM_OF_ARP_TPA", 0x0000, 0, 17, 1) \
    X(ARP_SHA, "OXM_OF_ARP_SHA", 0x8000, 0, 24, 3) \
    X(ARP_SHA, "NXM_NX_ARP_SHA", 0x0001, 0, 17, 1) \
    X(ARP_THA, "OXM_OF_ARP_THA", 0x8000, 0, 25, 3) \
    X(ARP_THA, "NXM_NX_ARP_THA", 0x0001, 0, 18, 1) \
    X(NSH_FLAGS, "NXOXM_NSH_FLAGS", 0xffff, OXM_EXP_NSH, 1, 1) \
    X(NSH_TTL, "NXOXM_NSH_TTL", 0xffff, OXM_EXP_NSH, 10, 1) \
    X(NSH_MDTYPE, "NXOXM_NSH_MDTYPE", 0xffff, OXM_EXP_NSH, 2, 1) \
    X(NSH_NP, "NXOXM_NSH_NP", 0xffff, OXM_EXP_NSH, 3, 1) \
    X(NSH_SPI, "NXOXM_NSH_SPI", 0xffff, OXM_EXP_NSH, 4, 1) \
    X(NSH_SI, "NXOXM_NSH_SI", 0xffff, OXM_EXP_NSH, 5, 1) \
    X(NSH_C1, "NXOXM_NSH_C1", 0xffff, OXM_EXP_NSH, 6, 1) \
    X(NSH_C2, "NXOXM_NSH_C2", 0xffff, OXM_EXP_NSH, 7, 1) \
    X(NSH_C3, "NXOXM_NSH_C3", 0xffff, OXM_EXP_NSH, 8, 1) \
    X(NSH_C4, "NXOXM_NSH_C4", 0xffff, OXM_EXP_NSH, 9, 1) \
    X(TCP_SRC, "OXM_OF_TCP_SRC", 0x8000, 0, 13, 3) \
    X(TCP_SRC, "NXM_OF_TCP_SRC", 0x0000, 0, 9, 1) \
    X(TCP_DST, "OXM_OF_TCP_DST", 0x8000, 0, 14, 3) \
    X(TCP_DST, "NXM_OF_TCP_DST", 0x0000, 0, 10, 1) \
    X(TCP_FLAGS, "ONFOXM_ET_TCP_FLAGS", 0xffff, OXM_EXP_ONF, 42, 4) \
    X(TCP_FLAGS, "OXM_OF_TCP_FLAGS", 0x8000, 0, 42, 6) \
    X(TCP_FLAGS, "NXM_NX_TCP_FLAGS", 0x0001, 0, 34, 1) \
    X(UDP_SRC, "OXM_OF_UDP_SRC", 0x8000, 0, 15, 3) \
    X(UDP_SRC, "NXM_OF_UDP_SRC", 0x0000, 0, 11, 1) \
    X(UDP_DST, "OXM_OF_UDP_DST", 0x8000, 0, 16, 3) \
    X(UDP_DST, "NXM_OF_UDP_DST", 0x0000, 0, 12, 1) \
    X(SCTP_SRC, "OXM_OF_SCTP_SRC", 0x8000, 0, 17, 3) \
    X(SCTP_DST, "OXM_OF_SCTP_DST", 0x8000, 0, 18, 3) \
    X(ICMPV4_TYPE, "OXM_OF_ICMPV4_TYPE", 0x8000, 0, 19, 3) \
    X(ICMPV4_TYPE, "NXM_OF_ICMP_TYPE", 0x0000, 0, 13, 1) \
    X(ICMPV4_CODE, "OXM_OF_ICMPV4_CODE", 0x8000, 0, 20, 3) \
    X(ICMPV4_CODE, "NXM_OF_ICMP_CODE", 0x0000, 0, 14, 1) \
    X(ICMPV6_TYPE, "OXM_OF_ICMPV6_TYPE", 0x8000, 0, 29, 3) \
    X(ICMPV6_TYPE, "NXM_NX_ICMPV6_TYPE", 0x0001, 0, 21, 1) \
    X(ICMPV6_CODE, "OXM_OF_ICMPV6_CODE", 0x8000, 0, 30, 3) \
    X(ICMPV6_CODE, "NXM_NX_ICMPV6_CODE", 0x0001, 0, 22, 1) \
    X(ND_TARGET, "OXM_OF_IPV6_ND_TARGET", 0x8000, 0, 31, 3) \
    X(ND_TARGET, "NXM_NX_ND_TARGET", 0x0001, 0, 23, 1) \
    X(ND_SLL, "OXM_OF_IPV6_ND_SLL", 0x8000, 0, 32, 3) \
    X(ND_SLL, "NXM_NX_ND_SLL", 0x0001, 0, 24, 1) \
    X(ND_TLL, "OXM_OF_IPV6_ND_TLL", 0x8000, 0, 33, 3) \
    X(ND_TLL, "NXM_NX_ND_TLL", 0x0001, 0, 25, 1) \
    X(ND_RESERVED, "ERICOXM_OF_ICMPV6_ND_RESERVED", 0x1000, 0, 1, 1) \
    X(ND_OPTIONS_TYPE, "ERICOXM_OF_ICMPV6_ND_OPTIONS_TYPE", 0x1000, 0, 2, 1) \
    X(RECIRC_ID, "NXM_NX_RECIRC_ID", 0x0001, 0, 36, 1) \
    X(DP_HASH, "NXM_NX_DP_HASH", 0x0001, 0, 35, 1)

/* clang-format on */

#endif
