/* SPDX-License-Identifier: Apache-2.0 */
/* A library to preload into a database server: it writes down, in order, what the server does to files whose
 * names begin with $IO_TRACE_PREFIX and what it sends to clients ($IO_TRACE is the file for it), and makes
 * syncs and new files fail with EIO while the file $IO_FAIL exists.
 *
 *   create INODE PATH | write INODE OFFSET HEX | truncate INODE SIZE | sync INODE | rename FROM TO | unlink PATH |
 *   dirsync | send HEX */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int trace = -1;
static const char *prefix, *fail_file;

__attribute__((constructor)) static void begin(void)
{
    const char *name = getenv("IO_TRACE");
    int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, "open64");
    prefix = getenv("IO_TRACE_PREFIX");
    fail_file = getenv("IO_FAIL");
    trace = name ? real(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : -1;
}

static int failing(void)
{
    return fail_file && !access(fail_file, F_OK);
}

static void record(const char *format, const void *data, size_t n, ...)
{
    char *line = malloc(2 * n + 4096);
    int saved = errno;
    va_list args;
    va_start(args, n);
    int len = vsnprintf(line, 4000, format, args);
    va_end(args);
    for (size_t i = 0; i < n; i++) {
        len += sprintf(line + len, "%02x", ((const unsigned char *)data)[i]);
    }
    line[len++] = '\n';
    if (trace >= 0 && write(trace, line, (size_t)len) != len) {
        abort();
    }
    free(line);
    errno = saved;
}

/* The inode of FD if it is of our files, 0 if not; -1 for the directory. */
static long long of_interest(int fd)
{
    char link[64], name[4096];
    struct stat s;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, name, sizeof name - 1);
    if (!prefix || n <= 0 || fstat(fd, &s)) {
        return 0;
    }
    name[n] = '\0';
    if (S_ISDIR(s.st_mode)) {
        return !strncmp(name, prefix, (size_t)n) ? -1 : 0;
    }
    return S_ISREG(s.st_mode) && !strncmp(name, prefix, strlen(prefix)) ? (long long)s.st_ino : 0;
}

int open64(const char *name, int flags, ...)
{
    int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, "open64");
    va_list args;
    va_start(args, flags);
    mode_t mode = va_arg(args, mode_t);
    va_end(args);
    int ours = prefix && !strncmp(name, prefix, strlen(prefix));
    if (ours && (flags & O_CREAT) && failing()) {
        errno = EIO;
        return -1;
    }
    int is_new = access(name, F_OK);
    int fd = real(name, flags, mode);
    if (ours && fd >= 0 && (flags & O_CREAT)) {
        if (is_new) {
            record("create %lld %s", NULL, 0, of_interest(fd), name);
        } else if (flags & O_TRUNC) {
            record("truncate %lld 0", NULL, 0, of_interest(fd));
        }
    }
    return fd;
}

ssize_t pwrite64(int fd, const void *data, size_t n, off64_t offset)
{
    ssize_t (*real)(int, const void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pwrite64");
    ssize_t result = real(fd, data, n, offset);
    long long inode = of_interest(fd);
    if (inode > 0 && result > 0) {
        record("write %lld %lld ", data, (size_t)result, inode, (long long)offset);
    }
    return result;
}

int ftruncate64(int fd, off64_t size)
{
    int (*real)(int, off64_t) = dlsym(RTLD_NEXT, "ftruncate64");
    long long inode = of_interest(fd);
    int result = real(fd, size);
    if (inode > 0 && !result) {
        record("truncate %lld %lld", NULL, 0, inode, (long long)size);
    }
    return result;
}

static int sync_fd(const char *name, int fd)
{
    int (*real)(int) = dlsym(RTLD_NEXT, name);
    long long inode = of_interest(fd);
    if (inode && failing()) {
        errno = EIO;
        return -1;
    }
    int result = real(fd);
    if (inode && !result) {
        record(inode < 0 ? "dirsync" : "sync %lld", NULL, 0, inode);
    }
    return result;
}

int fdatasync(int fd)
{
    return sync_fd("fdatasync", fd);
}

int fsync(int fd)
{
    return sync_fd("fsync", fd);
}

int rename(const char *from, const char *to)
{
    int (*real)(const char *, const char *) = dlsym(RTLD_NEXT, "rename");
    int result = real(from, to);
    if (!result && prefix && !strncmp(to, prefix, strlen(prefix))) {
        record("rename %s %s", NULL, 0, from, to);
    }
    return result;
}

int unlink(const char *name)
{
    int (*real)(const char *) = dlsym(RTLD_NEXT, "unlink");
    int result = real(name);
    if (!result && prefix && !strncmp(name, prefix, strlen(prefix))) {
        record("unlink %s", NULL, 0, name);
    }
    return result;
}

/* Before it happens: whoever reads the answer has it only after this line. */
ssize_t send(int fd, const void *data, size_t n, int flags)
{
    ssize_t (*real)(int, const void *, size_t, int) = dlsym(RTLD_NEXT, "send");
    record("send ", data, n);
    return real(fd, data, n, flags);
}
