/* The text form: what import takes and refuses, and that an export reads back as it was. */
#include "base/str.h"
#include "settings/text.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define KEYED " key=1 type=sha1 secret=0123456789abcdef0123456789abcdef01234567"

static int import(struct settings *settings, const char *text, size_t size, struct buf *faults)
{
    assert_int_equal(settings_defaults(settings), 0);
    return settings_import(settings, "node.conf", text, size, faults);
}

/* Imports over the defaults and expects exactly these faults, and no change with them. */
static void expect_faults(const char *text, size_t size, const char *wanted)
{
    struct settings settings = {0}, defaults = {0};
    struct buf faults = {0};
    int error = import(&settings, text, size, &faults);
    assert_int_equal(settings_defaults(&defaults), 0);
    assert_string_equal(buf_text(&faults), wanted);
    assert_int_equal(error, -EINVAL);
    assert_true(settings_equal(&settings, &defaults));
    buf_free(&faults);
    settings_free(&settings);
    settings_free(&defaults);
}

static void reads_as(const char *text, enum setting_key key, const char *wanted)
{
    struct settings settings = {0};
    struct buf faults = {0};
    int error = import(&settings, text, strlen(text), &faults);
    if (error)
        fail_msg("%s: %s", text, buf_text(&faults));
    assert_string_equal(settings_text(&settings, key), wanted);
    settings_free(&settings);
}

static void lines_comments_and_quotes_are_read(void **state)
{
    static const struct {
        const char *text;
        enum setting_key key;
        const char *wanted;
    } cases[] = {
        {"sip.udp_port = 5070", SIP_UDP_PORT, "5070"},
        {"sip.udp_port=5070\n", SIP_UDP_PORT, "5070"},
        {"\t sip.udp_port \t=\t 5070 \t\r\n", SIP_UDP_PORT, "5070"},
        {"\xef\xbb\xbfsip.udp_port = 5070", SIP_UDP_PORT, "5070"},
        {"# sip.udp_port = 5070\n\n  # too", SIP_UDP_PORT, "5060"},
        {"sip.udp_port = 5070 # why", SIP_UDP_PORT, "5070"},
        {"global.login_banner = room#1", GLOBAL_LOGIN_BANNER, "room#1"},
        {"global.login_banner = room #1", GLOBAL_LOGIN_BANNER, "room"},
        {"global.login_banner = \"room #1\" # why", GLOBAL_LOGIN_BANNER, "room #1"},
        {"global.login_banner = \" a \\\"b\\\" \\\\ c\"", GLOBAL_LOGIN_BANNER, " a \"b\" \\ c"},
        {"global.login_banner = a \"b\"", GLOBAL_LOGIN_BANNER, "a \"b\""},
        {"global.login_banner = a = b", GLOBAL_LOGIN_BANNER, "a = b"},
        {"sip.cca_id = \"\"", SIP_CCA_ID, ""},
        {"sip.cca_id =", SIP_CCA_ID, ""},
        {"snmp.community = # none", SNMP_COMMUNITY, ""},
        {"dns.server = 192.0.2.1\ndns.server=192.0.2.2", DNS_SERVER, "192.0.2.1\n192.0.2.2"},
        {"", DNS_SERVER, ""},
    };
    (void)state;
    for (size_t i = 0; i < countof(cases); i++)
        reads_as(cases[i].text, cases[i].key, cases[i].wanted);
}

static void a_lists_first_line_replaces_the_list(void **state)
{
    struct settings settings = {0};
    static const char text[] = "dns.server = 192.0.2.3\n";
    static const char empty[] = "dns.server =\n";
    struct buf faults = {0};
    (void)state;
    assert_int_equal(settings_defaults(&settings), 0);
    assert_int_equal(settings_put(&settings, DNS_SERVER, "192.0.2.1\n192.0.2.2", NULL), 0);
    assert_int_equal(settings_import(&settings, "x", text, strlen(text), &faults), 0);
    assert_string_equal(settings_text(&settings, DNS_SERVER), "192.0.2.3");
    assert_int_equal(settings_import(&settings, "x", empty, strlen(empty), &faults), 0);
    assert_string_equal(settings_text(&settings, DNS_SERVER), "");
    settings_free(&settings);
}

