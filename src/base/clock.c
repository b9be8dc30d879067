/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <stdatomic.h>
#include <time.h>

/* While stopped, `stopped_us` is the monotonic time; zero: running, `ahead_us` before the host's. Wall time
 * keeps its distance to it. */
static _Atomic int64_t stopped_us;
static _Atomic int64_t ahead_us;  /* what was warped while running */
static _Atomic int64_t warped_us; /* wall time's distance to monotonic time, once stopped */

static int64_t host_us(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_us(void)
{
    int64_t stopped = atomic_load_explicit(&stopped_us, memory_order_relaxed);
    return stopped ? stopped
                   : host_us(CLOCK_MONOTONIC) + atomic_load_explicit(&ahead_us, memory_order_relaxed);
}

int64_t clock_ms(void)
{
    return clock_us() / 1000;
}

int64_t clock_wall_ms(void)
{
    int64_t stopped = atomic_load_explicit(&stopped_us, memory_order_relaxed);
    return (stopped ? stopped + atomic_load(&warped_us) : host_us(CLOCK_REALTIME) + atomic_load(&ahead_us)) /
           1000;
}

void clock_stop(void)
{
    if (!clock_is_stopped()) {
        int64_t now = clock_us();
        atomic_store(&warped_us, host_us(CLOCK_REALTIME) + atomic_load(&ahead_us) - now);
        atomic_store(&stopped_us, now);
    }
}

bool clock_is_stopped(void)
{
    return atomic_load(&stopped_us) != 0;
}

void clock_warp(int64_t ms)
{
    if (ms > 0) {
        atomic_fetch_add(clock_is_stopped() ? &stopped_us : &ahead_us, ms * 1000);
    }
}
