/* SPDX-License-Identifier: Apache-2.0 */
#include "port/rx.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "port/vnet.h"

#define SMALL_ROOM  (PACKET_SMALL_SIZE - PACKET_HEADROOM)
#define LARGE_ROOM  (PACKET_LARGE_SIZE - PACKET_HEADROOM)
#define SPILL_SIZE  (RX_MAX_LEN - SMALL_ROOM + 1)
#define LARGE_CALLS 16 /* calls without a long packet before small buffers are used again */
#define WANT_FIRST  4
#define WANT_LARGE                                                                                           \
    16 /* what a call with large buffers asks for: 1 MiB, which a core's own cache still holds */
#define ETH_LEN 14

struct scratch {
    struct rx_slot slots[BATCH_SIZE];
    uint8_t spill[BATCH_SIZE][SPILL_SIZE]; /* pages that no long packet ever touches cost nothing */
};

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Thread_local struct scratch *mine;

static void free_scratch(void *s)
{
    munmap(s, sizeof(struct scratch));
}

static void make_key(void)
{
    pthread_key_create(&key, free_scratch);
}

struct rx_slot *rx_slots(void)
{
    if (!mine) {
        pthread_once(&once, make_key);
        void *m = mmap(NULL, sizeof *mine, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (m == MAP_FAILED) {
            out_of_memory();
        }
        mine = m;
        pthread_setspecific(key, m);
    }
    return mine->slots;
}

bool rx_prepare(struct rx_slot *slots, unsigned i, const struct rx_mode *mode, struct packet_pool *pool)
{
    struct rx_slot *s = &slots[i];
    uint32_t room = LARGE_ROOM;
    s->packet = mode->large ? packet_alloc(pool, LARGE_ROOM) : NULL;
    if (!s->packet) {
        room = SMALL_ROOM;
        s->packet = packet_alloc(pool, SMALL_ROOM);
        if (!s->packet) {
            return false;
        }
    }
    s->iov[0] = (struct iovec){&s->hdr, sizeof s->hdr};
    s->iov[1] = (struct iovec){s->packet->data, room};
    s->iov[2] = room == LARGE_ROOM ? (struct iovec){NULL, 0} : (struct iovec){mine->spill[i], SPILL_SIZE};
    return true;
}

struct packet *rx_finish(struct rx_slot *slots, unsigned i, uint32_t len, struct rx_mode *mode,
                         struct packet_pool *pool, uint64_t *dropped)
{
    struct rx_slot *s = &slots[i];
    struct packet *p = s->packet;
    uint32_t room = (uint32_t)s->iov[1].iov_len;
    enum drop_reason why = DROP_NONE;
    if (len > SMALL_ROOM) {
        mode->large = LARGE_CALLS;
    }
    if (len < ETH_LEN) {
        why = DROP_RUNT;
    } else if (len > RX_MAX_LEN) {
        why = DROP_RX_ERROR;
    } else if (len > room) {
        struct packet *whole = packet_alloc(pool, len);
        if (whole) {
            memcpy(whole->data, p->data, room);
            memcpy(whole->data + room, s->iov[2].iov_base, len - room);
            packet_free(p);
            p = whole;
        } else {
            why = DROP_NO_MEMORY;
        }
    } else if (room > SMALL_ROOM && len <= SMALL_ROOM) {
        struct packet *small = packet_from_bytes(pool, p->data, len);
        if (small) {
            packet_free(p);
            p = small;
        }
    }
    if (!why) {
        p->len = len;
        why = vnet_apply(&s->hdr, p);
    }
    if (why) {
        dropped[why]++;
        packet_free(p);
        return NULL;
    }
    return p;
}

void rx_cancel(struct rx_slot *slots, unsigned i)
{
    packet_free(slots[i].packet);
}

void rx_adapt(struct rx_mode *mode, unsigned n)
{
    unsigned want = MAX(mode->want, 1);
    if (n >= want) {
        want = BATCH_SIZE; /* there may be more where these came from */
    } else if (n < want / 4) {
        want /= 2;
    }
    want = MIN(want, mode->large ? WANT_LARGE : BATCH_SIZE);
    mode->want = (uint8_t)MAX(want, WANT_FIRST);
    if (mode->large) {
        mode->large--;
    }
}
