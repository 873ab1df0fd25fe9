/* The command line's parser, held against a table of the test's own. */
#include "cli/command.h"

#include "base/str.h"
#include "cli/format.h"
#include "node/node.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { OUTPUT_SIZE = 16384, WORDS_MAX = 12, ANSWER = 1 };

static struct {
    unsigned runs;
    const char *name;
    char root[64], state_path[PATH_MAX], file[64], flag[8], operands[256];
    size_t operand_count;
    bool has_file, has_flag;
    char output[OUTPUT_SIZE]; /* of both streams */
} seen;

static int note(const struct invocation *invocation)
{
    const char *file = invocation_option(invocation, "file");
    const char *flag = invocation_option(invocation, "flag");
    seen.runs++;
    seen.name = invocation->command->name;
    seen.has_file = file != NULL;
    seen.has_flag = flag != NULL;
    (void)snprintf(seen.file, sizeof(seen.file), "%s", file ? file : "");
    (void)snprintf(seen.root, sizeof(seen.root), "%s", invocation->root);
    (void)snprintf(seen.state_path, sizeof(seen.state_path), "%s", invocation->state_path);
    assert_null(invocation_option(invocation, "nosuch"));
    seen.operand_count = invocation->operand_count;
    seen.operands[0] = '\0';
    for (size_t i = 0; i < invocation->operand_count; i++) {
        strcat(seen.operands, invocation->operands[i]);
        strcat(seen.operands, "|");
    }
    return ANSWER;
}

static const struct command table[] = {
    {.name = "plain", .operands = "", .summary = "takes nothing", .run = note},
    {.name = "wizard",
     .operands = "THING...",
     .summary = "takes one or two things",
     .least = 1,
     .most = 2,
     .options = COMMAND_OPTIONS({"file", "FILE", "a file of its own"},
                                {"flag", NULL, "a flag of its own"}),
     .run = note},
    {.name = "csr new",
     .operands = "[NAME]",
     .summary = "has a name of two words and many options",
     .most = 1,
     .options = COMMAND_OPTIONS({"a", "A", "a"}, {"b", "B", "b"}, {"c", "C", "c"}, {"d", "D", "d"},
                                {"e", "E", "e"}, {"f", "F", "f"}, {"g", "G", "g"},
                                {"file", "FILE", "the eighth"}),
     .run = note},
    {.name = "csr list", .operands = "", .summary = "begins with the same word", .run = note},
};

/* Runs a command line, its words between spaces; `to` takes both streams. */
static int run_to(const char *line, int to)
{
    char copy[2 * PATH_MAX];
    char *words[WORDS_MAX + 1] = {0}, *rest = NULL;
    static char empty[1];
    int count = 0;
    (void)snprintf(copy, sizeof(copy), "%s", line);
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        assert_true(count < WORDS_MAX);
        words[count++] = str_equal(word, "EMPTY") ? empty : word;
    }
    (void)fflush(stdout);
    int streams[] = {dup(STDOUT_FILENO), dup(STDERR_FILENO)};
    dup2(to, STDOUT_FILENO);
    dup2(to, STDERR_FILENO);
    memset(&seen, 0, sizeof(seen));
    int code = command_main(table, countof(table), count, words);
    (void)fflush(stdout);
    clearerr(stdout);
    dup2(streams[0], STDOUT_FILENO);
    dup2(streams[1], STDERR_FILENO);
    close(streams[0]);
    close(streams[1]);
    return code;
}

static int run(const char *line)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    int code = run_to(line, fileno(file));
    rewind(file);
    seen.output[fread(seen.output, 1, sizeof(seen.output) - 1, file)] = '\0';
    (void)fclose(file);
    return code;
}

static void assert_says(const char *text)
{
    if (!strstr(seen.output, text))
        fail_msg("'%s' is not in: %s", text, seen.output);
}

/* Refused with these words, and nothing is run. */
static void assert_refused(const char *line, const char *why)
{
    assert_int_equal(run(line), EXIT_COULD_NOT);
    assert_int_equal(seen.runs, 0);
    assert_says(why);
    assert_says("--help");
}

static void a_command_runs_and_its_answer_is_the_exit_code(void **state)
{
    (void)state;
    assert_int_equal(run("holdfast plain"), ANSWER);
    assert_string_equal(seen.name, "plain");
    assert_string_equal(seen.root, "");
    assert_string_equal(seen.state_path, NODE_STATE_PATH);
    assert_string_equal(seen.output, "");
}

