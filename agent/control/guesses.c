/* Who guesses, how often, and what the answer is. */
#include "control/guesses.h"

#include "base/str.h"
#include "control/password.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { PAUSE_MS = 1000 /* where no password can be checked */ };

void guesses_init(struct guesses *guesses, const char *root, struct refusals *refusals)
{
    *guesses = (struct guesses){.root = root, .refusals = refusals};
    password_helper_init(&guesses->helper);
}

void guesses_close(struct guesses *guesses)
{
    password_helper_close(&guesses->helper);
}

void guesses_forget(struct guesses *guesses, const struct session *session)
{
    if (guesses->session == session)
        guesses->session = NULL;
}

/* -EPERM says that another try is of no use. */
static void refuse_password(struct guesses *guesses, int error, uint64_t now_ms)
{
    struct session *session = guesses->session;
    struct buf none = {0}, why = {0};
    guesses->failures++;
    guesses->next_ms = now_ms + password_delay_ms(guesses->failures);
    if (guesses->user[0])
        password_refusal(guesses->root, guesses->user, error, &why);
    else if (error == -EACCES)
        buf_puts(&why, "wrong password");
    else
        buf_printf(&why, "the password cannot be checked: %s", strerror(-error));
    refusals_report_each(guesses->refusals, guesses->who, buf_text(&why));
    buf_free(&why);
    if (!session)
        return;
    session->failures++;
    session->due_ms = guesses->next_ms;
    bool again = error == -EACCES && session->failures < PASSWORD_TRIES;
    session_answer(session, again ? -EACCES : -EPERM, &none, now_ms);
}

static void accept_password(struct guesses *guesses, uint64_t now_ms)
{
    struct buf none = {0};
    guesses->failures = 0;
    guesses->next_ms = 0;
    if (!guesses->session)
        return;
    guesses->session->caller.logged_in |= guesses->session->head.verb == CONTROL_LOGIN;
    guesses->session->failures = 0;
    session_answer(guesses->session, 0, &none, now_ms);
}

/* No password would do, so none was wrong: no try is counted, and the reason is no secret. A
 * failure of the system's is logged each time, so that the next try has to wait. */
static void answer_unchecked(struct guesses *guesses, int error, uint64_t now_ms)
{
    struct buf why = {0};
    if (error == -ENOTSUP) {
        password_unsupported(guesses->root, &why);
    } else {
        buf_puts(&why, PASSWORD_NOT_CHECKED);
        guesses->next_ms = now_ms + PAUSE_MS;
    }
    refusals_report(guesses->refusals, now_ms, guesses->who, buf_text(&why));
    if (guesses->session)
        session_answer(guesses->session, error, &why, now_ms);
    buf_free(&why);
}

static void take_result(struct guesses *guesses, int error, uint64_t now_ms)
{
    if (error == -ENOTSUP || error == -EIO)
        answer_unchecked(guesses, error, now_ms);
    else if (error)
        refuse_password(guesses, error, now_ms);
    else
        accept_password(guesses, now_ms);
    guesses->session = NULL;
}

/* The password in a request of CONTROL_CONSOLE. NULL: the request is malformed. */
static const char *read_console(const struct session *session, struct guesses *guesses)
{
    const char *terminal = session->payload, *end = terminal + session->head.size;
    const char *user = terminal + strlen(terminal) + 1;
    if (user > end)
        return NULL;
    const char *password = user + strlen(user) + 1;
    if (password > end || user[0] == '\0' || strlen(terminal) > CONTROL_USER_MAX ||
        str_copy(guesses->user, sizeof(guesses->user), user) < 0)
        return NULL;
    (void)snprintf(guesses->who, sizeof(guesses->who), "console %s", terminal);
    str_clean(guesses->who, "");
    return password;
}

/* The password in the request; notes for the log who gave it. */
static const char *read_password(const struct session *session, struct guesses *guesses)
{
    guesses->user[0] = '\0';
    if (session->head.verb == CONTROL_CONSOLE)
        return read_console(session, guesses);
    (void)snprintf(guesses->who, sizeof(guesses->who), "%s", session->caller.login);
    return session->payload;
}

static int begin_check(struct guesses *guesses, struct session *session, uint64_t now_ms)
{
    const char *password = read_password(session, guesses);
    if (!password)
        return -EBADMSG;
    const char *user = guesses->user[0] ? guesses->user : PASSWORD_ADMIN;
    guesses->session = session;
    int error = password_helper_start(&guesses->helper, guesses->root, user, password);
    if (error) {
        take_result(guesses, error, now_ms);
        return 0;
    }
    explicit_bzero(session->payload, session->head.size);
    session_hold(session, now_ms);
    return 0;
}

int guesses_log_in(struct guesses *guesses, struct session *session, uint64_t now_ms)
{
    if (guesses->helper.pid)
        session_hold(session, now_ms);
    else if (now_ms < guesses->next_ms)
        session_delay(session, guesses->next_ms);
    else
        return begin_check(guesses, session, now_ms);
    return 0;
}

void guesses_finish(struct guesses *guesses, uint64_t now_ms)
{
    take_result(guesses, password_helper_finish(&guesses->helper), now_ms);
}
