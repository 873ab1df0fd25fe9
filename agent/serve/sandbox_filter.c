/*
 * A table of allowed system calls, written out as a classic BPF program (seccomp(2)). Nothing that
 * opens, binds, forks or executes is in it, and what connects is the prober's alone. The order is
 * that of use by the front: the kernel walks the program from the top, unless it has cached the
 * verdict.
 */
#include "serve/sandbox_filter.h"

#include "base/str.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What decides: nothing, or an argument, of which these calls read the low 32 bits alone.
 * FAILS_WITH does not allow the call, but answers with an error in any mode. */
enum argument_test { ANY, IS, HAS_NONE_OF, FAILS_WITH };

/* Whose rule it is: bits of enum filter_process. */
enum { FRONT = FILTER_FRONT, PROBER = FILTER_PROBER, BOTH = FRONT | PROBER };

static const struct rule {
    unsigned processes;
    uint32_t number;
    enum argument_test test;
    uint32_t argument, value;
} rules[] = {
    {FRONT,  SYS_epoll_wait,      ANY,         0, 0          },
    {FRONT,  SYS_epoll_pwait,     ANY,         0, 0          },
    {BOTH,   SYS_recvfrom,        ANY,         0, 0          },
    {BOTH,   SYS_sendto,          ANY,         0, 0          },
    {FRONT,  SYS_sendmsg,         ANY,         0, 0          },
    {BOTH,   SYS_clock_gettime,   ANY,         0, 0          },
    {FRONT,  SYS_accept4,         ANY,         0, 0          },
    {FRONT,  SYS_epoll_ctl,       ANY,         0, 0          },
    {BOTH,   SYS_getrandom,       ANY,         0, 0          },
    {BOTH,   SYS_close,           ANY,         0, 0          },
    {FRONT,  SYS_shutdown,        ANY,         0, 0          },
    {FRONT,  SYS_socketpair,      IS,          0, AF_UNIX    },
    {FRONT,  SYS_setsockopt,      FAILS_WITH,  0, ENOPROTOOPT}, /* libmicrohttpd: it is no TCP */
    {FRONT,  SYS_recvmsg,         ANY,         0, 0          }, /* snapshots */
    {BOTH,   SYS_fcntl,           ANY,         0, 0          },
    {BOTH,   SYS_fstat,           ANY,         0, 0          },
    {BOTH,   SYS_read,            ANY,         0, 0          },
    {BOTH,   SYS_write,           ANY,         0, 0          }, /* the log */
    {BOTH,   SYS_writev,          ANY,         0, 0          },
    {BOTH,   SYS_brk,             ANY,         0, 0          },
    {BOTH,   SYS_mmap,            HAS_NONE_OF, 2, PROT_EXEC  },
    {BOTH,   SYS_mprotect,        HAS_NONE_OF, 2, PROT_EXEC  },
    {BOTH,   SYS_munmap,          ANY,         0, 0          },
    {BOTH,   SYS_mremap,          ANY,         0, 0          },
    {BOTH,   SYS_madvise,         ANY,         0, 0          },
    {BOTH,   SYS_gettimeofday,    ANY,         0, 0          },
    {BOTH,   SYS_futex,           ANY,         0, 0          },
    {BOTH,   SYS_rt_sigreturn,    ANY,         0, 0          },
    {BOTH,   SYS_rt_sigprocmask,  ANY,         0, 0          },
    {BOTH,   SYS_restart_syscall, ANY,         0, 0          },
    {BOTH,   SYS_exit,            ANY,         0, 0          },
    {BOTH,   SYS_exit_group,      ANY,         0, 0          },
    {PROBER, SYS_poll,            ANY,         0, 0          },
    {PROBER, SYS_socket,          ANY,         0, 0          },
    {PROBER, SYS_bind,            ANY,         0, 0          },
    {PROBER, SYS_connect,         ANY,         0, 0          },
    {PROBER, SYS_getsockopt,      ANY,         0, 0          },
    {PROBER, SYS_setsockopt,      ANY,         0, 0          },
    {PROBER, SYS_lseek,           ANY,         0, 0          },
    {PROBER, SYS_nanosleep,       ANY,         0, 0          },
    {PROBER, SYS_clock_nanosleep, ANY,         0, 0          },
};

enum {
    PREFIX = 6, /* instructions before the rules */
    A_RULE = 5, /* instructions a rule at the most */
    PROGRAM_MAX = PREFIX + A_RULE * (int)countof(rules) + 1,
    X32_BIT = 0x40000000 /* x86's other numbering behind the same architecture */
};

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

static void emit_rule(struct program *program, const struct rule *rule, uint32_t denied)
{
    if (rule->test == ANY || rule->test == FAILS_WITH) {
        uint32_t answer = rule->test == ANY ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | rule->value;
        emit(program, BPF_JMP | BPF_JEQ | BPF_K, rule->number, 0, 1);
        emit(program, BPF_RET | BPF_K, answer, 0, 0);
        return;
    }
    emit(program, BPF_JMP | BPF_JEQ | BPF_K, rule->number, 0, 4);
    emit_load(program, offsetof(struct seccomp_data, args[rule->argument]));
    if (rule->test == IS)
        emit(program, BPF_JMP | BPF_JEQ | BPF_K, rule->value, 0, 1);
    else
        emit(program, BPF_JMP | BPF_JSET | BPF_K, rule->value, 1, 0);
    emit(program, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
    emit(program, BPF_RET | BPF_K, denied, 0, 0);
}

int sandbox_filter_install(enum filter_process process, bool kill)
{
    struct program program = {.length = 0};
    uint32_t denied = kill ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ERRNO | EPERM;
    emit_prefix(&program);
    for (size_t i = 0; i < countof(rules); i++)
        if (rules[i].processes & process)
            emit_rule(&program, &rules[i], denied);
    emit(&program, BPF_RET | BPF_K, denied, 0, 0);
    const struct sock_fprog whole = {program.length, program.code};
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &whole) < 0 ? -errno : 0;
}
