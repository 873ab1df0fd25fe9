/* One client: its bytes in and out. */
#include "control/session.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    MESSAGE_MS = 10000, /* from a message's first byte to its last, either way */
    IDLE_MS = 1800000   /* between messages: the wizard's questions take their time */
};

void session_init(struct session *session)
{
    *session = (struct session){.fd = -1};
}

void session_begin(struct session *session, int fd, const struct caller *caller, uint64_t now_ms)
{
    *session = (struct session){.fd = fd, .caller = *caller, .deadline_ms = now_ms + IDLE_MS};
}

static void forget_request(struct session *session)
{
    if (session->payload)
        explicit_bzero(session->payload, session->head.size);
    free(session->payload);
    session->payload = NULL;
    session->have = 0;
    session->is_complete = session->is_held = false;
}

void session_close(struct session *session)
{
    if (session->fd < 0)
        return;
    close(session->fd);
    forget_request(session);
    buf_wipe(&session->answer);
    session_init(session);
}

/* Where the next bytes go, and how many are wanted. */
static size_t find_room(struct session *session, char **to)
{
    size_t head_size = sizeof(session->head);
    if (session->have < head_size) {
        *to = (char *)&session->head + session->have;
        return head_size - session->have;
    }
    *to = session->payload + (session->have - head_size);
    return head_size + session->head.size - session->have;
}

static int begin_payload(struct session *session)
{
    int error = control_check_request(&session->head);
    if (error)
        return error;
    session->payload = calloc(1, (size_t)session->head.size + 1);
    return session->payload ? 0 : -ENOMEM;
}

enum session_state session_read(struct session *session, uint64_t now_ms)
{
    char *to;
    size_t size = find_room(session, &to);
    ssize_t got = size ? read(session->fd, to, size) : 0;
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return SESSION_WAITS;
    if (size && got <= 0)
        return SESSION_GONE;
    if (session->have == 0)
        session->deadline_ms = now_ms + MESSAGE_MS;
    session->have += (size_t)got;
    if (session->have == sizeof(session->head) && begin_payload(session) < 0)
        return SESSION_MALFORMED;
    session->is_complete = session->have == sizeof(session->head) + session->head.size;
    return session->is_complete ? SESSION_HAS_REQUEST : SESSION_WAITS;
}

void session_answer(struct session *session, int status, const struct buf *payload, uint64_t now_ms)
{
    struct control_head head = {.magic = CONTROL_MAGIC,
                                .verb = session->head.verb,
                                .status = status,
                                .size = (uint32_t)payload->length};
    if (payload->length > CONTROL_ANSWER_MAX || buf_error(payload)) {
        head.status = -EMSGSIZE;
        head.size = 0;
    }
    forget_request(session);
    (void)buf_reserve(&session->answer, sizeof(head) + head.size);
    buf_append(&session->answer, &head, sizeof(head));
    if (head.size)
        buf_append(&session->answer, payload->data, payload->length);
    session->sent = 0;
    session->deadline_ms = (session->due_ms ? session->due_ms : now_ms) + MESSAGE_MS;
}

enum session_state session_write(struct session *session, uint64_t now_ms)
{
    size_t left = session->answer.length - session->sent;
    ssize_t put = send(session->fd, session->answer.data + session->sent, left, MSG_NOSIGNAL);
    if (put < 0)
        return errno == EAGAIN || errno == EINTR ? SESSION_WAITS : SESSION_GONE;
    session->sent += (size_t)put;
    if (session->sent < session->answer.length)
        return SESSION_WAITS;
    buf_wipe(&session->answer);
    session->due_ms = 0;
    session->deadline_ms = now_ms + IDLE_MS;
    return SESSION_WAITS;
}

void session_hold(struct session *session, uint64_t now_ms)
{
    session->is_held = true;
    session->deadline_ms = now_ms + IDLE_MS;
}

void session_delay(struct session *session, uint64_t due_ms)
{
    session->due_ms = due_ms;
    session->deadline_ms = due_ms + MESSAGE_MS;
}

short session_events(const struct session *session)
{
    if (session->due_ms || session->is_held)
        return 0; /* the answer is held back; poll(2) reports a hang-up all the same */
    return session->answer.length ? POLLOUT : POLLIN;
}
