/*
 * Log-ins at the control socket: a user's passwords are checked one at a time, over all of its
 * sessions, and the answer to a wrong one is held back for longer each time.
 */
#ifndef HOLDFAST_CONTROL_GUESSES_H
#define HOLDFAST_CONTROL_GUESSES_H

#include "control/password_helper.h"
#include "control/refusals.h"
#include "control/session.h"

#include <stdint.h>

enum { GUESSES_WHO_SIZE = 2 * CONTROL_USER_MAX };

struct guesses {
    const char *root;          /* where /etc/shadow and /etc/passwd are read */
    struct refusals *refusals; /* of the socket */
    unsigned failures;
    uint64_t next_ms;              /* no password is looked at before */
    struct password_helper helper; /* looks at one now */
    struct session *session;    /* that made the guess, NULL: it has left, and the guess counts */
    char who[GUESSES_WHO_SIZE]; /* of the guess that is checked, for the log */
    char user[CONTROL_USER_MAX + 1]; /* "": the admin, who is not named */
};

void guesses_init(struct guesses *guesses, const char *root, struct refusals *refusals);
void guesses_close(struct guesses *guesses);

/* Begins to check the password in the session's request, or has it wait; the answer may be there
 * already. 0, or -EBADMSG where the request is malformed. */
int guesses_log_in(struct guesses *guesses, struct session *session, uint64_t now_ms);

/* Takes the result, once guesses->helper.fd is readable, and answers its session. */
void guesses_finish(struct guesses *guesses, uint64_t now_ms);

/* A session has left. */
void guesses_forget(struct guesses *guesses, const struct session *session);

#endif
