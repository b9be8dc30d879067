/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 5. Some bits of a field, which actions (and matches in text) name: "reg0[0..3]". Errors in text are
 * the caller's to free. Thread-safety: pure functions; what a check finds is logged (rate-limited). */
#ifndef OPENFLOW_SUBFIELD_H
#define OPENFLOW_SUBFIELD_H 1

#include "flow/field.h"
#include "openflow/actions.h"
#include "openflow/errors.h"

/* Parses at *TEXT and moves it behind; or the whole of it. For actions: fields without a code on the wire are
 * refused. */
char *subfield_parse_at(const char **text, struct subfield *) WARN_UNUSED;
char *subfield_parse(const char *text, struct subfield *) WARN_UNUSED;
/* For matches, where those fields stand for others. */
char *subfield_parse_match(const char *text, struct subfield *) WARN_UNUSED;
void subfield_format(const struct subfield *, struct strbuf *);
/* "NXM_NX_REG0": the field's name in subfields. */
const char *subfield_field_name(const struct field *);

/* Can it be read from, or written to, in packets that FLOW (NULL: not known) describes? */
enum ofperr subfield_check_src(const struct subfield *, const struct flow_key *flow);
enum ofperr subfield_check_dst(const struct subfield *, const struct flow_key *flow);

#endif
