/* SPDX-License-Identifier: Apache-2.0 */
#include "switchd/host.h"

#include <dirent.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/smap.h"
#include "base/strbuf.h"
#include "io/daemon.h"
#include "io/dirs.h"

/* The value of KEY= in TEXT, without its quotes. */
static void take_value(const char *line, const char *key, char **value)
{
    size_t length = strlen(key);
    if (strncmp(line, key, length) || line[length] != '=') {
        return;
    }
    const char *start = line + length + 1;
    start += strspn(start, "\"'");
    free(*value);
    *value = xmemdup0(start, strcspn(start, "\"'\n"));
}

void host_release(char **id, char **version)
{
    *id = *version = NULL;
    FILE *file = fopen("/etc/os-release", "re");
    char line[512];
    while (file && fgets(line, sizeof line, file)) {
        take_value(line, "ID", id);
        take_value(line, "VERSION_ID", version);
    }
    if (file) {
        fclose(file);
    }
}

static void add_load(struct smap *out)
{
    double load[3];
    if (getloadavg(load, 3) == 3) {
        smap_set_format(out, "load_average", "%.2f,%.2f,%.2f", load[0], load[1], load[2]);
    }
}

static void add_memory(struct smap *out)
{
    enum {
        TOTAL,
        FREE,
        BUFFERS,
        CACHED,
        SWAP_TOTAL,
        SWAP_FREE,
        N
    };
    static const char *const names[N] = {
        "MemTotal:", "MemFree:", "Buffers:", "Cached:", "SwapTotal:", "SwapFree:"};
    unsigned long long value[N] = {0};
    FILE *file = fopen("/proc/meminfo", "re");
    char line[256];
    while (file && fgets(line, sizeof line, file)) {
        for (int i = 0; i < N; i++) {
            size_t length = strlen(names[i]);
            if (!strncmp(line, names[i], length)) {
                value[i] = strtoull(line + length, NULL, 10);
            }
        }
    }
    if (file) {
        fclose(file);
        smap_set_format(out, "memory", "%llu,%llu,%llu,%llu,%llu", value[TOTAL], value[TOTAL] - value[FREE],
                        value[BUFFERS] + value[CACHED], value[SWAP_TOTAL],
                        value[SWAP_TOTAL] - value[SWAP_FREE]);
    }
}

/* Local file systems that can be written to: those whose source is a device. */
static void add_file_systems(struct smap *out)
{
    FILE *file = setmntent("/proc/self/mounts", "re");
    struct strbuf list;
    struct mntent entry;
    char text[4096];
    strbuf_init(&list);
    while (file && getmntent_r(file, &entry, text, sizeof text)) {
        struct statvfs fs;
        if (entry.mnt_fsname[0] != '/' || hasmntopt(&entry, "ro") || statvfs(entry.mnt_dir, &fs)) {
            continue;
        }
        for (char *p = entry.mnt_dir; *p; p++) {
            *p = strchr(" ,\t\n", *p) ? '_' : *p;
        }
        unsigned long long block = fs.f_frsize;
        strbuf_printf(&list, "%s%s,%llu,%llu", list.len ? " " : "", entry.mnt_dir, fs.f_blocks * block / 1024,
                      (fs.f_blocks - fs.f_bfree) * block / 1024);
    }
    if (file) {
        endmntent(file);
    }
    if (list.len) {
        smap_set(out, "file_systems", strbuf_text(&list));
    }
    strbuf_fini(&list);
}

/* Seconds since the host started. */
static double host_uptime(void)
{
    double seconds = 0;
    FILE *file = fopen("/proc/uptime", "re");
    if (file) {
        if (fscanf(file, "%lf", &seconds) != 1) {
            seconds = 0;
        }
        fclose(file);
    }
    return seconds;
}

/* One process by proc_pid_stat(5): sizes, processor time and age in ms, the processor that it ran on last. */
struct process {
    unsigned long long virtual_kb, resident_kb, cpu_ms, age_ms;
    long parent;
    int core;
};

static bool read_process(pid_t pid, struct process *p)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    FILE *file = fopen(path, "re");
    size_t n = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file) {
        fclose(file);
    }
    text[n] = '\0';
    const char *rest = strrchr(text, ')'); /* a program's name may contain anything, also brackets */
    unsigned long long user, kernel, start, size;
    long long pages;
    if (!rest ||
        sscanf(rest + 1,
               " %*c %ld %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %*d %*d %llu %llu %lld"
               " %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*d %d",
               &p->parent, &user, &kernel, &start, &size, &pages, &p->core) != 7) {
        return false;
    }
    double ticks = (double)sysconf(_SC_CLK_TCK), age = host_uptime() - (double)start / ticks;
    p->virtual_kb = size / 1024;
    p->resident_kb = (unsigned long long)pages * (unsigned long long)sysconf(_SC_PAGESIZE) / 1024;
    p->cpu_ms = (unsigned long long)((double)(user + kernel) * 1000 / ticks);
    p->age_ms = age > 0 ? (unsigned long long)(age * 1000) : 0;
    return true;
}

/* How often the monitor MONITOR (--monitor) has started its process again: it says so in its title. False if
 * it is no monitor. */
static bool read_crashes(long monitor, unsigned *n)
{
    char path[64], title[256];
    snprintf(path, sizeof path, "/proc/%ld/cmdline", monitor);
    FILE *file = fopen(path, "re");
    size_t length = file ? fread(title, 1, sizeof title - 1, file) : 0;
    if (file) {
        fclose(file);
    }
    title[length] = '\0';
    const char *crashes = strstr(title, ": monitoring pid ");
    *n = 0;
    if (!crashes) {
        return false;
    }
    crashes = strchr(crashes, '(');
    if (!crashes || sscanf(crashes, "(%u crashe", n) != 1) {
        *n = 0;
    }
    return true;
}

static void add_process(struct smap *out, const char *name, pid_t pid)
{
    struct process process, monitor;
    unsigned n_crashes;
    if (!read_process(pid, &process)) {
        return;
    }
    bool watched = read_crashes(process.parent, &n_crashes) && read_process((pid_t)process.parent, &monitor);
    char key[300];
    snprintf(key, sizeof key, "process_%s", name);
    smap_set_format(out, key, "%llu,%llu,%llu,%u,%llu,%llu,%d", process.virtual_kb, process.resident_kb,
                    process.cpu_ms, n_crashes, watched ? monitor.age_ms : process.age_ms, process.age_ms,
                    process.core);
}

static void add_processes(struct smap *out)
{
    DIR *dir = opendir(dirs_run());
    struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        size_t length = strlen(entry->d_name);
        pid_t pid;
        if (length <= 4 || length > 255 || strcmp(entry->d_name + length - 4, ".pid")) {
            continue;
        }
        char *path = xasprintf("%s/%s", dirs_run(), entry->d_name);
        if (!daemon_read_pidfile(path, &pid)) {
            entry->d_name[length - 4] = '\0';
            add_process(out, entry->d_name, pid);
        }
        free(path);
    }
    if (dir) {
        closedir(dir);
    }
}

void host_statistics(struct smap *statistics)
{
    smap_set_format(statistics, "cpu", "%ld", sysconf(_SC_NPROCESSORS_ONLN));
    add_load(statistics);
    add_memory(statistics);
    add_file_systems(statistics);
    add_processes(statistics);
}
