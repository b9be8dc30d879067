/* SPDX-License-Identifier: Apache-2.0 */
#include "port/pcap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void test_written_is_loaded(void **state)
{
    char file[] = "/tmp/pcap_test.XXXXXX";
    close(mkstemp(file));
    struct pcap_writer *w;
    assert_int_equal(pcap_writer_open(file, &w), 0);
    struct pcap_writer *other = pcap_writer_ref(w);
    pcap_write(w, "first packet", 12);
    pcap_write(other, "", 0);
    pcap_writer_unref(w);
    pcap_write(other, "third", 5);
    pcap_writer_unref(other);
    struct pcap_packets p;
    assert_null(pcap_load(file, &p));
    assert_int_equal(p.n, 3);
    assert_int_equal(p.lengths[0], 12);
    assert_int_equal(p.lengths[1], 0);
    assert_int_equal(p.lengths[2], 5);
    assert_memory_equal(p.bytes, "first packetthird", 17);
    pcap_packets_fini(&p);
    unlink(file);
}

static void test_other_byte_order_and_nanoseconds(void **state)
{
    static const uint8_t file[] = {
        0xa1, 0xb2, 0x3c, 0x4d, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0,   0,
        0xff, 0xff, 0,    0,    0, 1,                                         /* header */
        0,    0,    0,    1,    0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 9, 'a', 'b', /* a packet */
    };
    struct pcap_packets p;
    assert_null(pcap_parse(file, sizeof file, &p));
    assert_int_equal(p.n, 1);
    assert_int_equal(p.lengths[0], 2);
    assert_memory_equal(p.bytes, "ab", 2);
    pcap_packets_fini(&p);
    for (size_t len = 0; len < sizeof file; len++) {
        if (len != 24) { /* a header alone is a file without packets */
            char *error = pcap_parse(file, len, &p);
            assert_non_null(error);
            free(error);
        }
    }
}

static void test_what_is_no_capture(void **state)
{
    struct pcap_packets p;
    char *error = pcap_load("/nonexistent/file", &p);
    assert_string_equal(error, "/nonexistent/file: No such file or directory");
    free(error);
    uint8_t junk[24] = {0};
    error = pcap_parse(junk, sizeof junk, &p);
    assert_string_equal(error, "first four bytes 00000000: not a pcap file");
    free(error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_written_is_loaded),
        cmocka_unit_test(test_other_byte_order_and_nanoseconds),
        cmocka_unit_test(test_what_is_no_capture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
