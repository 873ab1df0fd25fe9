/* Repetition: the growing delay, and which of many events the log keeps. */
#include "daemon/backoff.h"
#include "node/repeats.h"

#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static int begin(void **state)
{
    *state = calloc(1, sizeof(struct repeats));
    return *state ? 0 : -1;
}

static int end(void **state)
{
    free(*state);
    return 0;
}

static void a_delay_doubles_up_to_a_minute(void **state)
{
    static const unsigned delays_s[] = {1, 2, 4, 8, 16, 32, 60, 60};
    struct backoff backoff = {0};
    (void)state;
    for (size_t i = 0; i < countof(delays_s); i++)
        assert_int_equal(backoff_failed(&backoff, 500), delays_s[i] * 1000);
    for (unsigned i = 0; i < 100000; i++)
        assert_int_equal(backoff_failed(&backoff, 0), 60000);
}

static void what_lasted_a_minute_begins_anew(void **state)
{
    struct backoff backoff = {0};
    (void)state;
    for (unsigned i = 0; i < 5; i++)
        (void)backoff_failed(&backoff, 0);
    assert_int_equal(backoff_failed(&backoff, BACKOFF_GOOD_MS - 1), 32000);
    assert_int_equal(backoff_failed(&backoff, BACKOFF_GOOD_MS), 1000);
    assert_int_equal(backoff_failed(&backoff, 0), 2000);
}

/* How many of `count` occurrences are recorded. */
static unsigned note_many(struct repeats *repeats, const char *text, unsigned count,
                          uint64_t each_ms)
{
    unsigned recorded = 0;
    for (unsigned i = 0; i < count; i++)
        recorded += repeats_note(repeats, "kind", text, i * each_ms).count > 0;
    return recorded;
}

static void a_repeated_event_is_recorded_at_powers_of_two_with_its_count(void **state)
{
    struct repeats *repeats = *state;
    for (uint64_t i = 1; i <= 1024; i++) {
        struct repeat_verdict verdict = repeats_note(repeats, "kind", "same", i);
        bool power = (i & (i - 1)) == 0;
        assert_int_equal(verdict.count, power ? i : 0);
        assert_int_equal(verdict.dropped, 0);
    }
}

static void a_million_repetitions_are_some_twenty_events(void **state)
{
    assert_in_range(note_many(*state, "same", 1000000, 1000), 1, 20);
}

static void others_of_the_same_kind_are_recorded_meanwhile(void **state)
{
    struct repeats *repeats = *state;
    (void)note_many(repeats, "same", 1000, 1);
    assert_int_equal(repeats_note(repeats, "kind", "another", 2000).count, 1);
    assert_int_equal(repeats_note(repeats, "another kind", "same", 2000).count, 1);
}

static void what_was_left_out_is_recorded_once_it_is_quiet(void **state)
{
    struct repeats *repeats = *state;
    (void)note_many(repeats, "same", 7, 0);
    assert_null(repeats_take_quiet(repeats, REPEATS_QUIET_MS - 1));
    const struct repeat *repeat = repeats_take_quiet(repeats, REPEATS_QUIET_MS);
    assert_non_null(repeat);
    assert_string_equal(repeat->text, "same");
    assert_int_equal(repeat->count, 7);
    assert_null(repeats_take_quiet(repeats, REPEATS_QUIET_MS));
    assert_null(repeats_take_quiet(repeats, UINT64_MAX));
}

static void what_was_recorded_whole_is_not_recorded_again_at_the_end(void **state)
{
    struct repeats *repeats = *state;
    (void)note_many(repeats, "same", 4, 0);
    assert_null(repeats_take_quiet(repeats, UINT64_MAX));
}

