/* SPDX-License-Identifier: Apache-2.0 */
#include "io/ssl.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"

LOG_MODULE(stream_ssl);

struct watched_file {
    char *name;
    struct timespec modified; /* of the content in use */
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* all below */
static struct watched_file key, cert, ca_cert, peer_ca_cert;
static bool bootstrap;
static char *protocols, *ciphers;
static SSL_CTX *context;
static bool changed = true; /* an option; beside it, what the files hold */
static bool files_changed;
static struct log_rate_limit rl = LOG_RATE_LIMIT_INIT(5, 5);

static void set_string(char **s, const char *value)
{
    pthread_mutex_lock(&mutex);
    if (!*s != !value || (value && strcmp(*s, value))) {
        free(*s);
        *s = xstrdup_or_null(value);
        changed = true;
    }
    pthread_mutex_unlock(&mutex);
}

void ssl_set_key_and_cert(const char *key_file, const char *cert_file)
{
    set_string(&key.name, key_file);
    set_string(&cert.name, cert_file);
}

void ssl_set_ca_cert(const char *ca_file, bool bootstrap_)
{
    set_string(&ca_cert.name, ca_file);
    bootstrap = bootstrap_;
}

void ssl_set_protocols(const char *list)
{
    set_string(&protocols, list);
}

void ssl_set_ciphers(const char *list)
{
    set_string(&ciphers, list);
}

void ssl_set_peer_ca_cert(const char *ca_file)
{
    set_string(&peer_ca_cert.name, ca_file);
}

/* Options. */

enum {
    OPT_KEY,
    OPT_CERT,
    OPT_CA,
    OPT_PEER_CA,
    OPT_BOOTSTRAP,
    OPT_PROTOCOLS,
    OPT_CIPHERS
};

static const struct option_def option_defs[] = {
    {"private-key", 'p', OPTION_ARG_REQUIRED, "FILE", "file with private key", OPT_KEY},
    {"certificate", 'c', OPTION_ARG_REQUIRED, "FILE", "file with certificate for private key", OPT_CERT},
    {"ca-cert", 'C', OPTION_ARG_REQUIRED, "FILE", "file with peer CA certificate", OPT_CA},
    {"bootstrap-ca-cert", 0, OPTION_ARG_REQUIRED, "FILE", "file with peer CA certificate to read or create",
     OPT_BOOTSTRAP},
    {"peer-ca-cert", 0, OPTION_ARG_REQUIRED, "FILE", "CA certificate to send to the peer", OPT_PEER_CA},
    {"ssl-protocols", 0, OPTION_ARG_REQUIRED, "PROTOS", "list of TLS protocols to enable", OPT_PROTOCOLS},
    {"ssl-ciphers", 0, OPTION_ARG_REQUIRED, "CIPHERS", "list of TLS ciphers to enable", OPT_CIPHERS},
};

static char *take_option(const struct option_def *def, const char *arg, void *aux)
{
    switch (def->id) {
    case OPT_KEY:
        set_string(&key.name, arg);
        break;
    case OPT_CERT:
        set_string(&cert.name, arg);
        break;
    case OPT_CA:
    case OPT_BOOTSTRAP:
        ssl_set_ca_cert(arg, def->id == OPT_BOOTSTRAP);
        break;
    case OPT_PEER_CA:
        ssl_set_peer_ca_cert(arg);
        break;
    case OPT_PROTOCOLS:
        ssl_set_protocols(arg);
        break;
    case OPT_CIPHERS:
        ssl_set_ciphers(arg);
        break;
    }
    return NULL;
}

const struct option_group ssl_options = {
    .title = "TLS options, for ssl: and pssl: connections:",
    .defs = option_defs,
    .n = ARRAY_SIZE(option_defs),
    .take = take_option,
};

/* The context. */

static char *openssl_error(const char *what, const char *file)
{
    unsigned long code = ERR_get_error();
    const char *reason = ERR_reason_error_string(code);
    char *text = ERR_GET_LIB(code) == ERR_LIB_SYS || !reason
                     ? xasprintf("%s %s: %s", what, file, error_text(ERR_GET_REASON(code)))
                     : xasprintf("%s %s: %s", what, file, reason);
    ERR_clear_error();
    return text;
}

static bool file_changed(struct watched_file *file)
{
    struct stat s;
    if (!file->name || stat(file->name, &s)) {
        return false;
    }
    bool differs = s.st_mtim.tv_sec != file->modified.tv_sec || s.st_mtim.tv_nsec != file->modified.tv_nsec;
    file->modified = s.st_mtim;
    return differs;
}

static char *set_protocol_versions(SSL_CTX *ctx)
{
    static const struct {
        const char *name;
        int version;
    } known[] = {{"TLSv1.2", TLS1_2_VERSION}, {"TLSv1.3", TLS1_3_VERSION}};
    bool wanted[ARRAY_SIZE(known)] = {true, true};
    if (protocols) {
        memset(wanted, 0, sizeof wanted);
        char *copy = xstrdup(protocols), *save = NULL;
        for (char *word = strtok_r(copy, " ,\t", &save); word; word = strtok_r(NULL, " ,\t", &save)) {
            for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
                wanted[i] |= !strcasecmp(word, known[i].name);
            }
        }
        free(copy);
    }
    if (!wanted[0] && !wanted[1]) {
        return xasprintf("%s: no TLS protocol that is supported (TLSv1.2, TLSv1.3)", protocols);
    }
    SSL_CTX_set_min_proto_version(ctx, known[wanted[0] ? 0 : 1].version);
    SSL_CTX_set_max_proto_version(ctx, known[wanted[1] ? 1 : 0].version);
    return NULL;
}

