/* What reports say of given checks and facts: health by a table, the same counts on every page,
 * each metric with its value, and texts that cannot break out of HTML. */
#include "report/report.h"

#include "base/str.h"
#include "snapshot/pages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define HOSTILE "a \"b\" 'c' <d> & e"

static struct {
    struct results results;
    struct report report;
} test;

static int begin(void **state)
{
    (void)state;
    memset(&test, 0, sizeof(test));
    test.report = (struct report){
        .facts = {.version = "1.2.3", .hostname = "node", .role = ROLE_MANAGEMENT},
        .results = &test.results,
    };
    return 0;
}

static int end(void **state)
{
    (void)state;
    results_free(&test.results);
    return 0;
}

static struct check *add_check(size_t domain, const char *id, enum verdict verdict)
{
    struct check *check = checks_add(
        &test.results.domain[domain],
        (struct check){.id = id, .title = "A title", .expected = "no", .setting = SETTING_NONE});
    assert_non_null(check);
    check->observed = verdict == VERDICT_FAIL ? "yes" : "no on eth0";
    check->verdict = verdict;
    check->reason = NULL;
    return check;
}

static void expect(const struct buf *page, const char *text)
{
    assert_int_equal(buf_error(page), 0);
    if (!strstr(buf_text(page), text))
        fail_msg("\"%s\" is missing in:\n%s", text, buf_text(page));
}

static void expect_not(const struct buf *page, const char *text)
{
    if (strstr(buf_text(page), text))
        fail_msg("\"%s\" stands in:\n%s", text, buf_text(page));
}

/* --- health --- */

static const struct health_case {
    const char *name;
    size_t domain;
    enum verdict verdict;
    bool advised;
    struct facts facts; /* reason, unrecorded, reboot_required */
    const char *health, *of_domain;
} health_cases[] = {
    /* clang-format off */
    {"all pass",              DOMAIN_FIREWALL, VERDICT_PASS,        false, {0}, "pass", "pass"},
    {"not checked",           DOMAIN_GUIDE,    VERDICT_NOT_CHECKED, false, {0}, "pass", "pass"},
    {"not checked, enforced", DOMAIN_FIREWALL, VERDICT_NOT_CHECKED, false, {0}, "pass", "pass"},
    {"enforced fails",        DOMAIN_FIREWALL, VERDICT_FAIL,        false, {0}, "fail", "fail"},
    {"enforced errs",         DOMAIN_SYSCTL,   VERDICT_ERROR,       false, {0}, "fail", "fail"},
    {"advice fails",          DOMAIN_TLS,      VERDICT_FAIL,        true,  {0}, "warn", "warn"},
    {"guide fails",           DOMAIN_GUIDE,    VERDICT_FAIL,        false, {0}, "warn", "warn"},
    {"failed closed",         DOMAIN_GUIDE,    VERDICT_PASS,        false, {.reason = "lost"}, "fail", "pass"},
    {"nothing is stored",     DOMAIN_GUIDE,    VERDICT_PASS,        false, {.unrecorded = "full"}, "fail", "pass"},
    {"a boot is due",         DOMAIN_GUIDE,    VERDICT_PASS,        false, {.reboot_required = true}, "warn", "pass"},
    /* clang-format on */
};

static void put_case(const struct health_case *one)
{
    begin(NULL);
    test.report.facts.reason = one->facts.reason;
    test.report.facts.unrecorded = one->facts.unrecorded;
    test.report.facts.reboot_required = one->facts.reboot_required;
    add_check(one->domain, "a.check", one->verdict)->advised = one->advised;
}

