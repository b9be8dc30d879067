/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7. What becomes of a sampled packet: the cookie says which bridge, or which of its collector sets, is
 * to tell of it, and by which ports it came and goes. Thread-safety: any RCU thread. */
#ifndef PIPELINE_SAMPLE_H
#define PIPELINE_SAMPLE_H 1

struct dp_backer;
struct dp_cookie;
struct dp_upcall;

/* U's packet stays the caller's. */
void sample_upcall(struct dp_backer *, const struct dp_upcall *, const struct dp_cookie *);

#endif
