/* The values of every type: what is accepted, as what, and what is not. */
#include "base/str.h"
#include "settings/settings.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct value_case {
    enum setting_key key;
    const char *text;
    const char *canonical; /* NULL: refused */
};

static void expect_values(const struct value_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct settings settings = {0};
        struct buf why = {0};
        int error = settings_put(&settings, cases[i].key, cases[i].text, &why);
        if (error != (cases[i].canonical ? 0 : -EINVAL))
            fail_msg("%s = [%s]: %d, %s", setting_table[cases[i].key].name, cases[i].text, error,
                     buf_text(&why));
        if (cases[i].canonical) {
            assert_string_equal(settings_text(&settings, cases[i].key), cases[i].canonical);
            assert_string_equal(buf_text(&why), "");
        } else {
            assert_string_equal(settings_text(&settings, cases[i].key), "");
            assert_true(why.length > 0);
        }
        buf_free(&why);
        settings_free(&settings);
    }
}

static void a_bool_is_a_word_in_any_case(void **state)
{
    static const struct value_case cases[] = {
        {SECURITY_FIPS, "yes", "yes"}, {SECURITY_FIPS, "Y", "yes"}, {SECURITY_FIPS, "TRUE", "yes"},
        {SECURITY_FIPS, "No", "no"},   {SECURITY_FIPS, "n", "no"},  {SECURITY_FIPS, "False", "no"},
        {SECURITY_FIPS, "", NULL},     {SECURITY_FIPS, "1", NULL},  {SECURITY_FIPS, "on", NULL},
        {SECURITY_FIPS, "yes ", NULL}, {SECURITY_FIPS, "ye", NULL}, {SECURITY_FIPS, "yess", NULL},
    };
    (void)state;
    expect_values(cases, countof(cases));
}

static void a_number_is_decimal_and_within_its_bounds(void **state)
{
    static const struct value_case cases[] = {
        {SIP_UDP_PORT, "1", "1"},
        {SIP_UDP_PORT, "65535", "65535"},
        {SIP_UDP_PORT, "0", NULL},
        {SIP_UDP_PORT, "65536", NULL},
        {SIP_UDP_PORT, "05060", NULL},
        {SIP_UDP_PORT, "+5060", NULL},
        {SIP_UDP_PORT, "-1", NULL},
        {SIP_UDP_PORT, "0x13c4", NULL},
        {SIP_UDP_PORT, "5060 ", NULL},
        {SIP_UDP_PORT, "5060.0", NULL},
        {SIP_UDP_PORT, "", NULL},
        {SIP_UDP_PORT, "99999999999999999999", NULL},
        {SIP_UDP_PORT, "18446744073709556676", NULL},
        {WEB_MAX_SESSIONS, "0", "0"},
        {WEB_MAX_SESSIONS, "00", NULL},
        {GLOBAL_MEDIA_PORT_START, "9999", NULL},
        {GLOBAL_MEDIA_PORT_START, "10000", "10000"},
        {GLOBAL_MEDIA_PORT_END, "49999", "49999"},
        {GLOBAL_MEDIA_PORT_END, "50000", NULL},
        {GLOBAL_DSCP_MANAGEMENT, "63", "63"},
        {GLOBAL_DSCP_MANAGEMENT, "64", NULL},
        {GLOBAL_SESSION_TIMEOUT_MIN, "0", NULL},
        {GLOBAL_SESSION_TIMEOUT_MIN, "1440", "1440"},
        {GLOBAL_SESSION_TIMEOUT_MIN, "1441", NULL},
        {LOCATION_MTU, "511", NULL},
        {LOCATION_MTU, "512", "512"},
        {LOCATION_MTU, "1501", NULL},
    };
    (void)state;
    expect_values(cases, countof(cases));
}

static void an_enum_is_one_of_its_words_and_may_have_an_empty_one(void **state)
{
    static const struct value_case cases[] = {
        {SIP_RESOURCE_PRIORITY_PREFIX, "", ""},
        {SIP_RESOURCE_PRIORITY_PREFIX, "uc", "uc"},
        {SIP_RESOURCE_PRIORITY_PREFIX, "dsn", "dsn"},
        {SIP_RESOURCE_PRIORITY_PREFIX, "UC", NULL},
        {SIP_RESOURCE_PRIORITY_PREFIX, "uc|dsn", NULL},
        {SIP_RESOURCE_PRIORITY_PREFIX, "|", NULL},
        {GLOBAL_MEDIA_ENCRYPTION, "best_effort", "best_effort"},
        {GLOBAL_MEDIA_ENCRYPTION, "best", NULL},
        {GLOBAL_MEDIA_ENCRYPTION, "", NULL},
        {SNMP_MODE, "v3_read_only", "v3_read_only"},
        {SNMP_MODE, "v3", NULL},
    };
    (void)state;
    expect_values(cases, countof(cases));
}

