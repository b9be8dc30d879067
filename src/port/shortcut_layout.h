/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 3, internal to port/. What the kernel's half of the shortcut (shortcut.bpf.c) and the switch's half
 * (shortcut.c) share: the key of a microflow, how it is taken from a packet's first bytes, and the tables.
 *
 * The key holds every bit of such a packet that a megaflow can match on, but for TCP flags: so whatever holds
 * for one packet of a microflow holds for the others. shortcut_parse() is compiled for both sides; what it
 * does not take is for the switch alone.
 *
 * Thread-safety: pure. */
#ifndef PORT_SHORTCUT_LAYOUT_H
#define PORT_SHORTCUT_LAYOUT_H 1

#include <linux/types.h>

#define SHORTCUT_MICROFLOWS 65536
#define SHORTCUT_SLOTS      16384 /* megaflows that have microflows in the kernel; slot 0 is none */
#define SHORTCUT_PORTS      4096  /* port 0 is none */
#define SHORTCUT_MAX_CPUS   64    /* packets on further ones go through the switch */

#define SHORTCUT_HEAD    48 /* bytes of a packet that are looked at: IPv4 and TCP up to the flags */
#define SHORTCUT_HEAD_V6 68

struct shortcut_key {
    __u32 ifindex; /* that it came in by */
    __u8 eth[14];  /* destination, source, type */
    __u8 proto, ttl;
    __u8 ip[4];     /* IPv4: version, header length, TOS, 0, 0; IPv6: version, traffic class, flow label */
    __u8 addrs[32]; /* source, destination; IPv4: the first 8 */
    __u8 ports[4];  /* source, destination; ICMP: type, code, 0, 0 */
    __u32 zero;
};

/* What a microflow leads to. */
struct shortcut_entry {
    __u32 slot, generation;
};

/* A megaflow: stored and read as one word. `out` is a port's number here; 0: nothing is forwarded. */
union shortcut_flow {
    struct {
        __u32 generation;
        __u16 out, total; /* total: a slot that counts the packets of many */
    };
    __u64 word;
};

/* A port that packets can leave by. */
union shortcut_port {
    struct {
        __u32 ifindex; /* 0: it takes none now */
        __u32 max_len; /* of a frame that is no segment */
    };
    __u64 word;
};

/* Counters of a slot on one processor: [processor * SHORTCUT_SLOTS + slot]. */
struct shortcut_counters {
    __u64 packets, bytes, used_ns; /* CLOCK_MONOTONIC */
    __u32 tcp_flags, unused;
};

static inline __attribute__((always_inline)) __u32 shortcut_be16(const __u8 *b)
{
    return (__u32)b[0] << 8 | b[1];
}

/* IPv4 without options that is no fragment, and that the frame of LEN bytes holds as a whole: TCP, UDP, ICMP.
 * HEAD: the first SHORTCUT_HEAD bytes. The key comes zeroed. False: not for us. */
static inline __attribute__((always_inline)) int shortcut_parse_v4(const __u8 *head, __u32 len,
                                                                   struct shortcut_key *key, __u32 *tcp_flags)
{
    const __u8 *ip = head + 14, *l4 = head + 34;
    __u32 total = shortcut_be16(ip + 2), proto = ip[9];
    if (ip[0] != 0x45 || (ip[6] & 0x3f) || ip[7] || total + 14 > len || total < 28) {
        return 0;
    }
    key->ip[0] = ip[0];
    key->ip[1] = ip[1];
    key->ttl = ip[8];
    key->proto = ip[9];
    __builtin_memcpy(key->addrs, ip + 12, 8);
    if (proto == 6) {
        if (total < 40 || l4[12] < 0x50) {
            return 0;
        }
        *tcp_flags = shortcut_be16(l4 + 12) & 0xfff;
        __builtin_memcpy(key->ports, l4, 4);
    } else if (proto == 17) {
        __builtin_memcpy(key->ports, l4, 4);
    } else if (proto == 1) {
        key->ports[0] = l4[0];
        key->ports[1] = l4[1];
    } else {
        return 0;
    }
    return 1;
}

/* IPv6 with TCP or UDP right behind its header. HEAD: the first SHORTCUT_HEAD_V6 bytes. */
static inline __attribute__((always_inline)) int shortcut_parse_v6(const __u8 *head, __u32 len,
                                                                   struct shortcut_key *key, __u32 *tcp_flags)
{
    const __u8 *ip = head + 14, *l4 = head + 54;
    __u32 payload = shortcut_be16(ip + 4), proto = ip[6];
    if ((ip[0] & 0xf0) != 0x60 || payload + 54 > len || payload < 8) {
        return 0;
    }
    __builtin_memcpy(key->ip, ip, 4);
    key->ttl = ip[7];
    key->proto = ip[6];
    __builtin_memcpy(key->addrs, ip + 8, 32);
    __builtin_memcpy(key->ports, l4, 4);
    if (proto == 6) {
        if (payload < 20 || l4[12] < 0x50) {
            return 0;
        }
        *tcp_flags = shortcut_be16(l4 + 12) & 0xfff;
    } else if (proto != 17) {
        return 0;
    }
    return 1;
}

#endif
