/* The tls domain: which verdict follows from what the last probe found. */
#include "tls_fixture.h"

#include "base/clock.h"
#include "base/str.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { TRIPLE_DES = 0x000A, AES128_SHA = 0x002F };

static void without_a_record_no_check_applies(void **state)
{
    struct tls_node *node = *state;
    tls_look(node);
    tls_assert_all(node, VERDICT_NOT_APPLICABLE);
}

static void listeners_that_keep_to_the_policy_pass(void **state)
{
    struct tls_node *node = *state;
    assert_int_equal(node->record->count, 3);
    tls_all_is_well(node->record);
    tls_keep_and_look(node);
    tls_find_check(node, "tls.health.suites");
    tls_find_check(node, "tls.https.versions");
    tls_find_check(node, "tls.sip-tls.order");
    for (size_t i = 0; i < node->checks.count; i++)
        assert_true(node->checks.list[i].verdict < VERDICT_FAIL);
}

static void what_is_accepted_and_not_permitted_fails_with_its_name_and_setting(void **state)
{
    struct tls_node *node = *state;
    tls_all_is_well(node->record);
    struct probe_result *result = tls_find_result(node, "sip-tls");
    struct probe_version *old = &result->version[TLS_1_0 - SSL_3_0];
    struct probe_version *new = &result->version[TLS_1_2 - SSL_3_0];
    old->accepted = true;
    new->suites[new->suite_count++].id = AES128_SHA;
    new->suites[new->suite_count++].id = TRIPLE_DES;
    tls_keep_and_look(node);
    const struct check *check = tls_find_check(node, "tls.sip-tls.suites");
    assert_int_equal(check->verdict, VERDICT_FAIL);
    assert_int_equal(check->setting, TLS_AES128_SHA);
    assert_non_null(check->section);
    assert_string_equal(check->observed, "TLS_RSA_WITH_AES_128_CBC_SHA is accepted with TLS 1.2; "
                                         "TLS_RSA_WITH_3DES_EDE_CBC_SHA is accepted with TLS 1.2");
    check = tls_find_check(node, "tls.sip-tls.versions");
    assert_int_equal(check->verdict, VERDICT_FAIL);
    assert_int_equal(check->setting, TLS_LEGACY);
    assert_string_equal(check->observed, "TLS 1.0 is accepted");
    assert_int_equal(tls_find_check(node, "tls.https.suites")->verdict, VERDICT_PASS);
}

static void a_record_is_held_against_the_policy_of_the_moment(void **state)
{
    struct tls_node *node = *state;
    tls_all_is_well(node->record);
    struct probe_version *version = &tls_find_result(node, "https")->version[TLS_1_2 - SSL_3_0];
    version->suites[version->suite_count++].id = AES128_SHA;
    tls_keep_and_look(node);
    assert_int_equal(tls_find_check(node, "tls.https.suites")->verdict, VERDICT_FAIL);
    assert_int_equal(settings_put(&node->settings, TLS_AES128_SHA, "yes", NULL), 0);
    policy_make(&node->policy,
                &(struct policy_input){.role = ROLE_CONFERENCING, .settings = &node->settings});
    tls_look(node);
    assert_int_equal(tls_find_check(node, "tls.https.suites")->verdict, VERDICT_PASS);
}

static void a_key_exchange_signed_outside_the_policy_fails(void **state)
{
    struct tls_node *node = *state;
    static const struct {
        uint16_t code;
        const char *observed; /* NULL: it passes */
    } cases[] = {
        {0x0403, NULL},
        {0x0203, "a key exchange of TLS 1.2 is signed by ecdsa_sha1"},
        {0x0201, "a key exchange of TLS 1.2 is signed by rsa_pkcs1_sha1"},
        {0x0101, "a key exchange of TLS 1.2 is signed by rsa_pkcs1_md5"},
        {0x0807, "a key exchange of TLS 1.2 is signed by ed25519"},
        {0xfefe, "a key exchange of TLS 1.2 is signed by a scheme that was not offered"},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        tls_all_is_well(node->record);
        struct probe_result *result = tls_find_result(node, "https");
        result->signatures[result->signature_count++] = 0x0503;
        result->signatures[result->signature_count++] = cases[i].code;
        tls_keep_and_look(node);
        const struct check *check = tls_find_check(node, "tls.https.signatures");
        assert_int_equal(check->verdict, cases[i].observed ? VERDICT_FAIL : VERDICT_PASS);
        assert_string_equal(check->observed,
                            cases[i].observed ? cases[i].observed
                                              : "ecdsa_secp384r1_sha384, ecdsa_secp256r1_sha256");
        assert_int_equal(tls_find_check(node, "tls.health.signatures")->verdict, VERDICT_PASS);
    }
}

