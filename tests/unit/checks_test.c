/* A check in one line, and excerpts of long texts: limits, characters of several bytes, ellipses;
 * and the same of every check that any domain makes, whatever it observes. */
#include "domain/domain.h"

#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A value has at most 160 bytes, a reason 240, before the ellipsis. */
enum { VALUE_MAX = 160, REASON_MAX = 240, ELLIPSIS = 3 };

/* --- excerpts --- */

static const struct {
    const char *text;
    size_t most;
    const char *excerpt;
} excerpts[] = {
    /* clang-format off */
    {"",                      5,  ""},
    {"",                      0,  ""},
    {"short",                 5,  "short"},
    {"short",                 6,  "short"},
    {"shorter",               5,  "short..."},       /* one word is cut within */
    {"two words",             9,  "two words"},
    {"two words",             8,  "two..."},         /* ... and several between */
    {"two words",             4,  "two..."},
    {"two words",             3,  "two..."},
    {"one two three",         11, "one two..."},
    {"anything",              0,  "..."},
    {"\xc3\xa4\xc3\xb6",      4,  "\xc3\xa4\xc3\xb6"},
    {"\xc3\xa4\xc3\xb6",      3,  "\xc3\xa4..."},    /* no character is cut */
    {"\xc3\xa4",              1,  "..."},
    {"a\xe2\x82\xac",         3,  "a..."},
    {"a\xe2\x82\xac",         4,  "a\xe2\x82\xac"},
    {"\xf0\x9f\x94\x92x",     4,  "\xf0\x9f\x94\x92..."},
    {"\xf0\x9f\x94\x92",      3,  "..."},
    {"\xff\xfe\xfd",          2,  "\xff\xfe..."},    /* no UTF-8: byte by byte */
    {" x",                    1,  " ..."},
    /* clang-format on */
};

static void an_excerpt_is_cut_before_a_word_and_between_characters(void **state)
{
    for (size_t i = 0; i < countof(excerpts); i++) {
        struct buf out = {0};
        check_excerpt(excerpts[i].text, excerpts[i].most, &out);
        if (!str_equal(buf_text(&out), excerpts[i].excerpt))
            fail_msg("case %zu: \"%s\", wanted \"%s\"", i, buf_text(&out), excerpts[i].excerpt);
        buf_free(&out);
    }
    (void)state;
}

static void an_excerpt_appends_to_what_stands_there(void **state)
{
    struct buf out = {0};
    buf_puts(&out, "before ");
    check_excerpt("two words", 5, &out);
    assert_string_equal(buf_text(&out), "before two...");
    buf_free(&out);
    (void)state;
}

/* --- one line --- */

static const struct {
    const char *expected, *observed, *reason, *line;
} lines[] = {
    /* clang-format off */
    {"1",    "0 on eth0", NULL,      "x.y is 0 on eth0, should be 1"},
    {"1",    "0 on eth0", "because", "x.y is 0 on eth0, should be 1 (because)"},
    {"1",    "",          "because", "x.y is unknown, should be 1 (because)"},
    {"1",    NULL,        NULL,      "x.y is unknown, should be 1"},
    {"a; b", "c; d",      "e; f",    "x.y is c; d, should be a; b (e; f)"},
    /* clang-format on */
};

static void a_check_in_one_line_says_what_is_what_should_be_and_why(void **state)
{
    for (size_t i = 0; i < countof(lines); i++) {
        struct buf out = {0};
        const struct check check = {.id = "x.y",
                                    .expected = lines[i].expected,
                                    .observed = lines[i].observed,
                                    .reason = lines[i].reason};
        check_print(&check, &out);
        assert_string_equal(buf_text(&out), lines[i].line);
        buf_free(&out);
    }
    (void)state;
}

static void long_values_and_reasons_are_cut_each_for_itself(void **state)
{
    char text[400], line[3 * sizeof(text)];
    struct buf out = {0};
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    check_print(&(struct check){.id = "x.y", .expected = text, .observed = text, .reason = text},
                &out);
    (void)snprintf(line, sizeof(line), "x.y is %.*s..., should be %.*s... (%.*s...)", VALUE_MAX,
                   text, VALUE_MAX, text, REASON_MAX, text);
    assert_string_equal(buf_text(&out), line);
    buf_free(&out);
    (void)state;
}

/* --- every check of every domain --- */

static void expect_line(const struct check *check)
{
    char begin[128];
    struct buf out = {0};
    check_print(check, &out);
    const char *line = buf_text(&out);
    (void)snprintf(begin, sizeof(begin), "%s is ", check->id);
    assert_int_equal(buf_error(&out), 0);
    if (!str_starts(line, begin) || !strstr(line, ", should be ") ||
        !str_is_text(line, out.length) || (check->reason && line[out.length - 1] != ')') ||
        out.length > strlen(begin) + sizeof(", should be  ()") + 2 * (VALUE_MAX + ELLIPSIS) +
                         REASON_MAX + ELLIPSIS)
        fail_msg("%s", line);
    buf_free(&out);
}

/* On a host's own network, or with nothing below the root at all. */
static void every_check_of_every_domain_fits_one_line(void **state)
{
    static const struct system systems[] = {
        {.root = "/nowhere"},
        {.root = "/nowhere", .initial_netns = true, .manages_firewall = true},
    };
    static const enum role roles[] = {ROLE_MANAGEMENT, ROLE_CONFERENCING};
    struct settings settings = {0};
    size_t count = 0;
    assert_int_equal(settings_strictest(&settings), 0);
    for (size_t i = 0; i < countof(systems) * countof(roles); i++) {
        struct results results = {0};
        struct policy policy;
        policy_make(&policy, &(struct policy_input){.role = roles[i / countof(systems)],
                                                    .settings = &settings,
                                                    .revision = 3,
                                                    .admin_latched = true});
        domain_check(&(struct walk){PHASE_RUN, &policy, &systems[i % countof(systems)],
                                    &(struct evidence){NULL}},
                     &results);
        for (size_t d = 0; d < DOMAIN_COUNT; d++) {
            assert_true(results.domain[d].count > 0);
            for (size_t r = 0; r < results.domain[d].count; r++, count++)
                expect_line(&results.domain[d].list[r]);
        }
        results_free(&results);
    }
    assert_true(count > 400);
    settings_free(&settings);
    (void)state;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_excerpt_is_cut_before_a_word_and_between_characters),
        cmocka_unit_test(an_excerpt_appends_to_what_stands_there),
        cmocka_unit_test(a_check_in_one_line_says_what_is_what_should_be_and_why),
        cmocka_unit_test(long_values_and_reasons_are_cut_each_for_itself),
        cmocka_unit_test(every_check_of_every_domain_fits_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
