/*
 * Helper processes: programs within the program, each with one job and no privilege. A helper is a
 * row of helpers.def and a main function. The daemon forks and executes its own binary anew, so
 * that the helper's memory never holds what the daemon's does; the helper gets its descriptors at
 * fixed numbers, no environment and no argument but its name.
 *
 * A main function gets `self`, reads what the daemon laid out in the descriptors, gives up every
 * privilege by sandbox_enter(helper_sandbox(self)), and works. It returns 0, a negative errno with
 * the reason logged, or HELPER_NOT_SPAWNED where the descriptors are not those of a spawn.
 *
 * Sources: execveat(2), fcntl(2), close_range(2), prctl(2).
 */
#ifndef HOLDFAST_PROCESS_HELPER_H
#define HOLDFAST_PROCESS_HELPER_H

#include "process/sandbox.h"
#include "process/sandbox_filter.h"

enum { HELPER_FD = 3, HELPER_DESCRIPTORS_MAX = 4, HELPER_NOT_SPAWNED = 1 };

enum helper_id {
#define HELPER(ID, ...) HELPER_##ID,
#include "process/helpers.def"
#undef HELPER
    HELPERS
};

/* A row of helpers.def. */
struct helper {
    const char *name;
    const char *user;
    enum filter_process filter;
    unsigned descriptors;
    bool logs;
    unsigned open_files;
    size_t memory;
    unsigned processor_s, life_s;
};

/* The process that runs, for its main function. */
struct helper_self {
    const struct helper *row;
    int parent_pid;
};

const struct helper *helper_row(enum helper_id id);

/* Starts a helper with as many descriptors as its row says, which stay the caller's; `errors`
 * becomes its standard error, -1: the caller's own does. Its number, or a negative errno without a
 * message. */
int helper_spawn(enum helper_id id, const int *descriptors, int errors);

/* Ends a helper of this number at once, and reaps it: its status as waitpid(2) has it, which is its
 * own where it has begun to end by itself. */
int helper_end(int pid);

/* In a helper: the sandbox of its row. What only the helper knows, such as its ports, it adds. */
struct sandbox helper_sandbox(const struct helper_self *self);

/* Runs the helper that a program's arguments ask for: its exit status; 2 where no daemon spawned
 * it, with a message. -1 where they ask for none. */
int helper_main(int count, char *const *words);

/* Executes `binary`, an O_PATH descriptor, as this helper: returns only a negative errno. It stands
 * in a file of its own, so that a test can put another function in its place. */
int helper_execute(int binary, const struct helper *row);

/* The main functions. */
#define HELPER(ID, NAME, MAIN, ...) int MAIN(const struct helper_self *self);
#include "process/helpers.def"
#undef HELPER

#endif
