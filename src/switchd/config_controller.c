/* SPDX-License-Identifier: Apache-2.0 */
/* The Controller table, and what belongs to it: SSL, in-band control, the local port's address. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "control/control.h"
#include "io/address.h"
#include "io/dirs.h"
#include "io/ssl.h"
#include "io/stream.h"
#include "ofconn/ofconn.h"
#include "pipeline/openflow.h"
#include "port/vport.h"
#include "switchd/config.h"

LOG_MODULE(bridge);

#define DEFAULT_MAX_BACKOFF_MS 8000
#define DEFAULT_PROBE_MS       5000
#define MAX_MANAGERS           16

/* ------------------------------------------------------------------ the bridge's service */

static void controllers_changed(void *bridge)
{
    const struct bridge *b = bridge;
    config_status_changed(b->config);
}

void config_controllers_start(struct bridge *b)
{
    b->service = ofservice_create(b->name, b->config->loop, &pipeline_openflow, b->ofproto);
    ofproto_set_sessions(b->ofproto, b->service);
    ofservice_on_status(b->service, controllers_changed, b);
    ofservice_listen_local(b->service, dirs_run());
}

void config_controllers_stop(struct bridge *b)
{
    ofproto_set_sessions(b->ofproto, NULL);
    ofservice_destroy(b->service);
    b->service = NULL;
}

/* The versions of OpenFlow that the `protocols` column allows: all if it is empty. */
static unsigned openflow_versions(const struct ovsdb_row *row)
{
    unsigned versions = 0;
    for (size_t i = 0; i < ovsdb_row_n(row, OVS_BRIDGE_PROTOCOLS); i++) {
        enum ofp_version v;
        if (ofp_version_from_name(ovsdb_row_string_at(row, OVS_BRIDGE_PROTOCOLS, i), &v)) {
            versions |= OFP_VERSION_BIT(v);
        }
    }
    return versions ? versions : OFP_VERSIONS_ALL;
}

/* ------------------------------------------------------------------ Controller rows */

static bool is_in_band(const struct bridge *b, const struct ovsdb_row *row)
{
    return strcmp(ovsdb_row_string(row, OVS_CONTROLLER_CONNECTION_MODE, "in-band"), "out-of-band") &&
           !ovsdb_row_map_boolean(b->row, OVS_BRIDGE_OTHER_CONFIG, "disable-in-band", false);
}

static void read_controller(const struct bridge *b, const struct ovsdb_row *row,
                            struct ofcontroller_settings *s)
{
    const char *target = ovsdb_row_string(row, OVS_CONTROLLER_TARGET, "");
    const char *type = ovsdb_row_string(row, OVS_CONTROLLER_TYPE, NULL);
    int64_t queue = ovsdb_row_map_integer(b->row, OVS_BRIDGE_OTHER_CONFIG, "controller-queue-size", 100);
    int64_t dscp = ovsdb_row_map_integer(row, OVS_CONTROLLER_OTHER_CONFIG, "dscp", OFCONTROLLER_DSCP);
    int64_t probe = ovsdb_row_integer(row, OVS_CONTROLLER_INACTIVITY_PROBE, DEFAULT_PROBE_MS);
    int64_t backoff = ovsdb_row_integer(row, OVS_CONTROLLER_MAX_BACKOFF, DEFAULT_MAX_BACKOFF_MS);
    *s = (struct ofcontroller_settings){
        .target = target,
        .service = type ? !strcmp(type, "service") : stream_name_is_passive(target),
        .in_band = is_in_band(b, row),
        .async = ovsdb_row_boolean(row, OVS_CONTROLLER_ENABLE_ASYNC_MESSAGES, true),
        .max_backoff_ms = (int)MIN(MAX(backoff, 1000), INT32_MAX),
        .probe_ms = (int)MIN(MAX(probe, 0), INT32_MAX / 4),
        .rate_limit = (int)MIN(ovsdb_row_integer(row, OVS_CONTROLLER_CONTROLLER_RATE_LIMIT, 0), 1000000),
        .burst_limit = (int)MIN(ovsdb_row_integer(row, OVS_CONTROLLER_CONTROLLER_BURST_LIMIT, 0), 1000000),
        .queue_size =
            (int)MIN(MAX(ovsdb_row_integer(row, OVS_CONTROLLER_CONTROLLER_QUEUE_SIZE, queue), 1), 512),
        .dscp = (uint8_t)(dscp >= 0 && dscp < 64 ? dscp : OFCONTROLLER_DSCP),
    };
    /* A probe often enough to be useful, and not so often that it hinders. */
    if (s->probe_ms && s->probe_ms < 1000) {
        s->probe_ms = 1000;
    }
}

