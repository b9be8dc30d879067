/* SPDX-License-Identifier: Apache-2.0 */
/* A control server's socket: the first byte says how the rest is cut into writes. Whatever comes, the
 * connection is served or closed, and the server lives. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "control/builtin.h"
#include "control/control.h"
#include "io/loop.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct loop *loop;
static struct control_server *server;
static char path[64];

static void start(void)
{
    char *error;
    log_set_all_levels(LOG_LEVEL_OFF);
    snprintf(path, sizeof path, "/tmp/jsonrpc_fuzz.%ld", (long)getpid());
    loop = loop_create("fuzz");
    server = control_server_create(loop, path, &error);
    if (!server) {
        abort();
    }
    control_register_builtin(server);
}

static void stop(void)
{
    control_server_destroy(server);
    loop_destroy(loop);
}

static void drain(int fd)
{
    char buf[4096];
    while (recv(fd, buf, sizeof buf, MSG_DONTWAIT) > 0) {
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!loop) {
        start();
        atexit(stop);
    }
    if (!data || size < 2 || memmem(data, size, "vlog", 4) || memmem(data, size, "time", 4)) {
        return 0; /* what changes the process itself would make runs depend on each other */
    }
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    strcpy(un.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&un, sizeof un)) {
        abort();
    }
    size_t piece = data[0] + 1u;
    for (size_t i = 1; i < size; i += piece) {
        if (send(fd, data + i, MIN(piece, size - i), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
            break;
        }
        loop_turn(loop, false);
        drain(fd);
    }
    close(fd);
    for (int i = 0; i < 3; i++) {
        loop_turn(loop, false);
    }
    return 0;
}
