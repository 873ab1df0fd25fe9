/* Sockets in the file system, and descriptors over them. */
#include "base/unix_socket.h"

#include "base/str.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

enum { SOCKET_UMASK = 0117 }; /* 0660: connecting asks for write permission */

/* Room for the one descriptor of a message, as the kernel wants it aligned. */
union rights {
    struct cmsghdr head;
    char space[CMSG_SPACE(sizeof(int))];
};

static int fill_address(struct sockaddr_un *address, const char *path)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    return str_copy(address->sun_path, sizeof(address->sun_path), path);
}

static int bind_path(int listener, const char *path, gid_t group)
{
    struct sockaddr_un address;
    int error = fill_address(&address, path);
    if (error)
        return error;
    if (unlink(path) < 0 && errno != ENOENT)
        return -errno;
    mode_t before = umask(SOCKET_UMASK);
    int bound = bind(listener, (const struct sockaddr *)&address, sizeof(address));
    error = bound < 0 ? -errno : 0;
    umask(before);
    if (error == 0 && geteuid() == 0 && lchown(path, 0, group) < 0)
        error = -errno;
    return error;
}

int unix_socket_listen(const char *path, gid_t group, int backlog)
{
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener < 0)
        return -errno;
    int error = bind_path(listener, path, group);
    if (error == 0 && listen(listener, backlog) < 0)
        error = -errno;
    if (error == 0)
        return listener;
    close(listener);
    return error;
}

int unix_socket_accept(int listener, uid_t *uid)
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

int unix_socket_connect(const char *path)
{
    struct sockaddr_un address;
    int error = fill_address(&address, path);
    if (error)
        return error;
    int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection < 0)
        return -errno;
    if (connect(connection, (const struct sockaddr *)&address, sizeof(address)) == 0)
        return connection;
    error = -errno;
    close(connection);
    return error;
}

int unix_socket_send_fd(int connection, const void *message, size_t size, int fd)
{
    union rights rights = {.head = {.cmsg_len = CMSG_LEN(sizeof(fd)),
                                    .cmsg_level = SOL_SOCKET,
                                    .cmsg_type = SCM_RIGHTS}};
    struct iovec part = {.iov_len = size};
    struct msghdr header = {.msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = &rights,
                            .msg_controllen = sizeof(rights)};
    memcpy(&part.iov_base, &message, sizeof(message)); /* sendmsg(2) only reads it */
    memcpy(CMSG_DATA(&rights.head), &fd, sizeof(fd));
    ssize_t sent = sendmsg(connection, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0)
        return -errno;
    return (size_t)sent == size ? 0 : -EMSGSIZE;
}

static int descriptor_of(const struct msghdr *header)
{
    const struct cmsghdr *head = CMSG_FIRSTHDR(header);
    int fd;
    if (!head || head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS ||
        head->cmsg_len != CMSG_LEN(sizeof(fd)))
        return -EBADMSG;
    memcpy(&fd, CMSG_DATA(head), sizeof(fd));
    return fd;
}

int unix_socket_receive_fd(int connection, void *message, size_t size)
{
    union rights rights = {.space = {0}};
    struct iovec part = {message, size};
    struct msghdr header = {.msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = &rights,
                            .msg_controllen = sizeof(rights)};
    ssize_t got = recvmsg(connection, &header, MSG_WAITALL | MSG_CMSG_CLOEXEC);
    if (got <= 0)
        return got < 0 ? -errno : -EPIPE;
    int fd = descriptor_of(&header);
    if (fd < 0 || ((size_t)got == size && !(header.msg_flags & (MSG_CTRUNC | MSG_TRUNC))))
        return fd;
    close(fd);
    return -EBADMSG;
}
