/* SPDX-License-Identifier: Apache-2.0 */
#include "switchd/database.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "io/daemon.h"
#include "io/dirs.h"
#include "io/loop.h"
#include "ovsdb/server.h"
#include "ovsdb/vswitch_schema.h"
#include "switchd/switchd.h"

LOG_MODULE(vswitchd_database);

/* `exit` on the database's socket: one process is both, so it ends as a whole. Called by the database's
 * thread. */
static void exit_daemon(void *loop)
{
    LOG_INFO("asked to exit through the database's control socket");
    loop_exit(loop);
}

struct ovsdb_server_thread *database_start(const struct switchd_options *options, int *fd, char **error)
{
    char *socket = xasprintf("punix:%s/db.sock", dirs_run());
    char *control = xasprintf("%s/ovsdb-server.%ld.ctl", dirs_run(), (long)getpid());
    const char *remotes[] = {socket, "db:Open_vSwitch,Open_vSwitch,manager_options"};
    const struct ovsdb_server_options server = {
        .databases = &options->db_file,
        .n_databases = 1,
        .remotes = remotes,
        .n_remotes = ARRAY_SIZE(remotes),
        .private_key = "db:Open_vSwitch,SSL,private_key",
        .certificate = "db:Open_vSwitch,SSL,certificate",
        .ca_cert = "db:Open_vSwitch,SSL,ca_cert",
        .create_schema = ovsdb_vswitch_schema,
        .control_path = control,
        .exit = exit_daemon,
        .exit_aux = options->loop,
    };
    daemon_also_is("ovsdb-server");
    struct ovsdb_server_thread *database = ovsdb_server_start(&server, fd, error);
    free(socket);
    free(control);
    return database;
}
