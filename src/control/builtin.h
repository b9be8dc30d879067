/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 2. The commands that every daemon has: vlog/set, vlog/list, vlog/list-pattern, vlog/close,
 * vlog/reopen, vlog/enable-rate-limit, vlog/disable-rate-limit, coverage/show, coverage/read-counter,
 * memory/show, time/stop, time/warp. (`list-commands` and `version` are the server's own; `exit` is the
 * daemon's.) Thread-safety: the server's thread. */
#ifndef CONTROL_BUILTIN_H
#define CONTROL_BUILTIN_H 1

struct control_server;

void control_register_builtin(struct control_server *);
/* vlog/ and coverage/ alone: what a second server, on another thread, may have. */
void control_register_log(struct control_server *);

#endif
