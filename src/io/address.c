/* SPDX-License-Identifier: Apache-2.0 */
#include "io/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"

static bool parse_port(const char *s, uint16_t *port)
{
    char *end;
    unsigned long v = strtoul(s, &end, 10);
    *port = (uint16_t)v;
    return *s >= '0' && *s <= '9' && !*end && v <= UINT16_MAX;
}

static void set_port(struct sockaddr_storage *ss, uint16_t port)
{
    if (ss->ss_family == AF_INET6) {
        ((struct sockaddr_in6 *)ss)->sin6_port = htons(port);
    } else {
        ((struct sockaddr_in *)ss)->sin_port = htons(port);
    }
}

uint16_t address_port(const struct sockaddr_storage *ss)
{
    if (ss->ss_family == AF_INET6) {
        return ntohs(((const struct sockaddr_in6 *)ss)->sin6_port);
    }
    return ss->ss_family == AF_INET ? ntohs(((const struct sockaddr_in *)ss)->sin_port) : 0;
}

socklen_t address_length(const struct sockaddr_storage *ss)
{
    return ss->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

static bool parse_ip(const char *host, struct sockaddr_storage *ss)
{
    memset(ss, 0, sizeof *ss);
    struct sockaddr_in *in = (struct sockaddr_in *)ss;
    if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        return true;
    }
    char copy[INET6_ADDRSTRLEN + IF_NAMESIZE + 1];
    snprintf(copy, sizeof copy, "%s", host);
    char *scope = strchr(copy, '%');
    if (scope) {
        *scope++ = '\0';
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;
    if (inet_pton(AF_INET6, copy, &in6->sin6_addr) != 1) {
        return false;
    }
    in6->sin6_family = AF_INET6;
    if (scope) {
        in6->sin6_scope_id = if_nametoindex(scope);
        if (!in6->sin6_scope_id) {
            in6->sin6_scope_id = (uint32_t)strtoul(scope, NULL, 10);
        }
    }
    return true;
}

static char *look_up(const char *host, struct sockaddr_storage *ss)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    int error = getaddrinfo(host, NULL, &hints, &found);
    if (error) {
        return xasprintf("\"%s\": no such host (%s)", host, gai_strerror(error));
    }
    memset(ss, 0, sizeof *ss);
    memcpy(ss, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return NULL;
}

/* Cuts "HOST:PORT" or "[HOST]:PORT" in place; *PORT is NULL if there is none. */
static char *split_host(char *s, char **host, char **port)
{
    *port = NULL;
    *host = s;
    if (*s == '[') {
        char *end = strchr(s, ']');
        if (!end || (end[1] && end[1] != ':')) {
            return xasprintf("\"%s\": expected \"[IPv6 address]\" or \"[IPv6 address]:PORT\"", s);
        }
        *host = s + 1;
        *end = '\0';
        *port = end[1] ? end + 2 : NULL;
        return NULL;
    }
    char *colon = strchr(s, ':');
    if (colon && !strchr(colon + 1, ':')) {
        *colon = '\0';
        *port = colon + 1;
    }
    return NULL;
}

char *address_parse_active(const char *s, uint16_t default_port, bool numeric, struct sockaddr_storage *ss)
{
    char *copy = xstrdup(s), *host, *port_text;
    char *error = split_host(copy, &host, &port_text);
    uint16_t port = default_port;
    if (!error && port_text && *port_text && !parse_port(port_text, &port)) {
        error = xasprintf("bad port number \"%s\"", port_text);
    } else if (!error && !port) {
        error = xasprintf("%s: port must be specified", s);
    } else if (!error && !*host) {
        error = xasprintf("%s: host must be specified", s);
    } else if (!error && !parse_ip(host, ss)) {
        error = numeric ? xasprintf("bad IP address \"%s\"", host) : look_up(host, ss);
    }
    if (!error) {
        set_port(ss, port);
    }
    free(copy);
    return error;
}

char *address_parse_passive(const char *s, uint16_t default_port, struct sockaddr_storage *ss)
{
    char *copy = xstrdup(s), *host = strchr(copy, ':'), *error = NULL;
    uint16_t port = default_port;
    if (host) {
        *host++ = '\0';
        if (*host == '[') {
            host++;
            host[strcspn(host, "]")] = '\0';
        }
    }
    if (*copy && !parse_port(copy, &port)) {
        error = xasprintf("bad port number \"%s\"", copy);
    } else if (!parse_ip(host && *host ? host : "0.0.0.0", ss)) {
        error = xasprintf("bad IP address \"%s\"", host);
    } else {
        set_port(ss, port);
    }
    free(copy);
    return error;
}

void address_format(const struct sockaddr_storage *ss, char out[64])
{
    char ip[INET6_ADDRSTRLEN] = "?";
    if (ss->ss_family == AF_INET6) {
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)ss)->sin6_addr, ip, sizeof ip);
        snprintf(out, 64, "[%s]:%u", ip, address_port(ss));
    } else {
        inet_ntop(AF_INET, &((const struct sockaddr_in *)ss)->sin_addr, ip, sizeof ip);
        snprintf(out, 64, "%s:%u", ip, address_port(ss));
    }
}

int address_unix(int fd, const char *file, int (*call)(int, const struct sockaddr *, socklen_t))
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int dir_fd = -1;
    if (strlen(file) >= sizeof un.sun_path) {
        /* Through a descriptor of its directory. */
        const char *slash = strrchr(file, '/');
        if (!slash || strlen(slash + 1) > sizeof un.sun_path - 32) {
            return ENAMETOOLONG;
        }
        char *dir = xmemdup0(file, (size_t)(slash - file));
        dir_fd = open(*dir ? dir : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        free(dir);
        if (dir_fd < 0) {
            return errno;
        }
        snprintf(un.sun_path, sizeof un.sun_path, "/proc/self/fd/%d/%s", dir_fd, slash + 1);
    } else {
        strcpy(un.sun_path, file);
    }
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(un.sun_path) + 1);
    int error = call(fd, (const struct sockaddr *)&un, length) ? errno : 0;
    if (dir_fd >= 0) {
        close(dir_fd);
    }
    return error;
}