static void after_an_hour_of_quiet_it_is_a_new_event(void **state)
{
    struct repeats *repeats = *state;
    assert_int_equal(repeats_note(repeats, "kind", "same", 0).count, 1);
    assert_int_equal(repeats_note(repeats, "kind", "same", REPEATS_QUIET_MS).count, 1);
    assert_int_equal(repeats_note(repeats, "kind", "same", REPEATS_QUIET_MS + 1).count, 2);
}

static void texts_that_all_differ_share_a_budget(void **state)
{
    struct repeats *repeats = *state;
    char text[32];
    unsigned recorded = 0;
    for (unsigned i = 0; i < 10000; i++) {
        (void)snprintf(text, sizeof(text), "text %u", i);
        recorded += repeats_note(repeats, "kind", text, i).count > 0;
    }
    assert_int_equal(recorded, EVENTS_BURST);
    assert_int_equal(repeats_note(repeats, "other", "text", 10000).count, 1);
    struct repeat_verdict later = repeats_note(repeats, "kind", "later", EVENTS_REFILL_MS);
    assert_int_equal(later.count, 1);
    assert_in_range(later.dropped, 9000, 10000);
    for (unsigned i = 0; repeats_take_quiet(repeats, EVENTS_REFILL_MS + REPEATS_QUIET_MS); i++)
        assert_in_range(i, 0, 10);
}

static void what_earlier_processes_recorded_counts(void **state)
{
    struct repeats *repeats = *state;
    for (unsigned i = 0; i < EVENTS_BURST; i++)
        repeats_seed(repeats, "kind", 0);
    assert_int_equal(repeats_note(repeats, "kind", "text", 1).count, 0);
    assert_int_equal(repeats_note(repeats, "other", "text", 1).count, 1);
    assert_int_equal(repeats_note(repeats, "kind", "later", EVENTS_REFILL_MS).count, 1);
}

static void texts_longer_than_the_table_keeps_are_told_apart_by_their_beginning(void **state)
{
    struct repeats *repeats = *state;
    char text[REPEATS_TEXT_SIZE * 2];
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = i + 1 < sizeof(text) ? 'x' : '\0';
    assert_int_equal(repeats_note(repeats, "kind", text, 0).count, 1);
    text[sizeof(text) - 2] = 'y';
    assert_int_equal(repeats_note(repeats, "kind", text, 0).count, 2);
    text[0] = 'y';
    assert_int_equal(repeats_note(repeats, "kind", text, 0).count, 1);
}

static void more_kinds_than_there_is_room_for_do_no_harm(void **state)
{
    struct repeats *repeats = *state;
    char kind[32];
    unsigned recorded = 0;
    for (unsigned i = 0; i < 100 * REPEATS_KINDS_MAX; i++) {
        (void)snprintf(kind, sizeof(kind), "kind%u", i);
        recorded += repeats_note(repeats, kind, "text", 0).count > 0;
    }
    assert_in_range(recorded, REPEATS_KINDS_MAX, EVENTS_BURST + REPEATS_KINDS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_delay_doubles_up_to_a_minute),
        cmocka_unit_test(what_lasted_a_minute_begins_anew),
#define WITH_TABLE(test) cmocka_unit_test_setup_teardown(test, begin, end)
        WITH_TABLE(a_repeated_event_is_recorded_at_powers_of_two_with_its_count),
        WITH_TABLE(a_million_repetitions_are_some_twenty_events),
        WITH_TABLE(others_of_the_same_kind_are_recorded_meanwhile),
        WITH_TABLE(what_was_left_out_is_recorded_once_it_is_quiet),
        WITH_TABLE(what_was_recorded_whole_is_not_recorded_again_at_the_end),
        WITH_TABLE(after_an_hour_of_quiet_it_is_a_new_event),
        WITH_TABLE(texts_that_all_differ_share_a_budget),
        WITH_TABLE(what_earlier_processes_recorded_counts),
        WITH_TABLE(texts_longer_than_the_table_keeps_are_told_apart_by_their_beginning),
        WITH_TABLE(more_kinds_than_there_is_room_for_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
