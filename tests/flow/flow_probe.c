/* SPDX-License-Identifier: Apache-2.0 */
/* Shows what the flow library makes of packets and texts, for the differential tests beside this file. Each
 * line of standard input is a command and its argument; each is answered with one line:
 *
 *     packet HEX      the datapath key of a packet (in_port 1), exact
 *     flow HEX        the same as ofproto/trace's "Flow:" shows it
 *     dpkey TEXT      a parsed datapath key, as dump-flows prints it; or the error
 *     dpkey-m TEXT    the same, as dump-flows -m
 *     dpecho[-m] TEXT the same, but whether the key makes sense does not matter
 *     match TEXT      a parsed match, normalised
 *     raw TEXT        a parsed match, as it is
 *     exact TEXT      a parsed flow (ofproto/trace)
 *     limit N         parse N VLAN tags
 *     compose TEXT    the packet made from a datapath key, in hexadecimal
 *     compose-N TEXT  the same, N bytes long */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "flow/compose.h"
#include "flow/dpkey_text.h"
#include "flow/extract.h"
#include "flow/match.h"

static struct packet *packet_from_hex(struct packet_pool *pool, const char *hex)
{
    uint8_t bytes[65536];
    uint32_t n = 0;
    unsigned v;
    for (; n < sizeof bytes && sscanf(hex, "%2x", &v) == 1; hex += 2) {
        bytes[n++] = (uint8_t)v;
    }
    return packet_from_bytes(pool, bytes, n);
}

static void show_packet(struct packet_pool *pool, const char *hex, bool as_flow, struct strbuf *s)
{
    struct packet *p = packet_from_hex(pool, hex);
    struct flow_key key;
    p->in_port = 1;
    flow_key_extract_complete(p, &key);
    if (as_flow) {
        match_format_key(&key, NULL, NULL, s);
    } else {
        dpkey_format(&key, NULL, NULL, false, s);
        strbuf_printf(s, " l3=%d l4=%d", (int16_t)p->l3_ofs, (int16_t)p->l4_ofs);
    }
    packet_free(p);
}

static void show_composed(struct packet_pool *pool, const char *text, long len, struct strbuf *s)
{
    struct flow_key key;
    char *error = dpkey_parse(text, NULL, &key, NULL, NULL);
    if (error) {
        strbuf_puts(s, error);
        free(error);
        return;
    }
    bool too_small = false;
    struct packet *p =
        len ? flow_compose_sized(pool, &key, (size_t)len, &too_small) : flow_compose(pool, &key, NULL, 0);
    if (!p) {
        strbuf_puts(s, "too small packet len");
        return;
    }
    for (uint32_t i = 0; i < p->len; i++) {
        strbuf_printf(s, "%02x", p->data[i]);
    }
    packet_free(p);
}

static char *answer(struct packet_pool *pool, const char *command, const char *arg, struct strbuf *s)
{
    struct flow_key key;
    struct flow_key mask;
    struct match match;
    char *error;

    if (!strcmp(command, "packet") || !strcmp(command, "flow")) {
        show_packet(pool, arg, *command == 'f', s);
        return NULL;
    }
    if (!strncmp(command, "dpkey", 5) || !strncmp(command, "dpecho", 6)) {
        bool invalid;
        bool is_echo = command[2] == 'e';
        command += is_echo;
        error = dpkey_parse(arg, NULL, &key, &mask, is_echo ? NULL : &invalid);
        if (!error) {
            dpkey_format(&key, &mask, NULL, command[5] == '-', s);
        }
        return error;
    }
    if (!strncmp(command, "compose", 7)) {
        show_composed(pool, arg, command[7] == '-' ? atol(command + 8) : 0, s);
        return NULL;
    }
    if (!strcmp(command, "limit")) {
        flow_set_vlan_limit((unsigned)atoi(arg));
        return NULL;
    }
    if (!strcmp(command, "exact")) {
        error = flow_key_parse(&key, NULL, NULL, arg);
        if (!error) {
            match_format_key(&key, NULL, NULL, s);
        }
        return error;
    }
    error = match_parse(&match, NULL, arg);
    if (!error) {
        if (!strcmp(command, "match")) {
            match_normalise(&match);
        }
        match_format(&match, NULL, s, MATCH_DEFAULT_PRIORITY);
    }
    return error;
}

int main(void)
{
    struct packet_pool *pool = packet_pool_create_heap();
    char *line = NULL;
    size_t size = 0;
    struct strbuf s = STRBUF_INITIALIZER;

    while (getline(&line, &size, stdin) > 0) {
        line[strcspn(line, "\n")] = '\0';
        char *space = strchr(line, ' ');
        if (space) {
            *space = '\0';
        }
        strbuf_clear(&s);
        char *error = answer(pool, line, space ? space + 1 : "", &s);
        printf("%s\n", error ? error : strbuf_text(&s));
        free(error);
        fflush(stdout);
    }
    free(line);
    strbuf_fini(&s);
    packet_pool_destroy(pool);
    return 0;
}
