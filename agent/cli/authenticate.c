/* Gets a password from a person or a file, and has it checked. */
#include "cli/authenticate.h"

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "cli/terminal.h"
#include "control/password.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int wait_at_terminal(void *context, int fd, int timeout_ms)
{
    return terminal_wait(context, fd, timeout_ms);
}

static int ask(struct access *access, enum control_verb verb, const char *data, size_t size)
{
    struct buf answer = {0};
    int error = access_call(access, verb, &(struct request){.data = data, .size = size}, &answer);
    if (error == -ENOTSUP || error == -EIO)
        log_error("%s", buf_text(&answer));
    buf_free(&answer);
    return error;
}

static int log_in(struct access *access, const char *password)
{
    return ask(access, CONTROL_LOGIN, password, strnlen(password, PASSWORD_MAX + 1));
}

/* --- where the password comes from --- */

static int read_password_file(const char *file, struct buf *password)
{
    int error = file_read(file, PASSWORD_MAX + 1, password);
    if (error)
        log_error("cannot read the password from %s: %s", file, strerror(-error));
    else if (password->data)
        password->data[strcspn(password->data, "\r\n")] = '\0';
    return error;
}

/* -ECANCELED where there is none. */
static int get_password(const char *file, struct terminal *terminal, struct buf *password)
{
    if (file)
        return read_password_file(file, password);
    int error = terminal_read(terminal, "Password for admin: ", password);
    if (error == -EFBIG || error == -EILSEQ)
        return 0; /* the check decides, and records the event */
    return error ? -ECANCELED : 0;
}

static void log_failure(int error)
{
    static const struct {
        int error;
        const char *text;
    } texts[] = {
        {-EPERM, "access refused: no more tries, or the account cannot log in"},
        {-EACCES, "wrong password"},
        {-EINTR, "interrupted"},
        {-ECANCELED, "no password was given"},
    };
    for (size_t i = 0; i < countof(texts); i++)
        if (texts[i].error == error)
            log_error("%s", texts[i].text);
}

/* The last failure is the caller's to log, when the terminal echoes again. */
static int try_all(struct access *access, const char *file, struct terminal *terminal)
{
    struct buf password = {0};
    int error = buf_reserve(&password, TERMINAL_LINE_MAX + 1); /* no copy left behind by growing */
    unsigned tries = !file && isatty(STDIN_FILENO) ? PASSWORD_TRIES : 1;
    for (bool again = error == 0; again; again = error == -EACCES && --tries > 0) {
        if (error)
            log_failure(error);
        error = get_password(file, terminal, &password);
        if (error == 0)
            error = log_in(access, buf_text(&password));
    }
    buf_wipe(&password);
    return error;
}

/* One terminal for all tries: its echo stays off from the first prompt on, also while the answer to
 * a wrong password is held back. */
static int try_at_terminal(struct access *access)
{
    struct terminal terminal;
    int error = terminal_open(&terminal, true);
    if (error)
        log_error("cannot turn the terminal's echo off: %s", strerror(-error));
    access_set_wait(access, wait_at_terminal, &terminal);
    if (error == 0)
        error = try_all(access, NULL, &terminal);
    access_set_wait(access, NULL, NULL);
    terminal_close(&terminal);
    return error;
}

static int act_for(struct access *access, const char *name)
{
    int error = ask(access, CONTROL_ACT_FOR, name, strlen(name));
    if (error == -EACCES)
        log_error("--for is for the management application alone");
    else if (error)
        log_error("cannot act for an administrator of this name: %s", strerror(-error));
    return error;
}

int authenticate(struct access *access, const struct invocation *invocation)
{
    const char *file = invocation_option(invocation, "password-file");
    const char *administrator = invocation_option(invocation, "for");
    if (administrator)
        return act_for(access, administrator);
    int error = file ? try_all(access, file, NULL) : try_at_terminal(access);
    log_failure(error);
    return error;
}

int authenticate_if_needed(struct access *access, const struct invocation *invocation)
{
    bool asks = access_needs_login(access) || invocation_option(invocation, "for");
    return asks ? authenticate(access, invocation) : 0;
}

/* --- at a console --- */

static void add_terminal_name(struct buf *text)
{
    static const char folder[] = "/dev/";
    const char *path = ttyname(STDIN_FILENO);
    const char *name = path && str_starts(path, folder) ? path + sizeof(folder) - 1 : "?";
    buf_append(text, name, strnlen(name, CONTROL_USER_MAX));
    buf_putc(text, '\0');
}

int authenticate_console(struct access *access, struct terminal *terminal, const char *user,
                         const char *password)
{
    struct buf text = {0};
    int error = buf_reserve(&text, 2 * (CONTROL_USER_MAX + 1) + PASSWORD_MAX + 2);
    if (error)
        return error;
    add_terminal_name(&text);
    buf_append(&text, user, strnlen(user, CONTROL_USER_MAX));
    buf_putc(&text, '\0');
    buf_append(&text, password, strnlen(password, PASSWORD_MAX + 1));
    access_set_wait(access, wait_at_terminal, terminal);
    error = ask(access, CONTROL_CONSOLE, buf_text(&text), text.length);
    access_set_wait(access, NULL, NULL);
    buf_wipe(&text);
    return error;
}
