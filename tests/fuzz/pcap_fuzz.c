/* SPDX-License-Identifier: Apache-2.0 */
/* Captures of any content: loaded, or refused with a text. */
#include <stdlib.h>

#include "port/pcap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pcap_packets packets;
    char *error = pcap_parse(data, size, &packets);
    size_t sum = 0;
    for (size_t i = 0; i < packets.n; i++) {
        sum += packets.lengths[i];
    }
    if (sum != packets.n_bytes || (error && packets.n)) {
        abort();
    }
    free(error);
    pcap_packets_fini(&packets);
    return 0;
}
