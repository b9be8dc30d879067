/* SPDX-License-Identifier: Apache-2.0 */
#include "io/stream.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "io/loop.h"
#include "io/ssl.h"

static char dir[] = "/tmp/stream_test.XXXXXX";
static struct loop *loop;
static struct stream *server_end;

static void accepted(struct stream *stream, void *aux)
{
    assert_null(server_end);
    server_end = stream;
}

static void set_flag(void *flag)
{
    *(bool *)flag = true;
}

static void turn_until(const bool *flag)
{
    for (int i = 0; i < 1000 && !*flag; i++) {
        loop_turn(loop, true);
    }
    assert_true(*flag);
}

/* Waits for a stream to be able to do WHAT, then calls; EAGAIN waits again. */
static int do_connect(struct stream *stream)
{
    int error;
    while ((error = stream_connect(stream)) == EAGAIN) {
        bool ready = false;
        stream_watch(stream, loop, set_flag, &ready);
        stream_want(stream, STREAM_CONNECT);
        turn_until(&ready);
    }
    return error;
}

static void exchange(struct stream *from, struct stream *to)
{
    enum {
        N = 300000
    };
    uint8_t *out = xmalloc(N), *in = xmalloc(N);
    size_t n_out = 0, n_in = 0, n;
    for (int i = 0; i < N; i++) {
        out[i] = (uint8_t)(i * 7 / 3);
    }
    bool ready = false;
    stream_watch(from, loop, set_flag, &ready);
    stream_watch(to, loop, set_flag, &ready);
    while (n_in < N) {
        int error = stream_send(from, out + n_out, N - n_out, &n);
        assert_true(!error || error == EAGAIN);
        n_out += n;
        error = stream_recv(to, in + n_in, MIN(N - n_in, 5000), &n);
        assert_true(!error || error == EAGAIN);
        n_in += n;
        if (error == EAGAIN) {
            ready = false;
            stream_want(from, n_out < N ? STREAM_SEND : 0);
            stream_want(to, STREAM_RECV);
            turn_until(&ready);
        }
    }
    assert_memory_equal(in, out, N);
    stream_want(from, 0);
    stream_want(to, 0);
    free(out);
    free(in);
}

static void talk(const char *listen, const char *connect)
{
    struct listener *listener;
    struct stream *client;
    char *error = NULL, active[200];
    assert_int_equal(listener_open(listen, 0, 0, loop, accepted, NULL, &listener, &error), 0);
    snprintf(active, sizeof active, connect, listener_port(listener));
    assert_int_equal(stream_open(active, 0, 0, &client), 0);
    while (!server_end) {
        loop_turn(loop, true);
    }
    /* TLS needs both sides to move. */
    bool tls = !strncmp(connect, "ssl", 3);
    int a = EAGAIN, b = EAGAIN;
    for (int i = 0; i < 1000 && tls && (a || b); i++) {
        a = stream_connect(client);
        b = stream_connect(server_end);
        usleep(100);
    }
    assert_int_equal(do_connect(client), 0);
    assert_int_equal(do_connect(server_end), 0);
    exchange(client, server_end);
    exchange(server_end, client);
    stream_close(client);
    size_t n;
    char byte;
    int result;
    while ((result = stream_recv(server_end, &byte, 1, &n)) == EAGAIN) {
        usleep(100);
    }
    assert_int_equal(result, ERROR_EOF);
    stream_close(server_end);
    server_end = NULL;
    listener_close(listener);
}

static void talks(void **state)
{
    char listen[100], connect[100];
    snprintf(listen, sizeof listen, "punix:%s/s", dir);
    snprintf(connect, sizeof connect, "unix:%s/s", dir);
    talk(listen, connect);
    assert_int_equal(access(connect + 5, F_OK), -1); /* removed with the listener */
    talk("ptcp:0:127.0.0.1", "tcp:127.0.0.1:%u");
    talk("ptcp::[::1]", "tcp:[::1]:%u");
}

static void keeps_off_living_sockets(void **state)
{
    struct listener *a, *b;
    char name[100], *error;
    struct stat s;
    snprintf(name, sizeof name, "punix:%s/alive", dir);
    assert_int_equal(listener_open(name, 0, 0, loop, accepted, NULL, &a, NULL), 0);
    assert_int_equal(listener_open(name, 0, 0, loop, accepted, NULL, &b, &error), EADDRINUSE);
    assert_non_null(strstr(error, "another process is listening there"));
    free(error);
    assert_int_equal(stat(name + 6, &s), 0);
    listener_close(a);

    /* A plain file is never taken for a socket of the dead. */
    FILE *file = fopen(name + 6, "w");
    fclose(file);
    assert_int_equal(listener_open(name, 0, 0, loop, accepted, NULL, &b, NULL), EEXIST);
    unlink(name + 6);

    /* What a dead process left is replaced. */
    if (!fork()) {
        struct loop *other = loop_create("child");
        struct listener *l;
        listener_open(name, 0, 0, other, accepted, NULL, &l, NULL);
        _exit(0);
    }
    sleep(0);
    while (stat(name + 6, &s)) {
        usleep(1000);
    }
    usleep(100000);
    assert_int_equal(listener_open(name, 0, 0, loop, accepted, NULL, &b, NULL), 0);
    listener_close(b);

    char long_name[300], long_connect[300];
    snprintf(long_name, sizeof long_name, "punix:%s/%0120d", dir, 0);
    assert_int_equal(listener_open(long_name, 0, 0, loop, accepted, NULL, &b, NULL), ENAMETOOLONG);
    snprintf(long_name, sizeof long_name, "%s/%080d", dir, 0);
    mkdir(long_name, 0700);
    snprintf(long_name, sizeof long_name, "punix:%s/%080d/sock", dir, 0);
    snprintf(long_connect, sizeof long_connect, "unix:%s/%080d/sock", dir, 0);
    talk(long_name, long_connect);
}

