/* SPDX-License-Identifier: Apache-2.0 */
#include "io/stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "io/address.h"
#include "io/loop.h"
#include "io/ssl.h"
#include "io/stream_private.h"

LOG_MODULE(stream);

struct stream {
    char *name;
    int fd;
    SSL *ssl;         /* NULL unless TLS */
    bool connected;   /* the socket */
    bool hand_shaken; /* TLS */
    int error;        /* why it failed; it then does nothing more */
    unsigned wanted;  /* STREAM_* */
    unsigned ssl_recv,
        ssl_send; /* LOOP_* that TLS waits for before a receive or send can go on; 0: as usual */
    struct loop *loop;
    struct loop_fd watched;
    struct task ready_now; /* TLS holds decrypted bytes that the socket does not show */
    void (*ready)(void *aux);
    void *aux;
};

/* Names. */

static const struct {
    const char *prefix;
    bool passive, tls, is_unix;
} methods[] = {
    {"unix:", false, false, true}, {"tcp:", false, false, false}, {"ssl:", false, true, false},
    {"punix:", true, false, true}, {"ptcp:", true, false, false}, {"pssl:", true, true, false},
};

int stream_method(const char *name, const char **rest)
{
    for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
        size_t n = strlen(methods[i].prefix);
        if (!strncmp(name, methods[i].prefix, n)) {
            *rest = name + n;
            return (int)i;
        }
    }
    return -1;
}

bool stream_method_is_tls(int method)
{
    return methods[method].tls;
}
bool stream_method_is_unix(int method)
{
    return methods[method].is_unix;
}
bool stream_method_is_passive(int method)
{
    return methods[method].passive;
}

static bool name_has(const char *name, bool passive)
{
    const char *rest;
    int method = stream_method(name, &rest);
    return method >= 0 && methods[method].passive == passive;
}

bool stream_name_is_active(const char *name)
{
    return name_has(name, false);
}

bool stream_name_is_passive(const char *name)
{
    return name_has(name, true);
}

static char *check_name(const char *name, bool passive)
{
    const char *rest;
    int method = stream_method(name, &rest);
    if (method < 0 || methods[method].passive != passive) {
        return xasprintf("%s: unknown connection method, expected %s", name,
                         passive ? "punix:FILE, ptcp:[PORT][:IP] or pssl:[PORT][:IP]"
                                 : "unix:FILE, tcp:HOST[:PORT] or ssl:HOST[:PORT]");
    }
    if (methods[method].is_unix) {
        return *rest ? NULL : xasprintf("%s: a file name must follow", name);
    }
    struct sockaddr_storage ss;
    char *error = passive ? address_parse_passive(rest, 1, &ss) : address_parse_active(rest, 1, true, &ss);
    if (error && !passive && strstr(error, "bad IP address")) { /* a name: looked up when connecting */
        free(error);
        error = NULL;
    }
    return error;
}

char *stream_check_name(const char *name)
{
    return check_name(name, false);
}

char *listener_check_name(const char *name)
{
    return check_name(name, true);
}

/* Opening. */

static void run_ready(struct task *task)
{
    struct stream *stream = OBJECT_OF(task, stream, ready_now);
    stream->ready(stream->aux);
}

static struct stream *make_stream(int fd, const char *name, bool connected)
{
    struct stream *stream = xzalloc(sizeof *stream);
    stream->name = xstrdup(name);
    stream->fd = fd;
    stream->connected = connected;
    task_init(&stream->ready_now, "stream", run_ready);
    return stream;
}

struct stream *stream_from_fd(int fd, const char *name)
{
    return make_stream(fd, name, true);
}

void stream_set_tos(int fd, int family, uint8_t dscp)
{
    int tos = dscp << 2;
    if (family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof tos);
    } else {
        setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof tos);
    }
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

struct stream *stream_make_tls(struct stream *stream, bool server)
{
    char *error;
    stream->ssl = ssl_session_new(stream->fd, server, stream->name, &error);
    if (!stream->ssl) {
        LOG_ERR("%s", error);
        free(error);
        stream->error = EPROTO;
    }
    return stream;
}