static void every_fault_is_told_with_its_line_and_nothing_is_stored(void **state)
{
    static const char text[] = "sip.udp_port = 5070\n"
                               "sip.udpport = 5070\n"
                               "\n"
                               "sip.tcp_port = many\n"
                               "global.ssh\n"
                               "sip.udp_port = 5071\n"
                               "dns.server = 192.0.2.1\n"
                               "dns.server = 192.0.2.1\n"
                               "global.login_banner = \"open\n"
                               "global.login_banner = \"a\" b\n"
                               "web.max_sessions = 5\n"
                               "web.max_sessions_per_user = 6\n"
                               "= 7\n";
    (void)state;
    expect_faults(text, strlen(text),
                  "node.conf:2: sip.udpport: there is no such setting; did you mean sip.udp_port?\n"
                  "node.conf:4: sip.tcp_port: \"many\" is not a number from 1 to 65535\n"
                  "node.conf:5: global.ssh: not KEY = VALUE\n"
                  "node.conf:6: sip.udp_port: occurs twice, first in line 1\n"
                  "node.conf:8: dns.server: the same item stands twice\n"
                  "node.conf:9: global.login_banner: the closing quote is missing\n"
                  "node.conf:10: global.login_banner: text follows the closing quote\n"
                  "node.conf:13: there is no such setting\n"
                  "node.conf:12: web.max_sessions_per_user: 6 exceeds web.max_sessions (5)\n");
}

static void a_broken_rule_is_told_at_the_line_that_broke_it(void **state)
{
    static const char text[] = "# the port of SIP over TLS\nsip.tcp_port = 5061\n";
    (void)state;
    expect_faults(text, strlen(text),
                  "node.conf:2: sip.tls_port: 5061 is also that of sip.tcp_port (5061)\n");
}

static void nul_bytes_and_bad_utf8_refuse_the_line(void **state)
{
    static const char nul[] = "sip.udp_port = 5070\0 # hidden\n";
    static const char name[] = "sip.ud\0p_port = 5070\n";
    static const char bad[] = "global.login_banner = caf\xe9\n";
    static const char bare[] = "sip.udp_port = 5070\rsip.tcp_port = 5071\n";
    (void)state;
    expect_faults(nul, sizeof(nul) - 1,
                  "node.conf:1: sip.udp_port: not UTF-8 text, or with control characters\n");
    expect_faults(name, sizeof(name) - 1,
                  "node.conf:1: not UTF-8 text, or with control characters\n");
    expect_faults(bad, sizeof(bad) - 1,
                  "node.conf:1: global.login_banner: not UTF-8 text, or with control characters\n");
    expect_faults(bare, sizeof(bare) - 1,
                  "node.conf:1: sip.udp_port: not UTF-8 text, or with control characters\n");
}

static void binary_garbage_is_refused(void **state)
{
    unsigned char garbage[SETTINGS_TEXT_MAX];
    uint32_t seed = 1;
    struct settings settings = {0};
    struct buf faults = {0};
    (void)state;
    for (size_t i = 0; i < sizeof(garbage); i++) {
        seed = seed * 1664525 + 1013904223;
        garbage[i] = (unsigned char)(seed >> 24);
    }
    assert_int_equal(import(&settings, (const char *)garbage, sizeof(garbage), &faults), -EINVAL);
    for (size_t i = 0; i < faults.length; i++)
        assert_true(faults.data[i] == '\n' || (faults.data[i] >= ' ' && faults.data[i] <= '~'));
    buf_free(&faults);
    settings_free(&settings);
}

static void a_text_of_64_kib_is_read_and_one_byte_more_is_not(void **state)
{
    static char text[SETTINGS_TEXT_MAX + 1];
    struct settings settings = {0};
    struct buf faults = {0};
    (void)state;
    memset(text, '#', sizeof(text));
    assert_int_equal(import(&settings, text, sizeof(text) - 1, &faults), 0);
    assert_int_equal(import(&settings, text, sizeof(text), &faults), -EFBIG);
    assert_string_equal(buf_text(&faults), "node.conf: longer than 65536 bytes\n");
    buf_free(&faults);
    settings_free(&settings);
}

