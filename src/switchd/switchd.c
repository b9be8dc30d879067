/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the switch, in the order in which they start; they end in the reverse order. */
#include "switchd/switchd.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "datapath/datapath.h"
#include "io/daemon.h"
#include "io/loop.h"
#include "ovsdb/server.h"
#include "pipeline/commands.h"
#include "pipeline/ofproto.h"
#include "pipeline/openflow.h"
#include "port/vport.h"
#include "switchd/config.h"
#include "switchd/database.h"
#include "switchd/dpctl.h"
#include "switchd/dummy.h"
#include "tunnel/net.h"

LOG_MODULE(route_table);

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
    pipeline_start_commit(self.pipeline);
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

static void address_changed(void *net)
{
    tunnel_net_refresh(net);
}

static void routes_changed(void *config)
{
    config_status_changed(config); /* tunnels' packets may leave by another device */
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
        char *error;
        self.database = database_start(options, &fd, &error);
        if (!self.database) {
            return error;
        }
    }
    self.pipeline = pipeline_create(loop_tasks(options->loop));
    pipeline_set_wake(self.pipeline, wake_pipeline, options->loop);
    openflow_bind(self.pipeline, options->loop);
    pipeline_register_commands(self.pipeline, options->control);
    tunnel_net_register(pipeline_net(self.pipeline), options->control);
    dpctl_register(options->control);
    if (self.with_dummy) {
        dummy_start(options->loop, options->control);
        dummy_on_address(address_changed, pipeline_net(self.pipeline));
    }
    if (!options->disable_system_route) {
        int error = tunnel_net_follow_host(pipeline_net(self.pipeline), options->loop);
        if (error) {
            LOG_WARN("cannot follow the host's routing table: %s", strerror(error));
        }
    }
    self.config = config_create(options->loop, self.pipeline, options->db_remote, fd, configured, NULL);
    dummy_on_change(config_vport_changed, self.config);
    pipeline_net(self.pipeline)->refreshed = routes_changed;
    pipeline_net(self.pipeline)->refreshed_aux = self.config;
    config_register_commands(self.config, options->control);
    return NULL;
}

void switchd_fini(bool cleanup)
{
    dummy_stop();
    config_destroy(self.config);
    if (self.pipeline) { /* otherwise switchd_init() has failed before it */
        pipeline_destroy(self.pipeline);
        openflow_unbind();
    }
    ovsdb_server_stop(self.database);
}
