/* What is published to local readers: it comes back whole, without secrets, and no byte of it may
 * be missing or changed unseen by the reader's bounds. */
#include "snapshot/published.h"

#include "base/str.h"
#include "control/event_page.h"
#include "firewall/compile.h"
#include "render/render.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { HASH_LENGTH = 64 };

static struct {
    struct node node;
    struct results results;
    struct report report;
} test;

static void add_check(enum verdict verdict, const char *section, const char *observed,
                      const char *reason)
{
    struct check *check =
        checks_add(&test.results.domain[DOMAIN_GUIDE], (struct check){.id = "guide.x",
                                                                      .title = "A title",
                                                                      .section = section,
                                                                      .setting = NET_IPV6_DAD,
                                                                      .expected = "no"});
    assert_non_null(check);
    check->observed = observed;
    check->reason = reason;
    check->verdict = verdict;
}

/* The only check of its domain that fails is advice. */
static void add_advice(void)
{
    struct check *check = checks_add(
        &test.results.domain[DOMAIN_TLS],
        (struct check){
            .id = "tls.x", .title = "A title", .setting = SETTING_NONE, .expected = "no"});
    assert_non_null(check);
    check->observed = "yes";
    check->reason = NULL;
    check->verdict = VERDICT_FAIL;
    check->advised = true;
}

static int make_node(void **state)
{
    (void)state;
    memset(&test, 0, sizeof(test));
    test.node = (struct node){.role = ROLE_CONFERENCING, .revision = 7, .admin_latched = true};
    assert_int_equal(settings_defaults(&test.node.settings), 0);
    assert_int_equal(
        settings_put(&test.node.settings, HEALTH_STATIONS, "192.0.2.7/32\n2001:db8::/64", NULL), 0);
    assert_int_equal(
        settings_put(&test.node.settings, NTP_SERVER,
                     "192.0.2.1 key=1 type=sha1 secret=0123456789abcdef0123456789abcdef01234567",
                     NULL),
        0);
    struct policy_input input = {.role = ROLE_CONFERENCING,
                                 .settings = &test.node.settings,
                                 .revision = 7,
                                 .admin_latched = true};
    policy_make(&test.node.policy, &input);
    add_check(VERDICT_PASS, NULL, "no", NULL);
    add_check(VERDICT_FAIL, "a section", "yes", "\"why\"");
    add_check(VERDICT_ERROR, "", NULL, "");
    add_advice();
    test.report = (struct report){.results = &test.results};
    test.report.facts = (struct facts){.version = "1",
                                       .hostname = "conf1",
                                       .role = ROLE_CONFERENCING,
                                       .revision = 7,
                                       .generation = 1ULL << 40,
                                       .time_s = 1700000000,
                                       .unrecorded = "nothing can be recorded",
                                       .admin_disabled = true,
                                       .fips = true,
                                       .certificate_expires_s = -5,
                                       .certificate_fingerprint = "AB:CD",
                                       .boot_finished_ms = 12};
    return 0;
}

static int free_node(void **state)
{
    (void)state;
    results_free(&test.results);
    settings_free(&test.node.settings);
    return 0;
}

static void copy_bytes(struct published *published, const struct buf *from, size_t size)
{
    *published = (struct published){.firewall = NULL};
    buf_append(&published->bytes, from->data, size);
    assert_int_equal(buf_error(&published->bytes), 0);
}

static void forget(struct published *published, struct node *node)
{
    node_close(node);
    published_free(published);
}

static void every_report_is_the_same_again(void **state)
{
    struct published published = {.firewall = NULL};
    struct node node;
    struct buf wanted = {0}, got = {0};
    (void)state;
    published_write(&test.report, &test.node, &published.bytes);
    assert_int_equal(published_read(&published, &node, "/root"), 0);
    const struct report again = {.facts = published.facts, .results = &published.results};
    report_json(&test.report, &(struct report_request){0}, &wanted);
    report_text(&test.report, &(struct report_request){.all = true}, &wanted);
    report_openmetrics(&test.report, &(struct report_request){0}, &wanted);
    report_health_json(&test.report, &(struct report_request){0}, &wanted);
    report_html(&test.report, &(struct report_request){0}, &wanted);
    report_json(&again, &(struct report_request){0}, &got);
    report_text(&again, &(struct report_request){.all = true}, &got);
    report_openmetrics(&again, &(struct report_request){0}, &got);
    report_health_json(&again, &(struct report_request){0}, &got);
    report_html(&again, &(struct report_request){0}, &got);
    assert_string_equal(buf_text(&got), buf_text(&wanted));
    buf_free(&wanted);
    buf_free(&got);
    forget(&published, &node);
}

