/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb/log_file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <libgen.h>
#include <limits.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "io/json.h"

LOG_MODULE(ovsdb_log);

#define MAGIC         "OVSDB JSON "
#define CLUSTER_MAGIC "OVSDB CLUSTER "
#define SHA1_HEX      40
#define TEMPORARY     ".tmp"
#define MAX_RECORD    (INT32_MAX - 1) /* json-c counts in ints */

struct log_file {
    char *name;
    char *given_name; /* links not followed: for errors */
    int fd;
    int lock_fd; /* -1: not locked */
    off_t good;  /* end of the last whole record that was read or written */
    off_t read_offset;
    off_t last_record; /* that was read */
    bool dirty;
    bool dir_dirty;   /* its name was made or moved, and the directory is not yet synced */
    int read_error;   /* an errno */
    bool tail_is_bad; /* something that is no record follows `good` */
    bool takes_clustered, is_clustered;
    char *buffer; /* of the reader */
    size_t buffered, buffer_size;
    off_t buffer_start;
};

static void sha1_hex(const char *data, size_t n, char hex[SHA1_HEX + 1])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    EVP_Digest(data, n, digest, &len, EVP_sha1(), NULL);
    for (unsigned i = 0; i < len; i++) {
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    }
}

/* The lock file of conf.db is .conf.db.~lock~ beside it, as the reference's programs have it. */
static struct ovsdb_error *lock(struct log_file *f)
{
    char *for_dir = xstrdup(f->name), *for_base = xstrdup(f->name);
    char *lock_name = xasprintf("%s/.%s.~lock~", dirname(for_dir), basename(for_base));
    struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    struct ovsdb_error *error = NULL;

    f->lock_fd = open(lock_name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (f->lock_fd < 0 || fcntl(f->lock_fd, F_OFD_SETLK, &range) < 0) {
        int save = errno;
        error = ovsdb_io_error(save, "%s: failed to lock lockfile", f->given_name);
        LOG_WARN("%s: cannot lock file: %s%s", lock_name, strerror(save),
                 save == EAGAIN || save == EACCES ? " (another process has the database open)" : "");
        if (f->lock_fd >= 0) {
            close(f->lock_fd);
            f->lock_fd = -1;
        }
    }
    free(lock_name);
    free(for_dir);
    free(for_base);
    return error;
}

static void file_free(struct log_file *f)
{
    if (f->fd >= 0) {
        close(f->fd);
    }
    if (f->lock_fd >= 0) {
        close(f->lock_fd);
    }
    free(f->buffer);
    free(f->name);
    free(f->given_name);
    free(f);
}

/* Where NAME leads, links followed, the last of which may lead to a file that is to be made. */
static char *follow(const char *name)
{
    char *at = xstrdup(name), *real = NULL;
    for (int i = 0; i < 10 && !(real = realpath(at, NULL)); i++) {
        char target[PATH_MAX], *copy = xstrdup(at);
        ssize_t n = readlink(at, target, sizeof target - 1);
        if (n > 0) {
            target[n] = '\0';
            free(at);
            at = *target == '/' ? xstrdup(target) : xasprintf("%s/%s", dirname(copy), target);
        }
        free(copy);
        if (n <= 0) {
            break;
        }
    }
    if (real) {
        free(at);
    }
    return real ? real : at;
}

struct ovsdb_error *log_file_open(struct log_file **fp, const char *name, enum log_file_mode mode)
{
    struct log_file *f = xzalloc(sizeof *f);
    f->name = follow(name);
    f->given_name = xstrdup(name);
    f->fd = f->lock_fd = -1;
    *fp = NULL;
    if (mode == LOG_FILE_NEW) {
        char *real = f->name;
        f->name = xasprintf("%s" TEMPORARY, real);
        free(real);
    }

