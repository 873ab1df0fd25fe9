/* holdfast password: the administrator's password, for root: the console's first log-in. */
#include "cli/commands.h"

#include "base/log.h"
#include "base/str.h"
#include "cli/terminal.h"
#include "control/password_set.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PROMPT       "New password for admin (at least 8 characters): "
#define PROMPT_AGAIN "The same password again: "

/* -EAGAIN: it is no password, as standard error says. */
static int read_new(struct terminal *terminal, const char *prompt, struct buf *line)
{
    const char *fault = "is not a line of text";
    int error = terminal_read(terminal, prompt, line);
    if (error == 0)
        fault = password_fault(buf_text(line), line->length);
    else if (error != -EFBIG && error != -EILSEQ)
        return error;
    if (!fault)
        return 0;
    (void)fprintf(stderr, "The password %s.\n", fault);
    return -EAGAIN;
}

static int read_twice(struct terminal *terminal, struct buf *password)
{
    struct buf again = {0};
    int error = read_new(terminal, PROMPT, password);
    if (error == 0)
        error = terminal_read(terminal, PROMPT_AGAIN, &again);
    if (error == -EFBIG || error == -EILSEQ ||
        (error == 0 && !str_equal(buf_text(password), buf_text(&again)))) {
        (void)fputs("The two differ.\n", stderr);
        error = -EAGAIN;
    }
    buf_wipe(&again);
    return error;
}

/* A person is asked until the answer will do; a file has one try. */
static int read_password(struct terminal *terminal, struct buf *password)
{
    int error = terminal->hidden ? -EAGAIN : read_new(terminal, "", password);
    while (terminal->hidden && error == -EAGAIN)
        error = read_twice(terminal, password);
    return error;
}

static const char *why_not(int error)
{
    static const struct {
        int error;
        const char *text;
    } texts[] = {
        {-EAGAIN, "choose another"},
        {-EPIPE, "no password was given"},
        {-EINTR, "interrupted"},
        {-EPERM, "the administrator account is locked"},
        {-EEXIST, "a password is set already"},
        {-ENOENT, "there is no account admin in /etc/shadow"},
        {-EINVAL, "the line of admin in /etc/shadow has not 9 fields"},
    };
    for (size_t i = 0; i < countof(texts); i++)
        if (texts[i].error == error)
            return texts[i].text;
    return strerror(-error);
}

static int set(const struct invocation *invocation, const char *password)
{
    struct buf hash = {0};
    int error = password_hash(password, &hash);
    if (error == 0)
        error =
            password_store(invocation->root, buf_text(&hash), invocation_option(invocation, "keep"),
                           invocation_option(invocation, "first") != NULL);
    buf_wipe(&hash);
    return error;
}

int cli_password(const struct invocation *invocation)
{
    struct terminal terminal;
    struct buf password = {0};
    int error = terminal_open(&terminal, true);
    if (error == 0)
        error = read_password(&terminal, &password);
    if (error == 0)
        error = set(invocation, buf_text(&password));
    terminal_close(&terminal);
    buf_wipe(&password);
    if (error) {
        log_error("password: nothing is changed: %s", why_not(error));
        return EXIT_COULD_NOT;
    }
    printf("The password is set.\n");
    return EXIT_HOLDS;
}
