/* Both ends of a helper's start, but for its main function: the fork, and the sandbox. */
#include "process/helper.h"

#include "base/log.h"
#include "process/users.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct helper rows[HELPERS] = {
#define HELPER(ID, NAME, MAIN, USER, FILTER, FDS, LOGS, FILES, MEMORY, CPU_S, LIFE_S)              \
    [HELPER_##ID] = {NAME, USER, FILTER, FDS, LOGS, FILES, MEMORY, CPU_S, LIFE_S},
#include "process/helpers.def"
#undef HELPER
};

#define HELPER(ID, NAME, MAIN, USER, FILTER, FDS, ...)                                             \
    _Static_assert((FDS) <= HELPER_DESCRIPTORS_MAX, NAME " is given no more descriptors");
#include "process/helpers.def"
#undef HELPER

const struct helper *helper_row(enum helper_id id)
{
    return &rows[id];
}

/* --- the fork --- */

/* First above all of the numbers, so that none is closed before it has been copied. The binary's
 * new number, or a negative errno. */
static int place_descriptors(const int *descriptors, unsigned count, int binary, int errors)
{
    int high[HELPER_DESCRIPTORS_MAX], end = HELPER_FD + (int)count;
    int high_binary = fcntl(binary, F_DUPFD_CLOEXEC, end);
    if (high_binary < 0)
        return -errno;
    for (unsigned i = 0; i < count; i++)
        if ((high[i] = fcntl(descriptors[i], F_DUPFD_CLOEXEC, end)) < 0)
            return -errno;
    for (unsigned i = 0; i < count; i++)
        if (dup2(high[i], HELPER_FD + (int)i) < 0)
            return -errno;
    if (errors >= 0 && dup2(errors, STDERR_FILENO) < 0)
        return -errno;
    return high_binary;
}

/* The death of the parent ends the helper from here on, since execve(2) keeps that. */
static int follow_parent(int parent_pid)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
        return -errno;
    return getppid() == parent_pid ? 0 : -ESRCH;
}

static _Noreturn void become(const struct helper *row, const int *descriptors, int binary,
                             int errors, int parent_pid)
{
    int error = follow_parent(parent_pid);
    if (error == 0)
        error = place_descriptors(descriptors, row->descriptors, binary, errors);
    if (error >= 0)
        error = helper_execute(error, row);
    log_error("%s: cannot be executed: %s", row->name, strerror(-error));
    _exit(EXIT_FAILURE);
}

/* The link in /proc leads to the file that runs, whatever stands at its path by now. */
int helper_spawn(enum helper_id id, const int *descriptors, int errors)
{
    int parent_pid = getpid();
    int binary = open("/proc/self/exe", O_PATH | O_CLOEXEC);
    if (binary < 0)
        return -errno;
    int pid = fork();
    if (pid == 0)
        become(&rows[id], descriptors, binary, errors, parent_pid);
    int error = pid < 0 ? -errno : 0;
    close(binary);
    return error ? error : pid;
}

int helper_end(int pid)
{
    int status = 0;
    (void)kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

/* --- the sandbox --- */

struct sandbox helper_sandbox(const struct helper_self *self)
{
    const struct helper *row = self->row;
    struct sandbox sandbox = {
        .filter = row->filter,
        .seccomp_kill = true,
        .silent = !row->logs,
        .descriptors = row->open_files,
        .memory = row->memory,
    };
    if (geteuid() != 0)
        return sandbox;
    users_find(row->user, &sandbox.uid, &sandbox.gid);
    return sandbox;
}