    struct ovsdb_error *error = NULL;
    if (mode == LOG_FILE_READ_WRITE && access(f->name, F_OK)) {
        error =
            ovsdb_io_error(errno, "%s: open failed", name); /* before a lock file is made beside nothing */
    } else if (mode == LOG_FILE_READ_WRITE || mode == LOG_FILE_CREATE) {
        error = lock(f);
    }
    if (!error) {
        int flags = mode == LOG_FILE_READ         ? O_RDONLY
                    : mode == LOG_FILE_READ_WRITE ? O_RDWR
                    : mode == LOG_FILE_CREATE     ? O_RDWR | O_CREAT | O_EXCL
                                                  : O_RDWR | O_CREAT | O_TRUNC;
        /* A device or standard input can be read, too: "ovsdb-tool show-log /dev/stdin". */
        f->fd = open(f->name, flags | O_CLOEXEC, 0640);
        f->dir_dirty = mode == LOG_FILE_CREATE;
        if (f->fd < 0) {
            const char *verb = mode >= LOG_FILE_CREATE ? "create" : "open";
            error = ovsdb_io_error(errno, "%s: %s failed", name, verb);
        }
    }
    if (error) {
        file_free(f);
        return error;
    }
    *fp = f;
    return NULL;
}

void log_file_close(struct log_file *f)
{
    if (f) {
        file_free(f);
    }
}

const char *log_file_name(const struct log_file *f)
{
    return f->name;
}

off_t log_file_size(const struct log_file *f)
{
    return f->good;
}

bool log_file_is_dirty(const struct log_file *f)
{
    return f->dirty || f->dir_dirty;
}

void log_file_take_clustered(struct log_file *f)
{
    f->takes_clustered = true;
}

bool log_file_is_clustered(const struct log_file *f)
{
    return f->is_clustered;
}

/* Reading. */

/* Makes N bytes from `read_offset` on available, or as many as the file has. */
static size_t fill(struct log_file *f, size_t n)
{
    size_t skip = (size_t)(f->read_offset - f->buffer_start);
    if (skip) {
        memmove(f->buffer, f->buffer + skip, f->buffered - skip);
        f->buffered -= skip;
        f->buffer_start = f->read_offset;
    }
    if (f->buffer_size < n) {
        f->buffer_size = MAX(n, 65536);
        f->buffer = xrealloc(f->buffer, f->buffer_size);
    }
    while (f->buffered < n) {
        ssize_t got = read(f->fd, f->buffer + f->buffered, f->buffer_size - f->buffered);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            f->read_error = got ? errno : 0;
            break;
        }
        f->buffered += (size_t)got;
    }
    return f->buffered;
}

/* "OVSDB JSON LENGTH SHA1": the number as strtoull() takes it, since the reference does. */
static bool parse_header(const char *magic, const char *line, uint64_t *length, char sha1[SHA1_HEX + 1])
{
    size_t n = strlen(magic);
    if (strncmp(line, magic, n) || !strchr("+-0123456789", line[n])) {
        return false;
    }
    char *end;
    *length = strtoull(line + n, &end, 10);
    if (!*length || *end != ' ' || strlen(end + 1) != SHA1_HEX ||
        strspn(end + 1, "0123456789abcdefABCDEF") != SHA1_HEX) {
        return false;
    }
    for (size_t i = 0; i <= SHA1_HEX; i++) {
        sha1[i] = (char)tolower((unsigned char)end[1 + i]);
    }
    return true;
}

/* What a line that is no header is called in an error: no more than "OVSDB WORD" if it begins like one. */
static int header_name(const char *line)
{
    const char *space = strncmp(line, "OVSDB ", 6) ? NULL : strchr(line + 6, ' ');
    return (int)(space ? (size_t)(space - line) : strlen(line));
}

/* What the beginning of the file says that it is. */
static struct ovsdb_error *identify(struct log_file *f, const char *line, bool empty)
{
    char kind[16];
    int n = 0;
    if (empty) {
        return ovsdb_error(NULL, "%s: cannot identify file type", f->given_name);
    }
    if (strncmp(line, MAGIC, strlen(MAGIC)) && strncmp(line, CLUSTER_MAGIC, strlen(CLUSTER_MAGIC))) {
        return ovsdb_error(NULL, "%s: unexpected file format", f->given_name);
    }
    if (sscanf(line, "OVSDB %15s %*u %*40[0-9a-fA-F]%n", kind, &n) != 1 || line[n]) {
        return ovsdb_error(NULL, "%s: unexpected file format", f->given_name);
    }
    f->is_clustered = !strcmp(kind, "CLUSTER");
    if (f->is_clustered && !f->takes_clustered) {
        return ovsdb_error(NULL, "%s: cannot apply this operation to clustered database file", f->given_name);
    }
    return NULL;
}

