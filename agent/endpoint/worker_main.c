/* What is checked here comes from the same binary, but a person may start it too: sizes, seals and
 * kinds of descriptors before meaning. */
#include "endpoint/worker_main.h"

#include "base/file.h"
#include "base/log.h"
#include "base/memfd.h"
#include "base/str.h"
#include "endpoint/worker_loop.h"
#include "pki/selftest.h"
#include "process/sandbox.h"
#include "tls/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WORD "front" /* no command of the table's */

enum { FD_LISTENER = 3, FD_CHANNEL, FD_START, FD_END };

enum {
    WORDS = 2,
    PEM_MAX = 1 << 16,
    DESCRIPTORS_BESIDE = 32,
    DESCRIPTORS_EACH = 3, /* a client's: its socket, and both ends of the pair */
    MEMORY_MAX = 64 << 20,
    NOT_STARTED = 2
};

/* --- the parent's side --- */

int worker_main_seal(const struct worker_setup *setup)
{
    const struct buf *certificate = &setup->certificate_pem, *key = &setup->key_pem;
    if (certificate->length > PEM_MAX || key->length > PEM_MAX)
        return -E2BIG;
    struct worker_start start = {
        .magic = WORKER_START_MAGIC,
        .size = sizeof(start),
        .certificate_size = (uint32_t)certificate->length,
        .key_size = (uint32_t)key->length,
        .parent_pid = getpid(),
        .uid = setup->uid,
        .gid = setup->gid,
        .seccomp_kill = setup->seccomp_kill,
        .fips = setup->fips,
        .ticket_key_s = setup->ticket_key_s,
        .limits = setup->limits,
        .stations = *setup->stations,
        .offer = setup->offer,
    };
    int fd = memfd_open("front");
    if (fd < 0)
        return fd;
    int error = file_write_all(fd, &start, sizeof(start));
    if (error == 0)
        error = file_write_all(fd, certificate->data, certificate->length);
    if (error == 0)
        error = file_write_all(fd, key->data, key->length);
    if (error == 0)
        error = memfd_seal(fd);
    if (error == 0)
        return fd;
    close(fd);
    return error;
}

/* First above the three numbers, so that none is closed before it has been copied. */
static int place(int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if ((fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, FD_END)) < 0)
            return -errno;
    for (int i = FD_LISTENER; i < FD_END; i++)
        if (dup2(fds[i - FD_LISTENER], i) < 0)
            return -errno;
    return 0;
}

int worker_main_execute(int binary, int listener, int channel, int start, int errors)
{
    int fds[] = {listener, channel, start, binary};
    char name[] = "holdfast", word[] = WORD;
    char *const words[] = {name, word, NULL};
    char *const environment[] = {NULL};
    int error = dup2(errors, STDERR_FILENO) < 0 ? -errno : place(fds, countof(fds));
    if (error)
        return error;
    if (syscall(SYS_close_range, FD_END, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
        syscall(SYS_execveat, fds[countof(fds) - 1], "", words, environment, AT_EMPTY_PATH);
    return -errno;
}

/* --- the child's side: what it was given --- */

bool worker_main_is_helper_invocation(int count, char *const *words)
{
    return count == WORDS && str_equal(words[1], WORD);
}

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

static bool start_is_valid(const struct worker_start *start, off_t file_size)
{
    return start->magic == WORKER_START_MAGIC && start->size == sizeof(*start) &&
           start->certificate_size <= PEM_MAX && start->key_size <= PEM_MAX &&
           file_size == (off_t)(sizeof(*start) + start->certificate_size + start->key_size) &&
           start->limits.connections <= WORKER_CONNECTIONS_MAX &&
           stations_are_valid(&start->stations) && tls_offer_is_valid(&start->offer);
}

static int read_pem(struct buf *pem, size_t size)
{
    int error = buf_reserve(pem, size);
    if (error == 0)
        error = file_read_exactly(FD_START, pem->data, size);
    if (error)
        return error;
    pem->length = size;
    pem->data[size] = '\0';
    return 0;
}

/* -EBADF when this is not what worker_main_execute started. The memfd is closed: with the parent's
 * descriptor, which goes too, its pages are the kernel's again. */
static int take(struct worker_start *start, struct buf *certificate, struct buf *key)
{
    struct stat status;
    if (!sockets_are_ours() || !memfd_is_sealed(FD_START) || fstat(FD_START, &status) < 0 ||
        status.st_size < (off_t)sizeof(*start) ||
        file_read_exactly(FD_START, start, sizeof(*start)) < 0 ||
        !start_is_valid(start, status.st_size))
        return -EBADF;
    int error = read_pem(certificate, start->certificate_size);
    if (error == 0)
        error = read_pem(key, start->key_size);
    close(FD_START);
    return error;
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
    int error = take(start, &certificate, &key);
    if (error == -EBADF)
        log_error("front: is started by \"holdfast run\" alone");
    const struct tls_server_setup secrets = {
        .offer = start->offer,
        .certificate_pem = &certificate,
        .key_pem = &key,
        .ticket_key_s = start->ticket_key_s,
    };
    if (error == 0)
        log_setup("", LOG_LEVEL_NOTICE); /* the daemon writes the name */
    if (error == 0 && start->fips)
        error = prove();
    if (error == 0)
        error = tls_server_open(tls, &secrets);
    buf_free(&certificate);
    buf_wipe(&key);
    return error;
}

static int serve(const struct worker_start *start, struct tls_server *tls)
{
    static const int keep[] = {FD_LISTENER, FD_CHANNEL};
    const struct sandbox sandbox = {
        .uid = start->uid,
        .gid = start->gid,
        .seccomp_kill = start->seccomp_kill != 0,
        .descriptors = start->limits.connections * DESCRIPTORS_EACH + DESCRIPTORS_BESIDE,
        .memory = MEMORY_MAX,
    };
    struct worker_loop *loop;
    int error = sandbox_close(keep, countof(keep));
    if (error == 0)
        error =
            worker_loop_open(&loop, &start->limits, &start->stations, FD_LISTENER, FD_CHANNEL, tls);
    if (error == 0)
        error = sandbox_enter(&sandbox, start->parent_pid);
    if (error == 0)
        error = worker_loop_run(loop);
    if (error)
        log_error("ends: %s", strerror(-error));
    return error;
}

/* execve(2) makes a process dumpable again: before the key is read it is not. What was executed by
 * a descriptor has the number of that for a name (Linux before 6.14). */
int worker_main(void)
{
    struct worker_start start;
    struct tls_server *tls;
    int error = prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? -errno : 0;
    if (error == 0 && prctl(PR_SET_NAME, "holdfast", 0, 0, 0) < 0)
        error = -errno;
    if (error == 0)
        error = open_tls(&tls, &start);
    if (error == -EBADF)
        return NOT_STARTED;
    return error || serve(&start, tls) ? EXIT_FAILURE : EXIT_SUCCESS;
}
