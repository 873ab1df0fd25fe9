/* The renderers: what their readers could not take, whatever the answers. */
#include "render/render.h"

#include "base/str.h"
#include "render/openssl_names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const enum setting_key answers[] = {
    SECURITY_FIPS,  TLS_LEGACY,
    TLS_CBC,        SIP_TLS_ANONYMOUS_DH_OUTBOUND,
    TLS_AES128_SHA, SIP_TLS_AES128_SHA_OUTBOUND,
};

enum { COMBINATIONS = 1 << countof(answers) };

typedef void judge_one(const struct policy *policy);

/* Each combination of answers, for both roles, through `judge`. */
static void with_every_answer(judge_one *evaluate)
{
    for (unsigned combination = 0; combination < COMBINATIONS; combination++) {
        struct settings settings = {0};
        struct policy policy;
        assert_int_equal(settings_defaults(&settings), 0);
        for (size_t i = 0; i < countof(answers); i++)
            assert_int_equal(
                settings_put(&settings, answers[i], combination & 1U << i ? "yes" : "no", NULL), 0);
        policy_make(&policy, &(struct policy_input){.role = combination % 2 ? ROLE_CONFERENCING
                                                                            : ROLE_MANAGEMENT,
                                                    .settings = &settings,
                                                    .revision = UINT64_MAX});
        evaluate(&policy);
        settings_free(&settings);
    }
}

static void judge_length(const struct policy *policy)
{
    for (enum surface surface = 0; surface < SURFACE_COUNT; surface++) {
        struct buf words = {0};
        openssl_names_ciphers_short(&policy->crypto.surface[surface], &words);
        assert_int_equal(buf_error(&words), 0);
        assert_in_range(words.length, 1, OPENSSL_NAMES_CIPHERS_MAX);
        buf_free(&words);
    }
}

static void no_combination_makes_a_list_of_suites_too_long_for_kamailio(void **state)
{
    (void)state;
    with_every_answer(judge_length);
}

/* Level 0 lets OpenSSL sign by SHA-1 and do without certificates: only where old versions or
 * anonymous suites are asked for. */
static void judge_level(const struct policy *policy)
{
    for (enum surface surface = 0; surface < SURFACE_COUNT; surface++) {
        const struct surface_record *record = &policy->crypto.surface[surface];
        struct buf words = {0};
        bool anonymous = surface_offers(record, 0x00A7, TLS_1_2);
        openssl_names_ciphers(record, &words);
        assert_int_equal(strstr(buf_text(&words), "@SECLEVEL=0") != NULL,
                         record->first < TLS_1_2 || anonymous);
        buf_free(&words);
    }
}

static void the_security_level_is_lowered_for_what_needs_it_alone(void **state)
{
    (void)state;
    with_every_answer(judge_level);
}

static void judge_files(const struct policy *policy)
{
    for (size_t i = 0; i < RENDERED_COUNT; i++) {
        const struct rendered_file *file = &rendered_files[i];
        struct buf out = {0};
        assert_int_equal(rendered_make(file, policy, &out), 0);
        if (!file->in_fips_mode_alone)
            assert_non_null(strstr(buf_text(&out), "18446744073709551615"));
        assert_int_equal(out.data[out.length - 1], '\n');
        assert_true(str_is_text(out.data, out.length));
        rendered_end(file, &out);
    }
}

static void every_file_is_whole_lines_of_text_with_its_revision(void **state)
{
    (void)state;
    with_every_answer(judge_files);
}

/* What others may read, or write, holds no secret. */
static void a_file_with_a_secret_is_read_by_its_owner_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < RENDERED_COUNT; i++) {
        const struct managed_file *file = &rendered_files[i].file;
        assert_int_equal(file->mode & (file->secret ? 0077 : 0022), 0);
    }
}

static void an_unknown_surface_has_no_record(void **state)
{
    struct settings settings = {0};
    struct policy policy;
    struct buf out = {0};
    (void)state;
    assert_int_equal(settings_defaults(&settings), 0);
    policy_make(&policy, &(struct policy_input){.role = ROLE_MANAGEMENT, .settings = &settings});
    assert_false(render_surface_json(&policy, "sip", &out));
    assert_int_equal(out.length, 0);
    assert_true(render_surface_json(&policy, "srtp", &out));
    buf_free(&out);
    settings_free(&settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_combination_makes_a_list_of_suites_too_long_for_kamailio),
        cmocka_unit_test(the_security_level_is_lowered_for_what_needs_it_alone),
        cmocka_unit_test(every_file_is_whole_lines_of_text_with_its_revision),
        cmocka_unit_test(a_file_with_a_secret_is_read_by_its_owner_alone),
        cmocka_unit_test(an_unknown_surface_has_no_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
