/* SPDX-License-Identifier: Apache-2.0 */
/* A switch for tests: pipeline and the dummy datapath in one process, driven by lines of standard input.
 *
 *   add-br BR [secure|standalone]     add-port BR NAME [type=T] [ofport=N] [tag=N] [mode=M] [trunks=A,B]
 * [cvlans=A,B] del-port BR NAME                  [peer=P] [protected]   set-port: the same, of a port that is
 * there add-flow BR FLOW   del-flows BR [FLOW] mirror BR NAME [src=P,..] [dst=P,..] [all] [out=P] [vlan=N]
 * flood-vlans BR A,B   add-group BR GROUP   del-groups BR
 *   add-meter BR METER   del-meters BR
 *   ...and every control command of the pipeline. Each answer ends with a line of a single dot. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/rcu.h"
#include "base/strbuf.h"
#include "control/control.h"
#include "datapath/datapath.h"
#include "io/loop.h"
#include "openflow/check.h"
#include "pipeline/change.h"
#include "pipeline/commands.h"
#include "pipeline/group.h"
#include "pipeline/meter.h"
#include "pipeline/ofproto_impl.h"

#define MAX_WORDS 64

static struct loop *loop;
static struct pipeline *pipeline;
static struct control_server *server;

static unsigned long *parse_vlans(const char *text)
{
    unsigned long *map = bitmap_create(4096);
    char *copy = xstrdup(text), *save = NULL;
    for (char *w = strtok_r(copy, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
        bitmap_set(map, (size_t)atoi(w));
    }
    free(copy);
    return map;
}

static const char *option(char **words, int n, const char *key)
{
    size_t len = strlen(key);
    for (int i = 3; i < n; i++) {
        if (!strncmp(words[i], key, len) && words[i][len] == '=') {
            return words[i] + len + 1;
        } else if (!strcmp(words[i], key)) {
            return "";
        }
    }
    return NULL;
}

static void print_error(const char *what, char *error, int code)
{
    printf("%s: %s\n", what, error ? error : strerror(code));
    free(error);
}

static void set_bundle(struct ofproto *br, char **w, int n, uint32_t ofp_port)
{
    static const char *const modes[] = {"access", "trunk", "native-tagged", "native-untagged",
                                        "dot1q-tunnel"};
    const char *tag = option(w, n, "tag"), *mode = option(w, n, "mode"), *v;
    struct ofproto_bundle_settings s = {.name = w[2], .members = &ofp_port, .n_members = 1, .vlan = -1};
    s.vlan_mode = tag ? OFPROTO_VLAN_ACCESS : OFPROTO_VLAN_TRUNK;
    for (size_t i = 0; mode && i < ARRAY_SIZE(modes); i++) {
        if (!strcmp(modes[i], mode)) {
            s.vlan_mode = (enum ofproto_vlan_mode)i;
        }
    }
    s.vlan = tag ? atoi(tag) : -1;
    s.trunks = (v = option(w, n, "trunks")) ? parse_vlans(v) : NULL;
    s.cvlans = (v = option(w, n, "cvlans")) ? parse_vlans(v) : NULL;
    s.protect = option(w, n, "protected") != NULL;
    ofproto_bundle_set(br, &s);
    free((void *)s.trunks);
    free((void *)s.cvlans);
}

static void add_port(struct ofproto *br, char **w, int n)
{
    struct smap options;
    const char *v;
    char *error = NULL;
    uint32_t ofp_port;
    smap_init(&options);
    if ((v = option(w, n, "peer"))) {
        smap_set(&options, "peer", v);
    }
    struct ofproto_port_settings s = {
        .name = w[2], .type = option(w, n, "type"), .options = &options, .ofp_port_request = OFPP_NONE};
    if (!s.type) {
        s.type = "dummy";
    }
    if ((v = option(w, n, "ofport"))) {
        s.ofp_port_request = strcmp(v, "LOCAL") ? (uint32_t)atoi(v) : OFPP_LOCAL;
    }
    int code = ofproto_port_add(br, &s, &ofp_port, &error);
    if (code) {
        print_error(w[2], error, code);
    } else {
        set_bundle(br, w, n, ofp_port);
    }
    smap_fini(&options);
}

static void set_mirror(struct ofproto *br, char **w, int n)
{
    const char *src[32], *dst[32], *v;
    struct ofproto_mirror_settings s = {.name = w[2], .src_bundles = src, .dst_bundles = dst};
    char *copies[2] = {NULL, NULL}, *save;
    if ((v = option(w, n, "src"))) {
        copies[0] = xstrdup(v);
        for (char *p = strtok_r(copies[0], ",", &save); p; p = strtok_r(NULL, ",", &save)) {
            src[s.n_src++] = p;
        }
    }
    if ((v = option(w, n, "dst"))) {
        copies[1] = xstrdup(v);
        for (char *p = strtok_r(copies[1], ",", &save); p; p = strtok_r(NULL, ",", &save)) {
            dst[s.n_dst++] = p;
        }
    }
    s.select_all = option(w, n, "all") != NULL;
    s.out_bundle = option(w, n, "out");
    s.out_vlan = (v = option(w, n, "vlan")) ? (uint16_t)atoi(v) : 0;
    ofproto_mirror_set(br, &s);
    free(copies[0]);
    free(copies[1]);
}

static void change_group(struct ofproto *br, enum group_command command, const char *text)
{
    struct group_mod gm;
    uint32_t usable;
    char *error = group_mod_parse(&gm, text, command, NULL, &usable);
    if (error) {
        print_error("group", error, 0);
        return;
    }
    struct change c;
    change_init(&c, br, false);
    enum ofperr code = change_group_mod(&c, &gm);
    if (code) {
        change_revert(&c);
        print_error("group", xstrdup(ofperr_name(code)), 0);
    } else {
        change_commit(&c);
    }
    group_mod_fini(&gm);
}

static void add_meter(struct ofproto *br, const char *text)
{
    struct meter_config config;
    char *error = meter_parse(&config, text, METER_ADD);
    if (error) {
        print_error("meter", error, 0);
        return;
    }
    enum ofperr code = ofproto_meter_add(br, &config);
    if (code) {
        print_error("meter", xstrdup(ofperr_name(code)), 0);
    }
    meter_fini(&config);
}

static void answered(bool ok, const char *text, void *aux)
{
    (void)aux;
    if (!ok) {
        printf("error: ");
    }
    fputs(text, stdout);
    size_t len = strlen(text);
    if (len && text[len - 1] != '\n') {
        putchar('\n');
    }
}

static void run_line(char *line)
{
    char *w[MAX_WORDS], *p = line;
    int n = 0;
    while (n < MAX_WORDS) {
        while (isspace((unsigned char)*p)) {
            p++;
        }
        if (!*p) {
            break;
        }
        char end = *p == '\'' ? *p++ : ' ';
        w[n++] = p;
        while (*p && *p != end && !(end == ' ' && isspace((unsigned char)*p))) {
            p++;
        }
        if (*p) {
            *p++ = '\0';
        }
    }
    if (!n || w[0][0] == '#') {
        return;
    }
    struct ofproto *br = n > 1 ? pipeline_find(pipeline, w[1]) : NULL;
    if (!strcmp(w[0], "add-br") && n > 1) {
        char *error = NULL;
        int code = ofproto_create(pipeline, w[1], "dummy", &br, &error);
        if (code) {
            print_error(w[1], error, code);
        } else {
            bool secure = n > 2 && !strcmp(w[2], "secure");
            ofproto_set_fail_mode(br, secure ? OFPROTO_SECURE : OFPROTO_STANDALONE, false);
            char *words[] = {w[0], w[1], w[1], (char *)"type=internal", (char *)"ofport=LOCAL"};
            add_port(br, words, 5);
        }
    } else if (!strcmp(w[0], "del-br") && br) {
        ofproto_destroy(br);
    } else if (!strcmp(w[0], "add-port") && br && n > 2) {
        add_port(br, w, n);
    } else if (!strcmp(w[0], "set-port") && br && n > 2) {
        struct ofproto_port d;
        if (!ofproto_port_get_name(br, w[2], &d)) {
            set_bundle(br, w, n, d.ofp_port);
        }
    } else if (!strcmp(w[0], "del-port") && br && n > 2) {
        struct ofproto_port d;
        if (!ofproto_port_get_name(br, w[2], &d)) {
            ofproto_bundle_remove(br, w[2]);
            ofproto_port_del(br, d.ofp_port);
        }
    } else if (!strcmp(w[0], "mirror") && br && n > 2) {
        set_mirror(br, w, n);
    } else if (!strcmp(w[0], "add-group") && br && n > 2) {
        change_group(br, GROUP_ADD, w[2]);
    } else if (!strcmp(w[0], "add-meter") && br && n > 2) {
        add_meter(br, w[2]);
    } else if (!strcmp(w[0], "del-meters") && br) {
        ofproto_meter_delete(br, OFPM_ALL);
    } else if (!strcmp(w[0], "del-groups") && br) {
        change_group(br, GROUP_DELETE, "");
    } else if (!strcmp(w[0], "flood-vlans") && br && n > 2) {
        unsigned long *vlans = parse_vlans(w[2]);
        ofproto_set_flood_vlans(br, vlans);
        free(vlans);
    } else if (!strcmp(w[0], "receive") && n > 2) {
        /* receive PORT HEX */
        uint8_t frame[4096];
        size_t len = 0;
        for (const char *h = w[2];
             isxdigit((unsigned char)h[0]) && isxdigit((unsigned char)h[1]) && len < sizeof frame; h += 2) {
            char pair[3] = {h[0], h[1], '\0'};
            frame[len++] = (uint8_t)strtoul(pair, NULL, 16);
        }
        struct datapath *dp = dpif_find("dummy", NULL);
        struct dp_port_desc desc;
        if (dp && !dp->ops->port_query_name(dp, w[1], &desc)) {
            dp->ops->receive(dp, desc.port_no, 0, frame, len);
        }
    } else {
        control_execute(server, n, (const char *const *)w, answered, NULL);
    }
    pipeline_commit(pipeline);
}

int main(void)
{
    static char line[65536];
    rcu_register();
    vport_enable_dummy(false, false);
    datapath_register(true, false);
    loop = loop_create("main");
    char *error = NULL;
    server = control_server_create(loop, "none", &error);
    if (!server) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    pipeline = pipeline_create(loop_tasks(loop));
    pipeline_register_commands(pipeline, server);
    while (fgets(line, sizeof line, stdin)) {
        run_line(line);
        puts(".");
        fflush(stdout);
        loop_turn(loop, false);
        rcu_quiescent();
    }
    pipeline_destroy(pipeline);
    control_server_destroy(server);
    loop_destroy(loop);
    rcu_unregister();
    return 0;
}
