/* SPDX-License-Identifier: Apache-2.0 */
/* Two sessions, and a path between them that can be cut either way. */
#include "l2/bfd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct bfd *side[2];
static bool cut[2]; /* what side I sends is lost */
static unsigned n_sent[2];
static int64_t now;

static void run_for(int ms)
{
    for (int64_t end = now + ms; now < end; now += 10) {
        for (int i = 0; i < 2; i++) {
            int64_t wake;
            if (bfd_run(side[i], now, &wake)) {
                uint8_t packet[BFD_PACKET_LEN];
                bfd_make_packet(side[i], packet, now);
                n_sent[i]++;
                if (!cut[i]) {
                    assert_true(bfd_receive(side[!i], packet, sizeof packet, now));
                }
            } else {
                assert_true(wake > now);
            }
        }
    }
}

static struct bfd_status status(int i)
{
    struct bfd_status st;
    bfd_get(side[i], now, &st);
    return st;
}

static struct bfd_settings settings(int min_rx, int min_tx)
{
    return (struct bfd_settings){.min_rx_ms = min_rx, .min_tx_ms = min_tx, .mult = 3};
}

static void start(int rx0, int tx0, int rx1, int tx1)
{
    struct bfd_settings a = settings(rx0, tx0), b = settings(rx1, tx1);
    side[0] = bfd_create(&a, now);
    side[1] = bfd_create(&b, now);
    cut[0] = cut[1] = false;
}
static void stop(void)
{
    bfd_destroy(side[0]);
    bfd_destroy(side[1]);
}

static void comes_up_and_goes_down(void **state)
{
    start(1000, 100, 500, 300);
    run_for(5000);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(status(i).state, BFD_UP);
        assert_int_equal(status(i).remote_state, BFD_UP);
        assert_true(status(i).forwarding);
        assert_int_equal(status(i).flap_count, 1);
    }
    /* Side 0 may send each 500 ms, side 1 each 1000 ms; both a little sooner. */
    n_sent[0] = n_sent[1] = 0;
    run_for(20000);
    assert_in_range(n_sent[0], 40, 54);
    assert_in_range(n_sent[1], 20, 27);
    /* One way is cut: who hears nothing says so. */
    cut[0] = true;
    run_for(1600);
    assert_int_equal(status(1).state, BFD_DOWN);
    assert_string_equal(bfd_diag_name(status(1).diag), "Control Detection Time Expired");
    run_for(1000);
    assert_int_equal(status(0).state, BFD_DOWN);
    assert_string_equal(bfd_diag_name(status(0).diag), "Neighbor Signaled Session Down");
    assert_false(status(0).forwarding);
    cut[0] = false;
    run_for(5000);
    assert_int_equal(status(0).state, BFD_UP);
    assert_int_equal(status(0).flap_count, 3);
    stop();
}

static void agrees_on_new_intervals(void **state)
{
    start(300, 300, 300, 300);
    run_for(5000);
    struct bfd_settings slow = settings(2000, 2000);
    bfd_configure(side[0], &slow, now);
    run_for(10000);
    assert_int_equal(status(0).state, BFD_UP);
    assert_int_equal(status(0).flap_count, 1);
    assert_int_equal(status(1).flap_count, 1);
    n_sent[0] = n_sent[1] = 0;
    run_for(20000);
    assert_in_range(n_sent[0], 10, 14);
    assert_in_range(n_sent[1], 10, 14);
    stop();
}

static void tells_of_a_broken_path_beyond(void **state)
{
    start(300, 300, 300, 300);
    run_for(5000);
    struct bfd_settings down = settings(300, 300);
    down.cpath_down = true;
    bfd_configure(side[0], &down, now);
    run_for(1000);
    assert_true(status(0).forwarding);
    assert_false(status(1).forwarding);
    assert_int_equal(status(1).state, BFD_UP);
    assert_string_equal(bfd_diag_name(status(1).remote_diag), "Concatenated Path Down");
    bfd_set_forwarding(side[1], 1, now);
    assert_true(status(1).forwarding);
    bfd_set_forwarding(side[1], -1, now);
    assert_false(status(1).forwarding);
    stop();
}

