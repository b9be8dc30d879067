/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 2. The Open_vSwitch schema, 8.3.1 (ovs-vswitchd.conf.db(5)), declared once: from these lists come the
 * schema object, the numbers by which C code names tables and columns (OVS_TABLE_BRIDGE, OVS_BRIDGE_NAME),
 * and, through the client, what the switch monitors. A test compares the result with a real server's
 * get_schema.
 *
 * A column's type is written in a compact notation:
 *     string, integer, real, boolean, uuid     an atom          integer[0..4095]  a range, either end may be
 * left out string(a|b)                              an enumeration   @Port, ~Port      a strong, a weak
 * reference K:V                                      a map and after it how many: nothing (exactly one), `?`
 * (at most one), `*` (any number), `+` (at least one), `*N` and
 * `+N` (at most N). A table has the columns of at most one unique index, separated by commas.
 * Thread-safety: constants. */
#ifndef OVSDB_VSWITCH_SCHEMA_H
#define OVSDB_VSWITCH_SCHEMA_H 1

#include "ovsdb/schema.h"

/* clang-format off */
/*        id, name, is root, rows at most, index */
#define OVS_TABLES(TABLE) \
    TABLE(OPEN_VSWITCH, "Open_vSwitch", true, 1, "") \
    TABLE(BRIDGE, "Bridge", false, UINT_MAX, "name") \
    TABLE(PORT, "Port", false, UINT_MAX, "name") \
    TABLE(INTERFACE, "Interface", false, UINT_MAX, "name") \
    TABLE(FLOW_TABLE, "Flow_Table", false, UINT_MAX, "") \
    TABLE(QOS, "QoS", true, UINT_MAX, "") \
    TABLE(QUEUE, "Queue", true, UINT_MAX, "") \
    TABLE(MIRROR, "Mirror", false, UINT_MAX, "") \
    TABLE(CONTROLLER, "Controller", false, UINT_MAX, "") \
    TABLE(MANAGER, "Manager", false, UINT_MAX, "target") \
    TABLE(NETFLOW, "NetFlow", false, UINT_MAX, "") \
    TABLE(DATAPATH, "Datapath", false, UINT_MAX, "") \
    TABLE(CT_ZONE, "CT_Zone", false, UINT_MAX, "") \
    TABLE(CT_TIMEOUT_POLICY, "CT_Timeout_Policy", false, UINT_MAX, "") \
    TABLE(SSL, "SSL", false, 1, "") \
    TABLE(SFLOW, "sFlow", false, UINT_MAX, "") \
    TABLE(IPFIX, "IPFIX", false, UINT_MAX, "") \
    TABLE(FLOW_SAMPLE_COLLECTOR_SET, "Flow_Sample_Collector_Set", true, UINT_MAX, "id,bridge") \
    TABLE(AUTO_ATTACH, "AutoAttach", false, UINT_MAX, "") \

#define OVS_OPEN_VSWITCH_COLUMNS(COLUMN, T) \
    COLUMN(T, BRIDGES, "bridges", "@Bridge*", PERSISTENT) \
    COLUMN(T, CUR_CFG, "cur_cfg", "integer", PERSISTENT) \
    COLUMN(T, DATAPATH_TYPES, "datapath_types", "string*", PERSISTENT) \
    COLUMN(T, DATAPATHS, "datapaths", "string:@Datapath*", PERSISTENT) \
    COLUMN(T, DB_VERSION, "db_version", "string?", PERSISTENT) \
    COLUMN(T, DPDK_INITIALIZED, "dpdk_initialized", "boolean", PERSISTENT) \
    COLUMN(T, DPDK_VERSION, "dpdk_version", "string?", PERSISTENT) \
    COLUMN(T, EXTERNAL_IDS, "external_ids", "string:string*", PERSISTENT) \
    COLUMN(T, IFACE_TYPES, "iface_types", "string*", PERSISTENT) \
    COLUMN(T, MANAGER_OPTIONS, "manager_options", "@Manager*", PERSISTENT) \
    COLUMN(T, NEXT_CFG, "next_cfg", "integer", PERSISTENT) \
    COLUMN(T, OTHER_CONFIG, "other_config", "string:string*", PERSISTENT) \
    COLUMN(T, OVS_VERSION, "ovs_version", "string?", PERSISTENT) \
    COLUMN(T, SSL, "ssl", "@SSL?", PERSISTENT) \
    COLUMN(T, STATISTICS, "statistics", "string:string*", EPHEMERAL) \
    COLUMN(T, SYSTEM_TYPE, "system_type", "string?", PERSISTENT) \
    COLUMN(T, SYSTEM_VERSION, "system_version", "string?", PERSISTENT) \

