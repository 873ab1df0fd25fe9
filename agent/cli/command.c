/* Parses the command line from the table, and writes --help from the same table. */
#include "cli/command.h"

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "node/node.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct applet {
    const char *link;
    char *command;
};

static char wizard_name[] = "wizard";

static const struct applet applets[] = {
    {"securitywizard", wizard_name},
};

static const struct command_option common_options[] = {
    {"root", "DIR", "put DIR before every path"},
    {"state", "FILE", "the database (default: " NODE_STATE_PATH " below the root)"},
    {"help", NULL, "explain the command"},
};

enum { COMMON_ROOT, COMMON_STATE, COMMON_HELP, COMMON_COUNT };

struct parse {
    const struct command *table;
    size_t count;
    struct invocation invocation;
    const char *common[COMMON_COUNT];
    char state_path[PATH_MAX];
    bool only_operands; /* behind "--" */
};

static size_t count_options(const struct command *command)
{
    size_t count = 0;
    while (command->options && command->options[count].name)
        count++;
    return count;
}

const char *invocation_option(const struct invocation *invocation, const char *name)
{
    size_t count = count_options(invocation->command);
    for (size_t i = 0; i < count; i++)
        if (str_equal(invocation->command->options[i].name, name))
            return invocation->value[i];
    return NULL;
}

/* How many of the words are the command's name; 0: they are another's. */
static size_t match_name(const struct command *command, char *const *words, size_t count)
{
    size_t length = strlen(words[0]);
    if (str_equal(command->name, words[0]))
        return strchr(command->name, ' ') ? 0 : 1;
    return count > 1 && strncmp(command->name, words[0], length) == 0 &&
                   command->name[length] == ' ' && str_equal(command->name + length + 1, words[1])
               ? 2
               : 0;
}

/* Takes the command that the words begin with, and room for its options' values. How many words
 * those were, 0 where there is no such command, or -ENOMEM. */
static int take_command(struct parse *parse, char *const *words, size_t count)
{
    for (size_t i = 0; i < parse->count; i++) {
        size_t taken = match_name(&parse->table[i], words, count);
        if (!taken)
            continue;
        parse->invocation.command = &parse->table[i];
        parse->invocation.value =
            calloc(count_options(&parse->table[i]) + 1, sizeof(*parse->invocation.value));
        return parse->invocation.value ? (int)taken : -ENOMEM;
    }
    return 0;
}

/* --- help --- */

static void help_option(const struct command_option *option)
{
    char left[40];
    (void)snprintf(left, sizeof(left), "--%s%s%s", option->name, option->argument ? " " : "",
                   option->argument ? option->argument : "");
    printf("  %-26s %s\n", left, option->help);
}

static int help_command(const struct command *command)
{
    printf("usage: holdfast %s [OPTION...]%s%s\n\n%s\n\n", command->name,
           command->operands[0] ? " " : "", command->operands, command->summary);
    for (size_t i = 0; i < count_options(command); i++)
        help_option(&command->options[i]);
    for (size_t i = 0; i < countof(common_options); i++)
        help_option(&common_options[i]);
    return EXIT_HOLDS;
}

static int help_all(const struct parse *parse)
{
    printf("usage: holdfast COMMAND [OPTION...] [OPERAND...]\n\n");
    for (size_t i = 0; i < parse->count; i++)
        printf("  %-26s %s\n", parse->table[i].name, parse->table[i].summary);
    printf("\n");
    for (size_t i = 0; i < countof(common_options); i++)
        help_option(&common_options[i]);
    printf("\nholdfast COMMAND --help says more; so does holdfast(8).\n");
    return EXIT_HOLDS;
}

/* --- parse --- */

static bool names_option(const char *word, size_t length, const struct command_option *option)
{
    return option->name && strlen(option->name) == length &&
           strncmp(option->name, word, length) == 0;
}

/* Where the option's value goes, and what the table says of it. */
static const char **find_option(struct parse *parse, const char *word, size_t length,
                                const struct command_option **option)
{
    const struct command *command = parse->invocation.command;
    for (size_t i = 0; i < countof(common_options); i++) {
        *option = &common_options[i];
        if (names_option(word, length, *option))
            return &parse->common[i];
    }
    for (size_t i = 0; command && i < count_options(command); i++) {
        *option = &command->options[i];
        if (names_option(word, length, *option))
            return &parse->invocation.value[i];
    }
    return NULL;
}

static int fault(const struct parse *parse, const char *what, const char *word)
{
    const struct command *command = parse->invocation.command;
    log_error("%s%s%s %s; see holdfast %s%s--help", command ? command->name : "",
              command ? ": " : "", what, word, command ? command->name : "", command ? " " : "");
    return EXIT_COULD_NOT;
}

/* One "--option"; returns how many words it took, or 0 when it is faulty, logged. */
static size_t take_option(struct parse *parse, char **words, size_t left)
{
    const char *name = words[0] + 2;
    const char *equals = strchr(name, '=');
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    const struct command_option *option;
    const char **value = find_option(parse, name, length, &option);
    if (!value || (equals && !option->argument)) {
        fault(parse, value ? "no value goes with" : "unknown option", words[0]);
        return 0;
    }
    if (!option->argument || equals) {
        *value = equals ? equals + 1 : "";
        return 1;
    }
    if (left < 2) {
        fault(parse, "a value is missing after", words[0]);
        return 0;
    }
    *value = words[1];
    return 2;
}

