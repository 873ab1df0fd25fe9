/* The step from the daemon's program to the helper's. */
#include "process/helper.h"

#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NAME_SIZE = 32 };

int helper_execute(int binary, const struct helper *row)
{
    char program[] = "holdfast", name[NAME_SIZE];
    char *const words[] = {program, name, NULL};
    char *const environment[] = {NULL};
    int error = str_copy(name, sizeof(name), row->name);
    if (error)
        return error;
    if (syscall(SYS_close_range, HELPER_FD + row->descriptors, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
        syscall(SYS_execveat, binary, "", words, environment, AT_EMPTY_PATH);
    return -errno;
}
