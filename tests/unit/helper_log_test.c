/* The log of a helper process: what of it is passed on, and how much. */
#include "process/helper_log.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

enum { TEXT_SIZE = 65536, SOME = 100 };

struct bench {
    struct helper_log log;
    int helper;          /* its standard error */
    int errors, capture; /* the test's own standard error, and what stands in its place */
    char text[TEXT_SIZE];
};

static struct bench bench;

static int begin(void **state)
{
    (void)state;
    memset(&bench, 0, sizeof(bench));
    log_setup("holdfast", LOG_LEVEL_NOTICE);
    helper_log_init(&bench.log, "helper");
    bench.helper = helper_log_open(&bench.log);
    bench.capture = memfd_create("log", MFD_CLOEXEC);
    bench.errors = dup(STDERR_FILENO);
    return bench.helper < 0 || bench.capture < 0 || bench.errors < 0 ||
                   dup2(bench.capture, STDERR_FILENO) < 0
               ? -1
               : 0;
}

static int end(void **state)
{
    (void)state;
    helper_log_close(&bench.log);
    if (bench.helper >= 0)
        close(bench.helper);
    int error = dup2(bench.errors, STDERR_FILENO);
    close(bench.errors);
    close(bench.capture);
    return error < 0 ? -1 : 0;
}

/* The helper writes, as much as finds room. The number of bytes. */
static size_t helper_writes(const char *data, size_t size)
{
    ssize_t wrote = write(bench.helper, data, size);
    return wrote < 0 ? 0 : (size_t)wrote;
}

static void helper_says(const char *text)
{
    assert_int_equal(helper_writes(text, strlen(text)), strlen(text));
}

static void helper_ends(void)
{
    close(bench.helper);
    bench.helper = -1;
}

/* All that the daemon has written. */
static const char *daemon_log(void)
{
    ssize_t got = pread(bench.capture, bench.text, sizeof(bench.text) - 1, 0);
    assert_true(got >= 0);
    bench.text[got] = '\0';
    return bench.text;
}

static void a_line_has_the_name_before_it_and_no_control_character_in_it(void **state)
{
    static const char hostile[] = "<0>\x1b[2J\0 \x9b \xc2\x9b caf\xc3\xa9\r\n";
    (void)state;
    assert_int_equal(helper_writes(hostile, sizeof(hostile) - 1), sizeof(hostile) - 1);
    helper_log_read(&bench.log);
    assert_string_equal(daemon_log(), "holdfast: helper: <0>?[2J? ? ?? caf\xc3\xa9?\n");
}

static void parts_of_a_line_are_one_line_and_empty_lines_are_none(void **state)
{
    (void)state;
    helper_says("one ");
    helper_log_read(&bench.log);
    assert_string_equal(daemon_log(), "");
    helper_says("line\n\n\nanother\n");
    helper_log_read(&bench.log);
    assert_string_equal(daemon_log(), "holdfast: helper: one line\nholdfast: helper: another\n");
}

static void a_line_that_never_ends_is_cut_and_its_rest_skipped(void **state)
{
    char wanted[TEXT_SIZE], longest[HELPER_LOG_LINE_SIZE * 2];
    (void)state;
    memset(longest, 'x', sizeof(longest));
    assert_int_equal(helper_writes(longest, sizeof(longest)), sizeof(longest));
    helper_says(" rest\nnext\n");
    helper_log_read(&bench.log);
    (void)snprintf(wanted, sizeof(wanted), "holdfast: helper: %.*s\nholdfast: helper: next\n",
                   HELPER_LOG_LINE_SIZE, longest);
    assert_string_equal(daemon_log(), wanted);
}

static void the_last_words_are_passed_on_when_the_process_has_ended(void **state)
{
    (void)state;
    helper_says("one\nlast words");
    helper_ends();
    helper_log_close(&bench.log);
    assert_string_equal(daemon_log(), "holdfast: helper: one\nholdfast: helper: last words\n");
    assert_int_equal(helper_log_fd(&bench.log), -1);
}

