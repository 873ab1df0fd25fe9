/*
 * What get, set, import, export and diff have in common: reaching the stored settings, telling why
 * something was refused, printing. Over access.h, so that none of them knows whether a daemon runs.
 */
#ifndef HOLDFAST_CLI_STORED_H
#define HOLDFAST_CLI_STORED_H

#include "cli/access.h"
#include "cli/command.h"

struct stored {
    struct access *access;
    enum role role;
    struct settings settings;
    uint64_t revision;
};

/* Opens and loads the stored settings; everybody but root gives the admin user's password first,
 * from --password-file or the terminal. 0 or a negative errno, with the message told. */
int stored_open(struct stored *stored, const struct invocation *invocation);
void stored_close(struct stored *stored);

/* Stores `text` in one transaction, as access_apply(), by the name of the command, where consent.h
 * has no objection; the faults go to standard error. Returns an exit code. */
int stored_apply(struct stored *stored, const struct invocation *invocation, const char *name,
                 const struct buf *text);

/* Says why nothing is stored, with one line for each fault. */
void stored_refused(const char *how, int error, const struct buf *faults);

/* Writes `out` to standard output. Returns `code`, or EXIT_COULD_NOT with the message told. */
int stored_print(const struct invocation *invocation, const struct buf *out, int code);

/* The same for the words about what is done: where they cannot be written they are told on standard
 * error, and the result is EXIT_FALLS_SHORT, since it could be done. */
int stored_done(const char *how, const struct buf *out, int code);

#endif
