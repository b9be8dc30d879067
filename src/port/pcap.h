/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 3. Files of captured packets, in libpcap's classic format, link type Ethernet.
 * Thread-safety: a writer may be used by several threads at once (it has a lock); loading is one call. */
#ifndef PORT_PCAP_H
#define PORT_PCAP_H 1

#include <stddef.h>
#include <stdint.h>

struct pcap_writer;

/* Creates FILE, or empties it. A positive errno if it cannot. Each packet is on disk when its write returns,
 * so that a test may read the file while we run. */
int pcap_writer_open(const char *file, struct pcap_writer **);
/* One more holder of the same file (`pcap` writes both directions to one). */
struct pcap_writer *pcap_writer_ref(struct pcap_writer *);
void pcap_writer_unref(struct pcap_writer *); /* NULL is legal */
void pcap_write(struct pcap_writer *, const void *data, size_t len);

/* All packets of a file, in memory: LENGTHS[i] bytes each, one behind the other at BYTES. */
struct pcap_packets {
    size_t n;
    uint32_t *lengths;
    uint8_t *bytes;
    size_t n_bytes;
};
/* NULL, or what is wrong with the file. Either byte order, microseconds or nanoseconds. */
char *pcap_load(const char *file, struct pcap_packets *);
/* The same of LEN bytes of memory that hold such a file. */
char *pcap_parse(const uint8_t *data, size_t len, struct pcap_packets *);
void pcap_packets_fini(struct pcap_packets *);

#endif
