/* Asks, reads standard input, and looks out for signals meanwhile. */
#include "cli/terminal.h"

#include "base/file.h"
#include "base/str.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* A signal that ends a program is returned as -EINTR. */
static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

/* What would end or stop it otherwise waits while nothing is echoed. */
static const int waiting[] = {SIGTSTP, SIGPIPE, SIGALRM, SIGUSR1, SIGUSR2, SIGXCPU};

static int hide(struct terminal *terminal)
{
    struct termios quiet;
    if (!isatty(STDIN_FILENO))
        return 0;
    if (tcgetattr(STDIN_FILENO, &terminal->shown) < 0)
        return -errno;
    quiet = terminal->shown;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
    quiet.c_cc[VSUSP] = _POSIX_VDISABLE; /* stopped, it would leave the terminal without echo */
    if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) < 0)
        return -errno;
    terminal->hidden = true;
    return 0;
}

int terminal_open(struct terminal *terminal, bool secret)
{
    sigset_t set, wait;
    *terminal = (struct terminal){.signals = -1, .secret = secret};
    sigemptyset(&set);
    for (size_t i = 0; i < countof(ending); i++)
        sigaddset(&set, ending[i]);
    wait = set;
    for (size_t i = 0; secret && i < countof(waiting); i++)
        sigaddset(&wait, waiting[i]);
    if (sigprocmask(SIG_BLOCK, &wait, &terminal->before) < 0)
        return -errno;
    terminal->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    int error = terminal->signals < 0 ? -errno : 0;
    return error == 0 && secret ? hide(terminal) : error;
}

/* What was typed ahead is dropped: it may be half a password. Signals that were returned as -EINTR
 * do not strike afterwards. */
void terminal_close(struct terminal *terminal)
{
    if (terminal->hidden)
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &terminal->shown);
    if (terminal->signals >= 0) {
        struct signalfd_siginfo info;
        while (terminal->interrupted && read(terminal->signals, &info, sizeof(info)) > 0)
            continue;
        close(terminal->signals);
    }
    (void)sigprocmask(SIG_SETMASK, &terminal->before, NULL);
}

int terminal_wait(struct terminal *terminal, int fd, int timeout_ms)
{
    struct pollfd fds[] = {{.fd = terminal->signals, .events = POLLIN},
                           {.fd = fd, .events = POLLIN}};
    while (poll(fds, countof(fds), timeout_ms) < 0)
        if (errno != EINTR)
            return -errno;
    terminal->interrupted |= fds[0].revents != 0;
    return fds[0].revents ? -EINTR : 0;
}

/* One byte at a time: what follows the line belongs to the next question. */
static int read_byte(struct terminal *terminal, char *byte)
{
    int error = terminal_wait(terminal, STDIN_FILENO, -1);
    return error ? error : file_read_exactly(STDIN_FILENO, byte, 1);
}

static int read_line(struct terminal *terminal, struct buf *line)
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

int terminal_read(struct terminal *terminal, const char *prompt, struct buf *line)
{
    buf_clear(line);
    int error = buf_reserve(line, TERMINAL_LINE_MAX + 1);
    if (error)
        return error;
    if (terminal->hidden)
        (void)tcflush(STDIN_FILENO, TCIFLUSH); /* typed while the last try was held back */
    error = put_prompt(prompt, terminal->secret);
    if (error == 0)
        error = read_line(terminal, line);
    if (terminal->hidden)
        (void)file_write_all(STDERR_FILENO, "\n", 1); /* the one that was typed is not shown */
    return error;
}

int terminal_ask(const char *prompt, struct buf *line)
{
    struct terminal terminal;
    int error = terminal_open(&terminal, false);
    if (error == 0)
        error = terminal_read(&terminal, prompt, line);
    terminal_close(&terminal);
    return error;
}

/* TERMINAL_YES, TERMINAL_NO, or -EINVAL. */
static int read_answer(const char *text)
{
    static const struct {
        const char *word;
        enum terminal_answer answer;
    } words[] = {
        {"yes", TERMINAL_YES}, {"y", TERMINAL_YES}, {"no", TERMINAL_NO}, {"n", TERMINAL_NO}};
    for (size_t i = 0; i < countof(words); i++)
        if (strcasecmp(words[i].word, text) == 0)
            return (int)words[i].answer;
    return -EINVAL;
}

int terminal_confirm(const char *prompt)
{
    struct buf line = {0};
    int result = -EINVAL;
    while (result == -EINVAL) {
        result = terminal_ask(prompt, &line);
        bool bad_line = result == -EFBIG || result == -EILSEQ;
        if (result == 0)
            result = read_answer(line.data ? str_trim(line.data) : "");
        if (bad_line || result == -EINVAL) {
            printf("  neither yes nor no\n");
            result = -EINVAL;
        }
    }
    buf_free(&line);
    return result;
}