static void tls_1_2_without_extended_master_secret_fails_in_fips_mode_alone(void **state)
{
    struct tls_node *node = *state;
    static const struct {
        uint8_t master_secret, plain_secret;
        enum verdict in_fips_mode;
    } cases[] = {
        {PROBE_YES, PROBE_NO, VERDICT_PASS},
        {PROBE_YES, PROBE_UNKNOWN, VERDICT_NOT_CHECKED},
        {PROBE_UNKNOWN, PROBE_UNKNOWN, VERDICT_NOT_CHECKED},
        {PROBE_YES, PROBE_YES, VERDICT_FAIL},
        {PROBE_NO, PROBE_UNKNOWN, VERDICT_FAIL},
        {PROBE_NO, PROBE_YES, VERDICT_FAIL},
    };
    for (size_t i = 0; i < countof(cases); i++)
        for (int fips = 0; fips < 2; fips++) {
            tls_all_is_well(node->record);
            struct probe_version *found =
                &tls_find_result(node, "https")->version[TLS_1_2 - SSL_3_0];
            found->master_secret = cases[i].master_secret;
            found->plain_secret = cases[i].plain_secret;
            node->policy.crypto.fips = fips;
            tls_keep_and_look(node);
            const struct check *check = tls_find_check(node, "tls.https.sessions");
            assert_int_equal(check->verdict, fips ? cases[i].in_fips_mode : VERDICT_PASS);
            if (check->verdict == VERDICT_FAIL)
                assert_int_equal(check->setting, SECURITY_FIPS);
            if (check->verdict == VERDICT_NOT_CHECKED)
                assert_non_null(strstr(check->reason, "TLS 1.2"));
        }
}

static void a_listener_of_tls_1_3_alone_is_not_asked_for_the_secret_of_tls_1_2(void **state)
{
    struct tls_node *node = *state;
    tls_all_is_well(node->record);
    struct probe_result *result = tls_find_result(node, "https");
    result->version[TLS_1_2 - SSL_3_0].accepted = false;
    result->version[TLS_1_3 - SSL_3_0].accepted = true;
    node->policy.crypto.fips = true;
    tls_keep_and_look(node);
    assert_int_equal(tls_find_check(node, "tls.https.sessions")->verdict, VERDICT_PASS);
}

static void a_certificate_that_was_not_seen_is_not_checked(void **state)
{
    struct tls_node *node = *state;
    tls_all_is_well(node->record);
    tls_keep_and_look(node);
    assert_int_equal(tls_find_check(node, "tls.https.certificate")->verdict, VERDICT_NOT_CHECKED);
    tls_find_result(node, "https")->chain = (struct certificate_chain){.count = 1, .size = {1}};
    tls_keep_and_look(node);
    assert_int_equal(tls_find_check(node, "tls.https.certificate")->verdict, VERDICT_FAIL);
}

static void a_closed_port_does_not_apply_and_a_mute_one_is_an_error(void **state)
{
    struct tls_node *node = *state;
    tls_all_is_well(node->record);
    tls_find_result(node, "https")->error = -ECONNREFUSED;
    tls_find_result(node, "sip-tls")->error = -ETIMEDOUT;
    tls_keep_and_look(node);
    assert_int_equal(tls_find_check(node, "tls.https.suites")->verdict, VERDICT_NOT_APPLICABLE);
    assert_int_equal(tls_find_check(node, "tls.sip-tls.suites")->verdict, VERDICT_ERROR);
    assert_int_equal(tls_find_check(node, "tls.health.suites")->verdict, VERDICT_PASS);
}

