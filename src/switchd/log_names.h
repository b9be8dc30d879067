/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 8. The names of the reference's log modules: a script that sets the level of one, `-v odp_util:dbg`,
 * finds it here too, whether one of our files logs under that name or none does. Thread-safety: at the start
 * of main(). */
#ifndef SWITCHD_LOG_NAMES_H
#define SWITCHD_LOG_NAMES_H 1

void log_names_register(void);

#endif
