/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 0. Read-copy-update, quiescent-state flavour (liburcu-qsbr), in our words.
 *
 * A registered thread may follow RCU-protected pointers freely between two calls of rcu_quiescent(), and
 * keeps nothing that it found across such a call. A thread that is about to sleep goes offline first, or
 * writers would wait for it. What a writer unlinked is freed by rcu_postpone() or after rcu_synchronize().
 *
 *   reader (forwarding, slow path):  rcu_register(); loop { work; rcu_quiescent(); }  rcu_unregister();
 *   before sleeping:                 rcu_offline(); poll(...); rcu_online();
 *   writer:                          build; rcu_set(&p, new); rcu_postpone(&old->rcu, free_old);
 *
 * Thread-safety: every function may be called by any registered thread; rcu_synchronize() by any thread that
 * is not between two uses of a protected pointer. */
#ifndef BASE_RCU_H
#define BASE_RCU_H 1

#include <urcu-qsbr.h>
#include <urcu/call-rcu.h>

/* Publishes V at *P: whoever reads it with rcu_get() sees what V points to complete. */
#define rcu_set(P, V) __atomic_store_n((P), (V), __ATOMIC_RELEASE)
#define rcu_get(P)    __atomic_load_n((P), __ATOMIC_CONSUME)
/* For the only writer, who needs no ordering against itself. */
#define rcu_get_protected(P) __atomic_load_n((P), __ATOMIC_RELAXED)

/* ThreadSanitizer does not see into liburcu: what orders a reader's last use before the writer's freeing is
 * told to it by hand. */
#if defined(__SANITIZE_THREAD__)
#define RCU_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RCU_TSAN 1
#endif
#endif
#ifdef RCU_TSAN
void __tsan_acquire(void *);
void __tsan_release(void *);
#define RCU_TSAN_ACQUIRE() __tsan_acquire((void *)(uintptr_t)&urcu_qsbr_flavor)
#define RCU_TSAN_RELEASE() __tsan_release((void *)(uintptr_t)&urcu_qsbr_flavor)
#else
#define RCU_TSAN_ACQUIRE() ((void)0)
#define RCU_TSAN_RELEASE() ((void)0)
#endif

static inline void rcu_register(void)
{
    urcu_qsbr_register_thread();
}
static inline void rcu_unregister(void)
{
    RCU_TSAN_RELEASE();
    urcu_qsbr_unregister_thread();
}
static inline void rcu_quiescent(void)
{
    RCU_TSAN_RELEASE();
    urcu_qsbr_quiescent_state();
}
static inline void rcu_offline(void)
{
    RCU_TSAN_RELEASE();
    urcu_qsbr_thread_offline();
}
static inline void rcu_online(void)
{
    urcu_qsbr_thread_online();
}
static inline void rcu_synchronize(void)
{
    RCU_TSAN_RELEASE();
    urcu_qsbr_synchronize_rcu();
    RCU_TSAN_ACQUIRE();
}
/* Runs FREE(HEAD), on a thread of its own, once no reader can hold what was unlinked. FREE begins with
 * rcu_grace_passed(). */
static inline void rcu_postpone(struct rcu_head *head, void (*free_it)(struct rcu_head *))
{
    RCU_TSAN_RELEASE();
    urcu_qsbr_call_rcu(head, free_it);
}
static inline void rcu_grace_passed(void)
{
    RCU_TSAN_ACQUIRE();
}
/* Waits until all that was postponed so far has run: for shutdown and tests. */
static inline void rcu_barrier_all(void)
{
    urcu_qsbr_barrier();
    RCU_TSAN_ACQUIRE();
}

#endif
