/* SPDX-License-Identifier: Apache-2.0 */
/* Answers each line, "actions TEXT", with the actions as we write them, or "error: " and why. For
 * diff_text.py. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "action/text.h"

int main(void)
{
    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, stdin) > 0) {
        struct bytebuf b = BYTEBUF_INITIALIZER;
        struct strbuf s = STRBUF_INITIALIZER;
        const char *text = strchr(line, ' ');
        line[strcspn(line, "\n")] = '\0';
        char *error = dp_actions_parse(text ? text + 1 : "", NULL, &b);
        if (error) {
            printf("error: %s\n", error);
        } else {
            dp_actions_format(b.data, b.len, NULL, &s);
            printf("%s\n", strbuf_text(&s));
        }
        fflush(stdout);
        free(error);
        bytebuf_fini(&b);
        strbuf_fini(&s);
    }
    free(line);
    return 0;
}
