/*
 * The control socket under arbitrary bytes: a client sends the input in pieces and reads what
 * comes. The daemon's actions check what reaches them. Nothing may crash, leak, or be applied that
 * is not whole.
 */
#include "control/server.h"

#include "base/file.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PIECE_MAX = 24, TURNS_AFTER = 3, STEP_MS = 7 };

static int on_run(void *context, const struct verb *verb, const struct request *request,
                  struct buf *answer)
{
    (void)context;
    if (!verb->run || request->caller->kind != CALLER_ROOT || request->size > verb->size_max ||
        request->data[request->size] != '\0' || (request->consent & ~(unsigned)verb->consent))
        abort();
    buf_puts(answer, "1 1\n");
    return verb->writes ? -EINVAL : 0;
}

static void on_refused(void *context, const char *who, const char *why)
{
    (void)context;
    (void)who;
    (void)why;
}

/* Each look at the clock is a while later, so that what is held back falls due. */
static uint64_t on_now_ms(void)
{
    static uint64_t now_ms = 1;
    return now_ms += STEP_MS;
}

static const char *make_root(void)
{
    static const char shadow[] = "admin:$1$salt$x:0::::::\n"; /* quick to compute */
    static char root[64]; /* short: a socket's name has to fit behind it */
    char path[128];
    const char *folder = getenv("TMPDIR");
    if (root[0])
        return root;
    (void)snprintf(root, sizeof(root), "%s/ctl-XXXXXX", folder ? folder : "/tmp");
    if (!mkdtemp(root))
        abort();
    (void)snprintf(path, sizeof(path), "%s/etc", root);
    (void)mkdir(path, 0755);
    (void)snprintf(path, sizeof(path), "%s/etc/shadow", root);
    if (file_replace(path, shadow, strlen(shadow), 0600) < 0)
        abort();
    return root;
}

static int never_wait(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    (void)timeout_ms;
    return poll(fds, count, 0);
}

static void turn(struct loop *loop)
{
    if (loop_turn(loop) < 0)
        abort();
}

static void open_once(struct control **control, struct loop *loop, const char *root)
{
    static const struct control_actions actions = {
        .run = on_run, .refused = on_refused, .now_ms = on_now_ms};
    if (*control)
        return;
    loop_init(loop);
    loop->now_ms = on_now_ms;
    loop->wait = never_wait;
    if (control_open(control, loop, root, &actions) < 0)
        abort();
}

static int connect_client(const char *root)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s%s", root, CONTROL_PATH);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        abort();
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct control *control;
    static struct loop loop;
    const char *root = make_root();
    char answer[4096];
    open_once(&control, &loop, root);
    int fd = connect_client(root);
    turn(&loop);
    while (size) {
        size_t piece = 1 + data[0] % PIECE_MAX;
        if (piece > size)
            piece = size;
        if (send(fd, data, piece, MSG_NOSIGNAL) < 0)
            break;
        turn(&loop);
        (void)!recv(fd, answer, sizeof(answer), 0);
        data += piece;
        size -= piece;
    }
    for (int i = 0; i < TURNS_AFTER; i++)
        turn(&loop);
    close(fd);
    turn(&loop);
    return 0;
}
