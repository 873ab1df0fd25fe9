/* The tls domain: who serves the health port, by which certificate, and what stands where a probe
 * was not answered. */
#include "certificate_fixture.h"
#include "tls_fixture.h"

#include "base/clock.h"
#include "base/str.h"
#include "probe/served.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* --- who serves the health port --- */

#define OWN   "AB:CD"
#define OTHER "12:34"

static struct served_record served_by_us(void)
{
    return (struct served_record){.state = SERVED_ANSWERS,
                                  .pid = 4711,
                                  .daemon_pid = getpid(),
                                  .since_ms = clock_boot_ms(),
                                  .place = ":: port 9443",
                                  .fingerprint = OWN};
}

static void look_at_served(struct tls_node *node, struct served_record *served)
{
    assert_int_equal(served_write(node->root, served), 0);
    tls_keep_and_look(node);
}

/* A listener that showed this certificate and proved its key, later than any endpoint began. */
static void show_certificate(struct tls_node *node, const char *fingerprint)
{
    struct probe_result *result = tls_find_result(node, "health");
    tls_all_is_well(node->record);
    tls_find_listener(node, "health")->began_ms = clock_boot_ms() + 1000;
    result->certificate.parsed = true;
    result->certificate.not_after_s = clock_now_s() + INT64_C(86400) * 365;
    (void)snprintf(result->certificate.fingerprint, sizeof(result->certificate.fingerprint), "%s",
                   fingerprint);
    (void)snprintf(result->certificate.names, sizeof(result->certificate.names),
                   "DNS:node.local, DNS:node");
    result->certificate.named = result->certificate.complete = true;
    result->certificate.self_issued = true;
    result->chain.count = result->certificate.in_order = 1;
    result->version[TLS_1_2 - SSL_3_0].suites[0].proof = PROOF_DONE;
    result->key_proved = true;
}

static void the_process_that_answers_with_its_own_certificate_passes(void **state)
{
    struct tls_node *node = *state;
    struct served_record served = served_by_us();
    show_certificate(node, OWN);
    look_at_served(node, &served);
    const struct check *check = tls_find_check(node, "tls.health.served");
    assert_int_equal(check->verdict, VERDICT_PASS);
    assert_non_null(strstr(check->observed, "4711"));
    assert_non_null(strstr(check->observed, OWN));
    assert_int_equal(tls_find_check(node, "tls.health.suites")->verdict, VERDICT_PASS);
}

static void a_process_that_is_down_fails_with_its_reason(void **state)
{
    struct tls_node *node = *state;
    struct served_record served = served_by_us();
    show_certificate(node, OWN);
    served.state = SERVED_DOWN;
    (void)snprintf(served.reason, sizeof(served.reason), "the process was stopped");
    look_at_served(node, &served);
    const struct check *check = tls_find_check(node, "tls.health.served");
    assert_int_equal(check->verdict, VERDICT_FAIL);
    assert_false(check->advised);
    assert_non_null(strstr(check->observed, "was stopped"));
    assert_int_equal(tls_find_check(node, "tls.health.suites")->verdict, VERDICT_ERROR);
    assert_int_equal(tls_find_check(node, "tls.https.suites")->verdict, VERDICT_PASS);
}

static void another_certificate_at_the_port_fails_and_is_not_judged(void **state)
{
    struct tls_node *node = *state;
    struct served_record served = served_by_us();
    show_certificate(node, OTHER);
    look_at_served(node, &served);
    assert_int_equal(tls_find_check(node, "tls.health.served")->verdict, VERDICT_FAIL);
    assert_int_equal(tls_find_check(node, "tls.health.suites")->verdict, VERDICT_ERROR);
}

static void a_certificate_without_its_key_fails(void **state)
{
    struct tls_node *node = *state;
    struct served_record served = served_by_us();
    show_certificate(node, OWN);
    tls_find_result(node, "health")->version[TLS_1_2 - SSL_3_0].suites[0].proof = PROOF_FAILED;
    tls_find_result(node, "health")->key_proved = false;
    look_at_served(node, &served);
    assert_int_equal(tls_find_check(node, "tls.health.served")->verdict, VERDICT_FAIL);
}