static void a_probe_that_was_not_finished_is_no_proof_but_its_faults_count(void **state)
{
    struct tls_node *node = *state;
    tls_all_is_well(node->record);
    struct probe_result *result = tls_find_result(node, "https");
    result->error = -ETIME;
    result->version[TLS_1_1 - SSL_3_0].accepted = true;
    tls_keep_and_look(node);
    assert_int_equal(tls_find_check(node, "tls.https.suites")->verdict, VERDICT_NOT_CHECKED);
    assert_int_equal(tls_find_check(node, "tls.https.versions")->verdict, VERDICT_FAIL);
    assert_int_equal(tls_find_check(node, "tls.health.suites")->verdict, VERDICT_PASS);
}

static void a_record_of_another_time_is_not_taken_for_a_check(void **state)
{
    struct tls_node *node = *state;
    tls_all_is_well(node->record);
    node->record->boot_ms = 1000;
    assert_false(probe_cache_is_stale(node->record, 1000));
    assert_false(probe_cache_is_stale(node->record, 1000 + PROBE_CACHE_STALE_S * UINT64_C(1000)));
    assert_true(probe_cache_is_stale(node->record, 1001 + PROBE_CACHE_STALE_S * UINT64_C(1000)));
    assert_true(probe_cache_is_stale(node->record, 999));
    node->record->boot_ms = UINT64_MAX;
    tls_keep_and_look(node);
    tls_assert_all(node, VERDICT_NOT_CHECKED);
}

static void a_damaged_record_is_an_error_and_never_a_verdict(void **state)
{
    struct tls_node *node = *state;
    tls_all_is_well(node->record);
    struct probe_cache *record = node->record;
    struct probe_result *result = &record->listener[0].result;
    const struct {
        void *at;
        size_t size;
    } places[] = {
        {&record->magic, sizeof(record->magic)},
        {&record->size, sizeof(record->size)},
        {&record->count, sizeof(record->count)},
        {&record->listener[0].name, sizeof(record->listener[0].name)},
        {&result->reason, sizeof(result->reason)},
        {&result->group_count, sizeof(result->group_count)},
        {&result->signature_count, sizeof(result->signature_count)},
        {&result->version[2].suite_count, sizeof(result->version[2].suite_count)},
        {&result->version[2].version, sizeof(result->version[2].version)},
        {&result->chain.count, sizeof(result->chain.count)},
    };
    for (size_t i = 0; i < countof(places); i++) {
        unsigned char before[PROBE_REASON_SIZE];
        memcpy(before, places[i].at, places[i].size);
        memset(places[i].at, 0x7f, places[i].size);
        assert_false(probe_cache_is_valid(record));
        tls_keep_and_look(node);
        tls_assert_all(node, VERDICT_ERROR);
        memcpy(places[i].at, before, places[i].size);
        assert_true(probe_cache_is_valid(record));
    }
}

static void the_record_of_a_port_that_was_changed_is_not_taken(void **state)
{
    struct tls_node *node = *state;
    tls_all_is_well(node->record);
    for (size_t i = 0; i < node->record->count; i++)
        node->record->listener[i].port++;
    tls_keep_and_look(node);
    tls_assert_all(node, VERDICT_NOT_APPLICABLE);
}

/* --- the headers of HTTP --- */

static const struct check *look_at_page(struct tls_node *node, const struct page_answer *page)
{
    tls_all_is_well(node->record);
    tls_find_result(node, "https")->page[PAGE_COUNT - 1] = *page;
    tls_keep_and_look(node);
    return tls_find_check(node, "tls.https.headers");
}

static void a_page_without_its_headers_fails_and_names_who_decides(void **state)
{
    static const struct page_answer page = {.status = 500,
                                            .transport_security = "max-age=31536000"};
    const struct check *check = look_at_page(*state, &page);
    assert_int_equal(check->verdict, VERDICT_FAIL);
    assert_false(check->advised);
    assert_string_equal(
        check->observed,
        "HEAD /holdfast-probe: 500 with Referrer-Policy: none; expected same-origin");
    assert_int_equal(check->setting, HTTP_REFERRER_POLICY);
}

static void a_page_that_does_not_come_in_time_is_not_checked(void **state)
{
    static const struct page_answer pages[] = {
        {.error = -ETIMEDOUT},  {.error = -ECONNREFUSED},
        {.error = -ECONNRESET}, {.error = -EADDRNOTAVAIL},
        {.error = 0},
    };
    for (size_t i = 0; i < countof(pages); i++) {
        const struct check *check = look_at_page(*state, &pages[i]);
        assert_int_equal(check->verdict, VERDICT_NOT_CHECKED);
        assert_string_equal(check->reason, "not every request was answered in time");
    }
}

