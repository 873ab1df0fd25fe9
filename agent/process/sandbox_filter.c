/*
 * A table of allowed system calls, written out as a classic BPF program (seccomp(2)). A call is
 * allowed when one of its rows fits: number and arguments, each compared in all of its 64 bits.
 * Nothing that opens, forks, executes, binds, sends a signal or names an address is in the
 * table, but for the prober's connect(2): it has TCP sockets bound to loopback, and makes no other.
 * A filter cannot read memory: what a pointer leads to is not checked, so that a row with a pointer
 * is here only where no content makes the call do more. The order is that of use by the endpoint:
 * the kernel walks the program from the top, unless it has cached the answer.
 */
#include "process/sandbox_filter.h"

#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum argument_test { NO_MORE, EQUALS, AT_MOST };

struct argument {
    enum argument_test test;
    uint32_t index, value; /* the argument's upper 32 bits must be 0 */
};

#define IS(index, value)                                                                           \
    {                                                                                              \
        EQUALS, index, value                                                                       \
    }
#define UPTO(index, value)                                                                         \
    {                                                                                              \
        AT_MOST, index, value                                                                      \
    }
#define NO_ADDRESS IS(4, 0) /* of sendto(2) and recvfrom(2) */

/* Which filter has the row: bits of enum filter_process. */
enum {
    ENDPOINT = FILTER_ENDPOINT,
    PROBER = FILTER_PROBER,
    BOTH = ENDPOINT | PROBER,
    ALL = BOTH | FILTER_PASSWORD
};

enum {
    ARGUMENTS_MAX = 3,
    NEW_SOCKET = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
    ACCEPTED = SOCK_NONBLOCK | SOCK_CLOEXEC,
    READ_WRITE = PROT_READ | PROT_WRITE,
    ANONYMOUS = MAP_PRIVATE | MAP_ANONYMOUS,
    LAST_CLOCK = CLOCK_BOOTTIME /* above it, and below 0, are other processes' and devices' */
};

static const struct rule {
    unsigned processes;
    uint32_t number;
    struct argument arguments[ARGUMENTS_MAX];
    uint16_t error; /* not allowed, but answered with this errno in any mode */
} rules[] = {
    /* clang-format off */
    {ENDPOINT, SYS_epoll_pwait,     {IS(4, 0)}, 0}, /* no signal mask */
    {ENDPOINT, SYS_recvfrom,        {IS(3, 0), NO_ADDRESS}, 0},
    {BOTH,     SYS_sendto,          {IS(3, MSG_NOSIGNAL), NO_ADDRESS}, 0},
    {BOTH,     SYS_getrandom,       {IS(2, 0)}, 0},
    {ENDPOINT, SYS_accept4,         {IS(3, ACCEPTED)}, 0},
    {ENDPOINT, SYS_getsockname,     {{0}}, 0},
    {BOTH,     SYS_close,           {{0}}, 0},
    {ENDPOINT, SYS_epoll_ctl,       {UPTO(1, EPOLL_CTL_MOD)}, 0},
    {ENDPOINT, SYS_shutdown,        {IS(1, SHUT_WR)}, 0}, /* does not end a listener's listening */
    {ENDPOINT, SYS_socketpair,      {IS(0, AF_UNIX), IS(1, NEW_SOCKET), IS(2, 0)}, 0},
    {ENDPOINT, SYS_fcntl,           {IS(1, F_GETFL)}, 0}, /* libmicrohttpd */
    /* libmicrohttpd asks for these two; it gets none, since the pair is no TCP. */
    {ENDPOINT, SYS_setsockopt,      {IS(1, IPPROTO_TCP), IS(2, TCP_NODELAY), IS(4, sizeof(int))}, ENOPROTOOPT},
    {ENDPOINT, SYS_setsockopt,      {IS(1, IPPROTO_TCP), IS(2, TCP_CORK), IS(4, sizeof(int))}, ENOPROTOOPT},
    {BOTH,     SYS_sendto,          {IS(3, MSG_NOSIGNAL | MSG_DONTWAIT), NO_ADDRESS}, 0},
    {ENDPOINT, SYS_sendto,          {IS(3, MSG_NOSIGNAL | MSG_MORE), NO_ADDRESS}, 0},
    {PROBER,   SYS_recvfrom,        {IS(3, MSG_NOSIGNAL), NO_ADDRESS}, 0},
    {PROBER,   SYS_recvfrom,        {IS(3, MSG_DONTWAIT), NO_ADDRESS}, 0},
    /* The C library's allocator: data, guard pages, and what it gives back. */
    {ALL,      SYS_mmap,            {IS(2, READ_WRITE), IS(3, ANONYMOUS)}, 0},
    {ALL,      SYS_mmap,            {IS(2, PROT_NONE), IS(3, ANONYMOUS)}, 0},
    {ALL,      SYS_mmap,            {IS(2, PROT_NONE), IS(3, ANONYMOUS | MAP_FIXED)}, 0},
    {ALL,      SYS_mprotect,        {IS(2, READ_WRITE)}, 0},
    {ALL,      SYS_munmap,          {{0}}, 0},
    {ALL,      SYS_mremap,          {IS(3, MREMAP_MAYMOVE)}, 0},
    {ALL,      SYS_madvise,         {IS(2, MADV_FREE)}, 0},
    {ALL,      SYS_brk,             {{0}}, 0},
    {ENDPOINT, SYS_recvmsg,         {IS(2, MSG_CMSG_CLOEXEC)}, 0}, /* snapshots: these four */
    {ENDPOINT, SYS_fcntl,           {IS(1, F_GET_SEALS)}, 0},
    {ENDPOINT, SYS_mmap,            {IS(2, PROT_READ), IS(3, MAP_PRIVATE)}, 0},
    {ENDPOINT, SYS_fstat,           {{0}}, 0},
    {ENDPOINT, SYS_read,            {{0}}, 0},
    {ALL,      SYS_write,           {{0}}, 0}, /* the log */
    {BOTH,     SYS_clock_gettime,   {UPTO(0, LAST_CLOCK)}, 0}, /* where the vDSO has no clock */
    {ALL,      SYS_exit_group,      {{0}}, 0},
    {PROBER,   SYS_poll,            {{0}}, 0},
    {PROBER,   SYS_connect,         {IS(2, sizeof(struct sockaddr_in))}, 0}, /* of sockets that are */
    {PROBER,   SYS_connect,         {IS(2, sizeof(struct sockaddr_in6))}, 0}, /* bound to loopback */
    {PROBER,   SYS_getsockopt,      {IS(1, SOL_SOCKET), IS(2, SO_ERROR)}, 0},
    {PROBER,   SYS_setsockopt,      {IS(1, IPPROTO_TCP), IS(2, TCP_NODELAY), IS(4, sizeof(int))}, 0},
    {PROBER,   SYS_lseek,           {IS(1, 0), IS(2, SEEK_SET)}, 0},
    {PROBER,   SYS_nanosleep,       {{0}}, 0},
    {PROBER,   SYS_restart_syscall, {{0}}, 0}, /* poll(2), nanosleep(2) after a stop */
    /* clang-format on */
};

