/* The endpoint's process, from its first instruction: it checks what it was given, gives up every
 * privilege, and serves until the channel closes. */
#include "base/log.h"
#include "endpoint/worker_channel.h"
#include "endpoint/worker_loop.h"
#include "endpoint/worker_start.h"
#include "pki/selftest.h"
#include "process/helper.h"
#include "tls/tls.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    FD_LISTENER = HELPER_FD + WORKER_LISTENER,
    FD_CHANNEL = HELPER_FD + WORKER_CHANNEL,
    FD_START = HELPER_FD + WORKER_START,
    DESCRIPTORS_BESIDE = 32,
    DESCRIPTORS_EACH = 3 /* a client's: its socket, and both ends of the pair */
};

/* --- what it was given --- */

static bool option_is(int fd, int option, int wanted)
{
    int value;
    socklen_t size = sizeof(value);
    return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 && value == wanted;
}

static bool sockets_are_ours(void)
{
    return option_is(FD_LISTENER, SO_TYPE, SOCK_STREAM) &&
           option_is(FD_LISTENER, SO_ACCEPTCONN, 1) &&
           option_is(FD_CHANNEL, SO_TYPE, SOCK_SEQPACKET) &&
           option_is(FD_CHANNEL, SO_DOMAIN, AF_UNIX);
}

/* The memfd is closed: with the daemon's descriptor, which goes too, its pages are the kernel's
 * again. */
static int read_start(struct worker_start *start, struct buf *certificate, struct buf *key)
{
    if (!sockets_are_ours())
        return HELPER_NOT_SPAWNED;
    int error = worker_start_read(FD_START, start, certificate, key);
    close(FD_START);
    return error == -EBADMSG ? HELPER_NOT_SPAWNED : error;
}

/* --- and what it does with it --- */

/* A process of its own proves its own libraries. */
static int prove(void)
{
    struct selftest_report report;
    selftest_run(SELFTEST_ALL, &report);
    for (size_t i = 0; i < SELFTEST_LIBRARIES; i++)
        if (report.library[i].failed)
            log_error("a self-test failed: %s of %s", report.library[i].first_failed,
                      selftest_library_name((enum selftest_library)i));
    return selftest_passed(&report) ? 0 : -EKEYREJECTED;
}

static int open_tls(struct tls_server **tls, struct worker_start *start)
{
    struct buf certificate = {0}, key = {0};
    int error = read_start(start, &certificate, &key);
    const struct tls_server_setup secrets = {
        .offer = start->offer,
        .certificate_pem = &certificate,
        .key_pem = &key,
        .ticket_key_s = start->ticket_key_s,
    };
    if (error == 0 && start->fips)
        error = prove();
    if (error == 0)
        error = tls_server_open(tls, &secrets);
    buf_free(&certificate);
    buf_wipe(&key);
    return error;
}

static int serve(const struct helper_self *self, const struct worker_start *start,
                 struct tls_server *tls)
{
    struct worker_loop *loop;
    struct sandbox sandbox = helper_sandbox(self);
    sandbox.descriptors = start->limits.connections * DESCRIPTORS_EACH + DESCRIPTORS_BESIDE;
    int error =
        worker_loop_open(&loop, &start->limits, &start->stations, FD_LISTENER, FD_CHANNEL, tls);
    if (error == 0)
        error = sandbox_enter(&sandbox, self->parent_pid);
    return error ? error : worker_loop_run(loop);
}

int worker_main(const struct helper_self *self)
{
    struct worker_start start = {0};
    struct tls_server *tls;
    int error = open_tls(&tls, &start);
    if (error == 0)
        error = serve(self, &start, tls);
    if (error < 0)
        log_error("ends: %s", strerror(-error));
    return error;
}
