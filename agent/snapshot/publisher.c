/* One generation for all readers. */
#include "snapshot/publisher.h"

#include "base/file.h"
#include "base/log.h"
#include "base/unix_socket.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

enum {
    READERS_WAITING_MAX = 16, /* listen(2); as many are served in one turn */
    FOLDER_MODE = 0755
};

/* A message has at least one byte; the descriptor that comes with it is what counts. */
static const char greeting[] = "HFSNAP";

void publisher_init(struct publisher *publisher)
{
    *publisher = (struct publisher){.listener = -1};
    for (size_t i = 0; i < AUDIENCE_COUNT; i++)
        publisher->fds[i] = -1;
}

void publisher_close(struct publisher *publisher)
{
    if (publisher->listener >= 0)
        close(publisher->listener);
    for (size_t i = 0; i < AUDIENCE_COUNT; i++)
        if (publisher->fds[i] >= 0)
            close(publisher->fds[i]);
}

static int listen_below(const char *root, gid_t group)
{
    char path[PATH_MAX], folder[PATH_MAX];
    int error = file_target(folder, sizeof(folder), root, "/run/holdfast");
    if (error == 0)
        error = file_make_folders(folder, FOLDER_MODE);
    if (error == 0)
        error = file_path(path, sizeof(path), root, PUBLISHER_PATH);
    return error ? error : unix_socket_listen(path, group, READERS_WAITING_MAX);
}

int publisher_open(struct publisher *publisher, const char *root, uid_t admin, gid_t group)
{
    int listener = listen_below(root, group);
    if (listener < 0) {
        log_error("cannot listen at %s%s: %s", root, PUBLISHER_PATH, strerror(-listener));
        return listener;
    }
    publisher->listener = listener;
    publisher->admin = admin;
    return 0;
}

int publisher_publish(struct publisher *publisher, const struct report *report,
                      const struct node *node, unsigned stale_s)
{
    int error = 0;
    for (size_t i = 0; i < AUDIENCE_COUNT; i++) {
        int fd = pages_seal(report, node, (enum audience)i, stale_s);
        if (publisher->fds[i] >= 0)
            close(publisher->fds[i]);
        publisher->fds[i] = fd < 0 ? -1 : fd;
        if (fd < 0)
            error = fd;
    }
    return error;
}

static void serve_reader(const struct publisher *publisher, int reader, uid_t uid)
{
    int fd = publisher->fds[AUDIENCE_ADMIN];
    if (fd < 0 || (uid != 0 && uid != publisher->admin))
        return;
    int error = unix_socket_send_fd(reader, greeting, sizeof(greeting), fd);
    if (error)
        log_warning("cannot hand the snapshot to user %u: %s", (unsigned)uid, strerror(-error));
}

void publisher_serve(struct publisher *publisher)
{
    for (int served = 0; served < READERS_WAITING_MAX; served++) {
        uid_t uid = 0;
        int reader = unix_socket_accept(publisher->listener, &uid);
        if (reader < 0)
            return;
        serve_reader(publisher, reader, uid);
        close(reader);
    }
}

int publisher_fetch(const char *root)
{
    char path[PATH_MAX], greeted[sizeof(greeting)];
    int error = file_target(path, sizeof(path), root, PUBLISHER_PATH);
    int daemon = error ? error : unix_socket_connect(path);
    if (daemon < 0)
        return daemon;
    int fd = unix_socket_receive_fd(daemon, greeted, sizeof(greeted));
    close(daemon);
    return fd;
}