#define OVS_BRIDGE_COLUMNS(COLUMN, T) \
    COLUMN(T, AUTO_ATTACH, "auto_attach", "@AutoAttach?", PERSISTENT) \
    COLUMN(T, CONTROLLER, "controller", "@Controller*", PERSISTENT) \
    COLUMN(T, DATAPATH_ID, "datapath_id", "string?", EPHEMERAL) \
    COLUMN(T, DATAPATH_TYPE, "datapath_type", "string", PERSISTENT) \
    COLUMN(T, DATAPATH_VERSION, "datapath_version", "string", PERSISTENT) \
    COLUMN(T, EXTERNAL_IDS, "external_ids", "string:string*", PERSISTENT) \
    COLUMN(T, FAIL_MODE, "fail_mode", "string(secure|standalone)?", PERSISTENT) \
    COLUMN(T, FLOOD_VLANS, "flood_vlans", "integer[0..4095]*4096", PERSISTENT) \
    COLUMN(T, FLOW_TABLES, "flow_tables", "integer[0..254]:@Flow_Table*", PERSISTENT) \
    COLUMN(T, IPFIX, "ipfix", "@IPFIX?", PERSISTENT) \
    COLUMN(T, MCAST_SNOOPING_ENABLE, "mcast_snooping_enable", "boolean", PERSISTENT) \
    COLUMN(T, MIRRORS, "mirrors", "@Mirror*", PERSISTENT) \
    COLUMN(T, NAME, "name", "string", IMMUTABLE) \
    COLUMN(T, NETFLOW, "netflow", "@NetFlow?", PERSISTENT) \
    COLUMN(T, OTHER_CONFIG, "other_config", "string:string*", PERSISTENT) \
    COLUMN(T, PORTS, "ports", "@Port*", PERSISTENT) \
    COLUMN(T, PROTOCOLS, "protocols", "string(OpenFlow10|OpenFlow11|OpenFlow12|OpenFlow13|OpenFlow14|OpenFlow15)*", PERSISTENT) \
    COLUMN(T, RSTP_ENABLE, "rstp_enable", "boolean", PERSISTENT) \
    COLUMN(T, RSTP_STATUS, "rstp_status", "string:string*", EPHEMERAL) \
    COLUMN(T, SFLOW, "sflow", "@sFlow?", PERSISTENT) \
    COLUMN(T, STATUS, "status", "string:string*", EPHEMERAL) \
    COLUMN(T, STP_ENABLE, "stp_enable", "boolean", PERSISTENT) \

#define OVS_PORT_COLUMNS(COLUMN, T) \
    COLUMN(T, BOND_ACTIVE_SLAVE, "bond_active_slave", "string?", PERSISTENT) \
    COLUMN(T, BOND_DOWNDELAY, "bond_downdelay", "integer", PERSISTENT) \
    COLUMN(T, BOND_FAKE_IFACE, "bond_fake_iface", "boolean", PERSISTENT) \
    COLUMN(T, BOND_MODE, "bond_mode", "string(active-backup|balance-slb|balance-tcp)?", PERSISTENT) \
    COLUMN(T, BOND_UPDELAY, "bond_updelay", "integer", PERSISTENT) \
    COLUMN(T, CVLANS, "cvlans", "integer[0..4095]*4096", PERSISTENT) \
    COLUMN(T, EXTERNAL_IDS, "external_ids", "string:string*", PERSISTENT) \
    COLUMN(T, FAKE_BRIDGE, "fake_bridge", "boolean", PERSISTENT) \
    COLUMN(T, INTERFACES, "interfaces", "@Interface+", PERSISTENT) \
    COLUMN(T, LACP, "lacp", "string(active|off|passive)?", PERSISTENT) \
    COLUMN(T, MAC, "mac", "string?", PERSISTENT) \
    COLUMN(T, NAME, "name", "string", IMMUTABLE) \
    COLUMN(T, OTHER_CONFIG, "other_config", "string:string*", PERSISTENT) \
    COLUMN(T, PROTECTED, "protected", "boolean", PERSISTENT) \
    COLUMN(T, QOS, "qos", "@QoS?", PERSISTENT) \
    COLUMN(T, RSTP_STATISTICS, "rstp_statistics", "string:integer*", EPHEMERAL) \
    COLUMN(T, RSTP_STATUS, "rstp_status", "string:string*", EPHEMERAL) \
    COLUMN(T, STATISTICS, "statistics", "string:integer*", EPHEMERAL) \
    COLUMN(T, STATUS, "status", "string:string*", EPHEMERAL) \
    COLUMN(T, TAG, "tag", "integer[0..4095]?", PERSISTENT) \
    COLUMN(T, TRUNKS, "trunks", "integer[0..4095]*4096", PERSISTENT) \
    COLUMN(T, VLAN_MODE, "vlan_mode", "string(access|dot1q-tunnel|native-tagged|native-untagged|trunk)?", PERSISTENT) \

