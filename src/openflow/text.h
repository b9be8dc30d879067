/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 5. Actions in text, both ways, as ovs-actions(7) and ovs-ofctl(8) have them.
 *
 * Errors: functions that parse return NULL, or the error's text in the reference's words, the caller's to
 * free. Thread-safety: no state. */
#ifndef OPENFLOW_TEXT_H
#define OPENFLOW_TEXT_H 1

#include "openflow/actions.h"

/* Appends the actions and instructions of TEXT ("set_field:5->reg0,output:1,goto_table:2") to OUT. From
 * *USABLE (OFPROTO_*) the protocols are taken away that cannot carry them. On an error, OUT has what it had.
 * `ofpacts_parse_actions` takes no instructions: for buckets, packet-outs. */
char *ofpacts_parse_instructions(const char *text, const struct ofp_names *, struct bytebuf *out,
                                 uint32_t *usable) WARN_UNUSED;
char *ofpacts_parse_actions(const char *text, const struct ofp_names *, struct bytebuf *out,
                            uint32_t *usable) WARN_UNUSED;

/* Appends the list's text, "drop" for none (without "actions="). */
void ofpacts_format(const struct ofpact *, size_t len, const struct ofp_names *, struct strbuf *);

const char *hash_fields_name(enum hash_fields);
bool hash_fields_from_name(const char *, enum hash_fields *);

#endif
