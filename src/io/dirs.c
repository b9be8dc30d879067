/* SPDX-License-Identifier: Apache-2.0 */
#include "io/dirs.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/alloc.h"

static const char *from_environment(const char *variable, const char *fallback)
{
    const char *value = getenv(variable);
    return value && *value ? value : fallback;
}

const char *dirs_run(void)
{
    return from_environment("OVS_RUNDIR", "/var/run/openvswitch");
}

const char *dirs_log(void)
{
    return from_environment("OVS_LOGDIR", "/var/log/openvswitch");
}

const char *dirs_sysconf(void)
{
    return from_environment("OVS_SYSCONFDIR", "/etc");
}

static char *default_db_dir;

static void make_default_db_dir(void)
{
    default_db_dir = xasprintf("%s/openvswitch", dirs_sysconf());
}

const char *dirs_db(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_default_db_dir);
    return from_environment("OVS_DBDIR", default_db_dir);
}

char *dirs_file(const char *dir, const char *name)
{
    return *name == '/' ? xstrdup(name) : xasprintf("%s/%s", dir, name);
}
