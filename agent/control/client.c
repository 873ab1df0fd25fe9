/* Requests to the daemon, and its answers. */
#include "control/client.h"

#include "base/file.h"
#include "base/log.h"
#include "base/unix_socket.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int control_client_connect(const char *root)
{
    char path[PATH_MAX];
    int error = file_target(path, sizeof(path), root, CONTROL_PATH);
    return error ? error : unix_socket_connect(path);
}

bool control_client_no_daemon(int error)
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

int control_client_send(int control, enum control_verb verb, const struct request *request)
{
    struct control_head head = {.magic = CONTROL_MAGIC,
                                .verb = (uint16_t)verb,
                                .consent = (uint16_t)request->consent,
                                .size = (uint32_t)request->size};
    if (request->size > UINT32_MAX || control_check_request(&head) < 0)
        return -EFBIG;
    int error = send_all(control, (const char *)&head, sizeof(head));
    return error ? error : send_all(control, request->data, request->size);
}

int control_client_receive(int control, enum control_verb verb, struct buf *answer, bool *answered)
{
    struct control_head head = {0};
    *answered = false;
    int error = file_read_exactly(control, &head, sizeof(head));
    if (error == 0)
        error = control_check_answer(&head, verb);
    if (error == 0)
        error = buf_reserve(answer, head.size);
    if (error == 0)
        error = file_read_exactly(control, answer->data + answer->length, head.size);
    if (error)
        return error;
    answer->length += head.size;
    answer->data[answer->length] = '\0';
    *answered = true;
    return head.status;
}

/* The daemon closes the connection of a user whom it does not serve. */
void control_client_log_silence(int error)
{
    bool closed = error == -EPIPE || error == -ECONNRESET;
    log_error("the daemon does not answer: %s%s", strerror(-error),
              closed && geteuid() != 0 ? "; it serves root and the admin user alone" : "");
}

int control_client_ask(int control, enum control_verb verb, const struct request *request,
                       struct buf *answer)
{
    bool answered = false;
    int error = control_client_send(control, verb, request);
    if (error == 0)
        error = control_client_receive(control, verb, answer, &answered);
    if (error && !answered)
        control_client_log_silence(error);
    return error;
}
