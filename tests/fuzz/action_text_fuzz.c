/* SPDX-License-Identifier: Apache-2.0 */
/* Any text is refused or becomes a list that checks; what that is written as becomes the same list. */
#include <stdlib.h>
#include <string.h>

#include "action/text.h"
#include "base/alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
    if (!ok) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytebuf a = BYTEBUF_INITIALIZER, b = BYTEBUF_INITIALIZER;
    struct strbuf s = STRBUF_INITIALIZER, t = STRBUF_INITIALIZER;
    char *text = xmemdup0((const char *)data, size);
    char *error = dp_actions_parse(text, NULL, &a);
    if (!error) {
        require(!dp_actions_check(a.data, a.len, NULL));
        dp_actions_format(a.data, a.len, NULL, &s);
        error = dp_actions_parse(strbuf_text(&s), NULL, &b);
        require(!error);
        /* Texts, not bytes: a percentage is rounded. */
        dp_actions_format(b.data, b.len, NULL, &t);
        require(!strcmp(strbuf_text(&s), strbuf_text(&t)));
    }
    free(error);
    free(text);
    bytebuf_fini(&a);
    bytebuf_fini(&b);
    strbuf_fini(&s);
    strbuf_fini(&t);
    return 0;
}
