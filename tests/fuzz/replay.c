/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for libFuzzer: runs each file of the folders in its arguments through the target once. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        return 0;
    }
    /* No more memory than bytes, so that a read behind the end is seen. */
    size_t size = 0, allocated = 1 << 20;
    uint8_t *data = xmalloc(allocated);
    size = fread(data, 1, allocated, f);
    fclose(f);
    uint8_t *exact = xmemdup(data, size ? size : 1);
    free(data);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    return 1;
}

int main(int argc, char *argv[])
{
    int n = 0;
    for (int i = 1; i < argc; i++) {
        DIR *dir = opendir(argv[i]);
        struct dirent *entry;
        if (!dir) {
            perror(argv[i]);
            return 1;
        }
        while ((entry = readdir(dir))) {
            if (entry->d_name[0] != '.') {
                char *path = xasprintf("%s/%s", argv[i], entry->d_name);
                n += run_file(path);
                free(path);
            }
        }
        closedir(dir);
    }
    printf("%d inputs\n", n);
    return n ? 0 : 1;
}
