/* Requests to the daemon, and its answers. */
#include "control/client.h"

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int door_client_connect(const char *root)
{
    char path[PATH_MAX];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int error = file_target(path, sizeof(path), root, DOOR_PATH);
    if (error == 0)
        error = str_copy(address.sun_path, sizeof(address.sun_path), path);
    if (error)
        return error;
    int door = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (door < 0)
        return -errno;
    if (connect(door, (const struct sockaddr *)&address, sizeof(address)) == 0)
        return door;
    error = -errno;
    close(door);
    return error;
}

bool door_client_nobody(int error)
{
    return error == -ENOENT || error == -ECONNREFUSED || error == -ENAMETOOLONG;
}

/* A daemon that has closed must not end this program with SIGPIPE: it says why it failed. */
static int send_all(int fd, const char *data, size_t size)
{
    while (size) {
        ssize_t put = send(fd, data, size, MSG_NOSIGNAL);
        if (put < 0 && errno != EINTR)
            return -errno;
        data += put > 0 ? put : 0;
        size -= put > 0 ? (size_t)put : 0;
    }
    return 0;
}

static int send_request(int door, enum door_verb verb, unsigned consent, const void *data,
                        size_t size)
{
    struct door_head head = {.magic = DOOR_MAGIC,
                             .verb = (uint16_t)verb,
                             .consent = (uint16_t)consent,
                             .size = (uint32_t)size};
    if (size > UINT32_MAX || door_check_request(&head) < 0)
        return -EFBIG;
    int error = send_all(door, (const char *)&head, sizeof(head));
    return error ? error : send_all(door, data, size);
}

int door_client_send(int door, enum door_verb verb, const void *data, size_t size)
{
    return send_request(door, verb, 0, data, size);
}

int door_client_receive(int door, enum door_verb verb, struct buf *answer, bool *answered)
{
    struct door_head head = {0};
    *answered = false;
    int error = file_read_exactly(door, &head, sizeof(head));
    if (error == 0)
        error = door_check_answer(&head, verb);
    if (error == 0)
        error = buf_reserve(answer, head.size);
    if (error == 0)
        error = file_read_exactly(door, answer->data + answer->length, head.size);
    if (error)
        return error;
    answer->length += head.size;
    answer->data[answer->length] = '\0';
    *answered = true;
    return head.status;
}

/* The daemon closes the connection of a user whom it does not serve. */
static void log_silence(int error)
{
    bool closed = error == -EPIPE || error == -ECONNRESET;
    log_error("the daemon does not answer: %s%s", strerror(-error),
              closed && geteuid() != 0 ? "; it serves root and the admin user alone" : "");
}

int door_client_ask(int door, enum door_verb verb, const void *data, size_t size,
                    struct buf *answer)
{
    return door_client_change(door, verb, 0, data, size, answer);
}

int door_client_change(int door, enum door_verb verb, unsigned consent, const void *data,
                       size_t size, struct buf *answer)
{
    bool answered = false;
    int error = send_request(door, verb, consent, data, size);
    if (error == 0)
        error = door_client_receive(door, verb, answer, &answered);
    if (error && !answered)
        log_silence(error);
    return error;
}