static void no_command_and_an_unknown_one_are_refused(void **state)
{
    (void)state;
    assert_refused("holdfast", "no command");
    assert_refused("holdfast nosuch", "unknown command nosuch");
    assert_refused("holdfast plai", "unknown command plai");
    assert_refused("holdfast EMPTY", "unknown command");
    assert_refused("holdfast -- --root", "unknown command --root");
    char *none[] = {NULL};
    assert_int_equal(command_main(table, countof(table), 0, none), EXIT_COULD_NOT);
}

static void common_options_stand_before_or_behind_the_command(void **state)
{
    static const char *const lines[] = {
        "holdfast --root /r plain",
        "holdfast plain --root /r",
        "holdfast --root=/r plain",
        "holdfast plain --root=/r",
        "holdfast --root /other plain --root /r",
    };
    (void)state;
    for (size_t i = 0; i < countof(lines); i++) {
        assert_int_equal(run(lines[i]), ANSWER);
        assert_string_equal(seen.root, "/r");
        assert_string_equal(seen.state_path, "/r" NODE_STATE_PATH);
    }
    assert_int_equal(run("holdfast --root /r --state /s.db plain"), ANSWER);
    assert_string_equal(seen.state_path, "/s.db");
}

static void options_of_the_command_and_operands_mix(void **state)
{
    (void)state;
    assert_int_equal(run("holdfast wizard a --file f --flag b"), ANSWER);
    assert_string_equal(seen.operands, "a|b|");
    assert_string_equal(seen.file, "f");
    assert_true(seen.has_flag);
    assert_int_equal(run("holdfast wizard --file=a=b x"), ANSWER);
    assert_string_equal(seen.file, "a=b");
    assert_false(seen.has_flag);
    assert_int_equal(run("holdfast wizard --file --flag x"), ANSWER);
    assert_string_equal(seen.file, "--flag");
    assert_int_equal(run("holdfast wizard --file= x"), ANSWER);
    assert_true(seen.has_file);
    assert_string_equal(seen.file, "");
}

static void a_command_has_two_words_and_any_number_of_options(void **state)
{
    (void)state;
    assert_int_equal(run("holdfast csr new --g 1 --file f x"), ANSWER);
    assert_string_equal(seen.name, "csr new");
    assert_string_equal(seen.file, "f");
    assert_string_equal(seen.operands, "x|");
    assert_int_equal(run("holdfast --root /r csr list"), ANSWER);
    assert_string_equal(seen.name, "csr list");
    assert_refused("holdfast csr", "unknown command csr");
    assert_refused("holdfast csr nosuch", "unknown command csr");
    assert_refused("holdfast new", "unknown command new");
    assert_refused("holdfast csr list new", "csr list: one operand too many: new");
    assert_int_equal(run("holdfast csr new --help"), EXIT_HOLDS);
    assert_says("usage: holdfast csr new [OPTION...] [NAME]\n");
    assert_says("--file FILE                the eighth\n");
}

static void a_format_is_found_by_its_name_and_the_first_is_the_default(void **state)
{
    static const struct {
        const char *name;
        int number;
    } formats[] = {{"text", 1}, {"json", 2}, {"xml", 3}};
    const struct command command = {.name = "plain",
                                    .options = COMMAND_OPTIONS({"format", "F", "a format"})};
    const char *value[] = {NULL, NULL};
    const struct invocation invocation = {.command = &command, .value = value};
    (void)state;
    assert_ptr_equal(FORMAT_FIND(&invocation, formats), &formats[0]);
    value[0] = "xml";
    assert_ptr_equal(FORMAT_FIND(&invocation, formats), &formats[2]);
    value[0] = "xm";
    assert_null(FORMAT_FIND(&invocation, formats));
    value[0] = "";
    assert_null(FORMAT_FIND(&invocation, formats));
}

static void behind_two_dashes_all_is_operands(void **state)
{
    (void)state;
    assert_int_equal(run("holdfast wizard -- --flag --root"), ANSWER);
    assert_string_equal(seen.operands, "--flag|--root|");
    assert_false(seen.has_flag);
    assert_int_equal(run("holdfast wizard -- --"), ANSWER);
    assert_string_equal(seen.operands, "--|");
    assert_int_equal(run("holdfast wizard -"), ANSWER);
    assert_string_equal(seen.operands, "-|");
}