#define OVS_INTERFACE_COLUMNS(COLUMN, T) \
    COLUMN(T, ADMIN_STATE, "admin_state", "string(down|up)?", EPHEMERAL) \
    COLUMN(T, BFD, "bfd", "string:string*", PERSISTENT) \
    COLUMN(T, BFD_STATUS, "bfd_status", "string:string*", EPHEMERAL) \
    COLUMN(T, CFM_FAULT, "cfm_fault", "boolean?", EPHEMERAL) \
    COLUMN(T, CFM_FAULT_STATUS, "cfm_fault_status", "string*", EPHEMERAL) \
    COLUMN(T, CFM_FLAP_COUNT, "cfm_flap_count", "integer?", PERSISTENT) \
    COLUMN(T, CFM_HEALTH, "cfm_health", "integer[0..100]?", EPHEMERAL) \
    COLUMN(T, CFM_MPID, "cfm_mpid", "integer?", PERSISTENT) \
    COLUMN(T, CFM_REMOTE_MPIDS, "cfm_remote_mpids", "integer*", EPHEMERAL) \
    COLUMN(T, CFM_REMOTE_OPSTATE, "cfm_remote_opstate", "string(down|up)?", EPHEMERAL) \
    COLUMN(T, DUPLEX, "duplex", "string(full|half)?", EPHEMERAL) \
    COLUMN(T, ERROR, "error", "string?", PERSISTENT) \
    COLUMN(T, EXTERNAL_IDS, "external_ids", "string:string*", PERSISTENT) \
    COLUMN(T, IFINDEX, "ifindex", "integer[0..4294967295]?", EPHEMERAL) \
    COLUMN(T, INGRESS_POLICING_BURST, "ingress_policing_burst", "integer[0..]", PERSISTENT) \
    COLUMN(T, INGRESS_POLICING_KPKTS_BURST, "ingress_policing_kpkts_burst", "integer[0..]", PERSISTENT) \
    COLUMN(T, INGRESS_POLICING_KPKTS_RATE, "ingress_policing_kpkts_rate", "integer[0..]", PERSISTENT) \
    COLUMN(T, INGRESS_POLICING_RATE, "ingress_policing_rate", "integer[0..]", PERSISTENT) \
    COLUMN(T, LACP_CURRENT, "lacp_current", "boolean?", EPHEMERAL) \
    COLUMN(T, LINK_RESETS, "link_resets", "integer?", EPHEMERAL) \
    COLUMN(T, LINK_SPEED, "link_speed", "integer?", EPHEMERAL) \
    COLUMN(T, LINK_STATE, "link_state", "string(down|up)?", EPHEMERAL) \
    COLUMN(T, LLDP, "lldp", "string:string*", PERSISTENT) \
    COLUMN(T, MAC, "mac", "string?", PERSISTENT) \
    COLUMN(T, MAC_IN_USE, "mac_in_use", "string?", EPHEMERAL) \
    COLUMN(T, MTU, "mtu", "integer?", EPHEMERAL) \
    COLUMN(T, MTU_REQUEST, "mtu_request", "integer[1..]?", PERSISTENT) \
    COLUMN(T, NAME, "name", "string", IMMUTABLE) \
    COLUMN(T, OFPORT, "ofport", "integer?", PERSISTENT) \
    COLUMN(T, OFPORT_REQUEST, "ofport_request", "integer[1..65279]?", PERSISTENT) \
    COLUMN(T, OPTIONS, "options", "string:string*", PERSISTENT) \
    COLUMN(T, OTHER_CONFIG, "other_config", "string:string*", PERSISTENT) \
    COLUMN(T, STATISTICS, "statistics", "string:integer*", EPHEMERAL) \
    COLUMN(T, STATUS, "status", "string:string*", EPHEMERAL) \
    COLUMN(T, TYPE, "type", "string", PERSISTENT) \