/* Options may stand before and behind the command; operands are moved to the front. */
static int parse_words(struct parse *parse, size_t count, char **words)
{
    struct invocation *invocation = &parse->invocation;
    invocation->operands = words;
    for (size_t i = 0; i < count;) {
        char *word = words[i];
        if (!parse->only_operands && str_equal(word, "--")) {
            parse->only_operands = true;
            i++;
        } else if (!parse->only_operands && str_starts(word, "--")) {
            size_t taken = take_option(parse, &words[i], count - i);
            if (taken == 0)
                return EXIT_COULD_NOT;
            i += taken;
        } else if (!parse->only_operands && word[0] == '-' && word[1] != '\0') {
            return fault(parse, "unknown option", word);
        } else if (!invocation->command) {
            int taken = take_command(parse, &words[i], count - i);
            if (taken <= 0)
                return fault(parse, taken < 0 ? "no memory for" : "unknown command", word);
            i += (size_t)taken;
        } else {
            invocation->operands[invocation->operand_count++] = word;
            i++;
        }
    }
    return EXIT_HOLDS;
}

/* An empty folder, as an unset variable leaves it, must not come to mean this machine. */
static int check_common(const struct parse *parse)
{
    for (size_t i = 0; i < countof(common_options); i++)
        if (common_options[i].argument && parse->common[i] && parse->common[i][0] == '\0')
            return fault(parse, "no value is given for option", common_options[i].name);
    return EXIT_HOLDS;
}

static int run(struct parse *parse)
{
    struct invocation *invocation = &parse->invocation;
    const struct command *command = invocation->command;
    if (check_common(parse) != EXIT_HOLDS)
        return EXIT_COULD_NOT;
    invocation->root = parse->common[COMMON_ROOT] ? parse->common[COMMON_ROOT] : "";
    int error =
        parse->common[COMMON_STATE]
            ? str_copy(parse->state_path, sizeof(parse->state_path), parse->common[COMMON_STATE])
            : file_target(parse->state_path, sizeof(parse->state_path), invocation->root,
                          NODE_STATE_PATH);
    if (error)
        return fault(parse,
                     error == -ENAMETOOLONG ? "the path is too long:"
                                            : "cannot resolve the path of the database below",
                     invocation->root);
    invocation->state_path = parse->state_path;
    if (command->changes &&
        signal(SIGPIPE, SIG_IGN) == SIG_ERR) /* logged instead, with the result */
        return EXIT_COULD_NOT;
    if (invocation->operand_count < command->least)
        return fault(parse, "operands are missing:", command->operands);
    if (invocation->operand_count > command->most)
        return fault(parse, "one operand too many:", invocation->operands[command->most]);
    return command->run(invocation);
}

static char *linked_command(const char *program)
{
    const char *slash = strrchr(program, '/');
    const char *base = slash ? slash + 1 : program;
    for (size_t i = 0; i < countof(applets); i++)
        if (str_equal(applets[i].link, base))
            return applets[i].command;
    return NULL;
}

static int run_or_help(struct parse *parse)
{
    if (parse->common[COMMON_HELP])
        return parse->invocation.command ? help_command(parse->invocation.command)
                                         : help_all(parse);
    if (parse->invocation.command)
        return run(parse);
    log_error("no command; see holdfast --help");
    return EXIT_COULD_NOT;
}

/* A closed standard stream would be the next file that is opened, the database say, and messages
 * would be written into it. What takes its place fails to be read, or written, as it did. */
static int hold_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        int mode = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", mode) < 0)
            return -errno;
    }
    return 0;
}

/* A command that did its work has done it, whether the words about it arrive or not. */
static int flush_output(const struct parse *parse, int code)
{
    const struct command *command = parse->invocation.command;
    bool changed =
        command && command->changes && !parse->common[COMMON_HELP] && code != EXIT_COULD_NOT;
    int error = fflush(stdout) != 0 ? errno : ferror(stdout) ? EIO : 0;
    if (error == 0)
        return code;
    log_error("%s%scannot write to standard output: %s", command ? command->name : "",
              command ? ": " : "", strerror(error));
    return changed ? EXIT_FALLS_SHORT : EXIT_COULD_NOT;
}

int command_main(const struct command *table, size_t count, int argc, char **argv)
{
    if (hold_streams() < 0)
        return EXIT_COULD_NOT;
    struct parse parse = {.table = table, .count = count};
    char *linked = argc > 0 ? linked_command(argv[0]) : NULL;
    if (linked && take_command(&parse, &linked, 1) < 0)
        return EXIT_COULD_NOT;
    int code = parse_words(&parse, argc > 1 ? (size_t)argc - 1 : 0, argv + 1);
    if (code == EXIT_HOLDS)
        code = run_or_help(&parse);
    free(parse.invocation.value);
    return flush_output(&parse, code);
}
