// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/* The kernel's half of the shortcut (shortcut.h), for clang -target bpf.
 *
 *   sluice_tap   on a port's packet socket, before anything is copied: looks the packet up, counts it, and
 *                says on whose device it is to leave; such a packet does not enter the socket
 *   sluice_pass  behind the gate, for the same packet, a few instructions later on the same processor:
 *                redirects it there, or drops it, since the switch has its copy
 *
 * The decision is taken once, and handed over in a word of this processor, with the device that it was taken
 * for; the switch may change its mind between the two without a packet being lost or doubled. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

#include "port/shortcut_layout.h"

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, SHORTCUT_MICROFLOWS);
    __type(key, struct shortcut_key);
    __type(value, struct shortcut_entry);
} sluice_micro SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, SHORTCUT_SLOTS);
    __type(key, __u32);
    __type(value, __u64);
} sluice_flows SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, SHORTCUT_PORTS);
    __type(key, __u32);
    __type(value, __u64);
} sluice_ports SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, SHORTCUT_SLOTS); /* times the processors: set before it is made */
    __type(key, __u32);
    __type(value, struct shortcut_counters);
} sluice_counts SEC(".maps");

struct verdict {
    __u32 in, out; /* indexes of devices; out 0: to the switch */
};

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct verdict);
} sluice_verdict SEC(".maps");

/* The index of the device that the packet leaves by; 0: it goes through the switch. */
static __always_inline __u32 find(struct __sk_buff *skb)
{
    struct shortcut_key key = {};
    __u8 head[SHORTCUT_HEAD_V6];
    __u32 tcp_flags = 0, len = skb->len;
    if (skb->vlan_present || bpf_skb_load_bytes(skb, 0, head, SHORTCUT_HEAD) < 0) {
        return 0;
    }
    if (head[12] == 0x08 && head[13] == 0x00) {
        if (!shortcut_parse_v4(head, len, &key, &tcp_flags)) {
            return 0;
        }
    } else if (head[12] == 0x86 && head[13] == 0xdd) {
        if (bpf_skb_load_bytes(skb, SHORTCUT_HEAD, head + SHORTCUT_HEAD, SHORTCUT_HEAD_V6 - SHORTCUT_HEAD) <
                0 ||
            !shortcut_parse_v6(head, len, &key, &tcp_flags)) {
            return 0;
        }
    } else {
        return 0;
    }
    key.ifindex = skb->ifindex;
    __builtin_memcpy(key.eth, head, sizeof key.eth);

    const struct shortcut_entry *entry = bpf_map_lookup_elem(&sluice_micro, &key);
    if (!entry) {
        return 0;
    }
    __u32 slot = entry->slot;
    const __u64 *word = bpf_map_lookup_elem(&sluice_flows, &slot);
    if (!word) {
        return 0;
    }
    union shortcut_flow flow = {.word = *(const volatile __u64 *)word};
    if (flow.generation != entry->generation || !flow.out) {
        return 0;
    }
    __u32 out = flow.out;
    word = bpf_map_lookup_elem(&sluice_ports, &out);
    if (!word) {
        return 0;
    }
    union shortcut_port port = {.word = *(const volatile __u64 *)word};
    __u32 wire = skb->gso_size;
    wire = wire ? wire : len;
    __u32 cpu = bpf_get_smp_processor_id();
    if (!port.ifindex || wire > port.max_len || cpu >= SHORTCUT_MAX_CPUS) {
        return 0; /* the switch drops it, and says why */
    }
    __u32 index = cpu * SHORTCUT_SLOTS + slot;
    struct shortcut_counters *counters = bpf_map_lookup_elem(&sluice_counts, &index);
    if (!counters) {
        return 0;
    }
    counters->packets++;
    counters->bytes += len;
    counters->tcp_flags |= tcp_flags;
    counters->used_ns = bpf_ktime_get_coarse_ns();
    index = cpu * SHORTCUT_SLOTS + flow.total;
    counters = bpf_map_lookup_elem(&sluice_counts, &index);
    if (counters) {
        counters->packets++;
    }
    return port.ifindex;
}

SEC("socket")
int sluice_tap(struct __sk_buff *skb)
{
    __u32 zero = 0;
    struct verdict *verdict = bpf_map_lookup_elem(&sluice_verdict, &zero);
    if (!verdict) {
        return -1;
    }
    verdict->in = skb->ifindex;
    verdict->out = find(skb);
    return verdict->out ? 0 : -1;
}

SEC("tc")
int sluice_pass(struct __sk_buff *skb)
{
    __u32 zero = 0;
    struct verdict *verdict = bpf_map_lookup_elem(&sluice_verdict, &zero);
    if (!verdict || !verdict->out || verdict->in != skb->ifindex) {
        return TC_ACT_SHOT;
    }
    __u32 out = verdict->out;
    verdict->out = 0;
    return bpf_redirect(out, 0);
}

char sluice_license[] SEC("license") = "Dual MIT/GPL";
