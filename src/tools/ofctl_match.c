/* SPDX-License-Identifier: Apache-2.0 */
/* ofctl: commands that no manual page names, for matches: how each of their forms on the wire is understood
 * and written again. What differs between the bytes that were given and those written is shown byte by byte.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "flow/extract.h"
#include "flow/field.h"
#include "openflow/action_text.h"
#include "openflow/flow_mod.h"
#include "openflow/oxm.h"
#include "openflow/text.h"
#include "port/pcap.h"
#include "tools/ofctl.h"

#define NXM_COOKIE                                                                                           \
    0x00013c08u /* the cookie as a field of Nicira's requests; it is none of a packet's fields */

/* --- Extensible matches as text: "NXM_OF_IN_PORT(fffe), NXM_OF_ETH_TYPE(0800)" --- */

struct header {
    uint64_t oxm; /* as struct field_oxm has it */
    bool masked;
    unsigned n_bytes; /* of the value */
};

static bool header_from_name(const char *name, size_t len, struct header *h)
{
    const struct field_oxm *oxm = field_oxm_from_name_len(name, len);
    *h = (struct header){0};
    if (!oxm && len > 2 && !strncmp(name + len - 2, "_W", 2)) {
        h->masked = true;
        oxm = field_oxm_from_name_len(name, len - 2);
    }
    if (oxm) {
        h->oxm = oxm->header;
        h->n_bytes = FIELD_OXM_LEN(oxm->header) - (FIELD_OXM_CLASS(oxm->header) == 0xffff ? 4 : 0);
        return true;
    }
    if (len >= 13 && !strncmp(name, "NXM_NX_COOKIE", 13)) {
        h->oxm = (uint64_t)NXM_COOKIE << 32;
        h->n_bytes = 8;
        return true;
    }
    if (len == 8 && strspn(name, "0123456789abcdefABCDEF") >= 8) {
        uint32_t raw = strtoul(name, NULL, 16);
        h->oxm = (uint64_t)(raw & ~0x100u) << 32;
        h->masked = raw & 0x100;
        h->n_bytes = raw & 0xff;
        h->n_bytes -= raw >> 16 == 0xffff && h->n_bytes >= 4 ? 4 : 0;
        h->n_bytes /= h->masked ? 2 : 1;
        return true;
    }
    return false;
}

/* The value: as many digits as there are. */
static const char *put_value(const char *s, unsigned n_bytes, struct bytebuf *b)
{
    size_t start = b->len;
    const char *end = text_to_hex(s, b);
    if (b->len - start != n_bytes) {
        error_fatal("expected to read %u bytes but got %zu", n_bytes, b->len - start);
    }
    return end;
}

/* The mask: as many as the value has. */
static const char *put_mask(const char *s, unsigned n_bytes, struct bytebuf *b)
{
    for (unsigned i = 0; i < n_bytes; i++) {
        s += strspn(s, " ");
        if (!isxdigit((unsigned char)s[0]) || !isxdigit((unsigned char)s[1])) {
            error_fatal("%s: hex digits expected", s);
        }
        char pair[3] = {s[0], s[1], '\0'};
        put_u8(b, strtoul(pair, NULL, 16));
        s += 2;
    }
    return s;
}

static void parse_nx_text(const char *text, struct bytebuf *b)
{
    const char *s = text + strspn(text, ", ");
    if (!strcmp(text, "<any>")) {
        return;
    }
    for (; *s; s += strspn(s, ", ")) {
        const char *name = s;
        int len = (int)strcspn(s, "(");
        struct header h;
        if (!s[len]) {
            error_fatal("%s: missing ( at end of nx_match", text);
        }
        if (!header_from_name(name, len, &h)) {
            error_fatal("%s: unknown field `%.*s'", text, len, name);
        }
        unsigned exp = FIELD_OXM_CLASS(h.oxm) == 0xffff ? 4 : 0;
        put_u32(b, ((uint32_t)(h.oxm >> 32) & 0xfffffe00u) | (h.masked ? 0x100 : 0) |
                       (h.n_bytes * (h.masked ? 2u : 1u) + exp));
        if (exp) {
            put_u32(b, (uint32_t)h.oxm);
        }
        s = put_value(s + len + 1, h.n_bytes, b);
        if (h.masked) {
            s += strspn(s, " ");
            if (*s != '/') {
                error_fatal("%s: missing / in masked field %.*s", text, len, name);
            }
            s = put_mask(s + 1, h.n_bytes, b);
        }
        s += strspn(s, " ");
        if (*s++ != ')') {
            error_fatal("%s: missing ) following field %.*s", text, len, name);
        }
    }
}