static void health_follows_from_checks_and_facts(void **state)
{
    for (size_t i = 0; i < countof(health_cases); i++) {
        const struct health_case *one = &health_cases[i];
        char status[32], checks[128];
        struct buf page = {0};
        put_case(one);
        (void)snprintf(status, sizeof(status), "{\"status\":\"%s\",", one->health);
        (void)snprintf(checks, sizeof(checks),
                       "\"%s:failing\":[{\"componentType\":\"system\",\"status\":\"%s\"",
                       domain_table[one->domain]->name, one->of_domain);
        report_health_json(&test.report, &(struct report_request){0}, &page);
        print_message("%s\n", one->name);
        expect(&page, status);
        expect(&page, checks);
        buf_free(&page);
        end(NULL);
    }
    (void)state;
}

static void a_stale_page_fails_whatever_the_checks_say(void **state)
{
    struct node node = {.role = ROLE_MANAGEMENT};
    struct snapshot snapshot;
    struct snapshot_page page;
    add_check(DOMAIN_FIREWALL, "firewall.x", VERDICT_PASS);
    assert_int_equal(settings_defaults(&node.settings), 0);
    policy_make(&node.policy,
                &(struct policy_input){.role = ROLE_MANAGEMENT, .settings = &node.settings});
    int fd = pages_seal(&test.report, &node, AUDIENCE_STATIONS, 90);
    assert_true(fd >= 0);
    assert_int_equal(snapshot_map(&snapshot, fd), 0);
    assert_int_equal(snapshot_find(&snapshot, "/health", PAGE_STALE, &page), 0);
    assert_int_equal(page.status, 503);
    assert_non_null(memmem(page.body, page.size, "\"fail\"", 6));
    assert_int_equal(snapshot_find(&snapshot, "/health", PAGE_PLAIN, &page), 0);
    assert_int_equal(page.status, 200);
    snapshot_unmap(&snapshot);
    close(fd);
    node_close(&node);
    (void)state;
}

/* --- counts --- */

static void every_page_counts_what_was_not_checked(void **state)
{
    static const char counts[] =
        "6 checks, 1 pass, 1 not applicable, 2 not checked, 1 fail, 1 error";
    struct buf text = {0}, html = {0}, health = {0}, json = {0}, metrics = {0};
    for (enum verdict verdict = 0; verdict < VERDICT_COUNT; verdict++)
        add_check(verdict % 2 ? DOMAIN_GUIDE : DOMAIN_FIREWALL, "a.check", verdict);
    add_check(DOMAIN_GUIDE, "guide.x", VERDICT_NOT_CHECKED);
    report_text(&test.report, &(struct report_request){0}, &text);
    report_html(&test.report, &(struct report_request){0}, &html);
    report_health_json(&test.report, &(struct report_request){0}, &health);
    report_json(&test.report, &(struct report_request){0}, &json);
    report_metrics(&test.report, &(struct report_request){0}, &metrics);
    expect(&text, counts);
    expect(&html, counts);
    expect(&health, counts);
    expect(&json, "\"counts\":{\"pass\":1,\"not_applicable\":1,\"not_checked\":2,\"fail\":1,"
                  "\"error\":1}");
    expect(&metrics, "holdfast_checks{domain=\"guide\",verdict=\"not_checked\"} 1\n");
    expect(&metrics, "holdfast_checks{domain=\"firewall\",verdict=\"not_checked\"} 1\n");
    buf_free(&text);
    buf_free(&html);
    buf_free(&health);
    buf_free(&json);
    buf_free(&metrics);
    (void)state;
}

/* --- metrics --- */

static void a_failed_check_is_0_and_every_other_is_1(void **state)
{
    static const char *const lines[VERDICT_COUNT] = {
        [VERDICT_PASS] = "verdict=\"pass\"} 1\n",
        [VERDICT_NOT_APPLICABLE] = "verdict=\"not_applicable\"} 1\n",
        [VERDICT_NOT_CHECKED] = "verdict=\"not_checked\"} 1\n",
        [VERDICT_FAIL] = "verdict=\"fail\"} 0\n",
        [VERDICT_ERROR] = "verdict=\"error\"} 0\n",
    };
    for (enum verdict verdict = 0; verdict < VERDICT_COUNT; verdict++) {
        char line[128];
        struct buf page = {0};
        begin(NULL);
        add_check(DOMAIN_SYSCTL, "sysctl.x", verdict);
        report_metrics(&test.report, &(struct report_request){0}, &page);
        (void)snprintf(line, sizeof(line), "holdfast_check{domain=\"sysctl\",id=\"sysctl.x\",%s",
                       lines[verdict]);
        expect(&page, line);
        buf_free(&page);
        end(NULL);
    }
    (void)state;
}

