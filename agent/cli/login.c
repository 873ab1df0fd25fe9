/* holdfast login: what a console asks in place of login(1), so that a failure is an event. */
#include "cli/authenticate.h"
#include "cli/commands.h"
#include "cli/terminal.h"

#include "base/log.h"
#include "control/password.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* The name, not empty. */
static int ask_name(struct buf *name)
{
    char host[HOST_NAME_MAX + 1] = "", prompt[HOST_NAME_MAX + 16];
    (void)gethostname(host, sizeof(host) - 1);
    (void)snprintf(prompt, sizeof(prompt), "%s login: ", host);
    int error = 0;
    while (error == 0 && name->length == 0) {
        error = terminal_ask(prompt, name);
        if (error == -EFBIG || error == -EILSEQ) { /* no user's: it is refused after its password */
            buf_clear(name);
            buf_putc(name, '?');
            error = buf_error(name);
        }
    }
    return error;
}

/* A connection for each try: between two of them the daemon's places are free for others. */
static int check(const struct invocation *invocation, struct terminal *terminal, const char *name,
                 const char *password)
{
    struct access *access;
    int error = access_open(&access, invocation->root, invocation->state_path);
    if (error)
        return error;
    error = authenticate_console(access, terminal, name, password);
    access_close(access);
    return error;
}

/* One name and one password. The echo comes back when the answer is there. */
static int try_once(const struct invocation *invocation, struct buf *name, struct buf *password)
{
    struct terminal terminal;
    buf_wipe(name);
    int error = ask_name(name);
    if (error)
        return error;
    error = terminal_open(&terminal, true);
    if (error == 0)
        error = terminal_read(&terminal, "Password: ", password);
    if (error == 0 || error == -EFBIG ||
        error == -EILSEQ) /* which is decided, and logged, elsewhere */
        error = check(invocation, &terminal, buf_text(name), buf_text(password));
    terminal_close(&terminal);
    return error;
}

static int try_all(const struct invocation *invocation)
{
    struct buf name = {0}, password = {0};
    int error = -EACCES;
    for (unsigned tries = PASSWORD_TRIES; tries && (error == -EACCES || error == -EPERM); tries--) {
        error = try_once(invocation, &name, &password);
        if (error == -EACCES || error == -EPERM)
            (void)fputs("Login incorrect\n", stderr);
    }
    buf_wipe(&name);
    buf_wipe(&password);
    return error;
}

/* The rest is login(1)'s: the session, its user, its shell. */
static int become_shell(const struct invocation *invocation)
{
    if (invocation->root[0]) {
        printf(PASSWORD_ADMIN " is let in; below --root there is no shell.\n");
        return EXIT_HOLDS;
    }
    (void)execl("/bin/login", "login", "-f", PASSWORD_ADMIN, (char *)NULL);
    log_error("login: cannot execute /bin/login: %s", strerror(errno));
    return EXIT_COULD_NOT;
}

int cli_login(const struct invocation *invocation)
{
    if (geteuid() != 0 || !isatty(STDIN_FILENO)) {
        log_error("login: is for root, at a terminal");
        return EXIT_COULD_NOT;
    }
    (void)prctl(PR_SET_NAME, "login"); /* found by this name where the account is disabled */
    return try_all(invocation) ? EXIT_COULD_NOT : become_shell(invocation);
}
