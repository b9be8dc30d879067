/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 1. Running as somebody else than root, with only the rights that a switch needs. Thread-safety: the
 * main thread, before any other exists. */
#ifndef IO_USER_H
#define IO_USER_H 1

#include <sys/types.h>

struct user {
    uid_t uid;
    gid_t gid;
    char *name; /* NULL: the group alone changes */
};

/* "USER", "USER:GROUP" or ":GROUP"; the group by itself is the user's own. Returns NULL, or what is wrong. */
char *user_parse(const char *text, struct user *);
/* This process is USER from now on, with no rights of root's but: network administration, raw sockets, low
 * ports, locked memory, and eBPF programs (the gates of port/gate.h). Returns NULL, or what failed. */
char *user_become(const struct user *);

#endif
