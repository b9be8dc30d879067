/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 0. The one clock of the process. Everything periodic, every time-out and every age is counted on it,
 * so that `time/stop` and `time/warp` hold for everything. Monotonic time starts near the host's; wall time
 * moves together with it. While stopped, time moves by clock_warp() alone.
 * Thread-safety: any thread. Forwarding threads call clock_us() once a batch and carry the stamp along. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H 1

#include <stdbool.h>
#include <stdint.h>

int64_t clock_ms(void);      /* monotonic, milliseconds */
int64_t clock_us(void);      /* monotonic, microseconds */
int64_t clock_wall_ms(void); /* since 1970-01-01T00:00:00Z, milliseconds */

void clock_stop(void);
bool clock_is_stopped(void);
void clock_warp(int64_t ms); /* moves time on, stopped or running */

/* Cycles of the time-stamp counter (nanoseconds where there is none): for measuring, never stopped. */
static inline uint64_t clock_cycles(void)
{
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#else
    extern uint64_t clock_cycles_ns(void);
    return clock_cycles_ns();
#endif
}

#endif
