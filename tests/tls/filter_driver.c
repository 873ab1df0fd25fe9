/*
 * One system call behind the front's filter, for tests/tls/filter.t.
 *
 *   filter_driver kill|deny NUMBER [ARGUMENT...]
 *
 * ends with the call's errno, 0 when it succeeded.
 */
#include "base/str.h"
#include "serve/sandbox_filter.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ARGUMENTS_MAX = 6, FIRST = 2, UNUSABLE = 255 };

int main(int count, char **words)
{
    uint64_t call[1 + ARGUMENTS_MAX] = {0};
    if (count < FIRST + 1 || count > FIRST + 1 + ARGUMENTS_MAX)
        return UNUSABLE;
    for (int i = FIRST; i < count; i++)
        if (str_to_u64(words[i], 0, UINT64_MAX, &call[i - FIRST]) < 0)
            return UNUSABLE;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        sandbox_filter_install(FILTER_FRONT, str_equal(words[1], "kill")) < 0)
        return UNUSABLE;
    long result = syscall((long)call[0], call[1], call[2], call[3], call[4], call[5], call[6]);
    return result < 0 ? errno : 0;
}
