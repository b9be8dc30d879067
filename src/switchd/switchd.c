/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the switch, in the order in which they start; they end in the reverse order. */
#include "switchd/switchd.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "datapath/datapath.h"
#include "io/daemon.h"
#include "io/dirs.h"
#include "io/loop.h"
#include "ovsdb/server.h"
#include "ovsdb/vswitch_schema.h"
#include "pipeline/commands.h"
#include "pipeline/ofproto.h"
#include "pipeline/openflow.h"
#include "port/vport.h"
#include "switchd/config.h"
#include "switchd/dpctl.h"
#include "switchd/dummy.h"

static struct {
    struct ovsdb_server_thread *database; /* NULL: somebody else's */
    struct pipeline *pipeline;
    struct config *config;
    bool with_dummy;
    _Atomic bool woken; /* run_pipeline() is posted */
} self;

/* Something that slow-path threads learned or changed waits for the control thread: one pass for all that
 * came meanwhile. */
static void run_pipeline(void *aux)
{
    atomic_store(&self.woken, false);
    pipeline_commit(self.pipeline);
}

/* any thread */
static void wake_pipeline(void *loop)
{
    if (!atomic_exchange(&self.woken, true)) {
        loop_post(loop, run_pipeline, NULL);
    }
}

static void configured(void *aux)
{
    daemon_ready();
}

/* The database that we serve ourselves: db.sock, and what the Manager table says. */
static char *start_database(const struct switchd_options *options, int *fd)
{
    char *socket = xasprintf("punix:%s/db.sock", dirs_run()), *error = NULL;
    const char *remotes[] = {socket, "db:Open_vSwitch,Open_vSwitch,manager_options"};
    struct ovsdb_server_options server = {
        .databases = &options->db_file,
        .n_databases = 1,
        .remotes = remotes,
        .n_remotes = ARRAY_SIZE(remotes),
        .private_key = "db:Open_vSwitch,SSL,private_key",
        .certificate = "db:Open_vSwitch,SSL,certificate",
        .ca_cert = "db:Open_vSwitch,SSL,ca_cert",
        .create_schema = ovsdb_vswitch_schema,
    };
    self.database = ovsdb_server_start(&server, fd, &error);
    free(socket);
    return error;
}

static void register_kinds(const struct switchd_options *options)
{
    self.with_dummy = options->dummy != SWITCHD_DUMMY_NONE;
    if (self.with_dummy) {
        vport_enable_dummy(options->dummy == SWITCHD_DUMMY_OVERRIDE, options->dummy == SWITCHD_DUMMY_SYSTEM);
    }
    if (options->disable_system) {
        vport_disable_system();
    }
    datapath_register(self.with_dummy, !options->disable_system);
}

char *switchd_init(const struct switchd_options *options)
{
    int fd = -1;
    register_kinds(options);
    if (!options->db_remote) {
        char *error = start_database(options, &fd);
        if (error) {
            return error;
        }
    }
    self.pipeline = pipeline_create(loop_tasks(options->loop));
    pipeline_set_wake(self.pipeline, wake_pipeline, options->loop);
    openflow_bind(self.pipeline, options->loop);
    pipeline_register_commands(self.pipeline, options->control);
    dpctl_register(options->control);
    if (self.with_dummy) {
        dummy_start(options->loop, options->control);
    }
    self.config = config_create(options->loop, self.pipeline, options->db_remote, fd, configured, NULL);
    config_register_commands(self.config, options->control);
    return NULL;
}

void switchd_fini(bool cleanup)
{
    dummy_stop();
    config_destroy(self.config);
    pipeline_destroy(self.pipeline);
    openflow_unbind();
    ovsdb_server_stop(self.database);
}