/* The scan is shown the endpoint's certificate, a whole handshake that of whoever answers. */
static void a_handshake_with_another_certificate_proves_nothing(void **state)
{
    struct tls_node *node = *state;
    struct served_record served = served_by_us();
    show_certificate(node, OWN);
    tls_find_result(node, "health")->key_proved = false;
    look_at_served(node, &served);
    assert_int_equal(tls_find_check(node, "tls.health.served")->verdict, VERDICT_FAIL);
}

static void a_certificate_that_cannot_be_read_or_is_not_shown_fails(void **state)
{
    struct tls_node *node = *state;
    struct served_record served = served_by_us();
    for (uint32_t shown = 0; shown < 2; shown++) {
        show_certificate(node, OWN);
        struct probe_result *result = tls_find_result(node, "health");
        result->certificate = (struct certificate_facts){.parsed = false};
        result->chain = (struct certificate_chain){.left_out = shown};
        result->key_proved = false;
        look_at_served(node, &served);
        assert_int_equal(tls_find_check(node, "tls.health.served")->verdict, VERDICT_FAIL);
        result->proof_error = -ETIME;
        look_at_served(node, &served);
        assert_int_equal(tls_find_check(node, "tls.health.served")->verdict,
                         shown ? VERDICT_FAIL : VERDICT_PASS);
    }
}

/* What was seen until the time was over counts, what was not accuses nobody. */
static void another_certificate_fails_in_a_probe_that_was_not_finished_too(void **state)
{
    struct tls_node *node = *state;
    struct served_record served = served_by_us();
    show_certificate(node, OTHER);
    tls_find_result(node, "health")->error = -ETIME;
    look_at_served(node, &served);
    assert_int_equal(tls_find_check(node, "tls.health.served")->verdict, VERDICT_FAIL);
    show_certificate(node, OWN);
    tls_find_result(node, "health")->error = -ETIME;
    tls_find_result(node, "health")->version[TLS_1_2 - SSL_3_0].suites[0].proof = PROOF_NONE;
    tls_find_result(node, "health")->key_proved = false;
    look_at_served(node, &served);
    assert_int_equal(tls_find_check(node, "tls.health.served")->verdict, VERDICT_PASS);
}

static void handshakes_that_are_late_prove_nothing_and_accuse_nobody(void **state)
{
    struct tls_node *node = *state;
    struct served_record served = served_by_us();
    show_certificate(node, OWN);
    struct probe_result *result = tls_find_result(node, "health");
    result->version[TLS_1_2 - SSL_3_0].suites[0].proof = PROOF_NONE;
    result->key_proved = false;
    for (size_t i = 0; i < PAGE_COUNT; i++)
        result->page[i] = (struct page_answer){.error = -ETIMEDOUT};
    look_at_served(node, &served);
    assert_int_equal(tls_find_check(node, "tls.health.served")->verdict, VERDICT_FAIL);
    result->proof_error = -ETIME;
    assert_false(probe_cache_is_complete(node->record));
    look_at_served(node, &served);
    assert_int_equal(tls_find_check(node, "tls.health.served")->verdict, VERDICT_PASS);
    assert_int_equal(tls_find_check(node, "tls.health.headers")->verdict, VERDICT_NOT_CHECKED);
    assert_int_equal(tls_find_check(node, "tls.health.suites")->verdict, VERDICT_PASS);
}

static void a_probe_from_before_the_certificate_accuses_no_stranger(void **state)
{
    struct tls_node *node = *state;
    struct served_record served = served_by_us();
    show_certificate(node, OTHER);
    tls_find_listener(node, "health")->began_ms = served.since_ms - 1;
    look_at_served(node, &served);
    assert_int_equal(tls_find_check(node, "tls.health.served")->verdict, VERDICT_PASS);
    assert_int_equal(tls_find_check(node, "tls.health.suites")->verdict, VERDICT_NOT_CHECKED);
}

