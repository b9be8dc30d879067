/* SPDX-License-Identifier: Apache-2.0 */
/* ofctl: commands that no manual page names, and `list-commands` does: they show how text and bytes are
 * understood, without a switch. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "flow/compose.h"
#include "flow/extract.h"
#include "flow/field.h"
#include "openflow/action_text.h"
#include "openflow/actions_wire.h"
#include "openflow/oxm.h"
#include "openflow/text.h"
#include "openflow/types.h"
#include "tools/ofctl.h"

static enum ofp_version version_argument(const char *name)
{
    enum ofp_version v;
    if (!ofp_version_from_name(name, &v)) {
        error_fatal("%s: not a valid OpenFlow version", name);
    }
    return v;
}

/* Calls EACH with every line of standard input. */
static void for_each_line(void (*each)(char *line, void *aux), void *aux)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t n;
    while ((n = getline(&line, &size, stdin)) >= 0) {
        if (n && line[n - 1] == '\n') {
            line[n - 1] = '\0';
        }
        each(line, aux);
    }
    free(line);
}

/* --- Actions and instructions in hex --- */

struct parse_job {
    enum ofp_version version;
    bool instructions;
};

static void print_list(char *line, void *aux)
{
    const struct parse_job *job = aux;
    struct bytebuf b = BYTEBUF_INITIALIZER, ofpacts = BYTEBUF_INITIALIZER;
    struct strbuf s = {.palette = ofctl_options.palette};
    char *comment = strchr(line, '#');
    if (comment) {
        *comment = '\0';
    }
    if (!line[strspn(line, " \t")]) {
        return;
    }
    if (*text_to_hex(line, &b)) {
        error_fatal("Trailing garbage in hex data");
    }
    struct reader r = reader_of(b.data, b.len);
    enum ofperr error = job->instructions ? instructions_decode(&r, job->version, &ofpacts)
                                          : actions_decode(&r, job->version, &ofpacts);
    if (error) {
        printf("bad %s %s: %s\n\n", ofp_version_name(job->version),
               job->instructions ? "instructions" : "actions", ofperr_name(error));
    } else {
        ofpacts_format((const struct ofpact *)ofpacts.data, ofpacts.len, NULL, &s);
        printf("actions=%s\n", strbuf_text(&s));
        /* And back: what differs is shown. */
        struct bytebuf again = BYTEBUF_INITIALIZER;
        (job->instructions ? instructions_encode : actions_encode)(
            &again, (const struct ofpact *)ofpacts.data, ofpacts.len, job->version);
        for (size_t i = 0; i < MAX(b.len, again.len); i++) {
            if (i >= b.len) {
                printf("%2zu: (none) -> %02x\n", i, again.data[i]);
            } else if (i >= again.len) {
                printf("%2zu: %02x -> (none)\n", i, b.data[i]);
            } else if (b.data[i] != again.data[i]) {
                printf("%2zu: %02x -> %02x\n", i, b.data[i], again.data[i]);
            }
        }
        putchar('\n');
        bytebuf_fini(&again);
    }
    strbuf_fini(&s);
    bytebuf_fini(&b);
    bytebuf_fini(&ofpacts);
}

void ofctl_parse_actions(int argc, char **argv)
{
    struct parse_job job = {.version = version_argument(argv[1])};
    for_each_line(print_list, &job);
}

void ofctl_parse_instructions(int argc, char **argv)
{
    struct parse_job job = {.version = version_argument(argv[1]), .instructions = true};
    for_each_line(print_list, &job);
}

/* --- Hello and errors --- */

static void dump_and_print(struct bytebuf *b, bool print)
{
    struct strbuf s = STRBUF_INITIALIZER;
    ofp_hex_dump(b->data, b->len, 0, false, &s);
    fputs(strbuf_text(&s), stdout);
    strbuf_fini(&s);
    if (print) {
        char *text = ofp_to_string(b->data, b->len, NULL);
        fputs(text, stdout);
        free(text);
    }
    bytebuf_fini(b);
}

