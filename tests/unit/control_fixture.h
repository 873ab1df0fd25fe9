/*
 * What the tests of the control socket share: a socket below a root of its own with an account of
 * the admin user, served in the test's own loop and by a clock that the test moves.
 */
#ifndef HOLDFAST_TESTS_CONTROL_FIXTURE_H
#define HOLDFAST_TESTS_CONTROL_FIXTURE_H

#include "control/refusals.h"
#include "control/server.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define FIXTURE_PASSWORD "correct horse"

enum { FIXTURE_ADMIN = 1000 };

extern struct control_fixture {
    char root[64];
    struct control *control;
    uint64_t now_ms; /* the socket's time: nothing here waits for the machine's */
    bool hurried;    /* a turn does not wait for a password that is checked */
    unsigned loaded, applied, refused, read, consent;
    char who[CALLER_TEXT_SIZE], why[128], how[16], text[64];
    char answer[256]; /* the payload of the last one */
} control_fixture;

/* Set-up and tear-down of a test. */
int control_fixture_open(void **state);
int control_fixture_close(void **state);

/* A file in the root's /etc. */
void control_fixture_write(const char *name, const char *text);

/* One turn of the loop; how long it would have slept, -1 for ever. It waits for a password that is
 * checked. */
int control_fixture_turn(void);

/* The socket's time goes on while nothing else happens. */
void control_fixture_pass(uint64_t ms);

/* A client's descriptor, which the caller closes; of another user, where the test is root. */
int control_fixture_connect_client(void);
int control_fixture_connect_as(uid_t uid);
bool control_fixture_is_root(void);

void control_fixture_send_head(int fd, struct control_head head);
void control_fixture_request(int fd, enum control_verb verb, const char *text);

/* The status of the next answer; -EPIPE when the connection was closed instead, -EAGAIN when the
 * answer is held back. The socket's time stands still. */
int control_fixture_answer(int fd);

/* The same, held back until `ms` have passed, and not a millisecond longer. */
int control_fixture_answer_after(int fd, uint64_t ms);

bool control_fixture_is_closed(int fd);

#endif
