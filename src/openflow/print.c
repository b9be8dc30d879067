/* SPDX-License-Identifier: Apache-2.0 */
#include "openflow/print.h"

#include <ctype.h>

#include "openflow/print_private.h"

void ofp_hex_dump(const void *data, size_t len, size_t first, bool ascii, struct strbuf *s)
{
    const uint8_t *p = data;
    while (len) {
        size_t skip = first % 16, n = MIN(len, 16 - skip);
        strbuf_printf(s, "%08zx ", first - skip);
        for (size_t i = 0; i < 16; i++) {
            char sep = i == 8 ? '-' : ' ';
            if (!ascii && i >= skip + n) {
                break;
            }
            if (i < skip || i >= skip + n) {
                strbuf_printf(s, "%c  ", i == 8 && i == skip + n ? '-' : ' ');
            } else {
                strbuf_printf(s, "%c%02x", sep, p[i - skip]);
            }
        }
        if (ascii) {
            strbuf_puts(s, " |");
            for (size_t i = 0; i < 16; i++) {
                bool in = i >= skip && i < skip + n;
                strbuf_put_char(s, !in ? ' ' : isprint(p[i - skip]) ? (char)p[i - skip] : '.');
            }
            strbuf_put_char(s, '|');
        }
        strbuf_put_char(s, '\n');
        p += n;
        len -= n;
        first += n;
    }
}

void print_bits(uint32_t value, const struct bit_name *names, size_t n, char separator, struct strbuf *s)
{
    bool first = true;
    if (!value) {
        strbuf_put_char(s, '0');
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (value & names[i].bit) {
            if (!first) {
                strbuf_put_char(s, separator);
            }
            strbuf_puts(s, names[i].name);
            value &= ~names[i].bit;
            first = false;
        }
    }
    if (value) {
        if (!first) {
            strbuf_put_char(s, separator);
        }
        strbuf_printf(s, "0x%x", value);
    }
}

static print_fn *const printers[N_OFPTYPES] = {
    [OFPTYPE_HELLO] = print_hello,
    [OFPTYPE_ERROR] = print_error_msg,
    [OFPTYPE_ECHO_REQUEST] = print_echo,
    [OFPTYPE_ECHO_REPLY] = print_echo,
    [OFPTYPE_FEATURES_REPLY] = print_features,
    [OFPTYPE_GET_CONFIG_REPLY] = print_config,
    [OFPTYPE_SET_CONFIG] = print_config,
    [OFPTYPE_FLOW_REMOVED] = print_flow_removed,
    [OFPTYPE_PORT_STATUS] = print_port_status,
    [OFPTYPE_PORT_MOD] = print_port_mod,
    [OFPTYPE_FLOW_MOD] = print_flow_mod,
    [OFPTYPE_QUEUE_GET_CONFIG_REQUEST] = print_queue_config_request,
    [OFPTYPE_QUEUE_GET_CONFIG_REPLY] = print_queue_config,
    [OFPTYPE_ROLE_REQUEST] = print_role,
    [OFPTYPE_ROLE_REPLY] = print_role,
    [OFPTYPE_BUNDLE_CONTROL] = print_bundle_control,
    [OFPTYPE_BUNDLE_ADD_MESSAGE] = print_bundle_add,
    [OFPTYPE_BUNDLE_FEATURES_REQUEST] = print_bundle_features,
    [OFPTYPE_BUNDLE_FEATURES_REPLY] = print_bundle_features,
    [OFPTYPE_FLOW_MOD_TABLE_ID] = print_u8_value,
    [OFPTYPE_SET_FLOW_FORMAT] = print_format_value,
    [OFPTYPE_SET_PACKET_IN_FORMAT] = print_format_value,
    [OFPTYPE_SET_CONTROLLER_ID] = print_controller_id,
    [OFPTYPE_TLV_TABLE_MOD] = print_tlv_table,
    [OFPTYPE_TLV_TABLE_REPLY] = print_tlv_table,
    [OFPTYPE_PACKET_IN] = print_packet_in,
    [OFPTYPE_RESUME] = print_packet_in,
    [OFPTYPE_PACKET_OUT] = print_packet_out,
    [OFPTYPE_GROUP_MOD] = print_group_mod,
    [OFPTYPE_GROUP_REQUEST] = print_group_request,
    [OFPTYPE_GROUP_DESC_REQUEST] = print_group_request,
    [OFPTYPE_PORT_DESC_REQUEST] = print_port_desc_request,
    [OFPTYPE_GROUP_REPLY] = print_group_stats,
    [OFPTYPE_GROUP_DESC_REPLY] = print_group_desc,
    [OFPTYPE_GROUP_FEATURES_REPLY] = print_group_features,
    [OFPTYPE_METER_MOD] = print_meter_mod,
    [OFPTYPE_METER_REQUEST] = print_meter_request,
    [OFPTYPE_METER_CONFIG_REQUEST] = print_meter_request,
    [OFPTYPE_METER_REPLY] = print_meter_stats,
    [OFPTYPE_METER_CONFIG_REPLY] = print_meter_config,
    [OFPTYPE_METER_FEATURES_REPLY] = print_meter_features,
    [OFPTYPE_ROLE_STATUS] = print_role_status,
    [OFPTYPE_CONTROLLER_STATUS] = print_controller_status,
    [OFPTYPE_CONTROLLER_STATUS_REPLY] = print_controller_status,
    [OFPTYPE_GET_ASYNC_REPLY] = print_async,
    [OFPTYPE_SET_ASYNC_CONFIG] = print_async,
    [OFPTYPE_TABLE_MOD] = print_table_mod,
    [OFPTYPE_TABLE_DESC_REPLY] = print_table_desc,
    [OFPTYPE_DESC_REPLY] = print_desc,
    [OFPTYPE_FLOW_REQUEST] = print_flow_request,
    [OFPTYPE_AGGREGATE_REQUEST] = print_flow_request,
    [OFPTYPE_FLOW_REPLY] = print_flow_reply,
    [OFPTYPE_FLOW_COUNTS_REQUEST] = print_flow_request,
    [OFPTYPE_FLOW_COUNTS_REPLY] = print_flow_counts_reply,
    [OFPTYPE_AGGREGATE_REPLY] = print_aggregate_reply,
    [OFPTYPE_PORT_REQUEST] = print_port_request,
    [OFPTYPE_PORT_REPLY] = print_port_reply,
    [OFPTYPE_PORT_DESC_REPLY] = print_port_desc,
    [OFPTYPE_QUEUE_REQUEST] = print_queue_request,
    [OFPTYPE_QUEUE_REPLY] = print_queue_reply,
    [OFPTYPE_TABLE_FEATURES_REQUEST] = print_table_features,
    [OFPTYPE_TABLE_FEATURES_REPLY] = print_table_features,
    [OFPTYPE_TABLE_REPLY] = print_table_stats,
    [OFPTYPE_REQUESTFORWARD] = print_requestforward,
    [OFPTYPE_TABLE_STATUS] = print_table_status,
    [OFPTYPE_CT_FLUSH] = print_ct_flush,
    [OFPTYPE_CT_FLUSH_ZONE] = print_ct_flush_zone,
    [OFPTYPE_IPFIX_FLOW_REPLY] = print_ipfix_flow,
    [OFPTYPE_IPFIX_BRIDGE_REPLY] = print_ipfix_bridge,
    [OFPTYPE_FLOW_MONITOR_CANCEL] = print_monitor_cancel,
    [OFPTYPE_FLOW_MONITOR_REPLY] = print_monitor_reply,
    [OFPTYPE_FLOW_MONITOR_REQUEST] = print_monitor_request,
};