#define OVS_FLOW_TABLE_COLUMNS(COLUMN, T) \
    COLUMN(T, EXTERNAL_IDS, "external_ids", "string:string*", PERSISTENT) \
    COLUMN(T, FLOW_LIMIT, "flow_limit", "integer[0..]?", PERSISTENT) \
    COLUMN(T, GROUPS, "groups", "string*", PERSISTENT) \
    COLUMN(T, NAME, "name", "string?", PERSISTENT) \
    COLUMN(T, OVERFLOW_POLICY, "overflow_policy", "string(evict|refuse)?", PERSISTENT) \
    COLUMN(T, PREFIXES, "prefixes", "string*3", PERSISTENT) \

#define OVS_QOS_COLUMNS(COLUMN, T) \
    COLUMN(T, EXTERNAL_IDS, "external_ids", "string:string*", PERSISTENT) \
    COLUMN(T, OTHER_CONFIG, "other_config", "string:string*", PERSISTENT) \
    COLUMN(T, QUEUES, "queues", "integer[0..4294967295]:@Queue*", PERSISTENT) \
    COLUMN(T, TYPE, "type", "string", PERSISTENT) \

#define OVS_QUEUE_COLUMNS(COLUMN, T) \
    COLUMN(T, DSCP, "dscp", "integer[0..63]?", PERSISTENT) \
    COLUMN(T, EXTERNAL_IDS, "external_ids", "string:string*", PERSISTENT) \
    COLUMN(T, OTHER_CONFIG, "other_config", "string:string*", PERSISTENT) \

#define OVS_MIRROR_COLUMNS(COLUMN, T) \
    COLUMN(T, EXTERNAL_IDS, "external_ids", "string:string*", PERSISTENT) \
    COLUMN(T, NAME, "name", "string", PERSISTENT) \
    COLUMN(T, OUTPUT_PORT, "output_port", "~Port?", PERSISTENT) \
    COLUMN(T, OUTPUT_VLAN, "output_vlan", "integer[1..4095]?", PERSISTENT) \
    COLUMN(T, SELECT_ALL, "select_all", "boolean", PERSISTENT) \
    COLUMN(T, SELECT_DST_PORT, "select_dst_port", "~Port*", PERSISTENT) \
    COLUMN(T, SELECT_SRC_PORT, "select_src_port", "~Port*", PERSISTENT) \
    COLUMN(T, SELECT_VLAN, "select_vlan", "integer[0..4095]*4096", PERSISTENT) \
    COLUMN(T, SNAPLEN, "snaplen", "integer[14..65535]?", PERSISTENT) \
    COLUMN(T, STATISTICS, "statistics", "string:integer*", EPHEMERAL) \

#define OVS_CONTROLLER_COLUMNS(COLUMN, T) \
    COLUMN(T, CONNECTION_MODE, "connection_mode", "string(in-band|out-of-band)?", PERSISTENT) \
    COLUMN(T, CONTROLLER_BURST_LIMIT, "controller_burst_limit", "integer[25..]?", PERSISTENT) \
    COLUMN(T, CONTROLLER_QUEUE_SIZE, "controller_queue_size", "integer[1..512]?", PERSISTENT) \
    COLUMN(T, CONTROLLER_RATE_LIMIT, "controller_rate_limit", "integer[100..]?", PERSISTENT) \
    COLUMN(T, ENABLE_ASYNC_MESSAGES, "enable_async_messages", "boolean?", PERSISTENT) \
    COLUMN(T, EXTERNAL_IDS, "external_ids", "string:string*", PERSISTENT) \
    COLUMN(T, INACTIVITY_PROBE, "inactivity_probe", "integer?", PERSISTENT) \
    COLUMN(T, IS_CONNECTED, "is_connected", "boolean", EPHEMERAL) \
    COLUMN(T, LOCAL_GATEWAY, "local_gateway", "string?", PERSISTENT) \
    COLUMN(T, LOCAL_IP, "local_ip", "string?", PERSISTENT) \
    COLUMN(T, LOCAL_NETMASK, "local_netmask", "string?", PERSISTENT) \
    COLUMN(T, MAX_BACKOFF, "max_backoff", "integer[1000..]?", PERSISTENT) \
    COLUMN(T, OTHER_CONFIG, "other_config", "string:string*", PERSISTENT) \
    COLUMN(T, ROLE, "role", "string(master|other|slave)?", EPHEMERAL) \
    COLUMN(T, STATUS, "status", "string:string*", EPHEMERAL) \
    COLUMN(T, TARGET, "target", "string", PERSISTENT) \
    COLUMN(T, TYPE, "type", "string(primary|service)?", PERSISTENT) \

