/*
 * Lines from a person or a file on standard input: without echo for secrets, with the terminal
 * restored whatever happens, and with signals told as a result instead of ending the program.
 */
#ifndef HOLDFAST_CLI_TERMINAL_H
#define HOLDFAST_CLI_TERMINAL_H

#include "base/buf.h"

#include <stdbool.h>

enum { TERMINAL_LINE_MAX = 4096 };

/* Prints `prompt` and reads one line, without its end, into `line` (emptied first). `secret`: the
 * prompt goes to standard error, no echo where standard input is a terminal, and the caller wipes
 * the buffer.
 * 0; -EPIPE at the end of input; -EINTR for SIGINT, SIGTERM, SIGHUP or SIGQUIT; -EFBIG for a line
 * longer than TERMINAL_LINE_MAX and -EILSEQ for one that is no text, of which the rest was read;
 * or another errno. */
int terminal_ask(const char *prompt, bool secret, struct buf *line);

#endif
