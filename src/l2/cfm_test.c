/* SPDX-License-Identifier: Apache-2.0 */
/* Two maintenance points, and a path between them that can be cut either way. */
#include "l2/cfm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct cfm *side[2];
static bool cut[2], loop; /* what side I sends is lost; comes back to it */
static uint8_t last[CFM_CCM_LEN];
static int64_t now;

static void run_for(int ms)
{
    for (int64_t end = now + ms; now < end; now += 50) {
        for (int i = 0; i < 2; i++) {
            int64_t wake;
            if (cfm_run(side[i], now, &wake)) {
                cfm_make_ccm(side[i], last, now);
                if (!cut[i]) {
                    assert_true(cfm_receive(side[!i], last, sizeof last, now));
                }
                if (loop) {
                    cfm_receive(side[i], last, sizeof last, now);
                }
            }
        }
    }
}

static struct cfm_status status(int i)
{
    struct cfm_status st;
    cfm_get(side[i], &st);
    return st;
}

static void start(struct cfm_settings a, struct cfm_settings b)
{
    now = 0;
    side[0] = cfm_create(&a, now);
    side[1] = cfm_create(&b, now);
    cut[0] = cut[1] = loop = false;
}
static void stop(void)
{
    cfm_destroy(side[0]);
    cfm_destroy(side[1]);
}

static void hears_and_is_heard(void **state)
{
    start((struct cfm_settings){.mpid = 2, .interval_ms = 1500},
          (struct cfm_settings){.mpid = 1, .interval_ms = 1000});
    run_for(30000);
    assert_int_equal(status(0).faults, 0);
    assert_int_equal(status(0).n_remotes, 1);
    assert_int_equal(status(0).remote_mpids[0], 1);
    assert_int_equal(status(1).health, -1); /* of extended mode alone */
    static const uint8_t want[] = {0, 1, 4, 70, 0, 0, 0, 30, 0, 1, 4, 3, 'o', 'v', 's', 2, 3, 'o', 'v', 's'};
    assert_memory_equal(last, want, sizeof want);
    cut[0] = true; /* side 1 hears nothing, and says so */
    run_for(8000);
    assert_int_equal(status(1).faults, CFM_FAULT_RECV);
    assert_int_equal(status(1).n_remotes, 0);
    run_for(4000);
    assert_int_equal(status(0).faults, CFM_FAULT_RDI);
    cut[0] = false;
    run_for(30000);
    assert_int_equal(status(0).faults | status(1).faults, 0);
    assert_int_equal(status(0).flap_count, 2);
    cfm_set_fault(side[0], 1);
    assert_int_equal(status(0).faults, CFM_FAULT_OVERRIDE);
    cfm_set_fault(side[0], -1);
    assert_int_equal(status(0).faults, 0);
    loop = true;
    run_for(8000);
    assert_true(status(0).faults & CFM_FAULT_LOOPBACK);
    stop();
}

static void extended_messages(void **state)
{
    start((struct cfm_settings){.mpid = 78187493530, .interval_ms = 700, .extended = true, .opdown = true},
          (struct cfm_settings){.mpid = 7, .interval_ms = 700, .extended = true, .demand = true});
    run_for(20000);
    assert_int_equal(status(0).faults | status(1).faults, 0);
    assert_false(status(1).remote_opstate_up);
    assert_true(status(0).remote_opstate_up);
    assert_int_equal(status(1).remote_mpids[0], 78187493530);
    /* Bytes 58 to 68 as the reference sends them. */
    cfm_make_ccm(side[0], last, now);
    static const uint8_t want[] = {0x02, 0xbc, 0, 0, 0, 0x12, 0x34, 0x56, 0x78, 0x9a, 1, 0, 0, 0, 0, 0, 0};
    assert_memory_equal(last + 58, want, sizeof want);
    cut[0] = true;
    for (int i = 0; i < 20; i++) {
        cfm_note_data(side[1]);
        run_for(1000);
        assert_int_equal(status(1).faults, 0);
    }
    run_for(6000);
    assert_int_equal(status(1).faults, CFM_FAULT_RECV);
    stop();
}

static void finds_what_is_wrong(void **state)
{
    uint8_t message[CFM_CCM_LEN];
    start((struct cfm_settings){.mpid = 2, .interval_ms = 100},
          (struct cfm_settings){.mpid = 1, .interval_ms = 3});
    run_for(2000);
    assert_true(status(0).faults & CFM_FAULT_INTERVAL);
    cfm_make_ccm(side[1], message, now);
    assert_false(cfm_receive(side[0], message, 73, now));
    message[10]++;
    assert_true(cfm_receive(side[0], message, 74, now));
    cut[1] = true;
    run_for(350);
    assert_true(status(0).faults & CFM_FAULT_MAID);
    message[10]--;
    for (unsigned i = 10; i < 300; i++) {
        message[8] = (uint8_t)(i >> 8);
        message[9] = (uint8_t)i;
        cfm_receive(side[0], message, 75, now);
    }
    run_for(350);
    assert_true(status(0).faults & CFM_FAULT_OVERFLOW);
    assert_in_range(status(0).n_remotes, CFM_MAX_REMOTES - 1, CFM_MAX_REMOTES);
    stop();
}

static void prints_as_the_reference(void **state)
{
    struct strbuf s;
    strbuf_init(&s);
    start((struct cfm_settings){.mpid = 2, .interval_ms = 1000},
          (struct cfm_settings){.mpid = 2, .interval_ms = 1000});
    run_for(3550);
    cfm_format(side[0], now, &s);
    assert_string_equal(strbuf_text(&s),
                        "MPID 2:\n  fault: loopback\n  average health: undefined\n  opstate: up\n"
                        "  remote_opstate: up\n  interval: 1000ms\n  next CCM tx: 450ms\n"
                        "  next fault check: 3450ms\nRemote MPID 2\n  recv since check: false\n"
                        "  opstate: up\n");
    strbuf_fini(&s);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hears_and_is_heard),
        cmocka_unit_test(extended_messages),
        cmocka_unit_test(finds_what_is_wrong),
        cmocka_unit_test(prints_as_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
