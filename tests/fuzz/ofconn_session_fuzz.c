/* SPDX-License-Identifier: Apache-2.0 */
/* An OpenFlow session: the first byte says how the rest is cut into writes; bit 7 of the second one makes it
 * a controller's session, with a rate limit, instead of one that came by BRIDGE.mgmt. Between the writes
 * packets for controllers and role elections happen. Whatever comes, the session is served or ended, and
 * another one beside it lives. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "io/loop.h"
#include "ofconn/ofconn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct loop *loop;
static struct ofservice *service;
static char dir[64];
static int witness; /* a good client */

static int connect_to(const char *suffix)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    snprintf(un.sun_path, sizeof un.sun_path, "%s/%s", dir, suffix);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&un, sizeof un)) {
        abort();
    }
    return fd;
}

static void say(int fd, const void *data, size_t n)
{
    if (send(fd, data, n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN && errno != EPIPE) {
        abort();
    }
}

static size_t drain(int fd)
{
    char buf[65536];
    size_t total = 0;
    ssize_t n;
    while ((n = recv(fd, buf, sizeof buf, MSG_DONTWAIT)) > 0) {
        total += (size_t)n;
    }
    return total;
}

static enum ofperr take(struct ofconn *c, const struct ofp_msg *m, void *unused)
{
    struct switch_config config;
    enum ofperr error = switch_config_decode(m, &config);
    if (!error) {
        ofconn_set_config(c, &config);
    }
    return error;
}

static enum ofperr commit(struct ofconn *c, const struct bytebuf *messages, void **prepared, void *unused,
                          size_t *failed)
{
    *failed = 0;
    return messages->len > 200 ? OFPERR_OFPFMFC_TABLE_FULL : OFPERR_NONE;
}

static const struct ofconn_handlers handlers = {.handle = {[OFPTYPE_SET_CONFIG] = take}, .commit = commit};

static const uint8_t hello[] = {4, 0, 0, 8, 0, 0, 0, 1};

static void start(void)
{
    char target[80];
    log_set_all_levels(LOG_LEVEL_OFF);
    strcpy(dir, "/tmp/ofconn_fuzz.XXXXXX");
    if (!mkdtemp(dir)) {
        abort();
    }
    loop = loop_create("fuzz");
    service = ofservice_create("br", loop, &handlers, NULL);
    ofservice_listen_local(service, dir);
    snprintf(target, sizeof target, "punix:%s/ctl", dir);
    struct ofcontroller_settings settings = {.target = target,
                                             .async = true,
                                             .max_backoff_ms = 1000,
                                             .rate_limit = 100,
                                             .burst_limit = 25,
                                             .queue_size = 10};
    ofservice_set_controllers(service, &settings, 1);
    witness = connect_to("br.mgmt");
    say(witness, hello, sizeof hello);
    loop_turn(loop, false);
    drain(witness);
}

static void stop(void)
{
    close(witness);
    ofservice_destroy(service);
    loop_destroy(loop);
    rmdir(dir);
}

static void packet_in(uint8_t reason)
{
    static const uint8_t frame[64];
    struct ofpacket_in pin = {.pin = {.packet = frame,
                                      .packet_len = sizeof frame,
                                      .total_len = sizeof frame,
                                      .buffer_id = OFP_NO_BUFFER,
                                      .reason = reason % OFPR_N_REASONS}};
    match_init_catchall(&pin.pin.metadata);
    ofservice_send_packet_in(service, &pin);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t echo[] = {4, 2, 0, 8, 0, 0, 0, 9};
    if (!loop) {
        start();
        atexit(stop);
    }
    if (!data || size < 3) {
        return 0;
    }
    int fd = connect_to(data[1] & 0x80 ? "ctl" : data[1] & 0x40 ? "br.snoop" : "br.mgmt");
    size_t piece = data[0] + 1u;
    for (size_t i = 2; i < size; i += piece) {
        say(fd, data + i, MIN(piece, size - i));
        loop_turn(loop, false);
        packet_in(data[i]);
        loop_turn(loop, false);
        drain(fd);
    }
    close(fd);
    say(witness, echo, sizeof echo);
    for (int i = 0; i < 3; i++) {
        loop_turn(loop, false);
    }
    if (drain(witness) < sizeof echo) {
        abort(); /* somebody else's rubbish ended it */
    }
    return 0;
}
