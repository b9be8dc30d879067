/* SPDX-License-Identifier: Apache-2.0 */
/* Meters over OpenFlow 1.3 and later: mods, configuration, statistics, features. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "openflow/meter_codec.h"
#include "openflow/types.h"
#include "pipeline/meter.h"
#include "pipeline/ofproto_impl.h"
#include "pipeline/openflow.h"

static enum ofperr check_id(uint32_t id, enum meter_command command)
{
    bool special =
        id == OFPM_CONTROLLER || id == OFPM_SLOWPATH || (command == METER_DELETE && id == OFPM_ALL);
    return !id || (id > OFPM_MAX && !special) ? OFPERR_OFPMMFC_INVALID_METER : OFPERR_NONE;
}

void openflow_fill_bursts(struct meter_config *config)
{
    for (size_t i = 0; !(config->flags & METER_BURST) && i < config->n_bands; i++) {
        config->bands[i].burst_size = config->bands[i].rate;
    }
}

enum ofperr openflow_meter_mod(struct ofconn *c, const struct ofp_msg *m, void *ofproto)
{
    struct meter_config config;
    enum meter_command command;
    enum ofperr error = meter_mod_decode(m, &command, &config);
    if (error) {
        return error;
    }
    openflow_fill_bursts(&config);
    error = check_id(config.meter_id, command);
    if (!error && config.n_bands > METER_MAX_BANDS) {
        error = OFPERR_OFPMMFC_OUT_OF_BANDS;
    }
    if (!error) {
        switch (command) {
        case METER_ADD:
            error = ofproto_meter_add(ofproto, &config);
            break;
        case METER_MODIFY:
            error = ofproto_meter_modify(ofproto, &config);
            break;
        case METER_DELETE:
            ofproto_meter_delete(ofproto, config.meter_id);
            break;
        }
    }
    if (!error) {
        openflow_forward_request(ofproto, c, m);
    }
    meter_fini(&config);
    return error;
}

struct meter_reply {
    struct ofconn *conn;
    const struct ofproto *ofproto;
    struct ofconn_multipart reply;
};

static void put_config(const struct ofmeter *m, void *reply_)
{
    struct meter_reply *r = reply_;
    meter_config_encode(ofconn_out(r->conn), &m->config);
    ofconn_multipart_next(&r->reply);
}

static void put_stats(const struct ofmeter *m, void *reply_)
{
    struct meter_reply *r = reply_;
    struct meter_stats s;
    ofproto_meter_stats(r->ofproto, m, &s);
    meter_stats_encode(ofconn_out(r->conn), &s);
    ofconn_multipart_next(&r->reply);
    free(s.bands);
}

/* A reply about one meter, or all. */
static enum ofperr answer(struct ofconn *c, const struct ofp_msg *m, const struct ofproto *ofproto,
                          enum ofptype type, void (*put)(const struct ofmeter *, void *))
{
    uint32_t id;
    enum ofperr error = meter_request_decode(m, &id);
    const struct ofmeter *one = NULL;
    if (!error && id != OFPM_ALL) {
        one = ofproto_meter_find(ofproto, id);
        error = one ? OFPERR_NONE : OFPERR_OFPMMFC_UNKNOWN_METER;
    }
    if (error) {
        return error;
    }
    struct meter_reply r = {.conn = c, .ofproto = ofproto};
    ofconn_multipart_begin(&r.reply, c, type, m);
    if (one) {
        put(one, &r);
    } else {
        ofproto_meter_for_each(ofproto, put, &r);
    }
    ofconn_multipart_end(&r.reply);
    return OFPERR_NONE;
}

enum ofperr openflow_meter_config(struct ofconn *c, const struct ofp_msg *m, void *ofproto)
{
    return answer(c, m, ofproto, OFPTYPE_METER_CONFIG_REPLY, put_config);
}

enum ofperr openflow_meter_stats(struct ofconn *c, const struct ofp_msg *m, void *ofproto)
{
    return answer(c, m, ofproto, OFPTYPE_METER_REPLY, put_stats);
}

enum ofperr openflow_meter_features(struct ofconn *c, const struct ofp_msg *m, void *ofproto)
{
    struct meter_features f = {
        .max_meters = BACKER_MAX_METERS,
        .band_types = 1u << METER_BAND_DROP | 1u << METER_BAND_DSCP_REMARK,
        .capabilities = METER_KBPS | METER_PKTPS | METER_BURST | METER_STATS,
        .max_bands = METER_MAX_BANDS,
    };
    /* ovs-ofctl takes nothing but the form of 1.3, os-ken nothing but 1.5's own. */
    meter_features_encode(ofconn_out(c), &f, m->version, m->version >= OFP15 && ofconn_is_controller(c),
                          m->xid);
    return OFPERR_NONE;
}
