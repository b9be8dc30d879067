/* SPDX-License-Identifier: Apache-2.0 */
/* A database of an older version of its schema, brought to ours when it is opened: a copy of its file first,
 * then the conversion that a client could ask for. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "ovsdb/db_storage.h"
#include "ovsdb/server_private.h"

LOG_MODULE(ovsdb_file);

/* "8.3.1" < "8.10.0"; false if either is no such version. */
static bool is_older(const char *a, const char *b)
{
    unsigned x[3], y[3];
    if (sscanf(a, "%u.%u.%u", &x[0], &x[1], &x[2]) != 3 || sscanf(b, "%u.%u.%u", &y[0], &y[1], &y[2]) != 3) {
        return false;
    }
    for (size_t i = 0; i < 3; i++) {
        if (x[i] != y[i]) {
            return x[i] < y[i];
        }
    }
    return false;
}

static int copy_content(int from, int to)
{
    char chunk[65536];
    ssize_t n;
    while ((n = read(from, chunk, sizeof chunk)) != 0) {
        if (n < 0 && errno == EINTR) {
            continue;
        }
        for (ssize_t done = 0, m; n > 0 && done < n; done += m) {
            m = write(to, chunk + done, (size_t)(n - done));
            if (m < 0) {
                return errno;
            }
        }
        if (n < 0) {
            return errno;
        }
    }
    return fsync(to) ? errno : 0;
}

/* Copies FILE to COPY, which is not there, or the same again: an upgrade was tried before. */
static int copy_file(const char *file, const char *copy)
{
    int from = open(file, O_RDONLY | O_CLOEXEC), error = from < 0 ? errno : 0;
    int to = error ? -1 : open(copy, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (!error) {
        error = to < 0 ? errno : copy_content(from, to);
    }
    if (to >= 0) {
        close(to);
        if (error) {
            unlink(copy);
        }
    }
    if (from >= 0) {
        close(from);
    }
    return error;
}

void server_upgrade(struct hosted_db *hosted, struct ovsdb_schema *want)
{
    const struct ovsdb_schema *have = hosted->db->schema;
    if (strcmp(have->name, want->name) || !is_older(have->version, want->version)) {
        ovsdb_schema_destroy(want);
        return;
    }
    /* Copies: the conversion replaces database and schema. */
    char *file = xstrdup(db_storage_file(hosted->db->storage));
    char *copy =
        xasprintf("%s.backup%s-%.*s", file, have->version, (int)strcspn(have->cksum, " "), have->cksum);
    char *from = xstrdup(have->version), *to = xstrdup(want->version);
    int error = copy_file(file, copy);
    if (error) {
        LOG_WARN("%s: schema version %s is not upgraded to %s: cannot keep a copy of it in %s (%s)", file,
                 from, to, copy, strerror(error));
        ovsdb_schema_destroy(want);
    } else {
        char *wrong = ovsdb_error_to_text_free(server_convert_to(hosted->server, hosted, want));
        if (wrong) {
            LOG_WARN("%s: schema version %s is not upgraded to %s: %s", file, from, to, wrong);
            unlink(copy);
        } else {
            LOG_INFO("%s: upgraded from schema version %s to %s; what it was is in %s", file, from, to, copy);
        }
        free(wrong);
    }
    free(file);
    free(copy);
    free(from);
    free(to);
}