static void a_page_that_is_refused_fails(void **state)
{
    static const int errors[] = {-EBADMSG, -EPROTO, -EPROTONOSUPPORT};
    for (size_t i = 0; i < countof(errors); i++) {
        const struct check *check = look_at_page(*state, &(struct page_answer){.error = errors[i]});
        assert_int_equal(check->verdict, VERDICT_FAIL);
    }
}

static void pages_are_judged_by_the_settings_of_the_moment(void **state)
{
    struct tls_node *node = *state;
    const struct check *check = look_at_page(node, &tls_good_page);
    assert_int_equal(check->verdict, VERDICT_PASS);
    assert_string_equal(check->observed, "HEAD /: 404, max-age=31536000, same-origin; HEAD "
                                         "/holdfast-probe: 404, max-age=31536000, same-origin");
    node->policy.crypto.hsts_preload = true;
    tls_look(node);
    check = tls_find_check(node, "tls.https.headers");
    assert_int_equal(check->verdict, VERDICT_FAIL);
    assert_int_equal(check->setting, HTTP_HSTS_PRELOAD);
    node->policy.crypto.hsts_preload = node->policy.crypto.referrer_policy = false;
    check = look_at_page(
        node, &(struct page_answer){.status = 200, .transport_security = "max-age=31536000"});
    assert_int_equal(check->verdict, VERDICT_PASS);
}

static void sip_has_no_check_for_headers(void **state)
{
    struct tls_node *node = *state;
    tls_all_is_well(node->record);
    tls_keep_and_look(node);
    for (size_t i = 0; i < node->checks.count; i++)
        assert_string_not_equal(node->checks.list[i].id, "tls.sip-tls.headers");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_a_record_no_check_applies, tls_begin, tls_end),
        cmocka_unit_test_setup_teardown(listeners_that_keep_to_the_policy_pass, tls_begin, tls_end),
        cmocka_unit_test_setup_teardown(
            what_is_accepted_and_not_permitted_fails_with_its_name_and_setting, tls_begin, tls_end),
        cmocka_unit_test_setup_teardown(a_record_is_held_against_the_policy_of_the_moment,
                                        tls_begin, tls_end),
        cmocka_unit_test_setup_teardown(a_key_exchange_signed_outside_the_policy_fails, tls_begin,
                                        tls_end),
        cmocka_unit_test_setup_teardown(
            tls_1_2_without_extended_master_secret_fails_in_fips_mode_alone, tls_begin, tls_end),
        cmocka_unit_test_setup_teardown(
            a_listener_of_tls_1_3_alone_is_not_asked_for_the_secret_of_tls_1_2, tls_begin, tls_end),
        cmocka_unit_test_setup_teardown(a_certificate_that_was_not_seen_is_not_checked, tls_begin,
                                        tls_end),
        cmocka_unit_test_setup_teardown(a_closed_port_does_not_apply_and_a_mute_one_is_an_error,
                                        tls_begin, tls_end),
        cmocka_unit_test_setup_teardown(
            a_probe_that_was_not_finished_is_no_proof_but_its_faults_count, tls_begin, tls_end),
        cmocka_unit_test_setup_teardown(a_record_of_another_time_is_not_taken_for_a_check,
                                        tls_begin, tls_end),
        cmocka_unit_test_setup_teardown(a_damaged_record_is_an_error_and_never_a_verdict, tls_begin,
                                        tls_end),
        cmocka_unit_test_setup_teardown(the_record_of_a_port_that_was_changed_is_not_taken,
                                        tls_begin, tls_end),
        cmocka_unit_test_setup_teardown(a_page_without_its_headers_fails_and_names_who_decides,
                                        tls_begin, tls_end),
        cmocka_unit_test_setup_teardown(a_page_that_does_not_come_in_time_is_not_checked, tls_begin,
                                        tls_end),
        cmocka_unit_test_setup_teardown(a_page_that_is_refused_fails, tls_begin, tls_end),
        cmocka_unit_test_setup_teardown(pages_are_judged_by_the_settings_of_the_moment, tls_begin,
                                        tls_end),
        cmocka_unit_test_setup_teardown(sip_has_no_check_for_headers, tls_begin, tls_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