static struct ovsdb_error *parse_record(struct log_file *f, const char *text, size_t length, off_t offset,
                                        struct json_object **json)
{
    char *problem;
    *json = json_parse(text, length, &problem);
    if (problem) {
        struct ovsdb_error *error =
            ovsdb_syntax_error(NULL, NULL, "%s: %zu bytes starting at offset %lld are not valid JSON (%s)",
                               f->given_name, length, (long long)offset, problem);
        free(problem);
        return error;
    }
    if (!*json || !json_object_is_type(*json, json_type_object)) {
        json_object_put(*json);
        *json = NULL;
        return ovsdb_syntax_error(NULL, NULL, "%s: %zu bytes starting at offset %lld are not a JSON object",
                                  f->given_name, length, (long long)offset);
    }
    return NULL;
}

static struct ovsdb_error *read_record(struct log_file *f, struct json_object **json)
{
    char line[128], sha1[SHA1_HEX + 1], actual[SHA1_HEX + 1];
    size_t have = fill(f, sizeof line);
    uint64_t length;
    if (f->read_error) {
        return ovsdb_io_error(f->read_error, "%s: read error", f->given_name);
    }
    if (!have && f->read_offset) {
        return NULL;
    }
    char *newline = have ? memchr(f->buffer, '\n', MIN(have, sizeof line)) : NULL;
    size_t header = newline ? (size_t)(newline - f->buffer) : MIN(have, sizeof line - 1);
    memcpy(line, have ? f->buffer : "", header);
    line[header] = '\0';
    struct ovsdb_error *error = f->read_offset ? NULL : identify(f, line, !have);
    if (error) {
        return error;
    }
    if (!newline || !parse_header(f->is_clustered ? CLUSTER_MAGIC : MAGIC, line, &length, sha1)) {
        return ovsdb_syntax_error(NULL, NULL, "%s: parse error at offset %lld in header line \"%.*s\"",
                                  f->given_name, (long long)f->read_offset, header_name(line), line);
    }
    header++;
    off_t start = f->read_offset + (off_t)header;
    have = length <= MAX_RECORD ? fill(f, header + length) : 0;
    if (f->read_error) {
        return ovsdb_io_error(f->read_error, "%s: read error", f->given_name);
    }
    if (length > MAX_RECORD || have < header + length) {
        return ovsdb_io_error(EOF, "%s: error reading %" PRIu64 " bytes starting at offset %lld",
                              f->given_name, length, (long long)start);
    }
    sha1_hex(f->buffer + header, length, actual);
    if (strcmp(sha1, actual)) {
        return ovsdb_syntax_error(NULL, NULL,
                                  "%s: %" PRIu64
                                  " bytes starting at offset %lld have SHA-1 hash %s but should have hash %s",
                                  f->given_name, length, (long long)start, actual, sha1);
    }
    error = parse_record(f, f->buffer + header, length, start, json);
    if (!error) {
        f->last_record = f->read_offset;
        f->read_offset += (off_t)(header + length);
        f->good = f->read_offset;
    }
    return error;
}

struct ovsdb_error *log_file_read(struct log_file *f, struct json_object **json)
{
    *json = NULL;
    if (f->tail_is_bad) {
        return NULL;
    }
    struct ovsdb_error *error = read_record(f, json);
    f->tail_is_bad = error != NULL;
    return error;
}

void log_file_unread(struct log_file *f)
{
    f->good = f->read_offset = f->last_record;
    f->tail_is_bad = true;
}

/* Writing. */

/* Synced before anything is written in its place: or else, after a power loss, a record of the old tail might
 * stand whole behind a new one of the right length. */
static struct ovsdb_error *cut_tail(struct log_file *f)
{
    if (ftruncate(f->fd, f->good) < 0 || fdatasync(f->fd) < 0) {
        return ovsdb_io_error(errno, "%s: cannot cut off what follows offset %lld", f->name,
                              (long long)f->good);
    }
    f->tail_is_bad = false;
    return NULL;
}

static void format_header(char *header, size_t size, const char *json, size_t n)
{
    /* The hash includes the newline. */
    char hex[SHA1_HEX + 1];
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_DigestInit_ex(ctx, EVP_sha1(), NULL);
    EVP_DigestUpdate(ctx, json, n);
    EVP_DigestUpdate(ctx, "\n", 1);
    EVP_DigestFinal_ex(ctx, digest, &len);
    EVP_MD_CTX_free(ctx);
    for (unsigned i = 0; i < len; i++) {
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    }
    snprintf(header, size, MAGIC "%zu %s\n", n + 1, hex);
}

