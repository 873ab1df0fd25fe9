/*
 * A session: one client of the control socket, as a small state machine. A head is read and
 * checked, then its payload, then the request is answered, perhaps after a while. Nothing here
 * waits.
 */
#ifndef HOLDFAST_CONTROL_SESSION_H
#define HOLDFAST_CONTROL_SESSION_H

#include "control/message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct session {
    int fd; /* -1: free */
    struct caller caller;
    unsigned failures; /* wrong passwords of this session */
    struct control_head head;
    size_t have;      /* bytes of head and payload that have come */
    char *payload;    /* of head.size bytes and a NUL, once the head is checked */
    bool is_complete; /* the request is here and waits for its due time */
    bool is_held;     /* it waits until a check of its user's password ends */
    struct buf answer;
    size_t sent;
    uint64_t due_ms;      /* not before: the answer, or the check of a password; 0: at once */
    uint64_t deadline_ms; /* then the session is closed */
};

enum session_state { SESSION_WAITS, SESSION_HAS_REQUEST, SESSION_GONE, SESSION_MALFORMED };

/* A free one, and one for a connection, which it owns from then on. */
void session_init(struct session *session);
void session_begin(struct session *session, int fd, const struct caller *caller, uint64_t now_ms);
void session_close(struct session *session);

/* Reads what there is of a request; SESSION_HAS_REQUEST when it is complete. */
enum session_state session_read(struct session *session, uint64_t now_ms);

/* The answer to it, which wipes the request; one that is too long becomes -EMSGSIZE. */
void session_answer(struct session *session, int status, const struct buf *payload,
                    uint64_t now_ms);

/* Writes what there is room for; SESSION_WAITS when all of it is written, or the rest has to wait.
 */
enum session_state session_write(struct session *session, uint64_t now_ms);

/* Until it is answered the session is neither read nor written, and no time limit of its own ends
 * it. */
void session_hold(struct session *session, uint64_t now_ms);

/* The request is looked at again at this time. */
void session_delay(struct session *session, uint64_t due_ms);

/* The events of poll(2) that it waits for. */
short session_events(const struct session *session);

#endif
