/* SPDX-License-Identifier: Apache-2.0 */
/* Reads messages, a line of hex each, and prints each as the codec encodes what it decoded: "same", the
 * bytes, "error NAME", or "no TYPE" for what it cannot do both ways. */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "recode.h"

int main(void)
{
    char *line = NULL;
    size_t allocated = 0;
    log_set_all_levels(LOG_LEVEL_OFF);
    while (getline(&line, &allocated, stdin) > 0) {
        struct bytebuf in = BYTEBUF_INITIALIZER, out = BYTEBUF_INITIALIZER;
        unsigned byte;
        for (const char *p = line; sscanf(p, "%2x", &byte) == 1; p += 2) {
            uint8_t b = (uint8_t)byte;
            bytebuf_put(&in, &b, 1);
        }
        struct ofp_msg m;
        enum ofperr error = ofp_msg_decode(in.data, in.len, &m);
        if (error || (openflow_recode(&m, &out, &error) && error)) {
            printf("error %s\n", ofperr_name(error));
        } else if (!out.len) {
            printf("no %d\n", m.type);
        } else if (out.len == in.len && !memcmp(out.data, in.data, in.len)) {
            puts("same");
        } else {
            for (size_t i = 0; i < out.len; i++) {
                printf("%02x", out.data[i]);
            }
            putchar('\n');
        }
        bytebuf_fini(&in);
        bytebuf_fini(&out);
    }
    free(line);
    return 0;
}