static void the_pipe_is_closed_when_the_helper_closes_it(void **state)
{
    (void)state;
    helper_ends();
    assert_true(helper_log_fd(&bench.log) >= 0);
    helper_log_read(&bench.log);
    assert_int_equal(helper_log_fd(&bench.log), -1);
    helper_log_read(&bench.log);
    assert_int_equal(helper_log_due_ms(&bench.log), 0);
}

/* As the daemon's loop: reads while there is something that it wants to read. */
static size_t flood(const char *part, size_t size)
{
    size_t turns = 0;
    for (; helper_log_fd(&bench.log) >= 0; turns++) {
        assert_true(turns < TEXT_SIZE);
        (void)helper_writes(part, size);
        helper_log_read(&bench.log);
    }
    return turns;
}

static void assert_muted_soon(size_t turns)
{
    assert_true(turns <= SOME);
    assert_true(strlen(daemon_log()) <= (size_t)SOME * SOME * 2);
    assert_non_null(strstr(daemon_log(), "helper: writes too much"));
    assert_true(helper_log_due_ms(&bench.log) > clock_boot_ms());
}

static void a_flood_of_lines_is_left_alone(void **state)
{
    (void)state;
    assert_muted_soon(flood("flood\n", 6));
}

static void a_flood_of_empty_lines_is_left_alone(void **state)
{
    (void)state;
    assert_muted_soon(flood("\n\n\n\n", 4));
}

static void a_flood_without_the_end_of_a_line_is_left_alone(void **state)
{
    char part[SOME];
    (void)state;
    memset(part, 'x', sizeof(part));
    assert_muted_soon(flood(part, sizeof(part)));
}

/* The pipe is all that a helper fills; it fails there, and does not wait. */
static void what_finds_no_room_is_lost(void **state)
{
    char part[SOME];
    size_t total = 0, wrote;
    (void)state;
    memset(part, 'x', sizeof(part));
    (void)flood("flood\n", 6);
    while ((wrote = helper_writes(part, sizeof(part))) > 0)
        total += wrote;
    assert_int_equal(errno, EAGAIN);
    assert_true(total <= TEXT_SIZE);
}

static void it_is_heard_again_after_a_minute_from_the_next_line_on(void **state)
{
    (void)state;
    (void)flood("flood\n", 6);
    size_t before = strlen(daemon_log());
    helper_says("in the flood\nand its last ");
    helper_log_do_due(&bench.log); /* not yet */
    assert_int_equal(helper_log_fd(&bench.log), -1);
    bench.log.minute_end_ms = clock_boot_ms();
    helper_log_do_due(&bench.log);
    helper_says("part\nafter it\n");
    helper_log_read(&bench.log);
    assert_string_equal(daemon_log() + before, "holdfast: helper: after it\n");
}

static void another_process_has_no_new_limits(void **state)
{
    (void)state;
    (void)flood("flood\n", 6);
    size_t before = strlen(daemon_log());
    helper_ends();
    helper_log_close(&bench.log);
    bench.helper = helper_log_open(&bench.log);
    assert_true(bench.helper >= 0);
    helper_says("again\n");
    assert_int_equal(helper_log_fd(&bench.log), -1);
    helper_log_read(&bench.log);
    assert_string_equal(daemon_log() + before, "");
    assert_true(helper_log_due_ms(&bench.log) > 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_line_has_the_name_before_it_and_no_control_character_in_it),
        TEST(parts_of_a_line_are_one_line_and_empty_lines_are_none),
        TEST(a_line_that_never_ends_is_cut_and_its_rest_skipped),
        TEST(the_last_words_are_passed_on_when_the_process_has_ended),
        TEST(the_pipe_is_closed_when_the_helper_closes_it),
        TEST(a_flood_of_lines_is_left_alone),
        TEST(a_flood_of_empty_lines_is_left_alone),
        TEST(a_flood_without_the_end_of_a_line_is_left_alone),
        TEST(what_finds_no_room_is_lost),
        TEST(it_is_heard_again_after_a_minute_from_the_next_line_on),
        TEST(another_process_has_no_new_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
