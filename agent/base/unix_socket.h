/*
 * Local sockets by a path: the path's mode and group say who may connect, the kernel says who did
 * (unix(7), SO_PEERCRED). An open descriptor goes from one process to another with a message
 * (SCM_RIGHTS).
 */
#ifndef HOLDFAST_BASE_UNIX_SOCKET_H
#define HOLDFAST_BASE_UNIX_SOCKET_H

#include <stddef.h>
#include <sys/types.h>

/* Listens at `path`, in place of whatever stood there, for root and the members of `group` alone;
 * at most `backlog` wait. The descriptor, non-blocking, which the caller closes, or a negative
 * errno. The path is left behind when it is closed. */
int unix_socket_listen(const char *path, gid_t group, int backlog);

/* The next connection and the user who made it. The descriptor, non-blocking, which the caller
 * closes; -EAGAIN where none waits, or another negative errno. */
int unix_socket_accept(int listener, uid_t *uid);

/* Connects to `path`: the descriptor, which the caller closes, or a negative errno: -ENOENT or
 * -ECONNREFUSED where no process listens, -EACCES where this user may not, -ENAMETOOLONG for a path
 * too long for a socket. */
int unix_socket_connect(const char *path);

/* Sends a message of `size` bytes (at least one) with a copy of `fd`. Never waits: 0 or a negative
 * errno. */
int unix_socket_send_fd(int connection, const void *message, size_t size, int fd);

/* Waits for such a message of exactly `size` bytes and reads it. The descriptor that came with it,
 * closed by execve(2), which the caller closes; -EPIPE where the connection has ended, -EBADMSG for
 * anything else than one message with one descriptor, or another negative errno. */
int unix_socket_receive_fd(int connection, void *message, size_t size);

#endif