static char *load_ca_cert(SSL_CTX *ctx)
{
    if (!ca_cert.name) {
        return xstrdup("CA certificate must be configured to use TLS (--ca-cert)");
    }
    if (!strcmp(ca_cert.name, "none")) {
        LOG_WARN("Peer certificate validation disabled (this is a security risk)");
        SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
        return NULL;
    }
    if (bootstrap && access(ca_cert.name, F_OK)) {
        SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE,
                           NULL); /* the first peer's is kept: ssl_session_bootstrap() */
        return NULL;
    }
    if (SSL_CTX_load_verify_locations(ctx, ca_cert.name, NULL) != 1) {
        return openssl_error("cannot load CA certificate", ca_cert.name);
    }
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(ca_cert.name);
    if (names) {
        SSL_CTX_set_client_CA_list(ctx, names);
    }
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return NULL;
}

/* Certificates that are sent after our own. */
static char *add_peer_ca_certs(SSL_CTX *ctx)
{
    if (!peer_ca_cert.name) {
        return NULL;
    }
    FILE *file = fopen(peer_ca_cert.name, "re");
    if (!file) {
        return xasprintf("cannot open %s: %s", peer_ca_cert.name, error_text(errno));
    }
    X509 *x509;
    while ((x509 = PEM_read_X509(file, NULL, NULL, NULL)) != NULL) {
        if (!SSL_CTX_add_extra_chain_cert(ctx, x509)) {
            X509_free(x509);
        }
    }
    ERR_clear_error();
    fclose(file);
    return NULL;
}

static char *fill_context(SSL_CTX *ctx)
{
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"sluice", 6);
    char *error = set_protocol_versions(ctx);
    if (error) {
        return error;
    }
    if (ciphers && SSL_CTX_set_cipher_list(ctx, ciphers) != 1) {
        return openssl_error("cannot use ciphers", ciphers);
    }
    if (!key.name || !cert.name) {
        return xasprintf("%s must be configured to use TLS (%s)", key.name ? "certificate" : "private key",
                         key.name ? "--certificate" : "--private-key");
    }
    if (SSL_CTX_use_certificate_chain_file(ctx, cert.name) != 1) {
        return openssl_error("cannot load certificate", cert.name);
    }
    if (SSL_CTX_use_PrivateKey_file(ctx, key.name, SSL_FILETYPE_PEM) != 1) {
        return openssl_error("cannot load private key", key.name);
    }
    if (SSL_CTX_check_private_key(ctx) != 1) {
        return openssl_error("private key does not fit the certificate", key.name);
    }
    error = load_ca_cert(ctx);
    return error ? error : add_peer_ca_certs(ctx);
}

/* Makes the context anew if an option or a file has changed. Files that are being replaced may not fit each
 * other yet: until they do, what they held before is in use. Under the mutex. */
static char *update_context(void)
{
    struct watched_file *files[] = {&key, &cert, &ca_cert, &peer_ca_cert};
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        files_changed |= file_changed(files[i]);
    }
    if (!changed && !files_changed && context) {
        return NULL;
    }
    SSL_CTX *ctx = SSL_CTX_new(TLS_method());
    if (!ctx) {
        return openssl_error("cannot begin with", "OpenSSL");
    }
    char *error = fill_context(ctx);
    if (error) {
        SSL_CTX_free(ctx);
        if (changed || !context) {
            return error;
        }
        LOG_WARN_RL(&rl, "%s: going on with what it held before", error);
        free(error);
        return NULL;
    }
    SSL_CTX_free(context);
    context = ctx;
    changed = files_changed = false;
    return NULL;
}

char *ssl_check(void)
{
    pthread_mutex_lock(&mutex);
    char *error = update_context();
    pthread_mutex_unlock(&mutex);
    return error;
}

struct ssl_st *ssl_session_new(int fd, bool server, const char *name, char **error)
{
    SSL *ssl = NULL;
    pthread_mutex_lock(&mutex);
    *error = error_prefix(update_context(), "%s", name);
    if (!*error) {
        ssl = SSL_new(context);
        if (!ssl || !SSL_set_fd(ssl, fd)) {
            *error = openssl_error("cannot begin TLS for", name);
            SSL_free(ssl);
            ssl = NULL;
        } else if (server) {
            SSL_set_accept_state(ssl);
        } else {
            SSL_set_connect_state(ssl);
        }
    }
    pthread_mutex_unlock(&mutex);
    return ssl;
}

/* The last certificate of the peer's chain, written to a new file; then this connection has to begin again,
 * so that it is checked against it. */
static bool keep_ca_cert(SSL *ssl, const char *name)
{
    STACK_OF(X509) *chain = SSL_get_peer_cert_chain(ssl);
    X509 *last = chain && sk_X509_num(chain) ? sk_X509_value(chain, sk_X509_num(chain) - 1) : NULL;
    if (!last || X509_check_issued(last, last) != X509_V_OK) {
        LOG_ERR("%s: the peer sent no self-signed CA certificate, cannot bootstrap from it", name);
        return false;
    }
    int fd = open(ca_cert.name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0444);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!file) {
        LOG_ERR("could not bootstrap CA cert: creating %s failed: %s", ca_cert.name, error_text(errno));
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    bool written = PEM_write_X509(file, last) == 1;
    if (fclose(file) || !written) {
        LOG_ERR("could not bootstrap CA cert: writing %s failed: %s", ca_cert.name, error_text(errno));
        unlink(ca_cert.name);
        return false;
    }
    LOG_INFO("successfully bootstrapped CA cert to %s", ca_cert.name);
    changed = true;
    return false;
}

bool ssl_session_bootstrap(struct ssl_st *ssl, const char *name)
{
    pthread_mutex_lock(&mutex);
    bool ok = !bootstrap || SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE || keep_ca_cert(ssl, name);
    pthread_mutex_unlock(&mutex);
    return ok;
}