#define OVS_MANAGER_COLUMNS(COLUMN, T) \
    COLUMN(T, CONNECTION_MODE, "connection_mode", "string(in-band|out-of-band)?", PERSISTENT) \
    COLUMN(T, EXTERNAL_IDS, "external_ids", "string:string*", PERSISTENT) \
    COLUMN(T, INACTIVITY_PROBE, "inactivity_probe", "integer?", PERSISTENT) \
    COLUMN(T, IS_CONNECTED, "is_connected", "boolean", EPHEMERAL) \
    COLUMN(T, MAX_BACKOFF, "max_backoff", "integer[1000..]?", PERSISTENT) \
    COLUMN(T, OTHER_CONFIG, "other_config", "string:string*", PERSISTENT) \
    COLUMN(T, STATUS, "status", "string:string*", EPHEMERAL) \
    COLUMN(T, TARGET, "target", "string", PERSISTENT) \

#define OVS_NETFLOW_COLUMNS(COLUMN, T) \
    COLUMN(T, ACTIVE_TIMEOUT, "active_timeout", "integer[-1..]", PERSISTENT) \
    COLUMN(T, ADD_ID_TO_INTERFACE, "add_id_to_interface", "boolean", PERSISTENT) \
    COLUMN(T, ENGINE_ID, "engine_id", "integer[0..255]?", PERSISTENT) \
    COLUMN(T, ENGINE_TYPE, "engine_type", "integer[0..255]?", PERSISTENT) \
    COLUMN(T, EXTERNAL_IDS, "external_ids", "string:string*", PERSISTENT) \
    COLUMN(T, TARGETS, "targets", "string+", PERSISTENT) \

#define OVS_DATAPATH_COLUMNS(COLUMN, T) \
    COLUMN(T, CAPABILITIES, "capabilities", "string:string*", PERSISTENT) \
    COLUMN(T, CT_ZONES, "ct_zones", "integer[0..65535]:@CT_Zone*", PERSISTENT) \
    COLUMN(T, DATAPATH_VERSION, "datapath_version", "string", PERSISTENT) \
    COLUMN(T, EXTERNAL_IDS, "external_ids", "string:string*", PERSISTENT) \

#define OVS_CT_ZONE_COLUMNS(COLUMN, T) \
    COLUMN(T, EXTERNAL_IDS, "external_ids", "string:string*", PERSISTENT) \
    COLUMN(T, TIMEOUT_POLICY, "timeout_policy", "@CT_Timeout_Policy?", PERSISTENT) \

#define OVS_CT_TIMEOUT_POLICY_COLUMNS(COLUMN, T) \
    COLUMN(T, EXTERNAL_IDS, "external_ids", "string:string*", PERSISTENT) \
    COLUMN(T, TIMEOUTS, "timeouts", "string(icmp_first|icmp_reply|tcp_close|tcp_close_wait|tcp_established|tcp_fin_wait|tcp_last_ack|tcp_retransmit|tcp_syn_recv|tcp_syn_sent|tcp_syn_sent2|tcp_time_wait|tcp_unack|udp_first|udp_multiple|udp_single):integer[0..4294967295]*", PERSISTENT) \

#define OVS_SSL_COLUMNS(COLUMN, T) \
    COLUMN(T, BOOTSTRAP_CA_CERT, "bootstrap_ca_cert", "boolean", PERSISTENT) \
    COLUMN(T, CA_CERT, "ca_cert", "string", PERSISTENT) \
    COLUMN(T, CERTIFICATE, "certificate", "string", PERSISTENT) \
    COLUMN(T, EXTERNAL_IDS, "external_ids", "string:string*", PERSISTENT) \
    COLUMN(T, PRIVATE_KEY, "private_key", "string", PERSISTENT) \