enum {
    PREFIX = 6, /* instructions before the rules */
    TEST = 4,   /* an argument: both halves loaded and compared */
    A_RULE = 3 + TEST * ARGUMENTS_MAX,
    PROGRAM_MAX = PREFIX + A_RULE * (int)countof(rules) + 1,
    X32_BIT = 0x40000000 /* x86's other numbering behind the same architecture */
};

_Static_assert(PROGRAM_MAX <= BPF_MAXINSNS, "the program is longer than the kernel accepts");

struct program {
    struct sock_filter code[PROGRAM_MAX];
    unsigned short length;
};

static void emit(struct program *program, uint16_t code, uint32_t value, uint8_t yes, uint8_t no)
{
    program->code[program->length++] = (struct sock_filter){code, yes, no, value};
}

static void emit_load(struct program *program, size_t offset)
{
    emit(program, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

/* A call of another architecture has other numbers: nothing that we do, so it kills in any mode. */
static void emit_prefix(struct program *program)
{
    emit_load(program, offsetof(struct seccomp_data, arch));
    emit(program, BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
    emit(program, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
    emit_load(program, offsetof(struct seccomp_data, nr));
    emit(program, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
    emit(program, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
}

/* How far to jump from the instruction that comes next to the rule's end. */
static uint8_t to_end(const struct program *program, unsigned end)
{
    return (uint8_t)(end - program->length - 1);
}

static void emit_argument(struct program *program, const struct argument *argument, unsigned end)
{
    size_t low = offsetof(struct seccomp_data, args[argument->index]);
    emit_load(program, low + sizeof(uint32_t));
    emit(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, to_end(program, end));
    emit_load(program, low);
    if (argument->test == EQUALS)
        emit(program, BPF_JMP | BPF_JEQ | BPF_K, argument->value, 0, to_end(program, end));
    else
        emit(program, BPF_JMP | BPF_JGT | BPF_K, argument->value, to_end(program, end), 0);
}

static unsigned count_tests(const struct rule *rule)
{
    unsigned count = 0;
    while (count < ARGUMENTS_MAX && rule->arguments[count].test != NO_MORE)
        count++;
    return count;
}

/* A rule that does not fit leads to the next one. */
static void emit_rule(struct program *program, const struct rule *rule)
{
    unsigned tests = count_tests(rule);
    unsigned end = program->length + A_RULE - TEST * (ARGUMENTS_MAX - tests);
    emit_load(program, offsetof(struct seccomp_data, nr));
    emit(program, BPF_JMP | BPF_JEQ | BPF_K, rule->number, 0, to_end(program, end));
    for (unsigned i = 0; i < tests; i++)
        emit_argument(program, &rule->arguments[i], end);
    emit(program, BPF_RET | BPF_K,
         rule->error ? SECCOMP_RET_ERRNO | rule->error : SECCOMP_RET_ALLOW, 0, 0);
}

int sandbox_filter_install(enum filter_process process, bool kill)
{
    struct program program = {.length = 0};
    uint32_t denied = kill ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ERRNO | EPERM;
    emit_prefix(&program);
    for (size_t i = 0; i < countof(rules); i++)
        if (rules[i].processes & process)
            emit_rule(&program, &rules[i]);
    emit(&program, BPF_RET | BPF_K, denied, 0, 0);
    const struct sock_fprog whole = {program.length, program.code};
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &whole) < 0 ? -errno : 0;
}
