/* Walks /proc. */
#include "domain/processes.h"

#include "base/file.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COMM_SIZE_MAX = 64, PATH_SIZE = 64 };

static bool is_wanted(const struct process_wanted *wanted, const char *name, uid_t uid)
{
    if (wanted->uid && uid == wanted->uid)
        return true;
    for (size_t i = 0; i < wanted->name_count; i++)
        if (str_equal(wanted->names[i], name))
            return true;
    return false;
}

/* One /proc entry; a process that ended meanwhile is none. Its folder has the owner that the
 * process has; what lies in the folder belongs to root where the process may not be dumped
 * (proc(5)). */
static int look_at(const struct process_wanted *wanted, pid_t pid, int signal, struct buf *found)
{
    char path[PATH_SIZE];
    struct stat status;
    struct buf name = {0};
    (void)snprintf(path, sizeof(path), "/proc/%d", pid);
    if (stat(path, &status) < 0)
        return 0;
    (void)snprintf(path, sizeof(path), "/proc/%d/comm", pid);
    if (file_read(path, COMM_SIZE_MAX, &name) < 0) {
        buf_free(&name);
        return 0;
    }
    const char *word = name.data ? str_trim(name.data) : "";
    int error = 0;
    if (is_wanted(wanted, word, status.st_uid)) {
        buf_printf(found, "%s%s (%d)", found->length ? ", " : "", word, pid);
        if (signal && kill(pid, signal) < 0 && errno != ESRCH)
            error = -errno;
    }
    buf_free(&name);
    return error;
}

int processes_find(const struct process_wanted *wanted, int signal, struct buf *found,
                   size_t *count)
{
    DIR *folder = opendir("/proc");
    if (!folder)
        return -errno;
    int error = 0;
    *count = 0;
    for (const struct dirent *entry; (entry = readdir(folder));) {
        uint64_t pid;
        if (str_to_u64(entry->d_name, 1, INT32_MAX, &pid) < 0 || (pid_t)pid == getpid())
            continue;
        ++*count;
        int failed = look_at(wanted, (pid_t)pid, signal, found);
        error = error ? error : failed;
    }
    closedir(folder);
    return error ? error : buf_error(found);
}