/* A Unix socket is opened only in the run directory, where nobody but the administrator makes one: the
 * database may be another's. */
static bool is_allowed(const struct bridge *b, const char *target)
{
    const char *file = !strncmp(target, "unix:", 5)    ? target + 5
                       : !strncmp(target, "punix:", 6) ? target + 6
                                                       : NULL;
    size_t n = strlen(dirs_run());
    if (!file || file[0] != '/') {
        return true; /* relative: to the run directory */
    }
    if (!strncmp(file, dirs_run(), n) && file[n] == '/' && !strstr(file, "/../")) {
        return true;
    }
    LOG_ERR("bridge %s: not connecting to socket controller \"%s\": it is outside of the run directory %s",
            b->name, target, dirs_run());
    return false;
}

static void set_controllers(struct bridge *b, bool secure)
{
    size_t n = 0, rows = ovsdb_row_n(b->row, OVS_BRIDGE_CONTROLLER);
    struct ofcontroller_settings *settings = xcalloc(rows + 1, sizeof *settings);
    bool has_primary = false;
    for (size_t i = 0; i < rows; i++) {
        const struct ovsdb_row *row = ovsdb_row_ref(b->row, OVS_BRIDGE_CONTROLLER, i);
        if (row && is_allowed(b, ovsdb_row_string(row, OVS_CONTROLLER_TARGET, ""))) {
            read_controller(b, row, &settings[n]);
            has_primary |= !settings[n++].service;
        }
    }
    /* What the first controller finds is an empty table: it may speak as soon as it is there. */
    ofproto_set_fail_mode(b->ofproto, secure ? OFPROTO_SECURE : OFPROTO_STANDALONE, has_primary);
    ofservice_set_controllers(b->service, settings, n);
    free(settings);
}

/* ------------------------------------------------------------------ in-band control */

/* The managers that are reached through the bridge, too. */
static size_t in_band_managers(const struct ovsdb_row *root, struct ofin_band_remote remotes[MAX_MANAGERS])
{
    size_t n = 0;
    for (size_t i = 0; i < ovsdb_row_n(root, OVS_OPEN_VSWITCH_MANAGER_OPTIONS) && n < MAX_MANAGERS; i++) {
        const struct ovsdb_row *row = ovsdb_row_ref(root, OVS_OPEN_VSWITCH_MANAGER_OPTIONS, i);
        const char *target = row ? ovsdb_row_string(row, OVS_MANAGER_TARGET, "") : "";
        struct sockaddr_storage ss;
        if (!row || !strcmp(ovsdb_row_string(row, OVS_MANAGER_CONNECTION_MODE, "in-band"), "out-of-band") ||
            (strncmp(target, "tcp:", 4) && strncmp(target, "ssl:", 4))) {
            continue;
        }
        char *error = address_parse_active(target + 4, OVSDB_PORT, true, &ss);
        if (!error && ss.ss_family == AF_INET) {
            const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)&ss;
            remotes[n++] = (struct ofin_band_remote){.ip = in->sin_addr.s_addr, .port = ntohs(in->sin_port)};
        }
        free(error);
    }
    return n;
}

static void set_in_band(struct bridge *b, const struct ovsdb_row *root)
{
    struct ofin_band_remote managers[MAX_MANAGERS];
    struct ofproto_port port;
    struct iface *local = config_iface_find(b, b->name);
    const struct vport *vport = local ? config_iface_vport(local, &port) : NULL;
    bool disabled = ovsdb_row_map_boolean(b->row, OVS_BRIDGE_OTHER_CONFIG, "disable-in-band", false);
    int64_t queue = ovsdb_row_map_integer(b->row, OVS_BRIDGE_OTHER_CONFIG, "in-band-queue", -1);
    struct ofin_band_settings s = {
        .enabled = !disabled,
        .queue = (int)(queue >= 0 && queue <= INT32_MAX ? queue : -1),
        .mac = b->mac,
        .device = vport && vport->status.ifindex ? b->name : NULL,
        .remotes = managers,
        .n_remotes = disabled ? 0 : in_band_managers(root, managers),
    };
    ofservice_set_in_band(b->service, &s);
}