void ofctl_encode_hello(int argc, char **argv)
{
    struct bytebuf b = BYTEBUF_INITIALIZER;
    uint32_t versions = strtoul(argv[1], NULL, 0) & OFP_VERSIONS_ALL;
    if (!versions) {
        error_fatal("%s: no OpenFlow version", argv[1]);
    }
    ofp_hello_encode(&b, versions, 1);
    dump_and_print(&b, true);
}

void ofctl_encode_error_reply(int argc, char **argv)
{
    struct bytebuf b = BYTEBUF_INITIALIZER, request = BYTEBUF_INITIALIZER;
    enum ofperr e = ofperr_from_name(argv[1]);
    if (!e) {
        error_fatal("unknown error \"%s\"", argv[1]);
    }
    if (*text_to_hex(argv[2], &request)) {
        error_fatal("Trailing garbage in hex data");
    }
    if (request.len < OFP_HEADER_LEN) {
        error_fatal("Request too short");
    }
    ofp_error_encode(&b, e, request.data[0], request.data, request.len);
    bytebuf_fini(&request);
    dump_and_print(&b, false);
}

void ofctl_parse_key_value(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        char *copy = xstrdup(argv[i]), *at = copy, *key, *value;
        for (int j = 0; text_next_key_value(&at, &key, &value); j++) {
            printf(*value ? "%s%s=%s" : "%s%s", j ? ", " : "", key, value);
        }
        putchar('\n');
        free(copy);
    }
}

/* --- Packets --- */

static char *key_to_string(const struct flow_key *key)
{
    struct strbuf s = STRBUF_INITIALIZER;
    match_format_key(key, NULL, NULL, &s);
    return strbuf_steal(&s);
}

void ofctl_compose_packet(int argc, char **argv)
{
    struct flow_key key, again;
    ofctl_check(flow_key_parse(&key, NULL, NULL, argv[1]));
    struct packet_pool *pool = packet_pool_create_heap();
    struct bytebuf l7 = BYTEBUF_INITIALIZER;
    if (argc > 2 && *text_to_hex(argv[2], &l7)) {
        error_fatal("%s: trailing garbage in packet data", argv[2]);
    }
    struct packet *p = flow_compose(pool, &key, argc > 2 ? (l7.len ? l7.data : (uint8_t *)"") : NULL, l7.len);
    struct strbuf s = STRBUF_INITIALIZER;
    ofp_hex_dump(p->data, p->len, 0, false, &s);
    fputs(strbuf_text(&s), stdout);
    strbuf_fini(&s);
    bytebuf_fini(&l7);
    flow_key_extract_complete(p, &again);
    again.in_port = key.in_port; /* which no packet tells */
    char *specified = key_to_string(&key), *extracted = key_to_string(&again);
    if (strcmp(specified, extracted)) {
        fprintf(stderr, "specified and extracted flows differ:\nspecified: %s\nextracted: %s\n", specified,
                extracted);
        exit(1);
    }
    free(specified);
    free(extracted);
}

void ofctl_parse_packet(int argc, char **argv)
{
    struct bytebuf b = BYTEBUF_INITIALIZER;
    size_t got;
    do { /* the bytes of one packet as they are */
        bytebuf_reserve(&b, 65536);
        got = fread(b.data + b.len, 1, 65536, stdin);
        b.len += got;
    } while (got);
    struct packet packet = {.data = b.data, .len = b.len, .buf = b.data, .buf_size = b.len};
    packet.l2_5_ofs = packet.l3_ofs = packet.l4_ofs = UINT16_MAX;
    struct flow_key key;
    flow_key_extract_complete(&packet, &key);
    struct strbuf s = STRBUF_INITIALIZER;
    match_format_key(&key, NULL, NULL, &s);
    const char *text = strbuf_text(&s), *in_port = "in_port=0,";
    puts(!strncmp(text, in_port, strlen(in_port)) ? text + strlen(in_port) : text);
    strbuf_fini(&s);
    bytebuf_fini(&b);
}
