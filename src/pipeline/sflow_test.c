/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/sflow.h"

#include <arpa/inet.h>
#include <endian.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/task.h"

static uint32_t word(const uint8_t *datagram, size_t i)
{
    be32 be;
    memcpy(&be, datagram + 4 * i, sizeof be);
    return be32toh(be);
}

/* What finds no room while nobody sends is counted, and told with the next sample. */
static void test_flood_is_bounded(void **state)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof to;
    char target[32];
    static uint8_t frame[1500], datagram[2000];
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_return_code(bind(fd, (struct sockaddr *)&to, len), 0);
    assert_return_code(getsockname(fd, (struct sockaddr *)&to, &len), 0);
    snprintf(target, sizeof target, "127.0.0.1:%d", ntohs(to.sin_port));

    struct task_queue tasks;
    task_queue_init(&tasks);
    struct sflow *s = sflow_create(NULL, &tasks);
    const char *const targets[] = {target};
    const struct sflow_settings settings = {
        .targets = targets, .n_targets = 1, .agent = "10.0.0.1", .sampling = 10, .header = 1000000};
    assert_true(sflow_set(s, &settings));
    assert_int_equal(sflow_probability(s), UINT32_MAX / 10);
    const struct sflow_sample sample = {.frame = frame, .len = sizeof frame, .is_ethernet = true};
    for (int i = 0; i < 1000; i++) {
        sflow_sample(s, &sample);
    }
    sflow_run(s);
    unsigned n = 0;
    ssize_t got;
    while ((got = recv(fd, datagram, sizeof datagram, 0)) > 0) {
        assert_true(got <= 1400 + 28);
        assert_int_equal(word(datagram, 4), ++n); /* in order */
    }
    assert_int_equal(n, 64);
    assert_true(sflow_sample(s, &sample)); /* behind the one that was being filled */
    clock_warp(1000);
    task_queue_run(&tasks, clock_ms());
    while ((got = recv(fd, datagram, sizeof datagram, 0)) > 0) {
        n++;
    }
    assert_int_equal(n, 66);
    assert_int_equal(word(datagram, 9), 66);     /* samples */
    assert_int_equal(word(datagram, 12), 10010); /* packets that they stand for */
    assert_int_equal(word(datagram, 13), 1000 - 65);
    sflow_stop(s);
    assert_false(sflow_sample(s, &sample));
    sflow_unref(s);
    task_queue_fini(&tasks);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_flood_is_bounded)};
    clock_stop();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
