/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "flow/extract.h"
#include "openflow/packet_codec.h"
#include "openflow/print_private.h"

/* One line: what a switch would see in the packet, and its transport checksum. */
static void print_bytes(const uint8_t *data, size_t len, const struct print *p)
{
    struct strbuf *s = p->s;
    uint8_t *copy = xmemdup(data, len);
    struct packet packet = {.data = copy, .len = len, .buf = copy, .buf_size = len, .l2_5_ofs = UINT16_MAX};
    struct flow_key key;
    packet.l3_ofs = packet.l4_ofs = UINT16_MAX;
    flow_key_extract_complete(&packet, &key);
    /* Bytes have no port of their own. */
    static const char no_port[] = "in_port=0,";
    struct strbuf text = {.palette = p->s->palette};
    key.in_port = 0;
    match_format_key(&key, NULL, p->names ? p->names->ports : NULL, &text);
    char *at = strstr(strbuf_text(&text), no_port);
    if (at && (at == text.text || at[-1] == ',')) {
        strbuf_put(s, text.text, at - text.text);
        strbuf_puts(s, at + strlen(no_port));
    } else {
        strbuf_puts(s, strbuf_text(&text));
    }
    strbuf_fini(&text);
    if (packet.l4_ofs != UINT16_MAX && !(key.nw_frag & FLOW_NW_FRAG_LATER)) {
        size_t left = len - packet.l4_ofs;
        const uint8_t *l4 = copy + packet.l4_ofs;
        if (key.nw_proto == 6 && left >= 20) {
            strbuf_printf(s, " tcp_csum:%x", ntohs(get_be16(l4 + 16)));
        } else if (key.nw_proto == 17 && left >= 8) {
            strbuf_printf(s, " udp_csum:%x", ntohs(get_be16(l4 + 6)));
        } else if (key.nw_proto == 132 && left >= 12) {
            strbuf_printf(s, " sctp_csum:%x", ntohl(get_be32(l4 + 8)));
        } else if (key.nw_proto == 1 && key.dl_type == CONST_BE16(0x800) && left >= 4) {
            strbuf_printf(s, " icmp_csum:%x", ntohs(get_be16(l4 + 2)));
        } else if (key.nw_proto == 58 && left >= 4) {
            strbuf_printf(s, " icmp6_csum:%x", ntohs(get_be16(l4 + 2)));
        }
    }
    strbuf_put_char(s, '\n');
    if (p->opt->verbosity > 2) {
        ofp_hex_dump(data, len, 0, false, s);
    }
    free(copy);
}

enum ofperr print_packet_in(const struct ofp_msg *m, const struct print *p)
{
    struct packet_in pin;
    struct strbuf *s = p->s;
    enum ofperr error = packet_in_decode(m, &pin);
    if (error) {
        return error;
    }
    if (pin.table_id) {
        strbuf_puts(s, " table_id=");
        ofp_table_format(pin.table_id, p->names, s);
    }
    if (pin.cookie != UINT64_MAX) {
        strbuf_printf(s, " cookie=0x%" PRIx64, pin.cookie);
    }
    strbuf_printf(s, " total_len=%u ", pin.total_len);
    match_format(&pin.metadata, p->names ? p->names->ports : NULL, s, MATCH_DEFAULT_PRIORITY);
    const char *reason = ofp_packet_in_reason_name(pin.reason);
    if (reason) {
        strbuf_printf(s, " (via %s)", reason);
    } else {
        strbuf_printf(s, " (via %u)", pin.reason);
    }
    strbuf_printf(s, " data_len=%zu", pin.packet_len);
    if (pin.buffer_id == OFP_NO_BUFFER) {
        strbuf_puts(s, " (unbuffered)");
        if (pin.total_len != pin.packet_len) {
            strbuf_puts(s, " (***total_len != data_len***)");
        }
    } else {
        strbuf_printf(s, " buffer=0x%08" PRIx32, pin.buffer_id);
        if (pin.total_len < pin.packet_len) {
            strbuf_puts(s, " (***total_len < data_len***)");
        }
    }
    strbuf_put_char(s, '\n');
    if (pin.userdata_len) {
        strbuf_puts(s, " userdata=");
        for (size_t i = 0; i < pin.userdata_len; i++) {
            strbuf_printf(s, i ? ".%02x" : "%02x", pin.userdata[i]);
        }
        strbuf_put_char(s, '\n');
    }
    if (p->opt->verbosity > 0 && pin.packet_len) {
        print_bytes(pin.packet, pin.packet_len, p);
    }
    return OFPERR_NONE;
}

enum ofperr print_packet_out(const struct ofp_msg *m, const struct print *p)
{
    struct packet_out po;
    struct strbuf *s = p->s;
    enum ofperr error = packet_out_decode(m, &po);
    if (error) {
        return error;
    }
    strbuf_put_char(s, ' ');
    match_format(&po.metadata, p->names ? p->names->ports : NULL, s, MATCH_DEFAULT_PRIORITY);
    strbuf_puts(s, " actions=");
    ofpacts_format((const struct ofpact *)po.ofpacts.data, po.ofpacts.len, p->names, s);
    if (po.buffer_id == OFP_NO_BUFFER) {
        strbuf_printf(s, " data_len=%zu", po.packet_len);
        if (p->opt->verbosity > 0 && po.packet_len) {
            strbuf_put_char(s, '\n');
            print_bytes(po.packet, po.packet_len, p);
        }
    } else {
        strbuf_printf(s, " buffer=0x%08" PRIx32, po.buffer_id);
    }
    packet_out_fini(&po);
    return OFPERR_NONE;
}
