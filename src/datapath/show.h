/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 6. What the datapath tells of itself in text: pmd-stats-show and pmd-rxq-show, in the reference's
 * form. Thread-safety: control thread. */
#ifndef DATAPATH_SHOW_H
#define DATAPATH_SHOW_H 1

#include "base/strbuf.h"
#include "dpif/dpif.h"

int dp_show(struct datapath *, const char *which, int argc, const char *argv[], struct strbuf *);

#endif
