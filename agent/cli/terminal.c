/* Asks, reads standard input, and looks out for signals meanwhile. */
#include "cli/terminal.h"

#include "base/file.h"
#include "base/str.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

struct terminal {
    int signals;
    sigset_t before;
    struct termios shown;
    bool hidden;
};

static int hide(struct terminal *terminal)
{
    struct termios quiet;
    if (!isatty(STDIN_FILENO))
        return 0;
    if (tcgetattr(STDIN_FILENO, &terminal->shown) < 0)
        return -errno;
    quiet = terminal->shown;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    quiet.c_cc[VSUSP] = _POSIX_VDISABLE; /* stopped, it would leave the terminal without echo */
    if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) < 0)
        return -errno;
    terminal->hidden = true;
    return 0;
}

static int terminal_open(struct terminal *terminal, bool secret)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGQUIT);
    if (sigprocmask(SIG_BLOCK, &set, &terminal->before) < 0)
        return -errno;
    terminal->signals = signalfd(-1, &set, SFD_CLOEXEC);
    int error = terminal->signals < 0 ? -errno : 0;
    return error == 0 && secret ? hide(terminal) : error;
}

static void terminal_close(struct terminal *terminal)
{
    if (terminal->hidden) {
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &terminal->shown);
        (void)file_write_all(STDERR_FILENO, "\n", 1); /* the one that was typed is not shown */
    }
    if (terminal->signals >= 0) {
        struct signalfd_siginfo info;
        struct pollfd pending = {.fd = terminal->signals, .events = POLLIN};
        if (poll(&pending, 1, 0) == 1) /* it was told as -EINTR: it must not strike afterwards */
            (void)!read(terminal->signals, &info, sizeof(info));
        close(terminal->signals);
    }
    (void)sigprocmask(SIG_SETMASK, &terminal->before, NULL);
}

/* One byte at a time: what follows the line belongs to the next question. */
static int read_byte(const struct terminal *terminal, char *byte)
{
    struct pollfd fds[] = {
        {.fd = terminal->signals, .events = POLLIN},
        {.fd = STDIN_FILENO,      .events = POLLIN}
    };
    while (poll(fds, countof(fds), -1) < 0)
        if (errno != EINTR)
            return -errno;
    if (fds[0].revents)
        return -EINTR;
    return file_read_exactly(STDIN_FILENO, byte, 1);
}

static int read_line(const struct terminal *terminal, struct buf *line)
{
    char byte = '\0';
    bool too_long = false;
    int error;
    while ((error = read_byte(terminal, &byte)) == 0 && byte != '\n') {
        too_long = too_long || line->length == TERMINAL_LINE_MAX;
        if (!too_long)
            buf_append(line, &byte, 1);
    }
    explicit_bzero(&byte, sizeof(byte));
    if (error)
        return error;
    if (line->length && line->data[line->length - 1] == '\r')
        line->data[--line->length] = '\0';
    if (too_long)
        return -EFBIG;
    return str_is_text(buf_text(line), line->length) ? buf_error(line) : -EILSEQ;
}

/* Standard output may be a file that takes what the command prints: a password is no part of that,
 * nor is the prompt for it. */
static int put_prompt(const char *prompt, bool secret)
{
    if (secret)
        return file_write_all(STDERR_FILENO, prompt, strlen(prompt));
    printf("%s", prompt);
    return fflush(stdout) == 0 ? 0 : -EIO;
}

int terminal_ask(const char *prompt, bool secret, struct buf *line)
{
    struct terminal terminal = {.signals = -1};
    buf_clear(line);
    int error = buf_reserve(line, TERMINAL_LINE_MAX + 1);
    if (error)
        return error;
    error = terminal_open(&terminal, secret); /* no echo before the prompt invites an answer */
    if (error == 0)
        error = put_prompt(prompt, secret);
    if (error == 0)
        error = read_line(&terminal, line);
    terminal_close(&terminal);
    return error;
}