int stream_open(const char *name, uint16_t default_port, uint8_t dscp, struct stream **streamp)
{
    const char *rest;
    int method = stream_method(name, &rest);
    *streamp = NULL;
    if (method < 0 || methods[method].passive) {
        return EAFNOSUPPORT;
    }
    struct sockaddr_storage ss;
    int family = AF_UNIX;
    if (!methods[method].is_unix) {
        char *error = address_parse_active(rest, default_port, false, &ss);
        if (error) {
            LOG_WARN("%s: %s", name, error);
            free(error);
            return EINVAL;
        }
        family = ss.ss_family;
    }
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return errno;
    }
    int error;
    if (family == AF_UNIX) {
        error = address_unix(fd, rest, connect);
    } else {
        stream_set_tos(fd, family, dscp);
        error = connect(fd, (const struct sockaddr *)&ss, address_length(&ss)) ? errno : 0;
    }
    if (error && error != EINPROGRESS) {
        close(fd);
        return error; /* EAGAIN: a Unix listener's backlog is full */
    }
    *streamp = make_stream(fd, name, !error);
    if (methods[method].tls) {
        stream_make_tls(*streamp, false);
    }
    return 0;
}

void stream_close(struct stream *stream)
{
    if (stream) {
        task_cancel(&stream->ready_now);
        loop_remove_fd(&stream->watched);
        if (stream->ssl) {
            if (stream->hand_shaken && !stream->error) {
                SSL_shutdown(stream->ssl);
                ERR_clear_error();
            }
            SSL_free(stream->ssl);
        }
        close(stream->fd);
        free(stream->name);
        free(stream);
    }
}

const char *stream_name(const struct stream *stream)
{
    return stream->name;
}

bool stream_addresses(const struct stream *stream, char local[64], char remote[64])
{
    struct sockaddr_storage ss;
    socklen_t n = sizeof ss;
    if (getsockname(stream->fd, (struct sockaddr *)&ss, &n) || ss.ss_family == AF_UNIX) {
        return false;
    }
    address_format(&ss, local);
    n = sizeof ss;
    if (getpeername(stream->fd, (struct sockaddr *)&ss, &n)) {
        return false;
    }
    address_format(&ss, remote);
    return true;
}

/* TLS. */

/* What a failed SSL_* call means: EAGAIN with *WAIT set, or an errno. */
static int tls_result(struct stream *stream, int result, unsigned *wait)
{
    int saved_errno = errno;
    switch (SSL_get_error(stream->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        *wait = LOOP_READ;
        return EAGAIN;
    case SSL_ERROR_WANT_WRITE:
        *wait = LOOP_WRITE;
        return EAGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return ERROR_EOF;
    case SSL_ERROR_SYSCALL:
        ERR_clear_error();
        return saved_errno ? saved_errno : ERROR_EOF;
    default: {
        static struct log_rate_limit rl = LOG_RATE_LIMIT_INIT(10, 25);
        unsigned long code = ERR_get_error();
        const char *reason = ERR_reason_error_string(code);
        if (ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
            ERR_clear_error();
            return ERROR_EOF;
        }
        LOG_WARN_RL(&rl, "%s: TLS: %s", stream->name, reason ? reason : "unknown error");
        ERR_clear_error();
        return EPROTO;
    }
    }
}

static int hand_shake(struct stream *stream)
{
    errno = 0;
    int result = SSL_do_handshake(stream->ssl);
    if (result == 1) {
        stream->hand_shaken = true;
        stream->ssl_recv = stream->ssl_send = 0;
        return ssl_session_bootstrap(stream->ssl, stream->name) ? 0 : EPROTO;
    }
    unsigned wait = 0;
    int error = tls_result(stream, result, &wait);
    stream->ssl_recv = stream->ssl_send = wait;
    return error == ERROR_EOF ? ECONNRESET : error;
}

int stream_connect(struct stream *stream)
{
    if (stream->error) {
        return stream->error;
    }
    if (!stream->connected) {
        struct pollfd p = {.fd = stream->fd, .events = POLLOUT};
        if (poll(&p, 1, 0) == 0) {
            return EAGAIN;
        }
        socklen_t n = sizeof stream->error;
        getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &stream->error, &n);
        if (stream->error) {
            return stream->error;
        }
        stream->connected = true;
    }
    if (stream->ssl && !stream->hand_shaken) {
        int error = hand_shake(stream);
        if (error && error != EAGAIN) {
            stream->error = error;
        }
        return error;
    }
    return 0;
}

/* Receiving and sending. */

static int tls_recv(struct stream *stream, void *buf, size_t n, size_t *got)
{
    errno = 0;
    int result = SSL_read_ex(stream->ssl, buf, n, got);
    if (result == 1) {
        stream->ssl_recv = 0;
        return 0;
    }
    return tls_result(stream, result, &stream->ssl_recv);
}

