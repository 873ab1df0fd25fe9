/* What fields of a request mean, and the policy that an HTML page gets. */
#include "endpoint/fields.h"

#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define TYPE "application/openmetrics-text"

static void a_type_that_is_named_with_a_weight_is_accepted(void **state)
{
    static const char *const accepting[] = {
        TYPE,
        "APPLICATION/OpenMetrics-Text",
        "text/plain, " TYPE,
        TYPE ";version=1.0.0;q=0.5,text/plain;q=0.3,*/*;q=0.1",
        TYPE " ; q=0.001",
        "text/plain;q=0," TYPE ";q=1",
    };
    static const char *const refusing[] = {
        "",
        ",",
        "*/*",
        "application/*",
        TYPE "x",
        "x" TYPE,
        TYPE ";q=0",
        TYPE "; Q=0.000",
        TYPE ";version=1.0.0; q=0.0 , */*",
        ";;;,,,;q=0",
    };
    (void)state;
    for (size_t i = 0; i < countof(accepting); i++)
        assert_true(fields_accepts(accepting[i], TYPE));
    for (size_t i = 0; i < countof(refusing); i++)
        assert_false(fields_accepts(refusing[i], TYPE));
}

static void an_entity_tag_is_found_in_a_list_weakly(void **state)
{
    static const char *const listing[] = {
        "\"abc\"",
        "*",
        " * ",
        "W/\"abc\"",
        "\"x\", \"abc\"",
        "\"x\",W/\"y\" ,W/\"abc\"",
        "\"x,y\",\"abc\"",
        ", \"abc\"",
        " ,,\"x\",, \"abc\",",
    };
    static const char *const others[] = {
        "", "abc", "\"abcd\"", "\"ab\"", "\"abc", "\"x\" \"ab", "**", "W/", "\"x\",*",
    };
    (void)state;
    for (size_t i = 0; i < countof(listing); i++)
        assert_true(fields_lists_etag(listing[i], "\"abc\""));
    for (size_t i = 0; i < countof(others); i++)
        assert_false(fields_lists_etag(others[i], "\"abc\""));
}

static void a_token_is_found_in_a_list_of_any_bytes(void **state)
{
    static const struct {
        const char text[12];
        size_t length;
        bool lists;
    } lists[] = {
        {"close", 5, true},    {" ,a,\tCLOSE ,", 11, true}, {"a\0b, close", 10, true},
        {"close\0", 6, false}, {"\0close", 6, false},       {"\0", 1, false},
        {"", 0, false},
    };
    (void)state;
    for (size_t i = 0; i < countof(lists); i++)
        assert_int_equal(fields_lists_token(lists[i].text, lists[i].length, "close"),
                         lists[i].lists);
}

static void a_host_is_what_a_uri_may_name(void **state)
{
    static const char *const hosts[] = {
        "a", "a.b-c_d~", "1.2.3.4", "a:1", "a:65535", "a:", "%41", "[::1]", "[1::2]:3", "[v1.a:b]",
    };
    static const char *const others[] = {
        "",      ":",    ":1",  "a:0",     "a:65536", "a:99999999999999999999",
        "a:x",   "a b",  "a@b", "::1",     "[::1",    "[::1]a",
        "[]",    "[]:1", "[a]", "[v1]",    "[v.a]",   "%4",
        "%",     "%4g",  "a/",  "[::1%1]", "a\t",     "\x80",
        "[v1.]", "[v",   "[v1",
    };
    (void)state;
    for (size_t i = 0; i < countof(hosts); i++)
        assert_true(fields_is_host(hosts[i], strlen(hosts[i])));
    for (size_t i = 0; i < countof(others); i++)
        assert_false(fields_is_host(others[i], strlen(others[i])));
    assert_false(fields_is_host("a\0b", 3));
    assert_false(fields_is_host("[::1\0]", 6));
    assert_true(fields_is_host("ab@", 2));
}

static void a_policy_names_the_style_element_by_its_hash(void **state)
{
    static const char html[] = "<style>b{color:red}</style>";
    char policy[FIELDS_POLICY_SIZE];
    (void)state;
    assert_int_equal(fields_content_policy(html, sizeof(html) - 1, policy), 0);
    /* printf 'b{color:red}' | openssl dgst -sha256 -binary | base64 */
    assert_non_null(
        strstr(policy, "style-src 'sha256-ypIZpeWh67Lh3q46jpjGW7VCAJpmEqcFe8Dl5B2rXQU='; "));
    assert_int_equal(strncmp(policy, "default-src 'none'; ", 20), 0);
}

static void a_page_without_a_whole_style_element_may_have_none(void **state)
{
    static const char *const pages[] = {"", "<style>", "<b></style><style>", "<styl"};
    char policy[FIELDS_POLICY_SIZE];
    (void)state;
    for (size_t i = 0; i < countof(pages); i++) {
        assert_int_equal(fields_content_policy(pages[i], strlen(pages[i]), policy), 0);
        assert_null(strstr(policy, "style-src"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_type_that_is_named_with_a_weight_is_accepted),
        cmocka_unit_test(an_entity_tag_is_found_in_a_list_weakly),
        cmocka_unit_test(a_token_is_found_in_a_list_of_any_bytes),
        cmocka_unit_test(a_host_is_what_a_uri_may_name),
        cmocka_unit_test(a_policy_names_the_style_element_by_its_hash),
        cmocka_unit_test(a_page_without_a_whole_style_element_may_have_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