/* Every gauge with a value of its own, so that none stands for another. */
static void every_gauge_shows_its_own_fact(void **state)
{
    static const char *const of_facts[] = {
        "holdfast_health 1\n",
        "holdfast_fail_closed 0\n",
        "holdfast_unrecorded 0\n",
        "holdfast_settings_revision 11\n",
        "holdfast_log_sequence 12\n",
        "holdfast_generation 13\n",
        "holdfast_snapshot_time_seconds 14\n",
        "holdfast_certificate_expiry_time_seconds 15\n",
        "holdfast_last_drift_time_seconds 16\n",
        "holdfast_boot_started_seconds 1.7\n",
        "holdfast_boot_finished_seconds 1.8\n",
        "holdfast_admin_disabled 1\n",
        "holdfast_fips 0\n",
        "holdfast_reboot_required 1\n",
        "holdfast_drift_repaired_total 19\n",
        "holdfast_renegotiations_total 20\n",
    };
    struct facts *facts = &test.report.facts;
    struct buf page = {0};
    facts->revision = 11;
    facts->event = 12;
    facts->generation = 13;
    facts->time_s = 14;
    facts->certificate_expires_s = 15;
    facts->last_drift_s = 16;
    facts->boot_started_ms = 1700;
    facts->boot_finished_ms = 1800;
    facts->admin_disabled = facts->reboot_required = true;
    facts->drift_repaired = 19;
    test.report.traffic.renegotiations = 20;
    report_metrics(&test.report, &(struct report_request){0}, &page);
    for (size_t i = 0; i < countof(of_facts); i++)
        expect(&page, of_facts[i]);
    buf_free(&page);
    facts->reason = facts->unrecorded = "lost";
    facts->fips = true;
    facts->admin_disabled = facts->reboot_required = false;
    report_metrics(&test.report, &(struct report_request){0}, &page);
    expect(&page, "holdfast_health 2\n");
    expect(&page, "holdfast_fail_closed 1\n");
    expect(&page, "holdfast_unrecorded 1\n");
    expect(&page, "holdfast_fips 1\n");
    expect(&page, "holdfast_admin_disabled 0\n");
    expect(&page, "holdfast_reboot_required 0\n");
    buf_free(&page);
    (void)state;
}

/* --- facts --- */

static void expect_fact(const struct fact *fact, const struct buf *json, const struct buf *html,
                        const struct buf *metrics)
{
    char text[160];
    if (fact->json) {
        (void)snprintf(text, sizeof(text), "\"%s\":", fact->json);
        expect(json, text);
    }
    if (fact->label) {
        (void)snprintf(text, sizeof(text), ">%s", fact->label);
        expect(html, text);
    }
    if (fact->metric) {
        (void)snprintf(text, sizeof(text), "# HELP %s%s %s\n", fact->metric,
                       fact->counter ? "_total" : "", fact->help);
        expect(metrics, text);
    }
    assert_true(fact->json || fact->label || fact->metric);
}

static void every_fact_stands_in_each_format_that_its_row_names(void **state)
{
    const struct report_request request = {.all = false};
    struct buf json = {0}, html = {0}, metrics = {0};
    struct facts *facts = &test.report.facts;
    facts->reason = facts->unrecorded = facts->head = facts->certificate_fingerprint = "ab";
    facts->event = 3;
    facts->time_s = 1;
    report_json(&test.report, &request, &json);
    report_html(&test.report, &request, &html);
    report_metrics(&test.report, &request, &metrics);
    for (size_t i = 0; i < fact_count; i++)
        expect_fact(&fact_table[i], &json, &html, &metrics);
    buf_free(&json);
    buf_free(&html);
    buf_free(&metrics);
    (void)state;
}