void log_file_format(struct strbuf *s, const char *json, size_t n)
{
    char header[128];
    format_header(header, sizeof header, json, n);
    strbuf_puts(s, header);
    strbuf_put(s, json, n);
    strbuf_put_char(s, '\n');
}

struct ovsdb_error *log_file_write_raw(struct log_file *f, const char *records, size_t n)
{
    if (f->tail_is_bad) {
        struct ovsdb_error *error = cut_tail(f);
        if (error) {
            return error;
        }
    }
    for (size_t done = 0; done < n;) {
        ssize_t wrote = pwrite(f->fd, records + done, n - done, f->good + (off_t)done);
        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote <= 0) {
            int save = wrote ? errno : ENOSPC;
            f->tail_is_bad = true;
            ovsdb_error_destroy(cut_tail(f)); /* if this fails, too, the next write tries again */
            return ovsdb_io_error(save, "%s: write failed", f->name);
        }
        done += (size_t)wrote;
    }
    f->good += (off_t)n;
    f->dirty = true;
    return NULL;
}

struct ovsdb_error *log_file_write(struct log_file *f, const char *json, size_t n)
{
    struct strbuf s = STRBUF_INITIALIZER;
    log_file_format(&s, json, n);
    struct ovsdb_error *error = log_file_write_raw(f, s.text, s.len);
    strbuf_fini(&s);
    return error;
}

/* The file's name is only as durable as its directory. */
static struct ovsdb_error *sync_directory(struct log_file *f)
{
    char *copy = xstrdup(f->name);
    int dir = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct ovsdb_error *error = NULL;
    if (dir < 0 || fsync(dir) < 0) {
        error = ovsdb_io_error(errno, "%s: cannot sync the directory", f->name);
    } else {
        f->dir_dirty = false;
    }
    if (dir >= 0) {
        close(dir);
    }
    free(copy);
    return error;
}

struct ovsdb_error *log_file_sync(struct log_file *f)
{
    if (f->dirty) {
        if (fdatasync(f->fd) < 0) {
            return ovsdb_io_error(errno, "%s: fsync failed", f->name);
        }
        f->dirty = false;
    }
    return f->dir_dirty ? sync_directory(f) : NULL;
}

struct ovsdb_error *log_file_publish(struct log_file *f)
{
    char *name = xmemdup0(f->name, strlen(f->name) - strlen(TEMPORARY));
    if (rename(f->name, name) < 0) {
        struct ovsdb_error *error = ovsdb_io_error(errno, "failed to rename \"%s\" to \"%s\"", f->name, name);
        free(name);
        return error;
    }
    free(f->name);
    f->name = name;
    return sync_directory(f);
}

static void *close_fd(void *fd)
{
    close((int)(intptr_t)fd);
    return NULL;
}

/* The last descriptor of a file that has no name any more: closing it frees its blocks, which takes 50 ms for
 * 40 MB. */
static void close_elsewhere(int fd)
{
    pthread_t thread;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&thread, NULL, close_fd, (void *)(intptr_t)fd)) {
        close(fd);
    } else {
        pthread_detach(thread);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

struct ovsdb_error *log_file_replace(struct log_file *old, struct log_file *file)
{
    struct stat s;
    if (fstat(old->fd, &s) == 0) {
        /* The new file is to be as readable as the old one was. */
        if (fchmod(file->fd, s.st_mode & 07777) < 0 || fchown(file->fd, s.st_uid, s.st_gid) < 0) {
            LOG_WARN("%s: cannot keep mode and owner of the file: %s", old->name, strerror(errno));
        }
    }
    if (rename(file->name, old->name) < 0) {
        return ovsdb_io_error(errno, "failed to rename \"%s\" to \"%s\"", file->name, old->name);
    }
    free(file->name);
    file->name = xstrdup(old->name);
    file->lock_fd = old->lock_fd;
    old->lock_fd = -1;
    close_elsewhere(old->fd);
    old->fd = -1;
    file_free(old);
    /* Renamed it is, come what may: if the directory cannot be synced now, the next sync must. */
    file->dir_dirty = true;
    struct ovsdb_error *error = sync_directory(file);
    if (error) {
        char *text = ovsdb_error_to_text_free(error);
        LOG_WARN("%s", text);
        free(text);
    }
    return NULL;
}
