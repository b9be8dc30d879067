/* SPDX-License-Identifier: Apache-2.0 */
/* What is parsed prints as something that parses to the same, whole or byte by byte; json-c agrees that it is
 * JSON. */
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "io/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool ok)
{
    if (!ok) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *error, *again_error;
    struct json_object *obj = json_parse((const char *)data, size, &error);
    expect(!error || !obj);

    struct json_scanner scanner;
    json_scanner_init(&scanner, 0);
    enum json_scan result = JSON_SCAN_MORE;
    size_t used, total = 0;
    for (size_t i = 0; i < size && result == JSON_SCAN_MORE; i += used) {
        result = json_scanner_feed(&scanner, (const char *)data + i, 1, &used, &again_error);
        total += used;
        if (result == JSON_SCAN_ERROR) {
            free(again_error);
        }
    }
    expect(total <= size);
    if (!error) {
        if (result == JSON_SCAN_MORE) {
            result = json_scanner_finish(&scanner, &again_error);
        }
        expect(result == JSON_SCAN_DONE);
        char *text = json_text(obj, JSON_SORT);
        struct json_object *again = json_parse(text, strlen(text), &again_error);
        expect(!again_error);
        char *second = json_text(again, JSON_SORT);
        expect(!strcmp(text, second));
        json_hash(obj, 0);
        json_object_put(again);
        free(second);
        free(text);
    }
    free(error);
    json_object_put(obj);
    return 0;
}