static void print_nx_text(const struct bytebuf *b)
{
    struct reader r = reader_of(b->data, b->len);
    if (!r.n) {
        puts("<any>");
    }
    while (r.n) {
        uint32_t raw = get_u32(&r);
        uint64_t header = (uint64_t)(raw & ~0x100u) << 32;
        unsigned n = raw & 0xff;
        if (raw >> 16 == 0xffff) {
            header |= get_u32(&r);
            n -= 4;
        }
        const struct field_oxm *oxm = field_oxm_from_header(header);
        bool masked = raw & 0x100;
        if (raw >> 9 == NXM_COOKIE >> 9 && n == (masked ? 16 : 8)) {
            printf("NXM_NX_COOKIE%s(", masked ? "_W" : "");
        } else if (oxm) {
            printf("%s%s(", oxm->name, masked ? "_W" : "");
        } else {
            printf("%" PRIu32 ":%" PRIu32 "(", raw >> 16, raw >> 9 & 0x7f);
        }
        for (unsigned i = 0; i < n; i++) {
            printf(masked && i == n / 2 ? "/%02x" : "%02x", get_u8(&r));
        }
        fputs(r.n ? "), " : ")\n", stdout);
    }
}

static void run_nx_matches(enum ofp_version v)
{
    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, stdin) >= 0) {
        line[strcspn(line, "\r\n")] = '\0';
        if (!line[strspn(line, " \t")] || line[strspn(line, " \t")] == '#') {
            puts(line);
            continue;
        }
        struct bytebuf b = BYTEBUF_INITIALIZER;
        parse_nx_text(line, &b);
        struct reader r = reader_of(b.data, b.len);
        struct match match;
        uint64_t cookie = 0, cookie_mask = 0;
        enum ofperr error = oxm_get_match(&r, !ofctl_options.strict, &match, v == OFP10 ? &cookie : NULL,
                                          v == OFP10 ? &cookie_mask : NULL);
        if (error) {
            printf("nx_pull_match() returned error %s\n", ofperr_name(error));
        } else {
            bytebuf_clear(&b);
            oxm_put_match(&b, &match, v, cookie, v == OFP10 ? cookie_mask : 0);
            print_nx_text(&b);
        }
        bytebuf_fini(&b);
    }
    free(line);
}

void ofctl_parse_nx_match(int argc, char **argv)
{
    run_nx_matches(OFP10);
}

void ofctl_parse_oxm(int argc, char **argv)
{
    enum ofp_version v;
    if (!ofp_version_from_name(argv[1], &v) || v < OFP12) {
        error_fatal("%s: not a valid version for OXM", argv[1]);
    }
    run_nx_matches(v);
}

/* --- The fixed matches of OpenFlow 1.0 and 1.1, in hexadecimal --- */

static void print_differences(const char *prefix, const uint8_t *a, const uint8_t *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (a[i] != b[i]) {
            printf("%s%2zu: %02x -> %02x\n", prefix, i, a[i], b[i]);
        }
    }
}

static void print_match(const struct match *match)
{
    char *text = match_to_string(match, NULL, MATCH_DEFAULT_PRIORITY);
    puts(text);
    free(text);
}

static void run_fixed_matches(enum ofp_version v, size_t n)
{
    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, stdin) >= 0) {
        line[strcspn(line, "#\r\n")] = '\0';
        if (!line[strspn(line, " \t")]) {
            continue;
        }
        struct bytebuf given = BYTEBUF_INITIALIZER, again = BYTEBUF_INITIALIZER, normal = BYTEBUF_INITIALIZER;
        const char *end = text_to_hex(line, &given);
        if (given.len != n) {
            error_fatal("Input is %zu bytes, expected %zu", given.len, n);
        }
        if (*end) {
            error_fatal("%s: trailing garbage following hex bytes", end);
        }
        struct match match, copy;
        struct reader r = reader_of(given.data, given.len);
        if (v == OFP11) {
            set_u16(&given, 2, n); /* the length goes without saying */
        }
        enum ofperr error = match_decode(&r, v, false, &match);
        if (error) {
            printf("bad %s match: %s\n\n", v == OFP10 ? "ofp10" : "ofp11", ofperr_name(error));
        } else {
            copy = match;
            bool changed = v == OFP10 && flow_match_normalise(&copy);
            print_match(&match);
            match_encode(&again, &match, v);
            print_differences("", given.data, again.data, n);
            match_encode(&normal, &copy, v);
            print_differences("normal: ", again.data, normal.data, changed ? n : 0);
            putchar('\n');
        }
        bytebuf_fini(&given);
        bytebuf_fini(&again);
        bytebuf_fini(&normal);
    }
    free(line);
}

void ofctl_parse_ofp10_match(int argc, char **argv)
{
    run_fixed_matches(OFP10, 40);
}

void ofctl_parse_ofp11_match(int argc, char **argv)
{
    run_fixed_matches(OFP11, 88);
}

/* --- VLANs: one TCI and its mask, in the form of each version --- */