#define OVS_SFLOW_COLUMNS(COLUMN, T) \
    COLUMN(T, AGENT, "agent", "string?", PERSISTENT) \
    COLUMN(T, EXTERNAL_IDS, "external_ids", "string:string*", PERSISTENT) \
    COLUMN(T, HEADER, "header", "integer?", PERSISTENT) \
    COLUMN(T, POLLING, "polling", "integer?", PERSISTENT) \
    COLUMN(T, SAMPLING, "sampling", "integer?", PERSISTENT) \
    COLUMN(T, TARGETS, "targets", "string+", PERSISTENT) \

#define OVS_IPFIX_COLUMNS(COLUMN, T) \
    COLUMN(T, CACHE_ACTIVE_TIMEOUT, "cache_active_timeout", "integer[0..4200]?", PERSISTENT) \
    COLUMN(T, CACHE_MAX_FLOWS, "cache_max_flows", "integer[0..4294967295]?", PERSISTENT) \
    COLUMN(T, EXTERNAL_IDS, "external_ids", "string:string*", PERSISTENT) \
    COLUMN(T, OBS_DOMAIN_ID, "obs_domain_id", "integer[0..4294967295]?", PERSISTENT) \
    COLUMN(T, OBS_POINT_ID, "obs_point_id", "integer[0..4294967295]?", PERSISTENT) \
    COLUMN(T, OTHER_CONFIG, "other_config", "string:string*", PERSISTENT) \
    COLUMN(T, SAMPLING, "sampling", "integer[1..4294967295]?", PERSISTENT) \
    COLUMN(T, TARGETS, "targets", "string*", PERSISTENT) \

#define OVS_FLOW_SAMPLE_COLLECTOR_SET_COLUMNS(COLUMN, T) \
    COLUMN(T, BRIDGE, "bridge", "@Bridge", PERSISTENT) \
    COLUMN(T, EXTERNAL_IDS, "external_ids", "string:string*", PERSISTENT) \
    COLUMN(T, ID, "id", "integer[0..4294967295]", PERSISTENT) \
    COLUMN(T, IPFIX, "ipfix", "@IPFIX?", PERSISTENT) \

#define OVS_AUTO_ATTACH_COLUMNS(COLUMN, T) \
    COLUMN(T, MAPPINGS, "mappings", "integer[0..16777215]:integer[0..4095]*", PERSISTENT) \
    COLUMN(T, SYSTEM_DESCRIPTION, "system_description", "string", PERSISTENT) \
    COLUMN(T, SYSTEM_NAME, "system_name", "string", PERSISTENT)

/* clang-format on */

enum ovs_table_id {
#define OVS_TABLE_ID(T, NAME, ROOT, MAX_ROWS, INDEX) OVS_TABLE_##T,
    OVS_TABLES(OVS_TABLE_ID)
#undef OVS_TABLE_ID
    OVS_N_TABLES
};

#define OVS_COLUMN_ID(T, C, NAME, TYPE, KIND) OVS_##T##_##C,
#define OVS_COLUMN_ENUM(T, NAME, ROOT, MAX_ROWS, INDEX)                                                      \
    enum {                                                                                                   \
        OVS_##T##_COLUMNS(OVS_COLUMN_ID, T) OVS_N_##T##_COLUMNS                                              \
    };
OVS_TABLES(OVS_COLUMN_ENUM)
#undef OVS_COLUMN_ENUM
#undef OVS_COLUMN_ID

/* A new schema object: tables and columns stand at the indexes of the enumerations above. */
struct ovsdb_schema *ovsdb_vswitch_schema(void);
/* The schema of the database "_Server" (ovsdb-server(5)), in which a server describes itself. */
struct ovsdb_schema *ovsdb_server_schema(void);

/* Columns of _Server's only table, Database. */
enum ovsdb_server_column {
    SERVER_DATABASE_CID,
    SERVER_DATABASE_CONNECTED,
    SERVER_DATABASE_INDEX,
    SERVER_DATABASE_LEADER,
    SERVER_DATABASE_MODEL,
    SERVER_DATABASE_NAME,
    SERVER_DATABASE_SCHEMA,
    SERVER_DATABASE_SID,
    SERVER_N_DATABASE_COLUMNS
};

#endif
