/* The process that computes one hash, and the daemon's side of it. */
#include "control/password_helper.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memfd.h"
#include "base/str.h"
#include "control/password.h"
#include "process/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    FD_ORDER = HELPER_FD,
    FD_RESULT,
    MAGIC = 0x48465057,
    HASH_SIZE = 1024 /* longer than any hash of crypt(5) */
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

/* The daemon's order: both texts end within it. */
struct order {
    uint32_t magic, size;
    char password[PASSWORD_MAX + 2]; /* one that is too long stays so */
    char hash[HASH_SIZE];
};

static bool order_is_valid(const struct order *order)
{
    return order->magic == MAGIC && order->size == sizeof(*order) &&
           memchr(order->password, '\0', sizeof(order->password)) &&
           memchr(order->hash, '\0', sizeof(order->hash));
}

static int read_order(struct order *order)
{
    struct stat status;
    bool is_ours = memfd_is_sealed(FD_ORDER) && fstat(FD_ORDER, &status) == 0 &&
                   status.st_size == (off_t)sizeof(*order) &&
                   file_read_exactly(FD_ORDER, order, sizeof(*order)) == 0 && order_is_valid(order);
    return is_ours ? 0 : HELPER_NOT_SPAWNED;
}

/* Once the filter stands it has nothing to say. */
int password_helper_main(const struct helper_self *self)
{
    struct order order;
    struct sandbox sandbox = helper_sandbox(self);
    int error = read_order(&order);
    if (error)
        return error;
    close(FD_ORDER);
    error = sandbox_enter(&sandbox, self->parent_pid);
    int verdict = error ? cannot_run(error) : password_compare(order.password, order.hash);
    explicit_bzero(&order, sizeof(order));
    return file_write_all(FD_RESULT, &verdict, sizeof(verdict));
}

/* --- the daemon's side --- */

/* A sealed memfd, or a negative errno. What is too long for it is wrong with its end or without. */
static int seal_order(const char *password, const char *hash)
{
    struct order order = {.magic = MAGIC, .size = sizeof(order)};
    memcpy(order.password, password, strnlen(password, sizeof(order.password) - 1));
    memcpy(order.hash, hash, strnlen(hash, sizeof(order.hash) - 1));
    int fd = memfd_open("password");
    int error = fd < 0 ? fd : file_write_all(fd, &order, sizeof(order));
    if (error == 0)
        error = memfd_seal(fd);
    explicit_bzero(&order, sizeof(order));
    if (error && fd >= 0)
        close(fd);
    return error ? error : fd;
}

static int spawn(struct password_helper *helper, int order)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    const int descriptors[] = {order, ends[1]};
    int pid = helper_spawn(HELPER_PASSWORD, descriptors, -1);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return pid;
    }
    helper->pid = pid;
    helper->fd = ends[0];
    return 0;
}

static int begin(struct password_helper *helper, const char *password, const char *hash)
{
    int order = seal_order(password, hash);
    if (order < 0)
        return order;
    int error = spawn(helper, order);
    close(order);
    return error;
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
            failure = begin(helper, password, buf_text(&hash));
        error = failure ? cannot_run(failure) : 0;
    }
    buf_wipe(&hash);
    return error;
}

static int end(struct password_helper *helper)
{
    int status = helper->pid ? helper_end(helper->pid) : 0;
    if (helper->fd >= 0)
        close(helper->fd);
    password_helper_init(helper);
    return status;
}

/* One that ended by itself before it had a result has logged why. */
int password_helper_finish(struct password_helper *helper)
{
    int result = 0, instead = helper->instead;
    int error = file_read_exactly(helper->fd, &result, sizeof(result));
    int status = end(helper);
    if (error)
        return WIFEXITED(status) ? -EIO : -ETIME;
    return instead ? instead : result > 0 ? -EBADMSG : result;
}

void password_helper_close(struct password_helper *helper)
{
    (void)end(helper);
}
