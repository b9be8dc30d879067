/* SPDX-License-Identifier: Apache-2.0 */
/* Level specifications and patterns, as -v and vlog/set take them, and a line written with what came of it.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

LOG_MODULE(log_fuzz);

static void swallow(void *aux, enum log_level level, const char *line, size_t len)
{
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int i = 0; i < LOG_N_FACILITIES; i++) {
        log_set_sink((enum log_facility)i, &(struct log_sink){.write = swallow});
    }
    char *spec = xmemdup0((const char *)data, size);
    char *error = log_set_levels(spec);
    if (!error) {
        LOG_INFO("a line");
        free(log_list());
        free(log_list_patterns());
    }
    free(error);
    struct strbuf s = STRBUF_INITIALIZER;
    struct log_line line = {
        .module = "m", .message = "text", .thread = "t", .level = LOG_LEVEL_WARN, .serial = 3};
    log_format(&s, spec, &line);
    strbuf_fini(&s);
    free(spec);
    return 0;
}
