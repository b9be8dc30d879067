/* SPDX-License-Identifier: Apache-2.0 */
/* Messages for the layer-2 protocol machines. The first byte chooses the machine; what follows is messages,
 * each behind a byte of length and one of seconds that pass before it. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/compiler.h"
#include "l2/bfd.h"
#include "l2/cfm.h"
#include "l2/lacp.h"
#include "l2/lldp.h"
#include "l2/mcast_snooping.h"
#include "l2/rstp.h"
#include "l2/stp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char ports[2];

struct machine {
    struct bfd *bfd;
    struct cfm *cfm;
    struct lacp *lacp;
    struct lldp *lldp;
    struct mcast_table *mcast;
    struct rstp *rstp;
    struct stp *stp;
};

static void ignore(void *aux, void *port, const void *message, size_t len)
{
}
static void ignore_stp(void *aux, unsigned port, const void *message, size_t len)
{
}

static void create(struct machine *m, unsigned which)
{
    switch (which) {
    case 0:
        m->bfd = bfd_create(&(struct bfd_settings){.min_rx_ms = 100, .min_tx_ms = 100, .mult = 3}, 0);
        break;
    case 1:
        m->cfm = cfm_create(&(struct cfm_settings){.mpid = 1, .interval_ms = 1000}, 0);
        break;
    case 2:
        m->lacp = lacp_create(ignore, NULL);
        lacp_configure(m->lacp, &(struct lacp_settings){.system_priority = 1, .active = true}, 0);
        for (uint16_t i = 0; i < 2; i++) {
            lacp_set_member(m->lacp, &ports[i], &(struct lacp_member_settings){i, 1, 1}, 0);
        }
        break;
    case 3:
        m->lldp = lldp_create(&(struct lldp_settings){.port_id = "x"}, 0);
        break;
    case 4:
    case 5:
        m->mcast = mcast_table_create();
        break;
    case 6:
        m->rstp = rstp_create(
            &(struct rstp_settings){.bridge_id = 9, .max_age = 20, .fwd_delay = 15, .hold_count = 6}, 0,
            ignore, NULL);
        for (unsigned i = 0; i < 2; i++) {
            rstp_set_port(m->rstp, &ports[i],
                          &(struct rstp_port_settings){i + 1, 128, 2000, false, true, i > 0});
            rstp_set_link(m->rstp, &ports[i], true);
        }
        break;
    case 7:
        m->stp = stp_create("br0", 9, 0, ignore_stp, NULL);
        stp_enable_port(m->stp, 1, 2, 128, 0);
        stp_enable_port(m->stp, 2, 2, 128, 0);
        break;
    }
}

static void receive(struct machine *m, unsigned which, const uint8_t *p, size_t len, int64_t now)
{
    static const struct ipv6_addr addresses[2];
    uint8_t buf[LLDP_MAX_LEN];
    const char *port = &ports[len % 2];
    int64_t wake;
    switch (which) {
    case 0:
        bfd_receive(m->bfd, p, len, now);
        if (bfd_run(m->bfd, now, &wake)) {
            bfd_make_packet(m->bfd, buf, now);
        }
        break;
    case 1:
        cfm_receive(m->cfm, p, len, now);
        if (cfm_run(m->cfm, now, &wake)) {
            cfm_make_ccm(m->cfm, buf, now);
        }
        break;
    case 2:
        lacp_receive(m->lacp, port, p, len, now);
        lacp_run(m->lacp, now);
        break;
    case 3:
        lldp_receive(m->lldp, p, len, now);
        if (lldp_run(m->lldp, now, &wake)) {
            lldp_make_message(m->lldp, buf, false, now);
        }
        break;
    case 4:
        mcast_learn_igmp(m->mcast, p, len, 1, 0, ports, now);
        mcast_table_run(m->mcast, now);
        break;
    case 5:
        mcast_learn_mld(m->mcast, p, len, addresses, 0, ports, now);
        mcast_table_run(m->mcast, now);
        break;
    case 6:
        rstp_receive(m->rstp, port, p, len);
        rstp_run(m->rstp, now);
        break;
    case 7:
        stp_receive(m->stp, 1 + len % 2, p, len, now);
        stp_run(m->stp, now);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct machine m = {NULL};
    int64_t now = 0;
    if (!size) {
        return 0;
    }
    unsigned which = data[0] % 8;
    create(&m, which);
    for (data++, size--; size >= 2;) {
        size_t len = MIN(data[0], size - 2);
        now += data[1] * 100;
        /* A copy, so that the sanitizer sees its end. */
        uint8_t *copy = xmalloc(len);
        memcpy(copy, data + 2, len);
        receive(&m, which, copy, len, now);
        free(copy);
        data += 2 + len;
        size -= 2 + len;
    }
    bfd_destroy(m.bfd);
    cfm_destroy(m.cfm);
    lacp_destroy(m.lacp);
    lldp_destroy(m.lldp);
    mcast_table_destroy(m.mcast);
    rstp_destroy(m.rstp);
    stp_destroy(m.stp);
    return 0;
}
