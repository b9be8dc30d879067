/* SPDX-License-Identifier: Apache-2.0 */
/* Any text is refused or becomes a key and mask; what those are printed as, wholly, is read as the same
 * again. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "flow/dpkey_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
    if (!ok) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct strbuf s = STRBUF_INITIALIZER, t = STRBUF_INITIALIZER;
    struct flow_key key, mask;
    bool invalid;
    char *text = xmemdup0((const char *)data, size);
    char *error = dpkey_parse(text, NULL, &key, &mask, &invalid);
    if (!error) {
        dpkey_format(&key, &mask, NULL, false, &t);
        strbuf_clear(&t);
        dpkey_format(&key, &mask, NULL, true, &s);
        error = dpkey_parse(strbuf_text(&s), NULL, &key, &mask, NULL);
        require(!error);
        dpkey_format(&key, &mask, NULL, true, &t);
        /* NSH under wildcards, and flags of TCP, say less than they read. */
        if (!strstr(strbuf_text(&s), "nsh(") && !strstr(strbuf_text(&s), "tcp_flags(0/0)")) {
            require(!strcmp(strbuf_text(&s), strbuf_text(&t)));
        }
    }
    free(error);
    free(text);
    strbuf_fini(&s);
    strbuf_fini(&t);
    return 0;
}