static void checks_names(void **state)
{
    static const struct {
        const char *name;
        bool passive;
        const char *error; /* NULL: good */
    } cases[] = {
        {"unix:/x", false, NULL},
        {"tcp:1.2.3.4:66", false, NULL},
        {"tcp:[fe80::1%lo]:66", false, NULL},
        {"tcp:example:66", false, NULL},
        {"ptcp:", true, NULL},
        {"pssl:6640:::1", true, NULL},
        {"ptcp:6640:1.2.3.4", true, NULL},
        {"tcp:1.2.3.4:x", false, "bad port number \"x\""},
        {"tcp:1.2.3.4:65536", false, "bad port number \"65536\""},
        {"ptcp:1:nowhere", true, "bad IP address \"nowhere\""},
        {"unix:", false, "unix:: a file name must follow"},
        {"punix:/x", false,
         "punix:/x: unknown connection method, expected unix:FILE, tcp:HOST[:PORT] or ssl:HOST[:PORT]"},
        {"foo", true,
         "foo: unknown connection method, expected punix:FILE, ptcp:[PORT][:IP] or pssl:[PORT][:IP]"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char *error =
            cases[i].passive ? listener_check_name(cases[i].name) : stream_check_name(cases[i].name);
        assert_string_equal(error ? error : "(none)", cases[i].error ? cases[i].error : "(none)");
        free(error);
    }
    struct stream *stream;
    assert_int_equal(stream_open("unix:/nonexistent/x", 0, 0, &stream), ENOENT);
    assert_int_equal(stream_open("foo:1", 0, 0, &stream), EAFNOSUPPORT);
}

/* A self-signed certificate that is its own CA. */
static void make_certificate(const char *key_file, const char *cert_file)
{
    EVP_PKEY *key = EVP_RSA_gen(2048);
    X509 *x509 = X509_new();
    X509_set_version(x509, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), -60);
    X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
    X509_set_pubkey(x509, key);
    X509_NAME *name = X509_get_subject_name(x509);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)key_file, -1, -1, 0);
    X509_set_issuer_name(x509, name);
    X509_sign(x509, key, EVP_sha256());
    FILE *file = fopen(key_file, "w");
    PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
    fclose(file);
    file = fopen(cert_file, "w");
    PEM_write_X509(file, x509);
    fclose(file);
    X509_free(x509);
    EVP_PKEY_free(key);
}

static void talks_tls(void **state)
{
    char key[100], cert[100], other_key[100], other_cert[100], *error;
    struct stream *stream;
    struct listener *listener;
    snprintf(key, sizeof key, "%s/key", dir);
    snprintf(cert, sizeof cert, "%s/cert", dir);
    snprintf(other_key, sizeof other_key, "%s/other-key", dir);
    snprintf(other_cert, sizeof other_cert, "%s/other-cert", dir);
    make_certificate(key, cert);
    make_certificate(other_key, other_cert);

    error = ssl_check();
    assert_string_equal(error, "private key must be configured to use TLS (--private-key)");
    free(error);
    ssl_set_key_and_cert(key, cert);
    ssl_set_ca_cert(cert, false);
    error = ssl_check();
    assert_null(error);
    talk("pssl:0:127.0.0.1", "ssl:127.0.0.1:%u");

    /* A certificate that our CA did not sign is refused. */
    ssl_set_ca_cert(other_cert, false);
    assert_int_equal(listener_open("pssl:0:127.0.0.1", 0, 0, loop, accepted, NULL, &listener, NULL), 0);
    char name[64];
    snprintf(name, sizeof name, "ssl:127.0.0.1:%u", listener_port(listener));
    assert_int_equal(stream_open(name, 0, 0, &stream), 0);
    int a = EAGAIN;
    for (int i = 0; i < 1000 && a == EAGAIN; i++) {
        loop_turn(loop, false);
        a = stream_connect(stream);
        if (server_end) {
            stream_connect(server_end);
        }
        usleep(100);
    }
    assert_int_equal(a, EPROTO);
    stream_close(stream);
    stream_close(server_end);
    server_end = NULL;
    listener_close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(talks),
        cmocka_unit_test(keeps_off_living_sockets),
        cmocka_unit_test(checks_names),
        cmocka_unit_test(talks_tls),
    };
    if (!mkdtemp(dir)) {
        return 77;
    }
    log_set_level(NULL, LOG_CONSOLE, LOG_LEVEL_OFF);
    loop = loop_create("test");
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    loop_destroy(loop);
    char *command = xasprintf("rm -rf %s", dir);
    failed += system(command) != 0;
    free(command);
    return failed;
}