static void print_tci(const struct match *match)
{
    printf("%04x/%04x\n", ntohs(match->flow.vlans[0].tci), ntohs(match->wc.bits.vlans[0].tci));
}

static void check_vlan_extensible(const struct match *match, enum ofp_version v)
{
    struct bytebuf b = BYTEBUF_INITIALIZER;
    struct match again;
    oxm_put_match(&b, match, v, 0, 0);
    struct bytebuf copy = b;
    struct strbuf s = STRBUF_INITIALIZER;
    fflush(stdout);
    printf("%s: ", v == OFP10 ? "NXM" : "OXM");
    struct reader r = reader_of(b.data, b.len), names = reader_of(copy.data, copy.len);
    if (!names.n) {
        strbuf_puts(&s, "<any>");
    }
    while (names.n) {
        const struct field *f;
        union field_value value, mask;
        bool masked;
        uint32_t raw = ntohl(get_be32(names.p));
        const struct field_oxm *oxm = field_oxm_from_header((uint64_t)(raw & ~0x100u) << 32);
        const uint8_t *p = names.p;
        if (oxm_get_field(&names, &f, &value, &mask, &masked)) {
            break; /* it is said below */
        }
        strbuf_printf(&s, "%s%s%s(", s.len ? ", " : "", oxm->name, masked ? "_W" : "");
        for (unsigned i = 0, n = raw & 0xff; i < n; i++) {
            strbuf_printf(&s, masked && i == n / 2 ? "/%02x" : "%02x", p[4 + i]);
        }
        strbuf_put_char(&s, ')');
    }
    printf("%s -> ", strbuf_text(&s));
    enum ofperr error = oxm_get_match(&r, false, &again, NULL, NULL);
    if (error) {
        puts(ofperr_name(error));
    } else if (v == OFP10) {
        print_tci(&again);
    } else {
        uint16_t tci = ntohs(again.flow.vlans[0].tci), mask = ntohs(again.wc.bits.vlans[0].tci);
        printf("%04x/%04x,", tci & 0x1fff, mask & 0x1fff);
        if (mask & 0xe000) {
            printf("%02x\n", tci >> 13);
        } else {
            puts("--");
        }
    }
    strbuf_fini(&s);
    bytebuf_fini(&b);
}

static void check_vlan_fixed(const struct match *match, enum ofp_version v)
{
    struct bytebuf b = BYTEBUF_INITIALIZER;
    struct match again;
    match_encode(&b, match, v);
    const uint8_t *p = b.data;
    /* Where the wildcards, the VLAN and its priority stand. */
    bool old = v == OFP10;
    uint32_t wild = ntohl(get_be32(p + (old ? 0 : 8)));
    uint32_t no_vid = 2, no_pcp = old ? 1u << 20 : 4;
    printf("OF1.%d: %04x/%d,%02x/%d -> ", v - 1, ntohs(get_be16(p + (old ? 18 : 36))), !!(wild & no_vid),
           p[old ? 20 : 38], !!(wild & no_pcp));
    struct reader r = reader_of(b.data, b.len);
    enum ofperr error = match_decode(&r, v, false, &again);
    if (error) {
        puts(ofperr_name(error));
    } else {
        print_tci(&again);
    }
    bytebuf_fini(&b);
}

void ofctl_check_vlan(int argc, char **argv)
{
    struct match match, again;
    match_init_catchall(&match);
    match.flow.vlans[0].tci = htons(strtoul(argv[1], NULL, 16));
    match.wc.bits.vlans[0].tci = htons(strtoul(argv[2], NULL, 16));
    char *text = match_to_string(&match, NULL, MATCH_DEFAULT_PRIORITY);
    printf("%s -> ", text);
    ofctl_check(match_parse(&again, NULL, text));
    print_tci(&again);
    free(text);
    check_vlan_extensible(&match, OFP10);
    check_vlan_extensible(&match, OFP12);
    check_vlan_fixed(&match, OFP10);
    check_vlan_fixed(&match, OFP11);
}

/* --- Packets of files --- */

void ofctl_parse_pcap(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        struct pcap_packets packets;
        ofctl_check(pcap_load(argv[i], &packets));
        uint8_t *frame = packets.bytes;
        for (size_t k = 0; k < packets.n; frame += packets.lengths[k++]) {
            uint32_t len = packets.lengths[k];
            struct packet packet = {.data = frame, .len = len, .buf = frame, .buf_size = len};
            packet.l2_5_ofs = packet.l3_ofs = packet.l4_ofs = UINT16_MAX;
            struct flow_key key;
            flow_key_extract_complete(&packet, &key);
            key.in_port = OFPP_NONE;
            struct strbuf s = STRBUF_INITIALIZER;
            match_format_key(&key, NULL, NULL, &s);
            puts(strbuf_text(&s));
            strbuf_fini(&s);
        }
        pcap_packets_fini(&packets);
    }
}