void ofp_print_header(const struct ofp_msg *m, struct strbuf *s)
{
    strbuf_puts(s, m->name);
    if (m->version > OFP10) {
        if (m->version <= OFP15) {
            strbuf_printf(s, " (OF1.%d)", m->version - 1);
        } else {
            strbuf_printf(s, " (OF 0x%02x)", m->version);
        }
    }
    strbuf_printf(s, " (xid=0x%x):", m->xid);
}

/* Whether more of it follows; requests can say so since OpenFlow 1.3. */
static void print_multipart_flags(const struct ofp_msg *m, struct strbuf *s)
{
    bool request = ofp_kind_is_request(m->kind);
    uint16_t known = request && m->version < OFP13 ? 0 : OFPMPF_MORE;
    if (!m->flags) {
        return;
    }
    strbuf_puts(s, " flags=");
    if (m->flags & known) {
        strbuf_puts(s, "[more]");
    }
    if (m->flags & ~known) {
        strbuf_printf(s, "[***unknown flags 0x%04x***]", m->flags & ~known);
    }
}

bool print_any_message(const void *data, size_t len, const struct print *p)
{
    struct strbuf *s = p->s;
    struct ofp_msg m;
    enum ofperr error = ofp_msg_decode(data, len, &m);
    if (error) {
        size_t said = len >= OFP_HEADER_LEN ? ntohs(get_be16((const uint8_t *)data + 2)) : 0;
        if (said > len && !ofp_msg_identify(data, len, &m)) {
            ofp_print_header(&m, s);
            strbuf_put_char(s, '\n');
        }
        if (!len) {
            strbuf_puts(s, "OpenFlow message is empty\n");
        } else if (len < OFP_HEADER_LEN) {
            strbuf_printf(s, "OpenFlow packet too short (only %zu bytes):\n", len);
        } else if (said > len) {
            strbuf_printf(s, "(***truncated to %zu bytes from %zu***)\n", len, said);
        } else if (said != len) {
            strbuf_printf(s, "(***only uses %zu bytes out of %zu***)\n", said, len);
        } else {
            strbuf_printf(s, "***decode error: %s***\n", ofperr_name(error));
        }
        ofp_hex_dump(data, len, 0, true, s);
        return false;
    }
    ofp_print_header(&m, s);
    size_t header = s->len;
    print_multipart_flags(&m, s);
    if (printers[m.type]) {
        error = printers[m.type](&m, p);
        if (error) {
            /* Behind the header, or on a line of its own under what was well. */
            const char *separator = s->len == header ? " " : strbuf_ends_with(s, "\n") ? "" : "\n";
            strbuf_printf(s, "%s***decode error: %s***\n", separator, ofperr_name(error));
            ofp_hex_dump(data, len, 0, true, s);
            return false;
        }
    }
    if (!strbuf_ends_with(s, "\n")) {
        strbuf_put_char(s, '\n');
    }
    return true;
}

void ofp_print(const void *data, size_t len, const struct ofp_print *opt, struct strbuf *s)
{
    static const struct ofp_print none;
    struct print p = {.s = s, .opt = opt ? opt : &none};
    p.names = p.opt->names;
    const struct color_palette *outer = s->palette;
    s->palette = p.opt->palette;
    bool whole = print_any_message(data, len, &p); /* else its bytes are there already */
    if (whole && p.opt->verbosity > 4) {
        ofp_hex_dump(data, len, 0, true, s);
    }
    s->palette = outer;
}

char *ofp_to_string(const void *data, size_t len, const struct ofp_print *opt)
{
    struct strbuf s = STRBUF_INITIALIZER;
    ofp_print(data, len, opt, &s);
    return strbuf_steal(&s);
}