static void a_health_port_that_refuses_is_no_check_that_does_not_apply(void **state)
{
    struct tls_node *node = *state;
    struct served_record served = served_by_us();
    show_certificate(node, OWN);
    tls_find_result(node, "health")->error = -ECONNREFUSED;
    tls_find_result(node, "https")->error = -ECONNREFUSED;
    look_at_served(node, &served);
    assert_int_equal(tls_find_check(node, "tls.health.served")->verdict, VERDICT_FAIL);
    assert_int_equal(tls_find_check(node, "tls.health.suites")->verdict, VERDICT_ERROR);
    assert_int_equal(tls_find_check(node, "tls.https.suites")->verdict, VERDICT_NOT_APPLICABLE);
}

static void a_daemon_that_is_gone_fails(void **state)
{
    struct tls_node *node = *state;
    struct served_record served = served_by_us();
    served.daemon_pid = 0x7ffffffe; /* beyond every pid_max */
    show_certificate(node, OWN);
    look_at_served(node, &served);
    assert_int_equal(tls_find_check(node, "tls.health.served")->verdict, VERDICT_FAIL);
}

static void a_damaged_record_of_the_endpoint_is_an_error(void **state)
{
    struct tls_node *node = *state;
    struct served_record served = served_by_us();
    memset(served.reason, 'x', sizeof(served.reason));
    look_at_served(node, &served);
    assert_int_equal(tls_find_check(node, "tls.health.served")->verdict, VERDICT_ERROR);
}

static void probes_that_never_end_are_errors(void **state)
{
    struct tls_node *node = *state;
    struct served_record served = served_by_us();
    show_certificate(node, OWN);
    served.probe_failures = PROBE_CACHE_CARRIED_MAX;
    (void)snprintf(served.probe_reason, sizeof(served.probe_reason), "it hangs");
    look_at_served(node, &served);
    tls_assert_all(node, VERDICT_ERROR);
    assert_non_null(strstr(tls_find_check(node, "tls.health.suites")->reason, "it hangs"));
}

/* --- the certificate --- */

static const struct check *certificate_check(struct tls_node *node)
{
    struct served_record served = served_by_us();
    look_at_served(node, &served);
    return tls_find_check(node, "tls.health.certificate");
}

static void a_self_signed_certificate_falls_short_as_advice(void **state)
{
    struct tls_node *node = *state;
    show_certificate(node, OWN);
    const struct check *check = certificate_check(node);
    assert_int_equal(check->verdict, VERDICT_FAIL);
    assert_true(check->advised);
    assert_non_null(strstr(check->observed, "self-signed"));
    assert_non_null(strstr(check->observed, OWN));
    assert_true(checks_worst_of(&node->checks, false) < VERDICT_FAIL);
    assert_int_equal(checks_worst(&node->checks), VERDICT_FAIL);
}

static void an_authority_that_no_anchor_leads_to_is_advice(void **state)
{
    struct tls_node *node = *state;
    show_certificate(node, OWN);
    tls_find_result(node, "health")->certificate.self_issued = false;
    const struct check *check = certificate_check(node);
    assert_int_equal(check->verdict, VERDICT_FAIL);
    assert_true(check->advised);
    assert_non_null(strstr(check->observed, "trust anchor"));
}

static void the_last_30_days_are_advice_and_the_last_7_a_failure(void **state)
{
    struct tls_node *node = *state;
    static const struct {
        int64_t left_s;
        bool told, advised;
    } cases[] = {
        {31 * 86400, false, true}, {29 * 86400, true, true}, {8 * 86400, true, true},
        {6 * 86400, true, false},  {-1, true, false},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        show_certificate(node, OWN);
        tls_find_result(node, "health")->certificate.not_after_s = clock_now_s() + cases[i].left_s;
        const struct check *check = certificate_check(node);
        assert_int_equal(strstr(check->observed, "expire") != NULL, cases[i].told);
        assert_int_equal(check->advised, cases[i].advised);
    }
}

