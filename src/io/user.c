/* SPDX-License-Identifier: Apache-2.0 */
#include "io/user.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/compiler.h"
#include "base/error.h"

char *user_parse(const char *text, struct user *user)
{
    const char *colon = strchr(text, ':');
    char *name = colon ? xmemdup0(text, (size_t)(colon - text)) : xstrdup(text);
    *user = (struct user){geteuid(), getegid(), NULL};
    if (*name) {
        const struct passwd *entry = getpwnam(name);
        if (!entry) {
            char *error = xasprintf("--user: user %s not found", name);
            free(name);
            return error;
        }
        user->uid = entry->pw_uid;
        user->gid = entry->pw_gid;
        user->name = xstrdup(name);
    }
    free(name);
    if (colon && colon[1]) {
        const struct group *entry = getgrnam(colon + 1);
        if (!entry) {
            return xasprintf("--user: group %s not found", colon + 1);
        }
        user->gid = entry->gr_gid;
    }
    return geteuid() ? xstrdup("only root can use --user option") : NULL;
}

static const uint8_t kept[] = {
    CAP_NET_ADMIN, CAP_NET_RAW, CAP_NET_BROADCAST, CAP_NET_BIND_SERVICE, CAP_IPC_LOCK, CAP_BPF, CAP_PERFMON,
};

/* What this process may do is what it had of `kept`; nothing is passed to programs that it might start. */
static int limit_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    memset(data, 0, sizeof data);
    if (syscall(SYS_capget, &header, data)) {
        return errno;
    }
    uint32_t wanted[2] = {0, 0};
    for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
        wanted[kept[i] / 32] |= 1u << kept[i] % 32;
    }
    for (int i = 0; i < 2; i++) {
        data[i].permitted &= wanted[i];
        data[i].effective = data[i].permitted;
        data[i].inheritable = 0;
    }
    return syscall(SYS_capset, &header, data) ? errno : 0;
}

char *user_become(const struct user *user)
{
    if (prctl(PR_SET_KEEPCAPS, 1L, 0L, 0L, 0L)) {
        return xasprintf("--user: keeping capabilities: %s", error_text(errno));
    }
    if (setresgid(user->gid, user->gid, user->gid) ||
        (user->name ? initgroups(user->name, user->gid) : setgroups(0, NULL))) {
        return xasprintf("--user: becoming group %u: %s", (unsigned)user->gid, error_text(errno));
    }
    if (setresuid(user->uid, user->uid, user->uid)) {
        return xasprintf("--user: becoming user %u: %s", (unsigned)user->uid, error_text(errno));
    }
    int error = limit_capabilities();
    if (error) {
        return xasprintf("--user: giving up capabilities: %s", error_text(error));
    }
    prctl(PR_SET_KEEPCAPS, 0L, 0L, 0L, 0L);
    prctl(PR_SET_DUMPABLE, 1L, 0L, 0L, 0L); /* core files and /proc/self as before */
    return NULL;
}
