/* The head of an HTTP response as the probe reads it, and what its fields say to a browser. */
#include "probe/evaluate.h"
#include "probe/page.h"

#include "base/str.h"
#include "policy/policy.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OK "HTTP/1.1 200 OK\r\n"

static void a_head_is_read_however_it_is_cut(void **state)
{
    static const char text[] =
        "HTTP/1.1 103 Early Hints\r\nStrict-Transport-Security: max-age=0\r\n\r\n"
        "HTTP/1.1 404 Not Found\r\nServer: x\r\nstrict-transport-SECURITY: \t max-age=1 ; "
        "a=\"b\"\t \r\n"
        "Strict-Transport-Security: max-age=2\r\nReferrer-Policy: origin\r\n"
        "Referrer-Policy:same-origin\r\nReferrer-Policy2: x\r\nEmpty:\r\n\r\n<html>\0";
    const size_t whole = strlen(text) - strlen("<html>");
    (void)state;
    for (size_t size = 0; size < sizeof(text); size++) {
        struct page_answer answer = {.status = 7};
        char *copy = malloc(size + 1);
        assert_non_null(copy);
        memcpy(copy, text, size);
        assert_int_equal(page_read(copy, size, &answer), size < whole ? -EAGAIN : 0);
        free(copy);
        assert_int_equal(answer.status, size < whole ? 0 : 404);
        assert_string_equal(answer.transport_security, size < whole ? "" : "max-age=1 ; a=\"b\"");
        assert_string_equal(answer.referrer_policy, size < whole ? "" : "origin,same-origin");
    }
}

static void an_invalid_head_is_refused(void **state)
{
    static const struct {
        const char *text;
        size_t size;
    } cases[] = {
#define CASE(text) {text, sizeof(text) - 1}
        CASE("\r\n"),
        CASE("HTTP/1.1 200 OK\n\n"),
        CASE("HTTP/2 200\r\n\r\n"),
        CASE("HTTP/2.0 200 OK\r\n\r\n"),
        CASE("http/1.1 200 OK\r\n\r\n"),
        CASE("HTTP/1.1  200 OK\r\n\r\n"),
        CASE("HTTP/1.1 20 OK\r\n\r\n"),
        CASE("HTTP/1.1 2000 OK\r\n\r\n"),
        CASE("HTTP/1.1 099 OK\r\n\r\n"),
        CASE("HTTP/1.1 600 OK\r\n\r\n"),
        CASE("HTTP/1.1 200\tOK\r\n\r\n"),
        CASE("HTTP/1.1 200 O\0K\r\n\r\n"),
        CASE("HTTP/1.x 200 OK\r\n\r\n"),
        CASE("SSH-2.0-OpenSSH_9\r\n"),
        CASE(OK " folded: x\r\n\r\n"),
        CASE(OK "A: b\r\n c\r\n\r\n"),
        CASE(OK "no colon\r\n\r\n"),
        CASE(OK ": x\r\n\r\n"),
        CASE(OK "A : x\r\n\r\n"),
        CASE(OK "A\0B: x\r\n\r\n"),
        CASE(OK "A: x\ry\r\n\r\n"),
        CASE(OK "A: x\0y\r\n\r\n"),
        CASE(OK "A: \x1b[2J\r\n\r\n"),
        CASE(OK "\xc3\xa9: x\r\n\r\n"),
        CASE(OK "A: x\n\r\n"),
        CASE(OK "\n"),
        CASE("HTTP/1.1 100 x\r\n\r\nnext"),
#undef CASE
    };
    (void)state;
    for (size_t i = 0; i < countof(cases) - 1; i++) {
        struct page_answer answer = {.status = 200, .referrer_policy = "x"};
        assert_int_equal(page_read(cases[i].text, cases[i].size, &answer), -EBADMSG);
        assert_int_equal(answer.error, -EBADMSG);
        assert_int_equal(answer.status, 0);
        assert_string_equal(answer.referrer_policy, "");
    }
    struct page_answer answer;
    assert_int_equal(
        page_read(cases[countof(cases) - 1].text, cases[countof(cases) - 1].size, &answer),
        -EAGAIN);
}