static void unknown_options_are_refused(void **state)
{
    (void)state;
    assert_refused("holdfast plain --nosuch", "unknown option --nosuch");
    assert_refused("holdfast plain --file f", "unknown option --file");
    assert_refused("holdfast --file f wizard a", "unknown option --file");
    assert_refused("holdfast wizard --fil f a", "unknown option --fil");
    assert_refused("holdfast wizard --filed f a", "unknown option --filed");
    assert_refused("holdfast wizard -f a", "unknown option -f");
    assert_refused("holdfast wizard --=x a", "unknown option --=x");
}

static void values_are_wanted_where_the_table_says_and_nowhere_else(void **state)
{
    (void)state;
    assert_refused("holdfast wizard a --file", "a value is missing after --file");
    assert_refused("holdfast plain --root", "a value is missing after --root");
    assert_refused("holdfast wizard a --flag=yes", "no value goes with --flag=yes");
    assert_refused("holdfast plain --help=yes", "no value goes with --help=yes");
}

/* --root "$DIR" with DIR unset must not mean this machine. */
static void an_empty_root_or_database_is_refused(void **state)
{
    (void)state;
    assert_refused("holdfast --root EMPTY plain", "no value is given for option root");
    assert_refused("holdfast --root= plain", "no value is given for option root");
    assert_refused("holdfast plain --state=", "option state");
}

static void too_few_and_too_many_operands_are_refused(void **state)
{
    (void)state;
    assert_refused("holdfast wizard", "operands are missing: THING...");
    assert_refused("holdfast wizard a b c", "one operand too many: c");
    assert_refused("holdfast plain a", "one operand too many: a");
}

static void a_path_that_does_not_fit_is_refused(void **state)
{
    static char line[2 * PATH_MAX];
    (void)state;
    int length = snprintf(line, sizeof(line), "holdfast plain --root ");
    memset(line + length, 'r', PATH_MAX);
    assert_int_equal(run(line), EXIT_COULD_NOT);
    assert_int_equal(seen.runs, 0);
    assert_says("the path is too long");
}

static void a_link_names_its_command(void **state)
{
    (void)state;
    assert_int_equal(run("/usr/bin/securitywizard a --flag"), ANSWER);
    assert_string_equal(seen.name, "wizard");
    assert_string_equal(seen.operands, "a|");
    assert_int_equal(run("securitywizard --help"), EXIT_HOLDS);
    assert_says("usage: holdfast wizard");
    assert_refused("/usr/bin/notsecuritywizard a", "unknown command a");
}

static void help_is_written_from_the_table_and_runs_nothing(void **state)
{
    (void)state;
    assert_int_equal(run("holdfast --help"), EXIT_HOLDS);
    assert_says("plain                      takes nothing\n");
    assert_says("wizard                     takes one or two things\n");
    assert_says("--state FILE");
    assert_int_equal(run("holdfast wizard --help"), EXIT_HOLDS);
    assert_says("usage: holdfast wizard [OPTION...] THING...\n");
    assert_says("--file FILE                a file of its own\n");
    assert_says("--flag                     a flag of its own\n");
    assert_says("--root DIR");
    assert_int_equal(seen.runs, 0);
}

static void output_that_cannot_be_written_is_a_failure(void **state)
{
    (void)state;
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(full >= 0);
    assert_int_equal(run_to("holdfast --help", full), EXIT_COULD_NOT);
    assert_int_equal(run_to("holdfast wizard --help", full), EXIT_COULD_NOT);
    close(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_runs_and_its_answer_is_the_exit_code),
        cmocka_unit_test(no_command_and_an_unknown_one_are_refused),
        cmocka_unit_test(common_options_stand_before_or_behind_the_command),
        cmocka_unit_test(options_of_the_command_and_operands_mix),
        cmocka_unit_test(a_command_has_two_words_and_any_number_of_options),
        cmocka_unit_test(a_format_is_found_by_its_name_and_the_first_is_the_default),
        cmocka_unit_test(behind_two_dashes_all_is_operands),
        cmocka_unit_test(unknown_options_are_refused),
        cmocka_unit_test(values_are_wanted_where_the_table_says_and_nowhere_else),
        cmocka_unit_test(an_empty_root_or_database_is_refused),
        cmocka_unit_test(too_few_and_too_many_operands_are_refused),
        cmocka_unit_test(a_path_that_does_not_fit_is_refused),
        cmocka_unit_test(a_link_names_its_command),
        cmocka_unit_test(help_is_written_from_the_table_and_runs_nothing),
        cmocka_unit_test(output_that_cannot_be_written_is_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