static void a_very_long_value_and_many_duplicates_are_refused_quickly(void **state)
{
    struct settings settings = {0};
    struct buf text = {0}, faults = {0};
    (void)state;
    buf_puts(&text, "global.login_banner = ");
    while (text.length < 60000)
        buf_putc(&text, 'x');
    assert_int_equal(import(&settings, text.data, text.length, &faults), -EINVAL);
    assert_true(faults.length < 200);
    buf_clear(&text);
    buf_clear(&faults);
    for (unsigned i = 0; text.length < SETTINGS_TEXT_MAX - 30; i++)
        buf_printf(&text, "health.stations=10.%u.%u.1\n", i / 250, i % 250);
    assert_int_equal(import(&settings, text.data, text.length, &faults), -EINVAL);
    assert_non_null(strstr(buf_text(&faults), ":257: health.stations: more than 256 items\n"));
    buf_clear(&text);
    buf_clear(&faults);
    while (text.length < SETTINGS_TEXT_MAX - 10)
        buf_puts(&text, "tls.cbc=n\n");
    assert_int_equal(import(&settings, text.data, text.length, &faults), -EINVAL);
    assert_non_null(strstr(buf_text(&faults), ":6552: tls.cbc: occurs twice, first in line 1\n"));
    buf_free(&text);
    buf_free(&faults);
    settings_free(&settings);
}

static void an_odd_key_is_shown_in_quotes_and_cut(void **state)
{
    static const char text[] = "caf\xc3\xa9 = 1\nthe_quick_brown_fox_jumps_over_the_lazy_dog_and_"
                               "over_the_next_dog_too_and_on = 1\n";
    (void)state;
    expect_faults(text, strlen(text),
                  "node.conf:1: \"caf??\": there is no such setting\n"
                  "node.conf:2: \"the_quick_brown_fox_jumps_over_the_lazy_dog_and_over_the_next_do"
                  "...\": there is no such setting\n");
}

static void a_line_without_a_value_gives_no_secret_away(void **state)
{
    static const char text[] = "snmp.auth_password hunter22\n";
    (void)state;
    expect_faults(text, strlen(text), "node.conf:1: snmp.auth_password: not KEY = VALUE\n");
}

static void answers_are_the_wizards_questions_alone(void **state)
{
    static const char text[] = "tls.cbc = no\nnode.hostname = a\n";
    struct settings settings = {0};
    struct buf faults = {0};
    (void)state;
    assert_int_equal(settings_defaults(&settings), 0);
    assert_int_equal(settings_import_answers(&settings, "a", text, strlen(text), &faults), -EINVAL);
    assert_string_equal(buf_text(&faults),
                        "a:2: node.hostname: not a question of the security wizard\n");
    assert_true(settings_bool(&settings, TLS_CBC));
    assert_int_equal(settings_import_answers(&settings, "a", text, 13, &faults), 0);
    assert_false(settings_bool(&settings, TLS_CBC));
    buf_free(&faults);
    settings_free(&settings);
}

/* Settings with every awkward value at once. */
static void make_awkward(struct settings *settings)
{
    static const struct {
        enum setting_key key;
        const char *text;
    } values[] = {
        {GLOBAL_LOGIN_BANNER, "  # \"quoted\" \\ and #padded  "},
        {SNMP_AUTH_PASSWORD, "\"pass # word\""},
        {SNMP_PRIVACY_PASSWORD, "#pass\\word\\"},
        {AUTH_LDAP_BIND_PASSWORD, " "},
        {AUTH_LDAP_BASE_DN, "dc=example,dc=test"},
        {SNMP_COMMUNITY, ""},
        {NTP_SERVER, "a.test" KEYED "\n2001:db8::1" KEYED},
        {SYSLOG_SERVER, "a.test\nb.test proto=tls"},
        {DNS_SERVER, "192.0.2.1\n2001:db8::1"},
        {HEALTH_STATIONS, "192.0.2.0/24"},
        {SIP_RESOURCE_PRIORITY_PREFIX, "dsn"},
        {SIP_CCA_ID, "`'~%"},
        {NET_IPV6_DAD, "no"},
    };
    assert_int_equal(settings_defaults(settings), 0);
    for (size_t i = 0; i < countof(values); i++)
        assert_int_equal(settings_put(settings, values[i].key, values[i].text, NULL), 0);
}

