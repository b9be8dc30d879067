/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>

#include "openflow/meter_codec.h"
#include "openflow/print_private.h"

enum ofperr print_meter_mod(const struct ofp_msg *m, const struct print *p)
{
    static const char *const commands[] = {"ADD", "MOD", "DEL"};
    enum meter_command command;
    struct meter_config mc;
    enum ofperr error = meter_mod_decode(m, &command, &mc);
    if (!error) {
        strbuf_printf(p->s, " %s ", commands[command]);
        meter_format(&mc, p->s);
        meter_fini(&mc);
    }
    return error;
}

enum ofperr print_meter_request(const struct ofp_msg *m, const struct print *p)
{
    uint32_t id;
    enum ofperr error = meter_request_decode(m, &id);
    strbuf_puts(p->s, " meter=");
    meter_id_format(id, p->s);
    return error;
}

enum ofperr print_meter_config(const struct ofp_msg *m, const struct print *p)
{
    struct reader r = m->body;
    for (;;) {
        struct meter_config mc;
        bool more;
        enum ofperr error = meter_config_decode(&r, &mc, &more);
        if (error || !more) {
            return error;
        }
        strbuf_put_char(p->s, '\n'); /* between two: an empty line */
        meter_format(&mc, p->s);
        meter_fini(&mc);
    }
}

enum ofperr print_meter_stats(const struct ofp_msg *m, const struct print *p)
{
    struct reader r = m->body;
    struct strbuf *s = p->s;
    for (;;) {
        struct meter_stats ms;
        bool more;
        enum ofperr error = meter_stats_decode(&r, &ms, &more);
        if (error || !more) {
            return error;
        }
        strbuf_puts(s, "\nmeter:");
        meter_id_format(ms.meter_id, s);
        strbuf_printf(s, " flow_count:%u packet_in_count:%" PRIu64 " byte_in_count:%" PRIu64 " duration:",
                      ms.flow_count, ms.packet_in_count, ms.byte_in_count);
        ofp_duration_format(ms.duration_sec, ms.duration_nsec, s);
        strbuf_puts(s, "s bands:\n");
        for (size_t i = 0; i < ms.n_bands; i++) {
            strbuf_printf(s, "%zu: packet_count:%" PRIu64 " byte_count:%" PRIu64 "\n", i,
                          ms.bands[i].packet_count, ms.bands[i].byte_count);
        }
        free(ms.bands);
    }
}

enum ofperr print_meter_features(const struct ofp_msg *m, const struct print *p)
{
    struct meter_features f;
    struct strbuf *s = p->s;
    enum ofperr error = meter_features_decode(m, &f);
    if (error) {
        return error;
    }
    strbuf_printf(s, "\nmax_meter:%u max_bands:%u max_color:%u\nband_types:", f.max_meters, f.max_bands,
                  f.max_color);
    static const struct bit_name bands[] = {{1 << METER_BAND_DROP, "drop"},
                                            {1 << METER_BAND_DSCP_REMARK, "dscp_remark"}};
    strbuf_put_char(s, ' ');
    print_bits(f.band_types & (1 << METER_BAND_DROP | 1 << METER_BAND_DSCP_REMARK), bands, ARRAY_SIZE(bands),
               ' ', s);
    static const struct bit_name names[] = {{1, "kbps"}, {2, "pktps"}, {4, "burst"}, {8, "stats"}};
    strbuf_puts(s, "\ncapabilities: ");
    print_bits(f.capabilities & 15, names, ARRAY_SIZE(names), ' ', s);
    strbuf_put_char(s, '\n');
    return OFPERR_NONE;
}