static void a_text_is_one_line_of_utf8_within_its_length(void **state)
{
    static const struct value_case cases[] = {
        {GLOBAL_LOGIN_BANNER, "Authorised use only \xc2\xa9", "Authorised use only \xc2\xa9"},
        {GLOBAL_LOGIN_BANNER, "two\nlines", NULL},
        {GLOBAL_LOGIN_BANNER, "a\ttab", NULL},
        {GLOBAL_LOGIN_BANNER, "bell\a", NULL},
        {GLOBAL_LOGIN_BANNER, "escape\x1b[2J", NULL},
        {GLOBAL_LOGIN_BANNER,
         "c1\xc2\x9b"
         "2J",
         NULL},
        {GLOBAL_LOGIN_BANNER, "\xff\xfe", NULL},
        {GLOBAL_LOGIN_BANNER, "overlong\xc0\xaf", NULL},
        {GLOBAL_LOGIN_BANNER, "surrogate\xed\xa0\x80", NULL},
        {SNMP_AUTH_PASSWORD, "", ""},
        {SNMP_AUTH_PASSWORD, "1234567", NULL},
        {SNMP_AUTH_PASSWORD, "12345678", "12345678"},
        {SNMP_PRIVACY_PASSWORD, "pass # word", "pass # word"},
        {SNMP_COMMUNITY, "1234567890123456", "1234567890123456"},
        {SNMP_COMMUNITY, "12345678901234567", NULL},
        {SNMP_COMMUNITY, "two words", NULL},
        {SNMP_COMMUNITY, "quo\"te", NULL},
        {SNMP_USERNAME, "caf\xc3\xa9", NULL},
        {SIP_CCA_ID, "", ""},
        {SIP_CCA_ID, "A-z.0!%*_+`'~", "A-z.0!%*_+`'~"},
        {SIP_CCA_ID, "two words", NULL},
        {SIP_CCA_ID, "a@b", NULL},
        {SIP_CCA_ID, "a\"b", NULL},
        {SIP_CCA_ID, "a;b", NULL},
    };
    (void)state;
    expect_values(cases, countof(cases));
}

static void a_text_has_the_length_that_its_row_allows(void **state)
{
    static const enum setting_key keys[] = {SIP_CCA_ID, SNMP_AUTH_PASSWORD, GLOBAL_LOGIN_BANNER};
    char text[2048];
    (void)state;
    for (size_t i = 0; i < countof(keys); i++) {
        struct settings settings = {0};
        size_t most = (size_t)setting_table[keys[i]].most;
        memset(text, 'x', sizeof(text));
        text[most] = '\0';
        assert_int_equal(settings_put(&settings, keys[i], text, NULL), 0);
        text[most] = 'x';
        text[most + 1] = '\0';
        assert_int_equal(settings_put(&settings, keys[i], text, NULL), -EINVAL);
        settings_free(&settings);
    }
}

static void a_hosts_name_follows_rfc_1123(void **state)
{
#define TEN   "abcdefghij"
#define SIXTY TEN TEN TEN TEN TEN TEN
    static const struct value_case cases[] = {
        {NODE_HOSTNAME, "node-1", "node-1"},
        {NODE_HOSTNAME, "3com", "3com"},
        {NODE_HOSTNAME, "MGR", "mgr"},
        {NODE_HOSTNAME, "", NULL},
        {NODE_HOSTNAME, "-a", NULL},
        {NODE_HOSTNAME, "a-", NULL},
        {NODE_HOSTNAME, "a.b", NULL},
        {NODE_HOSTNAME, "a_b", NULL},
        {NODE_HOSTNAME, "127", NULL},
        {NODE_HOSTNAME, "caf\xc3\xa9", NULL},
        {NODE_HOSTNAME, SIXTY "abc", SIXTY "abc"},
        {NODE_HOSTNAME, SIXTY "abcd", NULL},
        {NODE_DOMAIN, "Example.TEST", "example.test"},
        {NODE_DOMAIN, "example.test.", NULL},
        {NODE_DOMAIN, ".example", NULL},
        {NODE_DOMAIN, "a..b", NULL},
        {NODE_DOMAIN, SIXTY "." SIXTY "." SIXTY "." SIXTY "." TEN, NULL},
        {AUTH_LDAP_SERVER, "ldap.example.test", "ldap.example.test"},
        {AUTH_LDAP_SERVER, "192.0.2.300", NULL},
        {AUTH_LDAP_SERVER, "ldap://a.test", NULL},
        {AUTH_LDAP_SERVER, "", ""},
    };
    (void)state;
    expect_values(cases, countof(cases));
}

