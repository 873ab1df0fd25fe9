/* What the tests of state share: a folder of their own, settings with one value changed, files. */
#ifndef HOLDFAST_TESTS_STATE_FIXTURE_H
#define HOLDFAST_TESTS_STATE_FIXTURE_H

#include "state/state.h"

#include <sys/types.h>

struct fixture {
    char folder[64];
    char path[96]; /* of the database in it, which is not there yet */
};

void fixture_begin(struct fixture *fixture);
void fixture_end(struct fixture *fixture); /* removes the folder and what is in it */

/* Opens for writing or fails the test. */
struct state *fixture_open(const struct fixture *fixture, enum state_mode mode);

/* Stores `key` = `text` over what is stored; the error and, on success, the revision. */
int fixture_store(struct state *state, enum setting_key key, const char *text, uint64_t *revision);

/* The stored text of one setting, and the revision (may be NULL), or the error. */
int fixture_load(struct state *state, enum setting_key key, char text[64], uint64_t *revision);

/* A database with one revision (web.max_sessions = 7), two events and one object, closed. */
void fixture_fill(const struct fixture *fixture);

/* Whole files. The name is the database's path with `suffix` behind it. */
unsigned char *fixture_read(const struct fixture *fixture, const char *suffix, size_t *size);
void fixture_write(const struct fixture *fixture, const char *suffix, const void *data,
                   size_t size);
bool fixture_has(const struct fixture *fixture, const char *suffix);

/* Runs SQL as another tool would: without our guard. */
void fixture_sql(const struct fixture *fixture, const char *sql);

/* A child of fork() ends here, closing nothing: with a signal, since no checker of memory then has
 * a word to say; and its parent sees whether all was well. */
_Noreturn void fixture_die(bool well);
void fixture_expect_death(pid_t child);

/* A small generator of numbers that are the same in every run (xorshift). */
uint32_t fixture_random(uint32_t *seed);

#endif