static void data_proves_the_path(void **state)
{
    start(300, 300, 300, 300);
    struct bfd_settings s = settings(300, 300);
    s.forwarding_if_rx = true;
    bfd_configure(side[0], &s, now);
    run_for(5000);
    cut[1] = true;
    for (int i = 0; i < 30; i++) {
        bfd_note_data(side[0], now);
        run_for(500);
        assert_true(status(0).forwarding);
    }
    run_for(1000);
    assert_false(status(0).forwarding);
    bfd_note_data(side[0], now);
    assert_true(status(0).forwarding);
    now += 40000; /* no control packet for too long */
    bfd_note_data(side[0], now);
    assert_false(status(0).forwarding);
    stop();
}

static void refuses_what_is_no_control_packet(void **state)
{
    uint8_t good[BFD_PACKET_LEN], bad[BFD_PACKET_LEN];
    int64_t wake;
    start(300, 300, 300, 300);
    bfd_run(side[1], now + 10000, &wake);
    bfd_make_packet(side[1], good, now);
    static const struct {
        unsigned at;
        uint8_t value;
    } changes[] = {{0, 0x40}, {1, 0x41}, {1, 0x44}, {2, 0}, {3, 23}, {3, 25}, {8, 1}, {1, 0x80}, {1, 0xc0}};
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        memcpy(bad, good, sizeof bad);
        bad[changes[i].at] = changes[i].value;
        assert_false(bfd_receive(side[0], bad, sizeof bad, now));
    }
    memcpy(bad, good, sizeof bad);
    memset(bad + 4, 0, 4);
    assert_false(bfd_receive(side[0], bad, sizeof bad, now));
    assert_false(bfd_receive(side[0], good, 23, now));
    assert_int_equal(status(0).state, BFD_DOWN);
    assert_true(bfd_receive(side[0], good, sizeof good, now));
    assert_int_equal(status(0).state, BFD_INIT);
    stop();
}

static void prints_as_the_reference(void **state)
{
    struct strbuf s;
    strbuf_init(&s);
    struct bfd_settings a = settings(1000, 100);
    struct bfd *bfd = bfd_create(&a, 0);
    bfd_format(bfd, 0, &s);
    const char *text = strbuf_text(&s);
    assert_non_null(strstr(text,
                           "  Forwarding: false\n  Detect Multiplier: 3\n  Concatenated Path Down: false\n"
                           "  TX Interval: Approx 1000ms\n  RX Interval: Approx 1000ms\n"
                           "  Detect Time: now +0ms\n  Next TX Time: now +"));
    assert_non_null(
        strstr(text, "ms\n  Last TX Time: now +0ms\n\n  Local Flags: none\n  Local Session State: down\n"
                     "  Local Diagnostic: No Diagnostic\n  Local Discriminator: 0x"));
    assert_non_null(strstr(text,
                           "\n  Local Minimum TX Interval: 1000ms\n  Local Minimum RX Interval: 1000ms\n\n"
                           "  Remote Flags: none\n  Remote Session State: down\n"
                           "  Remote Diagnostic: No Diagnostic\n  Remote Discriminator: 0x0\n"
                           "  Remote Minimum TX Interval: 0ms\n  Remote Minimum RX Interval: 1ms\n"
                           "  Remote Detect Multiplier: 0\n"));
    strbuf_fini(&s);
    bfd_destroy(bfd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_up_and_goes_down),
        cmocka_unit_test(agrees_on_new_intervals),
        cmocka_unit_test(tells_of_a_broken_path_beyond),
        cmocka_unit_test(data_proves_the_path),
        cmocka_unit_test(refuses_what_is_no_control_packet),
        cmocka_unit_test(prints_as_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
