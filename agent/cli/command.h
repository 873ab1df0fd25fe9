/*
 * The command line: one table of commands, each with its options; --help is written from the same
 * table that parses. Common to all: --root DIR, --state FILE, --help.
 */
#ifndef HOLDFAST_CLI_COMMAND_H
#define HOLDFAST_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

/* Exit codes (DESIGN: Errors, names, exits). */
enum { EXIT_HOLDS = 0, EXIT_FALLS_SHORT = 1, EXIT_COULD_NOT = 2 };

struct command_option {
    const char *name;     /* without the dashes */
    const char *argument; /* its name in --help, NULL for a flag */
    const char *help;
};

/* As many rows as a command needs, and the one without a name that ends them. */
#define COMMAND_OPTIONS(...)                                                                       \
    (const struct command_option[])                                                                \
    {                                                                                              \
        __VA_ARGS__,                                                                               \
        {                                                                                          \
            .name = NULL                                                                           \
        }                                                                                          \
    }

struct invocation;

struct command {
    const char *name;     /* one word or two: "csr new" */
    const char *operands; /* as --help shows them, "" for none */
    const char *summary;  /* one line */
    size_t least, most;   /* number of operands */
    bool changes;         /* it does something, and has done it even where it cannot print */
    const struct command_option *options; /* COMMAND_OPTIONS(...); NULL: it has none of its own */
    int (*run)(const struct invocation *invocation); /* returns an exit code */
};

struct invocation {
    const struct command *command;
    const char *root;       /* "" without --root */
    const char *state_path; /* --state, or the default below root */
    const char **value;     /* of each option, NULL when absent; "" for a flag */
    char **operands;
    size_t operand_count;
};

/* The value of an option by its name, NULL when it was not given. */
const char *invocation_option(const struct invocation *invocation, const char *name);

/* Parses and runs argv[1...] (or argv[0] when it names a command, as a link); the exit code. */
int command_main(const struct command *table, size_t count, int argc, char **argv);

#endif
