/* The front's system call filter, in a child of its own for each call. */
#include "serve/sandbox_filter.h"

#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct call {
    long number;
    long arguments[6];
};

enum { NO_FILTER = 255, NO_ERROR = 0 };

/* How a child ended that made this call behind the filter: its exit status is the errno. */
static int child_status(const struct call *call, bool kill)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        const long *a = call->arguments;
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || sandbox_filter_install(kill) < 0)
            _exit(NO_FILTER);
        long result = syscall(call->number, a[0], a[1], a[2], a[3], a[4], a[5]);
        _exit(result < 0 ? errno : NO_ERROR);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static const struct call denied[] = {
    {SYS_socket,         {AF_INET, SOCK_STREAM}                                           },
    {SYS_socket,         {AF_UNIX, SOCK_STREAM}                                           },
    {SYS_socketpair,     {AF_INET, SOCK_STREAM}                                           },
    {SYS_connect,        {0}                                                              },
    {SYS_bind,           {0}                                                              },
    {SYS_listen,         {0}                                                              },
    {SYS_open,           {0}                                                              },
    {SYS_openat,         {AT_FDCWD}                                                       },
    {SYS_execve,         {0}                                                              },
    {SYS_fork,           {0}                                                              },
    {SYS_clone,          {0}                                                              },
    {SYS_ptrace,         {0}                                                              },
    {SYS_kill,           {1, 0}                                                           },
    {SYS_setuid,         {0}                                                              },
    {SYS_mount,          {0}                                                              },
    {SYS_chroot,         {0}                                                              },
    {SYS_ioctl,          {0, TIOCSTI}                                                     },
    {SYS_mmap,           {0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1}},
    {SYS_mprotect,       {0, 4096, PROT_EXEC}                                             },
    {SYS_memfd_create,   {0}                                                              },
    {SYS_io_uring_setup, {1}                                                              },
    {SYS_bpf,            {0}                                                              },
};

static void what_opens_connects_or_executes_is_denied(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(denied); i++) {
        int status = child_status(&denied[i], false);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), EPERM);
    }
}

static void in_kill_mode_it_ends_the_process(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(denied); i++) {
        int status = child_status(&denied[i], true);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGSYS);
    }
}

static void what_serving_needs_is_allowed(void **state)
{
    static int pair[2];
    static char bytes[16];
    const struct call allowed[] = {
        {SYS_getrandom,  {(long)(intptr_t)bytes, sizeof(bytes)}                            },
        {SYS_socketpair, {AF_UNIX, SOCK_STREAM, 0, (long)(intptr_t)pair}                   },
        {SYS_mmap,       {0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1}},
        {SYS_close,      {STDERR_FILENO}                                                   },
    };
    (void)state;
    for (size_t i = 0; i < countof(allowed); i++)
        assert_int_equal(child_status(&allowed[i], true), NO_ERROR);
}

static void socket_options_do_not_exist_in_either_mode(void **state)
{
    const struct call call = {SYS_setsockopt, {STDIN_FILENO}};
    (void)state;
    assert_int_equal(WEXITSTATUS(child_status(&call, false)), ENOPROTOOPT);
    assert_int_equal(WEXITSTATUS(child_status(&call, true)), ENOPROTOOPT);
}

static void the_other_numbering_of_x86_always_kills(void **state)
{
    const struct call call = {0x40000000 | SYS_getpid, {0}};
    (void)state;
    int status = child_status(&call, false);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_opens_connects_or_executes_is_denied),
        cmocka_unit_test(in_kill_mode_it_ends_the_process),
        cmocka_unit_test(what_serving_needs_is_allowed),
        cmocka_unit_test(socket_options_do_not_exist_in_either_mode),
        cmocka_unit_test(the_other_numbering_of_x86_always_kills),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
