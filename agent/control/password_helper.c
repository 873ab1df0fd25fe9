/* The process that computes one hash, and the daemon's side of it. */
#include "control/password_helper.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "control/password.h"
#include "process/sandbox.h"
#include "process/users.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    CPU_MAX_S = 120, /* musl takes no more than 9,999,999 rounds, bcrypt a cost that never ends */
    DESCRIPTORS = 8, /* Landlock's own, while it is entered */
    MEMORY_MAX = 8 << 20
};

void password_helper_init(struct password_helper *helper)
{
    *helper = (struct password_helper){.fd = -1};
}

/* An errno of the system's is not a verdict on a password. */
static int cannot_run(int error)
{
    log_error("cannot run the process that checks a password: %s", strerror(-error));
    return -EIO;
}

/* --- the process --- */

static int confine(int result, int parent_pid)
{
    const unsigned user = geteuid() == 0 ? USERS_NOBODY : 0;
    const struct sandbox sandbox = {
        .uid = user, .gid = user, .descriptors = DESCRIPTORS, .memory = MEMORY_MAX};
    const struct rlimit processor = {CPU_MAX_S, CPU_MAX_S};
    int error = sandbox_close(&result, 1);
    if (error == 0 && setrlimit(RLIMIT_CPU, &processor) < 0)
        error = -errno;
    if (error == 0)
        error = sandbox_confine(&sandbox, parent_pid);
    if (error == 0 && dup2(STDOUT_FILENO, STDERR_FILENO) < 0) /* nowhere: it has nothing to say */
        error = -errno;
    return error;
}

static _Noreturn void compute(int result, int parent_pid, const char *password, const char *hash)
{
    int error = confine(result, parent_pid);
    int verdict = error ? cannot_run(error) : password_compare(password, hash);
    _exit(file_write_all(result, &verdict, sizeof(verdict)) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* --- the daemon's side --- */

static int fork_process(struct password_helper *helper, const char *password, const char *hash)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    int parent_pid = getpid();
    pid_t pid = fork();
    int error = pid < 0 ? -errno : 0;
    if (pid == 0)
        compute(ends[1], parent_pid, password, hash);
    close(ends[1]);
    if (error) {
        close(ends[0]);
        return error;
    }
    helper->pid = pid;
    helper->fd = ends[0];
    return 0;
}

int password_helper_start(struct password_helper *helper, const char *root, const char *user,
                          const char *password)
{
    struct buf hash = {0};
    bool is_admin = str_equal(user, PASSWORD_ADMIN);
    int error = password_stored(root, &hash);
    password_helper_init(helper);
    helper->instead = !is_admin ? -EACCES : error == -EPERM ? -EPERM : 0;
    if (error == -EPERM || (error == -ENOTSUP && !is_admin)) {
        buf_clear(&hash);
        buf_puts(&hash, PASSWORD_OF_NOBODY);
        error = 0;
    }
    if (error == 0) {
        int failure = buf_error(&hash);
        if (failure == 0)
            failure = fork_process(helper, password, buf_text(&hash));
        error = failure ? cannot_run(failure) : 0;
    }
    buf_wipe(&hash);
    return error;
}

int password_helper_finish(struct password_helper *helper)
{
    int result = 0, instead = helper->instead;
    int error = file_read_exactly(helper->fd, &result, sizeof(result));
    password_helper_close(helper);
    if (error)
        return -ETIME;
    return instead ? instead : result > 0 ? -EBADMSG : result;
}

void password_helper_close(struct password_helper *helper)
{
    if (helper->pid) {
        (void)kill(helper->pid, SIGKILL);
        (void)waitpid(helper->pid, NULL, 0);
    }
    if (helper->fd >= 0)
        close(helper->fd);
    password_helper_init(helper);
}
