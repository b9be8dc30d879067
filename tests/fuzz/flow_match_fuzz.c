/* SPDX-License-Identifier: Apache-2.0 */
/* Any text is refused or becomes a match; compressed and expanded it is the same; printed and read again it
 * prints the same. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "flow/field.h"
#include "flow/match.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
    if (!ok) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct match match, again;
    struct minimatch mini;
    struct flow_key key;
    char *text = xmemdup0((const char *)data, size);
    char *error = match_parse(&match, NULL, text);
    if (!error) {
        match_normalise(&match);
        struct match zeroed = match;
        match_zero_wildcards(&zeroed);
        require(match_equal(&match, &zeroed));
        match_compress(&match, &mini);
        match_expand(&mini, &match.tun_md, &again);
        minimatch_fini(&mini);
        require(match_equal(&match, &again));

        char *s = match_to_string(&match, NULL, 5);
        char *t = NULL;
        /* Some names are printed only: gtpu_flags, not tun_gtpu_flags. */
        error = match_parse(&again, NULL, s + strlen("priority=5"));
        require(!error || strstr(s, "gtpu_"));
        if (!error && !strstr(s, "erspan") && !strstr(s, "gtpu_")) {
            t = match_to_string(&again, NULL, 5);
            require(!strcmp(s, t));
        }
        free(s);
        free(t);
    }
    free(error);
    free(flow_key_parse(&key, NULL, NULL, text));
    free(text);
    return 0;
}