static int tls_send(struct stream *stream, const void *data, size_t n, size_t *sent)
{
    errno = 0;
    int result = SSL_write_ex(stream->ssl, data, n, sent);
    if (result == 1) {
        stream->ssl_send = 0;
        return 0;
    }
    return tls_result(stream, result, &stream->ssl_send);
}

int stream_recv(struct stream *stream, void *buf, size_t n, size_t *got)
{
    *got = 0;
    int error = stream_connect(stream);
    if (error || !n) {
        return error;
    }
    if (stream->ssl) {
        return tls_recv(stream, buf, n, got);
    }
    ssize_t result;
    do {
        result = recv(stream->fd, buf, n, 0);
    } while (result < 0 && errno == EINTR);
    if (result <= 0) {
        return result ? errno : ERROR_EOF;
    }
    *got = (size_t)result;
    return 0;
}

int stream_send(struct stream *stream, const void *data, size_t n, size_t *sent)
{
    *sent = 0;
    int error = stream_connect(stream);
    if (error || !n) {
        return error;
    }
    if (stream->ssl) {
        return tls_send(stream, data, n, sent);
    }
    ssize_t result;
    do {
        result = send(stream->fd, data, n, MSG_NOSIGNAL);
    } while (result < 0 && errno == EINTR);
    if (result < 0) {
        return errno;
    }
    *sent = (size_t)result;
    return 0;
}

void stream_shutdown(struct stream *stream)
{
    if (stream->ssl) {
        SSL_shutdown(stream->ssl);
        ERR_clear_error();
    }
    shutdown(stream->fd, SHUT_WR);
}

char *stream_peer_certificate(const struct stream *stream)
{
    X509 *cert = stream->ssl ? SSL_get1_peer_certificate(stream->ssl) : NULL;
    if (!cert) {
        return xstrdup("");
    }
    BIO *bio = BIO_new(BIO_s_mem());
    char *data, *text = NULL;
    if (bio && PEM_write_bio_X509(bio, cert)) {
        long n = BIO_get_mem_data(bio, &data);
        text = xmemdup0(data, (size_t)n);
    }
    BIO_free(bio);
    X509_free(cert);
    return text ? text : xstrdup("");
}

/* Waiting. */

static void watched_ready(struct loop_fd *fd, unsigned events)
{
    struct stream *stream = OBJECT_OF(fd, stream, watched);
    stream->ready(stream->aux);
}

static unsigned events_wanted(const struct stream *stream)
{
    unsigned events = 0;
    bool connecting = !stream->connected || (stream->ssl && !stream->hand_shaken);
    if (connecting && stream->wanted) {
        return stream->connected && stream->ssl_recv ? stream->ssl_recv : LOOP_WRITE;
    }
    if (stream->wanted & STREAM_CONNECT) {
        events |= LOOP_WRITE;
    }
    if (stream->wanted & STREAM_RECV) {
        events |= stream->ssl_recv ? stream->ssl_recv : LOOP_READ;
    }
    if (stream->wanted & STREAM_SEND) {
        events |= stream->ssl_send ? stream->ssl_send : LOOP_WRITE;
    }
    return events;
}

/* Without an interest the descriptor is not watched at all, since a hang-up would be reported in each turn.
 */
static void update_watch(struct stream *stream)
{
    unsigned events = stream->loop ? events_wanted(stream) : 0;
    if (!events) {
        loop_remove_fd(&stream->watched);
    } else if (!stream->watched.loop) {
        loop_add_fd(stream->loop, &stream->watched, stream->fd, events, watched_ready);
    } else {
        loop_modify_fd(&stream->watched, events);
    }
    bool pending = stream->wanted & STREAM_RECV && stream->ssl && SSL_pending(stream->ssl);
    if (stream->loop && stream->wanted && (pending || stream->error)) {
        task_schedule_in(loop_tasks(stream->loop), &stream->ready_now, 0);
    } else {
        task_cancel(&stream->ready_now);
    }
}

void stream_watch(struct stream *stream, struct loop *loop, void (*ready)(void *aux), void *aux)
{
    loop_remove_fd(&stream->watched);
    stream->loop = loop;
    stream->ready = ready;
    stream->aux = aux;
    stream->wanted = 0;
}

void stream_want(struct stream *stream, unsigned what)
{
    stream->wanted = what;
    update_watch(stream);
}
