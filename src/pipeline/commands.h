/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7. The control socket's commands of this folder: fdb/, ofproto/, dpif/, bridge/dump-flows, upcall/,
 * revalidator/, and sluice/add-flows, del-flows, dump-flows for rules as text. Thread-safety: control thread.
 */
#ifndef PIPELINE_COMMANDS_H
#define PIPELINE_COMMANDS_H 1

struct control_server;
struct pipeline;

/* PIPELINE must live until they are unregistered, or the server ends. */
void pipeline_register_commands(struct pipeline *, struct control_server *);
void pipeline_unregister_commands(struct control_server *);

#endif
