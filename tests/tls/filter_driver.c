/*
 * System calls behind the filter of a helper process, for tests/tls/filter.t.
 *
 *   filter_driver endpoint|prober|password kill NUMBER [ARGUMENT...]
 *   filter_driver endpoint|prober|password deny <CALLS
 *   filter_driver endpoint|prober|password rules
 *
 * The first ends with the call's errno, 0 when it succeeded. The second makes the call of each line
 * of its standard input, "NUMBER [ARGUMENT...]", and prints the errno of each, a line for a line.
 * The third prints the product's own table, a line a row: "NUMBER ERRNO
 * [INDEX=VALUE|INDEX<=VALUE]...".
 */
#include "base/buf.h"
#include "base/file.h"
#include "base/str.h"
#include "process/sandbox_filter.c" // NOLINT(bugprone-suspicious-include): the table is static

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NUMBERS = 7, FIRST = 3, LINE_SIZE = 256, CALLS_MAX = 8192, UNUSABLE = 255 };

struct call {
    uint64_t numbers[NUMBERS]; /* its own, and its arguments */
    int result;
};

static struct call calls[CALLS_MAX];

static enum filter_process process_of(const char *name)
{
    if (str_equal(name, "password"))
        return FILTER_PASSWORD;
    return str_equal(name, "prober") ? FILTER_PROBER : FILTER_ENDPOINT;
}

static int print_rules(enum filter_process process)
{
    for (size_t i = 0; i < countof(rules); i++) {
        const struct rule *rule = &rules[i];
        if (!(rule->processes & process))
            continue;
        printf("%u %u", (unsigned)rule->number, (unsigned)rule->error);
        for (unsigned j = 0; j < count_tests(rule); j++)
            printf(
                " %u%s%u", (unsigned)rule->arguments[j].index,
                rule->arguments[j].test == EQUALS ? "=" : "<=", (unsigned)rule->arguments[j].value);
        putchar('\n');
    }
    return 0;
}

static bool install(const char *process, bool kill)
{
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           sandbox_filter_install(process_of(process), kill) == 0;
}

static void make(struct call *call)
{
    const uint64_t *n = call->numbers;
    errno = 0;
    long result = syscall((long)n[0], n[1], n[2], n[3], n[4], n[5], n[6]);
    call->result = result < 0 ? errno : 0;
}

static bool parse_line(struct call *call, char *line)
{
    size_t count = 0;
    for (char *word = strtok(line, " \n"); word; word = strtok(NULL, " \n"))
        if (count == NUMBERS || str_to_u64(word, 0, UINT64_MAX, &call->numbers[count++]) < 0)
            return false;
    return count > 0;
}

/* By write(2) alone: stdio's writev(2) is not permitted by now. */
static int print_results(size_t count)
{
    struct buf text = {0};
    for (size_t i = 0; i < count; i++)
        buf_printf(&text, "%d\n", calls[i].result);
    int error = buf_error(&text);
    if (error == 0)
        error = file_write_all(STDOUT_FILENO, buf_text(&text), text.length);
    buf_free(&text);
    return error ? UNUSABLE : 0;
}

static int make_all(const char *process)
{
    char line[LINE_SIZE];
    size_t count = 0;
    for (; fgets(line, sizeof(line), stdin); count++)
        if (count == CALLS_MAX || !parse_line(&calls[count], line))
            return UNUSABLE;
    if (!install(process, false))
        return UNUSABLE;
    for (size_t i = 0; i < count; i++)
        make(&calls[i]);
    return print_results(count);
}

int main(int count, char **words)
{
    if (count == FIRST && str_equal(words[2], "rules"))
        return print_rules(process_of(words[1]));
    if (count == FIRST && str_equal(words[2], "deny"))
        return make_all(words[1]);
    if (count <= FIRST || count > FIRST + NUMBERS || !str_equal(words[2], "kill"))
        return UNUSABLE;
    for (int i = FIRST; i < count; i++)
        if (str_to_u64(words[i], 0, UINT64_MAX, &calls[0].numbers[i - FIRST]) < 0)
            return UNUSABLE;
    if (!install(words[1], true))
        return UNUSABLE;
    make(&calls[0]);
    return calls[0].result;
}