static void the_policy_and_the_ruleset_are_the_same_again(void **state)
{
    struct published published = {.firewall = NULL};
    struct node node;
    struct firewall_ruleset ruleset;
    struct buf text = {0}, wanted = {0}, got = {0};
    (void)state;
    published_write(&test.report, &test.node, &published.bytes);
    assert_int_equal(published_read(&published, &node, "/root"), 0);
    assert_int_equal(node.role, ROLE_CONFERENCING);
    assert_int_equal(node.revision, 7);
    assert_true(node.policy.admin_disabled);
    assert_int_equal(node.policy.listener_count, test.node.policy.listener_count);
    render_policy_json(&test.node.policy, &wanted);
    render_policy_json(&node.policy, &got);
    assert_string_equal(buf_text(&got), buf_text(&wanted));
    buf_free(&wanted);
    buf_free(&got);
    assert_int_equal(firewall_compile(&ruleset, &test.node.policy), 0);
    firewall_ruleset_print(&ruleset, &text);
    assert_string_equal(published.firewall, buf_text(&text));
    firewall_ruleset_free(&ruleset);
    buf_free(&text);
    forget(&published, &node);
}

static void no_secret_is_among_them(void **state)
{
    struct published published = {.firewall = NULL};
    struct node node;
    (void)state;
    published_write(&test.report, &test.node, &published.bytes);
    assert_null(memmem(published.bytes.data, published.bytes.length, "0123456789abcdef", 16));
    assert_int_equal(published_read(&published, &node, "/root"), 0);
    assert_string_equal(settings_text(&node.settings, NTP_SERVER), "");
    assert_string_equal(settings_text(&node.settings, HEALTH_STATIONS),
                        settings_text(&test.node.settings, HEALTH_STATIONS));
    forget(&published, &node);
}

static void why_the_node_fails_closed_is_among_them(void **state)
{
    struct published published = {.firewall = NULL};
    struct node node;
    (void)state;
    test.report.facts.reason = "the role cannot be read";
    test.node.policy.fail_closed = true;
    published_write(&test.report, &test.node, &published.bytes);
    assert_int_equal(published_read(&published, &node, "/root"), 0);
    assert_string_equal(buf_text(&node.reason), "the role cannot be read");
    assert_true(node.policy.fail_closed);
    forget(&published, &node);
}

static void a_part_is_refused_wherever_it_is_cut_off(void **state)
{
    struct buf whole = {0};
    (void)state;
    published_write(&test.report, &test.node, &whole);
    for (size_t size = 0; size < whole.length; size++) {
        struct published published;
        struct node node;
        copy_bytes(&published, &whole, size);
        assert_int_not_equal(published_read(&published, &node, "/root"), 0);
        forget(&published, &node);
    }
    buf_free(&whole);
}

/* Whatever it becomes, it is refused or read within its bounds: the sanitizers watch. */
static void any_changed_byte_is_survived(void **state)
{
    struct buf whole = {0};
    (void)state;
    published_write(&test.report, &test.node, &whole);
    for (size_t at = 0; at < whole.length; at++) {
        static const unsigned char changes[] = {0x01, 0x80, 0xff};
        for (size_t i = 0; i < countof(changes); i++) {
            struct published published;
            struct node node;
            copy_bytes(&published, &whole, whole.length);
            published.bytes.data[at] = (char)(published.bytes.data[at] ^ changes[i]);
            (void)published_read(&published, &node, "/root");
            forget(&published, &node);
        }
    }
    buf_free(&whole);
}

static void another_version_is_told_apart(void **state)
{
    struct published published = {.firewall = NULL};
    struct node node;
    (void)state;
    published_write(&test.report, &test.node, &published.bytes);
    published.bytes.data[10] ^= 1; /* within the name of the format */
    assert_int_equal(published_read(&published, &node, "/root"), -EPROTO);
    forget(&published, &node);
}

static int count_event(void *context, const struct event *event)
{
    unsigned *count = context;
    ++*count;
    return strlen(event->hash) == HASH_LENGTH ? 0 : -EINVAL;
}

static void a_page_of_events_that_is_no_page_is_refused(void **state)
{
    struct buf page = {0};
    struct event_bounds bounds;
    uint64_t last = 0;
    unsigned count = 0;
    (void)state;
    assert_int_equal(event_page_read(&page, &bounds, &last, count_event, &count), -EBADMSG);
    buf_puts(&page, "no page");
    assert_int_equal(event_page_read(&page, &bounds, &last, count_event, &count), -EBADMSG);
    assert_int_equal(event_page_write(NULL, "short", 5, &page), -EBADMSG);
    assert_int_equal(count, 0);
    buf_free(&page);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_node, free_node)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_report_is_the_same_again),
        TEST(the_policy_and_the_ruleset_are_the_same_again),
        TEST(no_secret_is_among_them),
        TEST(why_the_node_fails_closed_is_among_them),
        TEST(a_part_is_refused_wherever_it_is_cut_off),
        TEST(any_changed_byte_is_survived),
        TEST(another_version_is_told_apart),
        TEST(a_page_of_events_that_is_no_page_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
