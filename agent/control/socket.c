/* The control socket's socket in the file system: who may connect to it, and who did. */
#include "control/server.h"

#include "base/str.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int bind_path(int listener, const char *path, gid_t group)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int error = str_copy(address.sun_path, sizeof(address.sun_path), path);
    if (error)
        return error;
    if (unlink(path) < 0 && errno != ENOENT)
        return -errno;
    mode_t before = umask(0117);
    int bound = bind(listener, (const struct sockaddr *)&address, sizeof(address));
    error = bound < 0 ? -errno : 0;
    umask(before);
    if (error == 0 && geteuid() == 0 && lchown(path, 0, group) < 0)
        error = -errno;
    if (error == 0 && listen(listener, CONTROL_CLIENTS_MAX) < 0)
        error = -errno;
    return error;
}

int control_listen(const char *path, gid_t group)
{
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener < 0)
        return -errno;
    int error = bind_path(listener, path, group);
    if (error) {
        close(listener);
        return error;
    }
    return listener;
}

int control_accept(int listener, uid_t *uid)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return -errno;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) {
        int error = -errno;
        close(fd);
        return error;
    }
    *uid = peer.uid;
    return fd;
}