static void what_export_writes_import_reads(void **state)
{
    static const enum export_what what[] = {EXPORT_CHANGED, EXPORT_ALL};
    (void)state;
    for (size_t i = 0; i < countof(what); i++) {
        struct settings before = {0}, after = {0};
        struct buf text = {0}, faults = {0};
        make_awkward(&before);
        settings_export(&before, what[i], true, &text);
        if (import(&after, text.data, text.length, &faults) < 0)
            fail_msg("%s", buf_text(&faults));
        assert_true(settings_equal(&before, &after));
        buf_free(&text);
        settings_free(&before);
        settings_free(&after);
    }
}

static void a_full_export_resets_what_it_is_imported_over(void **state)
{
    struct settings defaults = {0}, other = {0};
    struct buf text = {0}, faults = {0};
    (void)state;
    assert_int_equal(settings_defaults(&defaults), 0);
    make_awkward(&other);
    settings_export(&defaults, EXPORT_ALL, true, &text);
    assert_int_equal(settings_import(&other, "x", text.data, text.length, &faults), 0);
    assert_true(settings_equal(&defaults, &other));
    buf_free(&text);
    settings_free(&defaults);
    settings_free(&other);
}

static void an_export_without_secrets_holds_none_and_changes_none(void **state)
{
    struct settings before = {0}, after = {0};
    struct buf text = {0}, faults = {0};
    (void)state;
    make_awkward(&before);
    settings_export(&before, EXPORT_ALL, false, &text);
    assert_non_null(strstr(text.data, "# snmp.auth_password = (set)\n"));
    assert_non_null(strstr(text.data,
                           "# ntp.server = a.test key=1 type=sha1 secret=(set), 2001:db8::1 "
                           "key=1 type=sha1 secret=(set)\n"));
    assert_null(strstr(text.data, "pass # word"));
    assert_null(strstr(text.data, "0123456789abcdef"));
    assert_int_equal(settings_copy(&after, &before), 0);
    assert_int_equal(settings_import(&after, "x", text.data, text.length, &faults), 0);
    assert_true(settings_equal(&before, &after));
    buf_free(&text);
    settings_free(&before);
    settings_free(&after);
}

static void unchanged_settings_export_as_nothing(void **state)
{
    struct settings settings = {0};
    struct buf text = {0};
    (void)state;
    assert_int_equal(settings_defaults(&settings), 0);
    settings_export(&settings, EXPORT_CHANGED, true, &text);
    assert_string_equal(buf_text(&text), "");
    buf_free(&text);
    settings_free(&settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_comments_and_quotes_are_read),
        cmocka_unit_test(a_lists_first_line_replaces_the_list),
        cmocka_unit_test(every_fault_is_told_with_its_line_and_nothing_is_stored),
        cmocka_unit_test(a_broken_rule_is_told_at_the_line_that_broke_it),
        cmocka_unit_test(nul_bytes_and_bad_utf8_refuse_the_line),
        cmocka_unit_test(binary_garbage_is_refused),
        cmocka_unit_test(a_text_of_64_kib_is_read_and_one_byte_more_is_not),
        cmocka_unit_test(a_very_long_value_and_many_duplicates_are_refused_quickly),
        cmocka_unit_test(an_odd_key_is_shown_in_quotes_and_cut),
        cmocka_unit_test(a_line_without_a_value_gives_no_secret_away),
        cmocka_unit_test(answers_are_the_wizards_questions_alone),
        cmocka_unit_test(what_export_writes_import_reads),
        cmocka_unit_test(a_full_export_resets_what_it_is_imported_over),
        cmocka_unit_test(an_export_without_secrets_holds_none_and_changes_none),
        cmocka_unit_test(unchanged_settings_export_as_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