static void a_head_or_a_field_beyond_its_room_is_refused(void **state)
{
    enum { ROOM = PAGE_HEAD_MAX + 100 };
    static char text[ROOM];
    struct page_answer answer;
    (void)state;
    memset(text, 'x', sizeof(text));
    memcpy(text, OK "A: ", sizeof(OK "A: ") - 1);
    assert_int_equal(page_read(text, PAGE_HEAD_MAX - 1, &answer), -EAGAIN);
    assert_int_equal(page_read(text, PAGE_HEAD_MAX, &answer), -EBADMSG);
    assert_int_equal(page_read(text, ROOM, &answer), -EBADMSG);
    for (size_t size = PAGE_FIELD_SIZE - 2; size <= PAGE_FIELD_SIZE; size++) {
        static const char *const names[] = {"Strict-Transport-Security", "Referrer-Policy"};
        for (size_t i = 0; i < countof(names); i++) {
            struct buf head = {0};
            buf_printf(&head, OK "%s: ", names[i]);
            for (size_t n = 0; n < size; n++)
                buf_putc(&head, 'v');
            buf_puts(&head, "\r\n\r\n");
            assert_int_equal(page_read(head.data, head.length, &answer),
                             size < PAGE_FIELD_SIZE ? 0 : -EBADMSG);
            assert_int_equal(strlen(i ? answer.referrer_policy : answer.transport_security),
                             size < PAGE_FIELD_SIZE ? size : 0);
            buf_free(&head);
        }
    }
}

static void bytes_that_a_terminal_would_obey_are_not_kept(void **state)
{
    static const char text[] = OK "Referrer-Policy: a\x9b"
                                  "31m\xff\xc3\xa9\r\n\r\n";
    struct page_answer answer;
    (void)state;
    assert_int_equal(page_read(text, sizeof(text) - 1, &answer), 0);
    assert_string_equal(answer.referrer_policy, "a?31m?\xc3\xa9");
}

static void transport_security_is_read_as_browsers_do(void **state)
{
    static const char plain[] = "max-age=31536000";
    static const char preload[] = "max-age=31536000; includeSubDomains; preload";
    static const struct {
        const char *found;
        bool plain, preload;
    } cases[] = {
        {"", false, false},
        {"max-age=31536000", true, false},
        {"max-age=31535999", false, false},
        {"max-age=0", false, false},
        {"max-age=63072000", true, false},
        {"MAX-AGE=\"31536000\" ;; INCLUDESUBDOMAINS;", true, false},
        {" ; max-age = 31536000 ; unknown ; other=1", true, false},
        {"max-age=31536000; includeSubDomains; preload", false, true},
        {"preload; includesubdomains; max-age=99999999", false, true},
        {"max-age=31536000; preload", false, false},
        {"max-age=31536000; max-age=31536000", false, false},
        {"max-age=31536000; includeSubDomains; includeSubDomains", false, false},
        {"max-age=31536000; includeSubDomains=1; preload", false, false},
        {"max-age=31536000; includeSubDomains; preload; preload", false, false},
        {"max-age", false, false},
        {"max-age=", false, false},
        {"max-age=-1", false, false},
        {"max-age=3e9", false, false},
        {"max-age=\"31536000", false, false},
        {"max-age=99999999999999999999999", false, false},
        {"max-age=31536000, max-age=0", false, false},
        {"max-age:31536000", false, false},
        {"includeSubDomains; preload", false, false},
        {"max-age=31536000; =", false, false},
    };
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        assert_int_equal(page_keeps_transport(cases[i].found, plain), cases[i].plain);
        assert_int_equal(page_keeps_transport(cases[i].found, preload), cases[i].preload);
    }
    assert_true(page_is_preloaded("max-age=1; preload"));
    assert_false(page_is_preloaded("preload"));
}

static void of_several_referrer_policies_the_last_known_one_counts(void **state)
{
    static const struct {
        const char *found;
        bool keeps;
    } cases[] = {
        {"", false},
        {"same-origin", true},
        {"Same-Origin", true},
        {" no-referrer\t", true},
        {"unsafe-url, same-origin", true},
        {"same-origin,unsafe-url", false},
        {"same-origin,strict-origin-when-cross-origin", false},
        {"same-origin, what-comes-later", true},
        {"same-origin,", true},
        {"same-origin;", false},
        {"same-origin no-referrer", false},
        {"xsame-origin", false},
    };
    (void)state;
    for (size_t i = 0; i < countof(cases); i++)
        assert_int_equal(page_keeps_referrer(cases[i].found), cases[i].keeps);
}

