/*
 * A helper process that is taken over: the product's own sandbox, and behind it one attempt to get
 * out, for tests/tls/escape.t.
 *
 *   escape_driver front|prober kill|deny|confined ATTEMPT PORT PID FOLDER HOST HOST6
 *
 * "confined" leaves the system call filter out: what is left is what the limits, the account, the
 * empty root and Landlock refuse by themselves. The victims are the test's: a TCP and a UDP socket
 * at 127.0.0.1 PORT, a TCP socket at PORT of another host of each family, a UNIX stream and a UNIX
 * datagram socket at the abstract names of VICTIM, a process PID of the same account, and a FOLDER
 * with a "file", which everybody may read and change. It ends with the errno of the attempt, 0 when
 * that succeeded. "escape_driver list" prints the attempts.
 */
#include "base/str.h"
#include "probe/connect.h"
#include "process/sandbox.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define VICTIM "holdfast-victim"

enum {
    NOBODY = 65534,
    MEMORY = 8 << 20,
    STEP = 1 << 20,
    FAR = 256, /* steps that no limit permits */
    FILE_SIZE = 4096,
    WORDS = 9,
    UNUSABLE = 255
};

static struct {
    int listener, folder, file;
    struct sockaddr_in tcp, far;
    struct sockaddr_in6 far6;
    struct connect_sources sources; /* the prober's */
    struct sockaddr_un unix_socket;
    socklen_t unix_size;
    pid_t pid;
} world;

/* What a call gave, as an attempt's result: 0 or a positive errno. */
static int outcome(long result)
{
    return result < 0 ? errno : 0;
}

/* --- to connect and to send --- */

static int socket_of(int family, int type)
{
    int fd = socket(family, type, 0);
    return fd < 0 ? -errno : fd;
}

static int new_socket(void)
{
    int fd = socket_of(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC);
    return fd < 0 ? -fd : 0;
}

static int connect_by(int fd, const void *address, socklen_t size)
{
    return connect(fd, address, size) == 0 || errno == EINPROGRESS ? 0 : errno;
}

/* By the sockets that the process has from before, where there are any: the port of the first may
 * rest still from the run before (tcp(7), TIME_WAIT), and then the next is taken. */
static int connect_to(const void *address, socklen_t size, int family)
{
    int error = EADDRNOTAVAIL;
    bool has_any = false;
    for (size_t i = 0; error == EADDRNOTAVAIL && i < SOURCES_MAX; i++) {
        if (world.sources.list[i].family != family || world.sources.list[i].fd < 0)
            continue;
        has_any = true;
        error = connect_by(world.sources.list[i].fd, address, size);
    }
    if (has_any)
        return error;
    int fd = socket_of(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC);
    return fd < 0 ? -fd : connect_by(fd, address, size);
}

static int connect_tcp(void)
{
    return connect_to(&world.tcp, sizeof(world.tcp), AF_INET);
}

static int connect_other_port(void)
{
    world.tcp.sin_port = htons((uint16_t)(ntohs(world.tcp.sin_port) + 1));
    return connect_tcp();
}

static int connect_host(void)
{
    return connect_to(&world.far, sizeof(world.far), AF_INET);
}

static int connect_host6(void)
{
    return connect_to(&world.far6, sizeof(world.far6), AF_INET6);
}

static int take_port(void)
{
    int fd = socket_of(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC);
    const struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(19443)};
    return fd < 0 ? -fd : outcome(bind(fd, (const struct sockaddr *)&at, sizeof(at)));
}

/* TCP Fast Open connects a socket by sending, one that has stopped to listen too. */
static int fast_open(void)
{
    (void)shutdown(world.listener, SHUT_WR);
    return outcome(sendto(world.listener, "stolen", 6, MSG_FASTOPEN | MSG_NOSIGNAL,
                          (const struct sockaddr *)&world.tcp, sizeof(world.tcp)));
}

static int send_message(int flags)
{
    char text[] = "stolen";
    struct iovec part = {text, sizeof(text)};
    const struct msghdr message = {.msg_name = &world.tcp,
                                   .msg_namelen = sizeof(world.tcp),
                                   .msg_iov = &part,
                                   .msg_iovlen = 1};
    (void)shutdown(world.listener, SHUT_WR);
    return outcome(sendmsg(world.listener, &message, flags));
}

static int fast_open_message(void)
{
    return send_message(MSG_FASTOPEN | MSG_NOSIGNAL);
}

static int message_to_address(void)
{
    return send_message(MSG_NOSIGNAL);
}

static int fast_open_option(void)
{
    int on = 1;
    return outcome(setsockopt(world.listener, IPPROTO_TCP, 30, &on, sizeof(on)));
}

