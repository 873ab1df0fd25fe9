/*
 * Lines from a person or a file on standard input: without echo for secrets, with the terminal
 * restored whatever happens, and with signals returned as a result instead of ending the program.
 */
#ifndef HOLDFAST_CLI_TERMINAL_H
#define HOLDFAST_CLI_TERMINAL_H

#include "base/buf.h"

#include <signal.h>
#include <stdbool.h>
#include <termios.h>

enum { TERMINAL_LINE_MAX = 4096 };

/* From terminal_open() to terminal_close() signals wait; a hidden one echoes nothing in between,
 * whether a prompt stands or not. */
struct terminal {
    int signals; /* signalfd(2) */
    sigset_t before;
    bool interrupted;     /* one of them came and was returned */
    bool secret;          /* prompts go to standard error, and what was typed ahead is dropped */
    bool hidden;          /* the echo of standard input, a terminal, is off */
    struct termios shown; /* how it was */
};

/* `secret`: no echo where standard input is a terminal. 0 or a negative errno; it is to be closed
 * whatever the result. */
int terminal_open(struct terminal *terminal, bool secret);
void terminal_close(struct terminal *terminal);

/* Prints `prompt` and reads one line, without its end, into `line` (emptied first), which the
 * caller wipes where it is a secret. 0; -EPIPE at the end of input; -EINTR for SIGINT, SIGTERM,
 * SIGHUP or SIGQUIT; -EFBIG for a line longer than TERMINAL_LINE_MAX and -EILSEQ for one that is no
 * text, of which the rest was read; or another errno. */
int terminal_read(struct terminal *terminal, const char *prompt, struct buf *line);

/* Waits until `fd` (none: -1) can be read or `timeout_ms` (none: -1) have passed. 0, or -EINTR for
 * such a signal. */
int terminal_wait(struct terminal *terminal, int fd, int timeout_ms);

/* One line that is no secret: opens, reads and closes. */
int terminal_ask(const char *prompt, struct buf *line);

enum terminal_answer { TERMINAL_NO, TERMINAL_YES };

/* Asks until the answer is yes or no, in any case or by its first letter. One of enum
 * terminal_answer, or a negative errno as terminal_read(). */
int terminal_confirm(const char *prompt);

#endif