static void a_request_names_its_host_as_urls_do(void **state)
{
    static const struct {
        const char *host, *line;
    } cases[] = {
        {"node.example.org", "\r\nHost: node.example.org\r\n"},
        {"192.0.2.1", "\r\nHost: 192.0.2.1\r\n"},
        {"2001:db8::1", "\r\nHost: [2001:db8::1]\r\n"},
        {"fe80::1%eth0", "\r\nHost: [fe80::1]\r\n"},
    };
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct buf out = {0};
        page_request(0, cases[i].host, &out);
        assert_non_null(strstr(buf_text(&out), cases[i].line));
        assert_true(str_starts(buf_text(&out), "HEAD / HTTP/1.1\r\n"));
        buf_free(&out);
    }
}

/* --- what is found by them --- */

struct found {
    size_t count;
    struct finding last; /* of the topic */
};

static void keep_finding(void *context, const struct finding *finding)
{
    struct found *found = context;
    if (finding->topic != TOPIC_HEADERS)
        return;
    found->count++;
    found->last = *finding;
}

static struct found judge_answer(const struct page_answer *answer, enum surface surface)
{
    static struct probe_result result;
    struct found found = {.count = 0};
    struct settings settings = {0};
    struct policy policy;
    struct evaluate_listener ear = {keep_finding, &found};
    assert_int_equal(settings_defaults(&settings), 0);
    policy_make(&policy, &(struct policy_input){.role = ROLE_MANAGEMENT, .settings = &settings});
    result = (struct probe_result){.error = 0};
    result.page[PAGE_COUNT - 1] = *answer;
    evaluate(&result, &policy.crypto, surface, 0, &ear);
    settings_free(&settings);
    return found;
}

static void a_missing_header_is_found_with_the_setting_that_decides(void **state)
{
    static const struct {
        struct page_answer answer;
        const char *text;
        enum setting_key setting;
    } cases[] = {
        {{.status = 404, .referrer_policy = "same-origin"},
         "HEAD /holdfast-probe: 404 with Strict-Transport-Security: none; expected "
         "max-age=31536000",
         SETTING_NONE},
        {{.status = 200,
          .transport_security = "max-age=31536000; includeSubDomains; preload",
          .referrer_policy = "same-origin"},
         "HEAD /holdfast-probe: 200 with Strict-Transport-Security: max-age=31536000; "
         "includeSubDomains; preload; expected max-age=31536000",
         HTTP_HSTS_PRELOAD},
        {{.status = 500, .transport_security = "max-age=31536000"},
         "HEAD /holdfast-probe: 500 with Referrer-Policy: none; expected same-origin",
         HTTP_REFERRER_POLICY},
        {{.error = -EBADMSG}, "HEAD /holdfast-probe: no valid HTTP response", SETTING_NONE},
        {{.error = -EPROTO},
         "HEAD /holdfast-probe: no TLS connection for the request",
         SETTING_NONE},
    };
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct found found = judge_answer(&cases[i].answer, SURFACE_HTTPS_IN);
        assert_int_equal(found.count, 1);
        assert_int_equal(found.last.effect, FINDING_FAULT);
        assert_false(found.last.fault);
        assert_int_equal(found.last.setting, cases[i].setting);
        assert_string_equal(found.last.text, cases[i].text);
        assert_int_equal(judge_answer(&cases[i].answer, SURFACE_NONE).count, 0);
    }
}

static void an_answer_out_of_time_is_a_note(void **state)
{
    (void)state;
    struct found found = judge_answer(&(struct page_answer){.error = -ETIMEDOUT}, SURFACE_HTTPS_IN);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.last.effect, FINDING_NOTE);
    assert_int_equal(judge_answer(&(struct page_answer){.error = 0}, SURFACE_HTTPS_IN).count, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_is_read_however_it_is_cut),
        cmocka_unit_test(an_invalid_head_is_refused),
        cmocka_unit_test(a_head_or_a_field_beyond_its_room_is_refused),
        cmocka_unit_test(bytes_that_a_terminal_would_obey_are_not_kept),
        cmocka_unit_test(transport_security_is_read_as_browsers_do),
        cmocka_unit_test(of_several_referrer_policies_the_last_known_one_counts),
        cmocka_unit_test(a_request_names_its_host_as_urls_do),
        cmocka_unit_test(a_missing_header_is_found_with_the_setting_that_decides),
        cmocka_unit_test(an_answer_out_of_time_is_a_note),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
