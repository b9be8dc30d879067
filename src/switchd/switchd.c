/* SPDX-License-Identifier: Apache-2.0 */
#include "switchd/switchd.h"

#include <stddef.h>

#include "io/daemon.h"

/* The parts of the switch, in the order in which they start; they end in the reverse order. There are none
 * yet. */
static const struct module {
    const char *name;
    char *(*init)(const struct switchd_options *);
    void (*fini)(bool cleanup);
} modules[] = {{NULL, NULL, NULL}};

static size_t n_running;

char *switchd_init(const struct switchd_options *options)
{
    for (const struct module *m = modules; m->name; m++) {
        char *error = m->init(options);
        if (error) {
            return error;
        }
        n_running++;
    }
    daemon_ready(); /* nothing to configure */
    return NULL;
}

void switchd_fini(bool cleanup)
{
    while (n_running) {
        modules[--n_running].fini(cleanup);
    }
}