static int send_udp(void)
{
    int fd = socket_of(AF_INET, SOCK_DGRAM);
    return fd < 0 ? -fd
                  : outcome(sendto(fd, "stolen", 6, 0, (const struct sockaddr *)&world.tcp,
                                   sizeof(world.tcp)));
}

static int connect_unix(int type)
{
    int fd = socket_of(AF_UNIX, type);
    return fd < 0
               ? -fd
               : outcome(connect(fd, (const struct sockaddr *)&world.unix_socket, world.unix_size));
}

static int unix_stream(void)
{
    return connect_unix(SOCK_STREAM);
}

static int unix_datagram(void)
{
    world.unix_socket.sun_path[1] = 'd';
    return connect_unix(SOCK_DGRAM);
}

static int datagram_pair(void)
{
    int pair[2];
    world.unix_socket.sun_path[1] = 'd';
    if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) < 0)
        return errno;
    return outcome(sendto(pair[0], "stolen", 6, MSG_NOSIGNAL,
                          (const struct sockaddr *)&world.unix_socket, world.unix_size));
}

static int netlink_route(void)
{
    int fd = socket_of(AF_NETLINK, SOCK_RAW);
    return fd < 0 ? -fd : 0;
}

static int vsock(void)
{
    int fd = socket_of(AF_VSOCK, SOCK_STREAM);
    return fd < 0 ? -fd : 0;
}

static int multipath_tcp(void)
{
    return outcome(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 262));
}

static int io_uring(void)
{
    char parameters[120] = {0};
    return outcome(syscall(SYS_io_uring_setup, 1, parameters));
}

/* --- to signal --- */

static int kill_victim(void)
{
    return outcome(kill(world.pid, SIGKILL));
}

static int kill_thread(void)
{
    return outcome(syscall(SYS_tgkill, world.pid, world.pid, SIGKILL));
}

/* A socket that is ready tells its owner, by a signal of one's choice. */
static int signal_by_socket(void)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
        return errno;
    if (fcntl(pair[0], F_SETSIG, SIGKILL) < 0 || fcntl(pair[0], F_SETOWN, world.pid) < 0 ||
        fcntl(pair[0], F_SETFL, O_ASYNC | O_NONBLOCK) < 0)
        return errno;
    return outcome(send(pair[1], "x", 1, MSG_NOSIGNAL));
}

static int block_signals(void)
{
    unsigned long all = ~0UL;
    return outcome(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &all, NULL, sizeof(all)));
}

static int end_alarm(void)
{
    const unsigned long none[] = {0, 0, 0, 0};
    return outcome(syscall(SYS_setitimer, 0, none, NULL));
}

/* --- to open --- */

static int open_file(void)
{
    return outcome(open("/etc/passwd", O_RDONLY));
}

static int open_below(void)
{
    return outcome(openat(world.folder, "file", O_RDONLY));
}

static int make_folder_below(void)
{
    return outcome(mkdirat(world.folder, "made", 0700));
}

static int open_by_openat2(void)
{
    const uint64_t how[] = {O_RDONLY, 0, 0};
    return outcome(syscall(SYS_openat2, world.folder, "file", how, sizeof(how)));
}

static int make_memory_file(void)
{
    return outcome(memfd_create("escape", 0));
}

/* --- to start programs --- */

static int fork_child(void)
{
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    return outcome(child);
}

static int execute(void)
{
    char name[] = "sh";
    char *const words[] = {name, NULL};
    return outcome(execve("/bin/sh", words, words + 1));
}

static int trace(void)
{
    return outcome(syscall(SYS_ptrace, 16 /* PTRACE_ATTACH */, world.pid, 0, 0));
}

static int read_victim(void)
{
    char here[8];
    const struct iovec to = {here, sizeof(here)}, from = {(void *)&world, sizeof(here)};
    return outcome(syscall(SYS_process_vm_readv, world.pid, &to, 1, &from, 1, 0));
}

/* --- to grow --- */

static int grow_by(int protection, int flags)
{
    for (int i = 0; i < FAR; i++) {
        char *more = mmap(NULL, STEP, protection, flags, -1, 0);
        if (more == MAP_FAILED)
            return errno;
        for (size_t at = 0; at < STEP; at += FILE_SIZE)
            *(volatile char *)(more + at) = 1;
    }
    return 0;
}

