/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 0. A lock of one word for a few instructions' work, where a mutex would be larger than what it
 * guards. Who finds it taken spins, and lets others run after a while: its holder may not have a processor.
 * Thread-safety: any thread; not recursive; nothing that sleeps while it is held. */
#ifndef BASE_SPIN_H
#define BASE_SPIN_H 1

#include <sched.h>
#include <stdint.h>

#include "base/compiler.h"

struct spin {
    uint32_t locked; /* atomic */
};

static inline void spin_lock(struct spin *s)
{
    while (unlikely(__atomic_exchange_n(&s->locked, 1, __ATOMIC_ACQUIRE))) {
        for (int i = 0; __atomic_load_n(&s->locked, __ATOMIC_RELAXED); i++) {
            if (i >= 256) {
                sched_yield();
                i = 0;
            }
#if defined(__x86_64__)
            __builtin_ia32_pause();
#endif
        }
    }
}

static inline void spin_unlock(struct spin *s)
{
    __atomic_store_n(&s->locked, 0, __ATOMIC_RELEASE);
}

#endif
