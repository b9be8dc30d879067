/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 0. Random numbers. The plain ones are fast and not for secrets (xoshiro256**, a generator for each
 * thread, seeded by the kernel); random_secret() is the kernel's.
 * Thread-safety: any thread. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H 1

#include <stddef.h>
#include <stdint.h>

uint32_t random_u32(void);
uint64_t random_u64(void);
uint32_t random_below(uint32_t n); /* 0 to N - 1, evenly; N > 0 */
void random_bytes(void *, size_t n);
/* Makes this thread's numbers repeat from run to run: for tests and fuzzing. */
void random_set_seed(uint64_t seed);
/* For identifiers and keys that nobody may guess; ends the process if the kernel has none to give. */
void random_secret(void *, size_t n);

#endif
