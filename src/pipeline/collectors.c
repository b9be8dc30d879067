/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/collectors.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "io/address.h"

LOG_MODULE(collectors);

static int open_collector(const char *target, uint16_t default_port)
{
    struct sockaddr_storage to;
    char *wrong = address_parse_active(target, default_port, true, &to);
    if (!wrong && !address_port(&to)) {
        wrong = xasprintf("%s: port must be specified", target);
    }
    if (wrong) {
        LOG_ERR("%s", wrong);
        free(wrong);
        return -1;
    }
    int fd = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, address_length(&to)) < 0) {
        LOG_WARN("couldn't open connection to collector %s (%s)", target, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    return fd;
}

void collectors_close(struct collectors *c)
{
    for (size_t i = 0; i < c->n; i++) {
        if (c->sockets[i] >= 0) {
            close(c->sockets[i]);
        }
        free(c->targets[i]);
    }
    free(c->sockets);
    free(c->targets);
    c->sockets = NULL;
    c->targets = NULL;
    c->n = 0;
}

static bool has_targets(const struct collectors *c, const char *const *targets, size_t n)
{
    bool same = c->n == n;
    for (size_t i = 0; same && i < n; i++) {
        same = c->sockets[i] >= 0 && !strcmp(c->targets[i], targets[i]);
    }
    return same;
}

void collectors_set(struct collectors *c, const char *const *targets, size_t n, uint16_t default_port)
{
    if (has_targets(c, targets, n)) {
        return;
    }
    collectors_close(c);
    c->sockets = xcalloc(n + 1, sizeof *c->sockets);
    c->targets = xcalloc(n + 1, sizeof *c->targets);
    c->n = n;
    for (size_t i = 0; i < n; i++) {
        c->targets[i] = xstrdup(targets[i]);
        c->sockets[i] = open_collector(targets[i], default_port);
    }
}

bool collectors_any(const struct collectors *c)
{
    bool any = false;
    for (size_t i = 0; i < c->n; i++) {
        any |= c->sockets[i] >= 0;
    }
    return any;
}

void collectors_send(struct collectors *c, const void *datagram, size_t size)
{
    static struct log_rate_limit rl = LOG_RATE_LIMIT_INIT(1, 5);
    for (size_t i = 0; i < c->n; i++) {
        if (c->sockets[i] < 0) {
            continue;
        }
        if (send(c->sockets[i], datagram, size, MSG_DONTWAIT) >= 0) {
            c->sent++;
            continue;
        }
        c->failed++;
        if (errno != EAGAIN) {
            LOG_WARN_RL(&rl, "%s: sending to collector failed (%s)", c->targets[i], strerror(errno));
        }
    }
}