/* ------------------------------------------------------------------ the local port's address */

static void set_in(struct sockaddr *sa, struct in_addr in)
{
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr = in};
    memcpy(sa, &sin, sizeof sin);
}

/* The mask that an address had by its class, for who gives none. */
static struct in_addr classful_mask(struct in_addr ip)
{
    uint32_t host = ntohl(ip.s_addr);
    return (struct in_addr){htonl(host >> 31 == 0   ? 0xff000000u
                                  : host >> 30 == 2 ? 0xffff0000u
                                                    : 0xffffff00u)};
}

static int set_address(const char *device, struct in_addr ip, struct in_addr mask, struct in_addr gateway)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), error = 0;
    struct ifreq ifr = {0};
    if (fd < 0) {
        return errno;
    }
    strncpy(ifr.ifr_name, device, sizeof ifr.ifr_name - 1);
    set_in(&ifr.ifr_addr, ip);
    error = ioctl(fd, SIOCSIFADDR, &ifr) ? errno : 0;
    set_in(&ifr.ifr_netmask, mask);
    error = !error && ioctl(fd, SIOCSIFNETMASK, &ifr) ? errno : error;
    if (!error && !ioctl(fd, SIOCGIFFLAGS, &ifr)) {
        ifr.ifr_flags |= IFF_UP;
        error = ioctl(fd, SIOCSIFFLAGS, &ifr) ? errno : 0;
    }
    if (!error && gateway.s_addr) {
        struct rtentry rt = {.rt_flags = RTF_UP | RTF_GATEWAY};
        set_in(&rt.rt_dst, (struct in_addr){0});
        set_in(&rt.rt_gateway, gateway);
        set_in(&rt.rt_genmask, (struct in_addr){0});
        error = ioctl(fd, SIOCADDRT, &rt) && errno != EEXIST ? errno : 0;
    }
    close(fd);
    return error;
}

/* local_ip of the first controller that is reached in-band and has one. */
static void set_local_address(struct bridge *b)
{
    struct in_addr ip, mask, gateway = {0};
    for (size_t i = 0; i < ovsdb_row_n(b->row, OVS_BRIDGE_CONTROLLER); i++) {
        const struct ovsdb_row *row = ovsdb_row_ref(b->row, OVS_BRIDGE_CONTROLLER, i);
        const char *text = row ? ovsdb_row_string(row, OVS_CONTROLLER_LOCAL_IP, "") : "";
        if (!row || !is_in_band(b, row) || !inet_aton(text, &ip) || !ip.s_addr) {
            continue;
        }
        if (!inet_aton(ovsdb_row_string(row, OVS_CONTROLLER_LOCAL_NETMASK, ""), &mask) || !mask.s_addr) {
            mask = classful_mask(ip);
        }
        inet_aton(ovsdb_row_string(row, OVS_CONTROLLER_LOCAL_GATEWAY, ""), &gateway);
        char *wanted = xasprintf("%08x/%08x/%08x", ip.s_addr, mask.s_addr, gateway.s_addr);
        if (b->local_address && !strcmp(b->local_address, wanted)) {
            free(wanted);
            return;
        }
        free(b->local_address);
        b->local_address = wanted;
        int error = set_address(b->name, ip, mask, gateway);
        if (error) {
            LOG_WARN("bridge %s: cannot give its local port the address %s: %s", b->name, text,
                     strerror(error));
        } else {
            LOG_INFO("bridge %s: configured IP address %s", b->name, text);
        }
        return;
    }
}

/* ------------------------------------------------------------------ the round */

void config_ssl(const struct ovsdb_row *root)
{
    const struct ovsdb_row *ssl = ovsdb_row_ref(root, OVS_OPEN_VSWITCH_SSL, 0);
    if (ssl) {
        ssl_set_key_and_cert(ovsdb_row_string(ssl, OVS_SSL_PRIVATE_KEY, ""),
                             ovsdb_row_string(ssl, OVS_SSL_CERTIFICATE, ""));
        ssl_set_ca_cert(ovsdb_row_string(ssl, OVS_SSL_CA_CERT, ""),
                        ovsdb_row_boolean(ssl, OVS_SSL_BOOTSTRAP_CA_CERT, false));
    }
}