static void a_certificate_must_name_the_node(void **state)
{
    struct tls_node *node = *state;
    static const struct {
        const char *names;
        bool holds;
    } cases[] = {
        {"DNS:node.local", true},
        {"DNS:NODE.LOCAL, DNS:other", true},
        {"DNS:*.local", true},
        {"DNS:other.local", false},
        {"DNS:node", false},
        {"", false},
        {"IP:192.0.2.1", false},
        {"IP:192.0.2.7", true},
        {"IP:192.0.2.7, DNS:former.local", false},
        {"DNS:xnode.local, DNS:node.locl", false},
    };
    struct buf why = {0};
    assert_int_equal(settings_put(&node->settings, NODE_ADDRESS, "192.0.2.7/24", &why), 0);
    buf_free(&why);
    for (size_t i = 0; i < countof(cases); i++) {
        show_certificate(node, OWN);
        struct certificate_facts *facts = &tls_find_result(node, "health")->certificate;
        (void)snprintf(facts->names, sizeof(facts->names), "%s", cases[i].names);
        const struct check *check = certificate_check(node);
        assert_int_equal(check->advised, cases[i].holds);
        assert_int_equal(strstr(check->observed, "does not name this node") == NULL,
                         cases[i].holds);
    }
}

/* One certificate of all nodes is common. */
static void a_node_behind_many_names_is_named(void **state)
{
    enum { NAMES = 91 };
    static char names[NAMES][CERTIFICATE_NAME_SIZE];
    struct tls_node *node = *state;
    for (size_t last = 0; last < 2; last++) {
        for (size_t i = 0; i < NAMES; i++)
            (void)snprintf(names[i], sizeof(names[i]), "conf%03zu.video.example.org", i);
        if (last)
            (void)snprintf(names[NAMES - 1], sizeof(names[0]), "node.local");
        show_certificate(node, OWN);
        struct probe_result *result = tls_find_result(node, "health");
        certificate_with_names(&result->chain, (const char(*)[CERTIFICATE_NAME_SIZE])names, NAMES);
        certificate_read(&result->certificate, &result->chain, "127.0.0.1", false);
        (void)snprintf(result->certificate.fingerprint, sizeof(result->certificate.fingerprint),
                       OWN);
        const struct check *check = certificate_check(node);
        assert_int_equal(check->advised, last == 1);
        assert_int_equal(strstr(check->observed, "does not name this node") == NULL, last == 1);
    }
}

/* --- probes that were not answered --- */

static void a_busy_listener_keeps_what_was_found_before_for_three_probes(void **state)
{
    struct tls_node *node = *state;
    struct probe_cache *now = calloc(1, sizeof(*now));
    assert_non_null(now);
    tls_all_is_well(node->record);
    for (unsigned i = 1; i <= PROBE_CACHE_CARRIED_MAX + 1; i++) {
        probe_cache_prepare(now, &node->policy);
        assert_false(probe_cache_is_complete(now));
        now->listener[0].result.error = -ETIMEDOUT;
        now->listener[1].result.error = -ECONNREFUSED;
        probe_cache_carry(now, node->record);
        bool carried = i <= PROBE_CACHE_CARRIED_MAX;
        assert_int_equal(now->listener[0].result.error, carried ? 0 : -ETIMEDOUT);
        assert_int_equal(now->listener[1].result.error, -ECONNREFUSED);
        memcpy(node->record, now, sizeof(*now));
    }
    free(now);
}

static void what_was_proved_before_stands_for_handshakes_that_are_late(void **state)
{
    struct tls_node *node = *state;
    struct probe_cache *now = calloc(1, sizeof(*now));
    assert_non_null(now);
    show_certificate(node, OWN);
    memcpy(now, node->record, sizeof(*now));
    struct probe_result *before = tls_find_result(node, "health");
    struct probe_result *late =
        &now->listener[tls_find_listener(node, "health") - node->record->listener].result;
    late->proof_error = -ETIME;
    late->version[TLS_1_2 - SSL_3_0].suites[0].proof = PROOF_NONE;
    probe_cache_carry(now, node->record);
    assert_int_equal(late->version[TLS_1_2 - SSL_3_0].suites[0].proof, PROOF_DONE);
    assert_int_equal(late->proof_error, 0);
    late->proof_error = before->proof_error = -ETIME;
    probe_cache_carry(now, node->record);
    assert_int_equal(late->proof_error, -ETIME);
    free(now);
}