static void an_address_is_canonical_and_fit_for_its_use(void **state)
{
    static const struct value_case cases[] = {
        {NODE_GATEWAY, "192.0.2.1", "192.0.2.1"},
        {NODE_GATEWAY, "192.0.2.01", NULL},
        {NODE_GATEWAY, "192.0.2", NULL},
        {NODE_GATEWAY, "0x7f.1", NULL},
        {NODE_GATEWAY, "2001:db8::1", NULL},
        {NODE_GATEWAY, "0.0.0.0", NULL},
        {NODE_GATEWAY, "127.0.0.1", NULL},
        {NODE_GATEWAY, "224.0.0.1", NULL},
        {NODE_GATEWAY, "255.255.255.255", NULL},
        {NODE_GATEWAY, " 192.0.2.1", NULL},
        {NODE_GATEWAY, "", ""},
        {NODE_GATEWAY6, "2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
        {NODE_GATEWAY6, "fe80::1", "fe80::1"},
        {NODE_GATEWAY6, "fe80::1%eth0", NULL},
        {NODE_GATEWAY6, "ff02::1", NULL},
        {NODE_GATEWAY6, "::ffff:192.0.2.1", NULL},
        {NODE_GATEWAY6, "::1", NULL},
        {NODE_GATEWAY6, "192.0.2.1", NULL},
        {HEALTH_ADDRESS, "::", "::"},
        {HEALTH_ADDRESS, "0.0.0.0", "0.0.0.0"},
        {HEALTH_ADDRESS, "127.0.0.1", "127.0.0.1"},
        {HEALTH_ADDRESS, "localhost", NULL},
        {HEALTH_ADDRESS, "", NULL},
    };
    (void)state;
    expect_values(cases, countof(cases));
}

static void a_network_keeps_host_bits_only_on_an_interface(void **state)
{
    static const struct value_case cases[] = {
        {NODE_ADDRESS, "192.0.2.7/24", "192.0.2.7/24"},
        {NODE_ADDRESS, "192.0.2.0/31", "192.0.2.0/31"},
        {NODE_ADDRESS, "192.0.2.7/32", "192.0.2.7/32"},
        {NODE_ADDRESS, "192.0.2.0/24", NULL},
        {NODE_ADDRESS, "192.0.2.255/24", NULL},
        {NODE_ADDRESS, "192.0.2.7", NULL},
        {NODE_ADDRESS, "192.0.2.7/33", NULL},
        {NODE_ADDRESS, "192.0.2.7/0", NULL},
        {NODE_ADDRESS, "192.0.2.7/", NULL},
        {NODE_ADDRESS, "192.0.2.7/024", NULL},
        {NODE_ADDRESS, "192.0.2.7/24/24", NULL},
        {NODE_ADDRESS, "/24", NULL},
        {NODE_ADDRESS, "2001:db8::1/64", NULL},
        {NODE_ADDRESS6, "2001:DB8::1/64", "2001:db8::1/64"},
        {NODE_ADDRESS6, "2001:db8::/64", NULL},
        {NODE_ADDRESS6, "2001:db8::1/129", NULL},
        {NODE_ADDRESS6, "2001:db8::1/128", "2001:db8::1/128"},
        {HEALTH_STATIONS, "192.0.2.7/24", "192.0.2.0/24"},
        {HEALTH_STATIONS, "192.0.2.7", "192.0.2.7/32"},
        {HEALTH_STATIONS, "2001:db8::ffff", "2001:db8::ffff/128"},
        {HEALTH_STATIONS, "2001:db8:0:1f::/59", "2001:db8::/59"},
        {HEALTH_STATIONS, "0.0.0.0/0", "0.0.0.0/0"},
        {HEALTH_STATIONS, "224.0.0.0/4", NULL},
        {HEALTH_STATIONS, "all", NULL},
        {HEALTH_STATIONS, "2001:0db8:0000:0000:0000:0000:0000:0000:0000:0001/64", NULL},
    };
    (void)state;
    expect_values(cases, countof(cases));
}

static void an_ocsp_responder_is_an_http_url(void **state)
{
    static const struct value_case cases[] = {
        {GLOBAL_OCSP_RESPONDER_URL, "http://ocsp.example.test/", "http://ocsp.example.test/"},
        {GLOBAL_OCSP_RESPONDER_URL, "HTTP://192.0.2.1:8080/a?", NULL},
        {GLOBAL_OCSP_RESPONDER_URL, "HTTP://192.0.2.1:8080/a%20b", "http://192.0.2.1:8080/a%20b"},
        {GLOBAL_OCSP_RESPONDER_URL, "http://[2001:db8::1]:80", "http://[2001:db8::1]:80"},
        {GLOBAL_OCSP_RESPONDER_URL, "http://2001:db8::1/", NULL},
        {GLOBAL_OCSP_RESPONDER_URL, "http://[192.0.2.1]/", NULL},
        {GLOBAL_OCSP_RESPONDER_URL, "http://[2001:db8::1", NULL},
        {GLOBAL_OCSP_RESPONDER_URL, "https://ocsp.example.test/", NULL},
        {GLOBAL_OCSP_RESPONDER_URL, "http://", NULL},
        {GLOBAL_OCSP_RESPONDER_URL, "http:///path", NULL},
        {GLOBAL_OCSP_RESPONDER_URL, "http://user@host.test/", NULL},
        {GLOBAL_OCSP_RESPONDER_URL, "http://host.test:0/", NULL},
        {GLOBAL_OCSP_RESPONDER_URL, "http://host.test:65536/", NULL},
        {GLOBAL_OCSP_RESPONDER_URL, "http://host.test/a b", NULL},
        {GLOBAL_OCSP_RESPONDER_URL, "ocsp.example.test", NULL},
    };
    (void)state;
    expect_values(cases, countof(cases));
}

#define HEX20 "0123456789abcdef0123456789abcdef01234567"
#define HEX32 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void a_time_server_has_a_whole_key_or_none(void **state)
{
    static const struct value_case cases[] = {
        {NTP_SERVER, "ntp.example.test", "ntp.example.test"},
        {NTP_SERVER, "a.test key=1 type=sha1 secret=" HEX20,
         "a.test key=1 type=sha1 secret=" HEX20},
        {NTP_SERVER, "A.test  secret=" HEX32 " type=SHA256\tkey=65535",
         "a.test key=65535 type=sha256 secret=" HEX32},
        {NTP_SERVER, "2001:DB8::1 key=9 type=aes256 secret=" HEX32,
         "2001:db8::1 key=9 type=aes256 secret=" HEX32},
        {NTP_SERVER, "a.test key=1 type=aes128 secret=" HEX20, NULL},
        {NTP_SERVER, "a.test key=1 type=md5 secret=" HEX20, NULL},
        {NTP_SERVER, "a.test key=0 type=sha1 secret=" HEX20, NULL},
        {NTP_SERVER, "a.test key=65536 type=sha1 secret=" HEX20, NULL},
        {NTP_SERVER, "a.test key=1 type=sha1", NULL},
        {NTP_SERVER, "a.test key=1 secret=" HEX20, NULL},
        {NTP_SERVER, "a.test type=sha1 secret=" HEX20, NULL},
        {NTP_SERVER, "a.test key=1 key=2 type=sha1 secret=" HEX20, NULL},
        {NTP_SERVER, "a.test key=1 type=sha1 secret=" HEX20 "8", NULL},
        {NTP_SERVER, "a.test key=1 type=sha1 secret=xyz", NULL},
        {NTP_SERVER, "a.test key=1 type=sha1 secret=", NULL},
        {NTP_SERVER, "a.test key=1 type=sha1 secret=0123", NULL},
        {NTP_SERVER, "a.test iburst", NULL},
        {NTP_SERVER, "224.0.1.1", NULL},
        {NTP_SERVER, "a.test key=1 type=sha3 secret=" HEX20, NULL},
        {NTP_SERVER, SIXTY SIXTY SIXTY SIXTY SIXTY SIXTY SIXTY SIXTY SIXTY, NULL},
        {NTP_SERVER, "key=1 type=sha1 secret=" HEX20, NULL},
    };
    (void)state;
    expect_values(cases, countof(cases));
}

/* Digests from 80 bits on, below which chronyd warns; ciphers the key that RFC 8573 has for
 * them. */
static void a_time_servers_secret_has_the_length_of_its_kind(void **state)
{
    enum { BYTES_MAX = 70 };
    static const struct {
        const char *type;
        size_t least, most; /* bytes */
    } kinds[] = {
        {"sha1", 10, 64},   {"sha256", 10, 64}, {"sha384", 10, 64},
        {"sha512", 10, 64}, {"aes128", 16, 16}, {"aes256", 32, 32},
    };
    (void)state;
    for (size_t i = 0; i < countof(kinds); i++)
        for (size_t bytes = 0; bytes <= BYTES_MAX; bytes++) {
            struct settings settings = {0};
            struct buf text = {0};
            bool fits = bytes >= kinds[i].least && bytes <= kinds[i].most;
            buf_printf(&text, "a.test key=1 type=%s secret=%0*d", kinds[i].type, (int)bytes * 2, 0);
            if (settings_put(&settings, NTP_SERVER, buf_text(&text), NULL) != (fits ? 0 : -EINVAL))
                fail_msg("a secret of %zu bytes for %s", bytes, kinds[i].type);
            buf_free(&text);
            settings_free(&settings);
        }
}

static void a_log_server_has_its_port_and_protocol(void **state)
{
    static const struct value_case cases[] = {
        {SYSLOG_SERVER, "log.test", "log.test port=514 proto=udp"},
        {SYSLOG_SERVER, "log.test proto=tls port=6514", "log.test port=6514 proto=tls"},
        {SYSLOG_SERVER, "192.0.2.9 proto=tcp", "192.0.2.9 port=514 proto=tcp"},
        {SYSLOG_SERVER, "log.test port=0", NULL},
        {SYSLOG_SERVER, "log.test proto=udp|tcp", NULL},
        {SYSLOG_SERVER, "log.test proto=UDP", NULL},
        {SYSLOG_SERVER, "log.test:514", NULL},
        {SYSLOG_SERVER, "log.test port", NULL},
        {SYSLOG_SERVER, "log.test port=1 port=2", NULL},
    };
    (void)state;
    expect_values(cases, countof(cases));
}

static void a_reason_never_quotes_a_secret(void **state)
{
    static const struct value_case cases[] = {
        {SNMP_AUTH_PASSWORD, "hunter2", NULL},
        {SNMP_COMMUNITY, "hunter2 hunter2", NULL},
        {AUTH_LDAP_BIND_PASSWORD, "hunter2\x01", NULL},
        {NTP_SERVER, "a.test key=1 type=md5 secret=hunter2", NULL},
        {NTP_SERVER, "a.test key=1 type=sha1 secret=hunter2", NULL},
        {NTP_SERVER, "a.test key=1 type=sha1 hunter2", NULL},
        {NTP_SERVER, "a.test key=1 type=sha1 hunter2=1", NULL},
        {NTP_SERVER, "secret=hunter2 a.test key=1 type=sha1", NULL},
        {NTP_SERVER, "secret=hunter2 key=1 type=sha1", NULL},
    };
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct settings settings = {0};
        struct buf why = {0};
        assert_int_equal(settings_put(&settings, cases[i].key, cases[i].text, &why), -EINVAL);
        assert_null(strstr(buf_text(&why), "hunter2"));
        buf_free(&why);
        settings_free(&settings);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bool_is_a_word_in_any_case),
        cmocka_unit_test(a_number_is_decimal_and_within_its_bounds),
        cmocka_unit_test(an_enum_is_one_of_its_words_and_may_have_an_empty_one),
        cmocka_unit_test(a_text_is_one_line_of_utf8_within_its_length),
        cmocka_unit_test(a_text_has_the_length_that_its_row_allows),
        cmocka_unit_test(a_hosts_name_follows_rfc_1123),
        cmocka_unit_test(an_address_is_canonical_and_fit_for_its_use),
        cmocka_unit_test(a_network_keeps_host_bits_only_on_an_interface),
        cmocka_unit_test(an_ocsp_responder_is_an_http_url),
        cmocka_unit_test(a_time_server_has_a_whole_key_or_none),
        cmocka_unit_test(a_time_servers_secret_has_the_length_of_its_kind),
        cmocka_unit_test(a_log_server_has_its_port_and_protocol),
        cmocka_unit_test(a_reason_never_quotes_a_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