void config_controllers_settings(struct bridge *b, const struct ovsdb_row *root)
{
    bool secure = !strcmp(ovsdb_row_string(b->row, OVS_BRIDGE_FAIL_MODE, "standalone"), "secure");
    ofproto_set_description(b->ofproto,
                            ovsdb_row_map_string(b->row, OVS_BRIDGE_OTHER_CONFIG, "dp-desc", NULL),
                            ovsdb_row_map_string(b->row, OVS_BRIDGE_OTHER_CONFIG, "dp-sn", NULL));
    ofservice_set_versions(b->service, openflow_versions(b->row));
    int64_t idle = ovsdb_row_map_integer(root, OVS_OPEN_VSWITCH_OTHER_CONFIG, "bundle-idle-timeout", 0);
    ofservice_set_bundle_idle(b->service, MIN(idle, INT32_MAX) * 1000);
    set_local_address(b);
    set_in_band(b, root);
    set_controllers(b, secure);
    ofservice_set_fail_mode(b->service, !secure);
}

/* ------------------------------------------------------------------ status */

static void put(struct smap *map, const char *key, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    smap_set(map, key, text);
}

static void put_counts(struct smap *map, const char *kind, const struct ofcontroller_counts *counts)
{
    const struct {
        const char *name;
        uint64_t value;
    } values[] = {{"bypassed", counts->bypassed},
                  {"queued", counts->queued},
                  {"dropped", counts->dropped},
                  {"backlog", counts->backlog}};
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        char key[64];
        snprintf(key, sizeof key, "packet-in-%s-%s", kind, values[i].name);
        put(map, key, values[i].value);
    }
}

void config_controllers_write(struct ovsdb_txn *txn, const struct bridge *b)
{
    static const char *const roles[] = {[ROLE_NOCHANGE] = NULL,
                                        [ROLE_EQUAL] = "other",
                                        [ROLE_PRIMARY] = "master",
                                        [ROLE_SECONDARY] = "slave"};
    for (size_t i = 0; i < ovsdb_row_n(b->row, OVS_BRIDGE_CONTROLLER); i++) {
        struct ovsdb_row *row = ovsdb_row_ref(b->row, OVS_BRIDGE_CONTROLLER, i);
        struct ofcontroller_status st;
        struct smap map;
        if (!row) {
            continue;
        }
        smap_init(&map);
        ofservice_controller_status(b->service, ovsdb_row_string(row, OVS_CONTROLLER_TARGET, ""), &st);
        if (st.state) {
            smap_set(&map, "state", st.state);
        }
        if (st.last_error[0]) {
            smap_set(&map, "last_error", st.last_error);
        }
        if (st.sec_since_connect >= 0) {
            put(&map, "sec_since_connect", (uint64_t)st.sec_since_connect);
        }
        if (st.sec_since_disconnect >= 0) {
            put(&map, "sec_since_disconnect", (uint64_t)st.sec_since_disconnect);
        }
        if (st.limited) {
            put_counts(&map, "miss", &st.miss);
            put_counts(&map, "action", &st.action);
        }
        ovsdb_txn_set_boolean(txn, row, OVS_CONTROLLER_IS_CONNECTED, st.is_connected);
        ovsdb_txn_set_string(txn, row, OVS_CONTROLLER_ROLE, roles[st.role]);
        status_set_map(txn, row, OVS_CONTROLLER_STATUS, &map);
        smap_fini(&map);
    }
}

/* ------------------------------------------------------------------ commands */

static void reconnect(struct control_request *request, int argc, const char *argv[], void *config)
{
    struct config *c = config;
    struct bridge *b = NULL;
    if (argc > 1) {
        b = config_bridge_find(c, argv[1]);
        if (!b) {
            control_reply_error(request, "Unknown bridge");
            return;
        }
        ofservice_reconnect(b->service);
    } else {
        HMAP_FOR_EACH (b, node, &c->bridges) {
            ofservice_reconnect(b->service);
        }
    }
    control_reply(request, "");
}

static const struct control_command commands[] = {{"bridge/reconnect", "[bridge]", 0, 1, reconnect}};

void config_register_commands(struct config *c, struct control_server *server)
{
    control_register(server, commands, ARRAY_SIZE(commands), c);
    config_qos_register_commands(c, server);
}