static int grow_data(void)
{
    return grow_by(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
}

/* It is not counted as data. */
static int grow_shared(void)
{
    return grow_by(PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
}

static int grow_file(void)
{
    static const char block[FILE_SIZE];
    for (int i = 0; i < FAR; i++)
        if (write(world.file, block, sizeof(block)) != (ssize_t)sizeof(block))
            return errno;
    return 0;
}

static int make_code(void)
{
    return grow_by(PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS);
}

static int raise_limit(void)
{
    const struct rlimit more = {RLIM_INFINITY, RLIM_INFINITY};
    return outcome(prlimit(0, RLIMIT_DATA, &more, NULL));
}

/* What must succeed: an attempt that never comes so far proves nothing. */
static int nothing(void)
{
    return 0;
}

static const struct attempt {
    const char *name;
    int (*make)(void);
} attempts[] = {
    {"nothing", nothing},
    {"connect-tcp", connect_tcp},
    {"new-socket", new_socket},
    {"connect-other-port", connect_other_port},
    {"connect-host", connect_host},
    {"connect-host6", connect_host6},
    {"take-port", take_port},
    {"fast-open", fast_open},
    {"fast-open-message", fast_open_message},
    {"fast-open-option", fast_open_option},
    {"message-to-address", message_to_address},
    {"send-udp", send_udp},
    {"unix-stream", unix_stream},
    {"unix-datagram", unix_datagram},
    {"datagram-pair", datagram_pair},
    {"netlink", netlink_route},
    {"vsock", vsock},
    {"multipath-tcp", multipath_tcp},
    {"io-uring", io_uring},
    {"kill", kill_victim},
    {"kill-thread", kill_thread},
    {"signal-by-socket", signal_by_socket},
    {"block-signals", block_signals},
    {"end-alarm", end_alarm},
    {"open", open_file},
    {"open-below", open_below},
    {"make-folder-below", make_folder_below},
    {"openat2", open_by_openat2},
    {"memory-file", make_memory_file},
    {"fork", fork_child},
    {"execute", execute},
    {"trace", trace},
    {"read-victim", read_victim},
    {"grow-data", grow_data},
    {"grow-shared", grow_shared},
    {"grow-file", grow_file},
    {"make-code", make_code},
    {"raise-limit", raise_limit},
};

static const struct attempt *find(const char *name)
{
    for (size_t i = 0; i < countof(attempts); i++)
        if (str_equal(attempts[i].name, name))
            return &attempts[i];
    return NULL;
}

/* --- before the sandbox --- */

static bool find_hosts(uint64_t port, const char *host, const char *host6)
{
    world.far = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    world.far6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    return inet_pton(AF_INET, host, &world.far.sin_addr) == 1 &&
           inet_pton(AF_INET6, host6, &world.far6.sin6_addr) == 1;
}

static bool prepare(uint64_t port, uint64_t pid, const char *folder)
{
    static const char victim[] = "s" VICTIM;
    struct sockaddr_in any = {.sin_family = AF_INET};
    world.tcp = (struct sockaddr_in){.sin_family = AF_INET,
                                     .sin_port = htons((uint16_t)port),
                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    world.unix_socket.sun_family = AF_UNIX;
    memcpy(world.unix_socket.sun_path + 1, victim, sizeof(victim) - 1);
    world.unix_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof(victim));
    world.pid = (pid_t)pid;
    world.folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    world.file = memfd_create("file", MFD_CLOEXEC);
    world.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return world.folder >= 0 && world.file >= 0 && world.listener >= 0 &&
           bind(world.listener, (struct sockaddr *)&any, sizeof(any)) == 0 &&
           listen(world.listener, 1) == 0;
}

static bool enter(bool prober, const char *mode)
{
    const int keep[] = {world.listener, world.folder, world.file};
    const struct sandbox sandbox = {
        .uid = NOBODY,
        .gid = NOBODY,
        .filter = prober ? FILTER_PROBER : FILTER_ENDPOINT,
        .seccomp_kill = str_equal(mode, "kill"),
        .descriptors = 64,
        .memory = MEMORY,
        .file_size = FILE_SIZE,
        .ports = {ntohs(world.tcp.sin_port)},
        .port_count = prober ? 1 : 0,
    };
    if (sandbox_close(keep, countof(keep)) < 0)
        return false;
    if (prober)
        connect_sources_open(&world.sources);
    return (str_equal(mode, "confined") ? sandbox_confine(&sandbox, getppid())
                                        : sandbox_enter(&sandbox, getppid())) == 0;
}

int main(int count, char **words)
{
    uint64_t port, pid;
    if (count == 2 && str_equal(words[1], "list")) {
        for (size_t i = 0; i < countof(attempts); i++)
            puts(attempts[i].name);
        return 0;
    }
    const struct attempt *attempt = count == WORDS ? find(words[3]) : NULL;
    if (!attempt || str_to_u64(words[4], 1, UINT16_MAX, &port) < 0 ||
        str_to_u64(words[5], 1, INT32_MAX, &pid) < 0 || !prepare(port, pid, words[6]) ||
        !find_hosts(port, words[7], words[8]) || !enter(str_equal(words[1], "prober"), words[2]))
        return UNUSABLE;
    return attempt->make();
}