/* What the listener showed before its certificate was renewed stands for a probe that began later
 * and was not answered. */
static void a_result_carried_over_a_renewal_accuses_no_stranger(void **state)
{
    static const int unanswered[] = {-ETIME, -ETIMEDOUT, -ECONNRESET};
    struct tls_node *node = *state;
    struct served_record served = served_by_us();
    struct probe_cache *before = calloc(1, sizeof(*before));
    assert_non_null(before);
    for (size_t i = 0; i < countof(unanswered); i++) {
        show_certificate(node, OTHER);
        tls_find_listener(node, "health")->began_ms = served.since_ms - 1;
        memcpy(before, node->record, sizeof(*before));
        probe_cache_prepare(node->record, &node->policy);
        node->record->boot_ms = clock_boot_ms();
        tls_find_listener(node, "health")->began_ms = served.since_ms + 1;
        tls_find_result(node, "health")->error = unanswered[i];
        probe_cache_carry(node->record, before);
        look_at_served(node, &served);
        assert_int_equal(tls_find_check(node, "tls.health.served")->verdict, VERDICT_PASS);
        assert_int_equal(tls_find_check(node, "tls.health.suites")->verdict, VERDICT_NOT_CHECKED);
    }
    free(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_process_that_answers_with_its_own_certificate_passes,
                                        tls_begin, tls_end),
        cmocka_unit_test_setup_teardown(a_process_that_is_down_fails_with_its_reason, tls_begin,
                                        tls_end),
        cmocka_unit_test_setup_teardown(another_certificate_at_the_port_fails_and_is_not_judged,
                                        tls_begin, tls_end),
        cmocka_unit_test_setup_teardown(a_certificate_without_its_key_fails, tls_begin, tls_end),
        cmocka_unit_test_setup_teardown(a_handshake_with_another_certificate_proves_nothing,
                                        tls_begin, tls_end),
        cmocka_unit_test_setup_teardown(a_certificate_that_cannot_be_read_or_is_not_shown_fails,
                                        tls_begin, tls_end),
        cmocka_unit_test_setup_teardown(
            another_certificate_fails_in_a_probe_that_was_not_finished_too, tls_begin, tls_end),
        cmocka_unit_test_setup_teardown(handshakes_that_are_late_prove_nothing_and_accuse_nobody,
                                        tls_begin, tls_end),
        cmocka_unit_test_setup_teardown(a_probe_from_before_the_certificate_accuses_no_stranger,
                                        tls_begin, tls_end),
        cmocka_unit_test_setup_teardown(a_health_port_that_refuses_is_no_check_that_does_not_apply,
                                        tls_begin, tls_end),
        cmocka_unit_test_setup_teardown(a_daemon_that_is_gone_fails, tls_begin, tls_end),
        cmocka_unit_test_setup_teardown(a_damaged_record_of_the_endpoint_is_an_error, tls_begin,
                                        tls_end),
        cmocka_unit_test_setup_teardown(probes_that_never_end_are_errors, tls_begin, tls_end),
        cmocka_unit_test_setup_teardown(a_self_signed_certificate_falls_short_as_advice, tls_begin,
                                        tls_end),
        cmocka_unit_test_setup_teardown(an_authority_that_no_anchor_leads_to_is_advice, tls_begin,
                                        tls_end),
        cmocka_unit_test_setup_teardown(the_last_30_days_are_advice_and_the_last_7_a_failure,
                                        tls_begin, tls_end),
        cmocka_unit_test_setup_teardown(a_certificate_must_name_the_node, tls_begin, tls_end),
        cmocka_unit_test_setup_teardown(a_node_behind_many_names_is_named, tls_begin, tls_end),
        cmocka_unit_test_setup_teardown(
            a_busy_listener_keeps_what_was_found_before_for_three_probes, tls_begin, tls_end),
        cmocka_unit_test_setup_teardown(what_was_proved_before_stands_for_handshakes_that_are_late,
                                        tls_begin, tls_end),
        cmocka_unit_test_setup_teardown(a_result_carried_over_a_renewal_accuses_no_stranger,
                                        tls_begin, tls_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