static void the_head_of_the_log_stands_only_behind_its_event(void **state)
{
    const struct report_request request = {.all = false};
    struct buf text = {0}, health = {0};
    test.report.facts.time_s = 1;
    test.report.facts.head = "abcd";
    report_text(&test.report, &request, &text);
    report_health_json(&test.report, &request, &health);
    expect_not(&text, "abcd");
    expect_not(&health, "abcd");
    buf_clear(&text);
    buf_clear(&health);
    test.report.facts.event = 7;
    report_text(&test.report, &request, &text);
    report_health_json(&test.report, &request, &health);
    expect(&text, "\nEvent 7, head of the log abcd\n");
    expect(&health, "\"event 7, head abcd\"");
    expect(&health, "\"revision 0, generation 0\"");
    buf_free(&text);
    buf_free(&health);
    (void)state;
}

static void check_offers_text_and_json_alone(void **state)
{
    (void)state;
    assert_int_equal(report_formats_offered(), 2);
    assert_string_equal(report_formats[0].name, "text");
    assert_string_equal(report_formats[1].name, "json");
}

/* --- HTML --- */

static void no_text_breaks_out_of_the_status_page(void **state)
{
    static char hostile[] = HOSTILE;
    static const struct report_event event = {.sequence = 1, .kind = hostile, .text = hostile};
    struct buf page = {0};
    struct check *check = add_check(DOMAIN_GUIDE, "guide.x", VERDICT_FAIL);
    check->title = check->expected = check->observed = check->reason = check->section = HOSTILE;
    test.report.facts.hostname = test.report.facts.reason = HOSTILE;
    test.report.facts.unrecorded = test.report.facts.version = HOSTILE;
    test.report.facts.head = test.report.facts.certificate_fingerprint = HOSTILE;
    test.report.events = &event;
    test.report.event_count = 1;
    report_html(&test.report, &(struct report_request){0}, &page);
    expect(&page, "a &quot;b&quot; &#39;c&#39; &lt;d&gt; &amp; e");
    expect_not(&page, "\"b\"");
    expect_not(&page, "'c'");
    expect_not(&page, "<d>");
    expect_not(&page, "& e");
    buf_free(&page);
    (void)state;
}

static void a_fingerprint_that_is_not_known_has_no_check(void **state)
{
    static const char *const unknown[] = {NULL, ""};
    struct buf page = {0};
    (void)state;
    for (size_t i = 0; i < countof(unknown); i++) {
        test.report.facts.certificate_fingerprint = unknown[i];
        report_html(&test.report, &(struct report_request){0}, &page);
        expect_not(&page, "SHA-256");
        buf_clear(&page);
    }
    test.report.facts.certificate_fingerprint = "AB:CD";
    report_html(&test.report, &(struct report_request){0}, &page);
    expect(&page, "SHA-256");
    expect(&page, "AB:CD");
    buf_free(&page);
}

int main(void)
{
#define WITH_REPORT(test) cmocka_unit_test_setup_teardown(test, begin, end)
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(health_follows_from_checks_and_facts),
        WITH_REPORT(a_stale_page_fails_whatever_the_checks_say),
        WITH_REPORT(every_page_counts_what_was_not_checked),
        cmocka_unit_test(a_failed_check_is_0_and_every_other_is_1),
        WITH_REPORT(every_gauge_shows_its_own_fact),
        WITH_REPORT(every_fact_stands_in_each_format_that_its_row_names),
        WITH_REPORT(the_head_of_the_log_stands_only_behind_its_event),
        cmocka_unit_test(check_offers_text_and_json_alone),
        WITH_REPORT(no_text_breaks_out_of_the_status_page),
        WITH_REPORT(a_fingerprint_that_is_not_known_has_no_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
