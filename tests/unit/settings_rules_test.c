/* Rules across settings, and settings held against the guide. */
#include "base/str.h"
#include "settings/settings.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { CHANGES_MAX = 5 };

struct change {
    enum setting_key key;
    const char *text; /* NULL ends the list */
};

static void make(struct settings *settings, const struct change *changes)
{
    assert_int_equal(settings_defaults(settings), 0);
    for (size_t i = 0; i < CHANGES_MAX && changes[i].text; i++)
        assert_int_equal(settings_put(settings, changes[i].key, changes[i].text, NULL), 0);
}

static void defaults_and_strictest_break_no_rule(void **state)
{
    struct settings settings = {0};
    struct buf faults = {0};
    (void)state;
    assert_int_equal(settings_defaults(&settings), 0);
    assert_int_equal(settings_check(&settings, &faults), 0);
    assert_int_equal(settings_strictest(&settings), 0);
    assert_int_equal(settings_check(&settings, &faults), 0);
    assert_int_equal(faults.length, 0);
    settings_free(&settings);
}

static void each_rule_names_the_setting_that_breaks_it(void **state)
{
    static const struct {
        struct change change[CHANGES_MAX];
        const char *fault; /* the beginning of the one fault; NULL: none */
    } cases[] = {
        {{{SIP_TLS_PORT, "5060"}}, "sip.tls_port: 5060 is also"},
        {{{SIP_TCP_PORT, "5061"}}, "sip.tls_port: 5061 is also"},
        {{{SIP_UDP_PORT, "5061"}}, NULL},
        {{{SIP_UDP_PORT, "22"}}, "sip.udp_port: 22 is the port"},
        {{{SIP_TCP_PORT, "80"}}, "sip.tcp_port: 80 is"},
        {{{SIP_TLS_PORT, "443"}}, "sip.tls_port: 443 is"},
        {{{SIP_UDP_PORT, "161"}}, "sip.udp_port: 161 is"},
        {{{SIP_UDP_PORT, "500"}}, "sip.udp_port: 500 is"},
        {{{SIP_UDP_PORT, "1719"}}, "sip.udp_port: 1719 is"},
        {{{SIP_TCP_PORT, "1720"}}, "sip.tcp_port: 1720 is"},
        {{{SIP_UDP_PORT, "9443"}}, "sip.udp_port: 9443 is also"},
        {{{HEALTH_PORT, "5061"}}, "sip.tls_port: 5061 is also"},
        {{{HEALTH_PORT, "443"}}, "health.port: 443 is the port"},
        {{{HEALTH_PORT, "33000"}}, "health.port: 33000 lies in"},
        {{{SIP_TCP_PORT, "39999"}}, "sip.tcp_port: 39999 lies in"},
        {{{SIP_TCP_PORT, "40000"}}, "sip.tcp_port: 40000 lies in"},
        {{{SIP_TCP_PORT, "49999"}}, "sip.tcp_port: 49999 lies in"},
        {{{SIP_TCP_PORT, "50000"}}, NULL},
        {{{SIP_TCP_PORT, "32999"}}, NULL},
        {{{WEB_MAX_SESSIONS_PER_USER, "10"}}, NULL},
        {{{WEB_MAX_SESSIONS, "10"}}, NULL},
        {{{WEB_MAX_SESSIONS, "10"}, {WEB_MAX_SESSIONS_PER_USER, "10"}}, NULL},
        {{{WEB_MAX_SESSIONS, "9"}, {WEB_MAX_SESSIONS_PER_USER, "10"}},
         "web.max_sessions_per_user: 10 exceeds web.max_sessions (9)"},
        {{{GLOBAL_SIGNALING_PORT_END, "33000"}}, "global.signaling_port_end: 33000 is not above"},
        {{{GLOBAL_MEDIA_PORT_START, "49901"}}, "global.media_port_end: 49999 leaves fewer"},
        {{{GLOBAL_MEDIA_PORT_START, "49900"}}, NULL},
        {{{GLOBAL_SIGNALING_PORT_END, "40000"}}, "global.media_port_start: 40000 begins a range"},
        {{{GLOBAL_MEDIA_PORT_START, "39999"}}, "global.media_port_start: 39999 begins a range"},
        {{{GLOBAL_MEDIA_PORT_START, "10000"}, {GLOBAL_MEDIA_PORT_END, "32999"}}, NULL},
        {{{GLOBAL_MEDIA_PORT_START, "10000"}, {GLOBAL_MEDIA_PORT_END, "33000"}},
         "global.media_port_start: 10000 begins a range"},
    };
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct settings settings = {0};
        struct buf faults = {0};
        make(&settings, cases[i].change);
        size_t count = settings_check(&settings, &faults);
        if (count != (cases[i].fault ? 1 : 0) ||
            !str_starts(buf_text(&faults), cases[i].fault ? cases[i].fault : ""))
            fail_msg("case %zu: %zu faults: %s", i, count, buf_text(&faults));
        buf_free(&faults);
        settings_free(&settings);
    }
}

/* Whether the settings, with the number in each of the keys, have this fault: "KEY: NUMBER WHY". */
static bool has_fault(enum setting_key key, enum setting_key other, unsigned number,
                      const char *why)
{
    struct settings settings = {0};
    struct buf faults = {0}, wanted = {0}, text = {0};
    buf_printf(&text, "%u", number);
    buf_printf(&wanted, "%s: %u %s", setting_table[key].name, number, why);
    assert_int_equal(settings_defaults(&settings), 0);
    assert_int_equal(settings_put(&settings, other, buf_text(&text), NULL), 0);
    assert_int_equal(settings_put(&settings, key, buf_text(&text), NULL), 0);
    settings_check(&settings, &faults);
    bool found = strstr(buf_text(&faults), buf_text(&wanted)) != NULL;
    buf_free(&text);
    buf_free(&wanted);
    buf_free(&faults);
    settings_free(&settings);
    return found;
}

static const enum setting_key ports[] = {SIP_UDP_PORT, SIP_TCP_PORT, SIP_TLS_PORT, HEALTH_PORT};

/* Secure shell, web (80, 443), SNMP, IKE, H.323 (1719, 1720) and RTMP. */
static void no_port_is_that_of_another_service(void **state)
{
    static const unsigned reserved[] = {22, 80, 161, 443, 500, 1719, 1720, 1935};
    (void)state;
    for (size_t i = 0; i < countof(ports); i++)
        for (size_t j = 0; j < countof(reserved); j++)
            assert_true(has_fault(ports[i], ports[i], reserved[j], "is the port of another"));
}

static void no_port_lies_in_a_range_that_others_take(void **state)
{
    static const struct {
        const char *range;
        unsigned first, last; /* of the defaults */
    } ranges[] = {
        {"lies in the range from global.signaling_port_start (33000)", 33000, 39999},
        {"lies in the range from global.media_port_start (40000)", 40000, 49999},
    };
    (void)state;
    for (size_t i = 0; i < countof(ports); i++)
        for (size_t j = 0; j < countof(ranges); j++) {
            unsigned first = ranges[j].first, last = ranges[j].last;
            assert_false(has_fault(ports[i], ports[i], first - 1, ranges[j].range));
            assert_true(has_fault(ports[i], ports[i], first, ranges[j].range));
            assert_true(has_fault(ports[i], ports[i], (first + last) / 2, ranges[j].range));
            assert_true(has_fault(ports[i], ports[i], last, ranges[j].range));
            assert_false(has_fault(ports[i], ports[i], last + 1, ranges[j].range));
        }
}

static void two_listeners_have_two_ports(void **state)
{
    static const struct {
        enum setting_key key, other;
        const char *why;
    } pairs[] = {
        {SIP_TLS_PORT, SIP_TCP_PORT, "is also that of sip.tcp_port"},
        {SIP_UDP_PORT, HEALTH_PORT, "is also that of health.port"},
        {SIP_TCP_PORT, HEALTH_PORT, "is also that of health.port"},
        {SIP_TLS_PORT, HEALTH_PORT, "is also that of health.port"},
    };
    (void)state;
    for (size_t i = 0; i < countof(pairs); i++)
        assert_true(has_fault(pairs[i].key, pairs[i].other, 7000, pairs[i].why));
}

#define NETS  "10.0.0.2/24\n192.0.2.130/25"
#define NETS6 "2001:db8::2/64\nfd00::2/127"

static void a_router_is_in_a_network_of_the_node(void **state)
{
    static const struct {
        struct change change[CHANGES_MAX];
        const char *fault; /* the beginning of the one fault; NULL: none */
    } cases[] = {
        /* clang-format off */
        {{{NODE_ADDRESS, NETS}, {NODE_GATEWAY, "10.0.0.1"}},           NULL},
        {{{NODE_ADDRESS, NETS}, {NODE_GATEWAY, "192.0.2.129"}},        NULL},
        {{{NODE_ADDRESS, NETS}, {NODE_GATEWAY, "192.0.2.1"}},
         "node.gateway: 192.0.2.1 is a router outside every network of node.address (10.0.0.2/24, "},
        {{{NODE_ADDRESS, NETS}, {NODE_GATEWAY, "10.0.1.1"}},           "node.gateway: 10.0.1.1 is a router"},
        {{{NODE_GATEWAY, "10.0.0.1"}},                                 "node.gateway: 10.0.0.1 is a router"},
        {{{NODE_ADDRESS6, NETS6}, {NODE_GATEWAY, "10.0.0.1"}},         "node.gateway: 10.0.0.1 is a router"},
        {{{NODE_ADDRESS, NETS}, {NODE_GATEWAY, "10.0.0.2"}},           "node.gateway: 10.0.0.2 is the node itself"},
        {{{NODE_ADDRESS, NETS}, {NODE_GATEWAY, "192.0.2.130"}},        "node.gateway: 192.0.2.130 is the node itself"},
        {{{NODE_ADDRESS, NETS}, {NODE_GATEWAY, "10.0.0.255"}},         "node.gateway: 10.0.0.255 is not a host's"},
        {{{NODE_ADDRESS, NETS}, {NODE_GATEWAY, "10.0.0.0"}},           "node.gateway: 10.0.0.0 is not a host's"},
        {{{NODE_ADDRESS, "10.0.0.2/31"}, {NODE_GATEWAY, "10.0.0.3"}},  NULL},
        {{{NODE_ADDRESS, "10.0.0.2/32"}, {NODE_GATEWAY, "10.0.0.3"}},  "node.gateway: 10.0.0.3 is a router"},
        {{{NODE_ADDRESS6, NETS6}, {NODE_GATEWAY6, "2001:db8::1"}},     NULL},
        {{{NODE_ADDRESS6, NETS6}, {NODE_GATEWAY6, "fd00::3"}},         NULL},
        {{{NODE_ADDRESS6, NETS6}, {NODE_GATEWAY6, "fd00::4"}},         "node.gateway6: fd00::4 is a router"},
        {{{NODE_ADDRESS6, NETS6}, {NODE_GATEWAY6, "2001:db8:0:1::1"}}, "node.gateway6: 2001:db8:0:1::1 is a router"},
        {{{NODE_ADDRESS6, NETS6}, {NODE_GATEWAY6, "2001:db8::2"}},     "node.gateway6: 2001:db8::2 is the node itself"},
        {{{NODE_GATEWAY6, "2001:db8::1"}},
         "node.gateway6: 2001:db8::1 is a router outside every network of node.address6 (not set)\n"},
        {{{NET_IPV6_AUTOCONFIGURATION, "yes"}, {NODE_GATEWAY6, "2001:db8::1"}}, NULL},
        {{{NET_IPV6_AUTOCONFIGURATION, "yes"}, {NODE_GATEWAY, "10.0.0.1"}}, "node.gateway: 10.0.0.1 is a router"},
        {{{NODE_GATEWAY6, "fe80::1"}},                                 NULL},
        {{{NODE_ADDRESS6, NETS6}, {NODE_GATEWAY6, "febf::1"}},         NULL},
        {{{NODE_ADDRESS6, NETS6}, {NODE_GATEWAY6, "fec0::1"}},         "node.gateway6: fec0::1 is a router"},
        {{{NODE_ADDRESS, "10.0.0.2/24\n10.0.0.2/16"}},                 "node.address: 10.0.0.2/24, 10.0.0.2/16 has"},
        {{{NODE_ADDRESS, "10.0.0.2/24\n10.0.0.3/24"}},                 NULL},
        {{{NODE_ADDRESS6, "fd00::2/64\nfd01::2/64\nfd00::2/128"}},     "node.address6: fd00::2/64, fd01"},
        {{{HEALTH_ADDRESS, "192.0.2.9"}},                              NULL},
        {{{NODE_ADDRESS, NETS}, {HEALTH_ADDRESS, "192.0.2.130"}},      NULL},
        {{{NODE_ADDRESS, NETS}, {HEALTH_ADDRESS, "192.0.2.9"}},        "health.address: 192.0.2.9 is not an address"},
        {{{NODE_ADDRESS6, NETS6}, {HEALTH_ADDRESS, "fd00::9"}},        "health.address: fd00::9 is not an address"},
        {{{NODE_ADDRESS, NETS}, {HEALTH_ADDRESS, "127.0.0.1"}},        NULL},
        {{{NODE_ADDRESS, NETS}, {HEALTH_ADDRESS, "0.0.0.0"}},          NULL},
        /* clang-format on */
    };
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct settings settings = {0};
        struct buf faults = {0};
        make(&settings, cases[i].change);
        size_t count = settings_check(&settings, &faults);
        if (count != (cases[i].fault ? 1 : 0) ||
            !str_starts(buf_text(&faults), cases[i].fault ? cases[i].fault : ""))
            fail_msg("case %zu: %zu faults: %s", i, count, buf_text(&faults));
        buf_free(&faults);
        settings_free(&settings);
    }
}

static void the_strictest_settings_are_the_guides(void **state)
{
    struct settings settings = {0};
    (void)state;
    assert_int_equal(settings_strictest(&settings), 0);
    for (int key = 0; key < SETTING_COUNT; key++) {
        enum secure_rule rule = setting_table[key].rule;
        /* Servers, stations, names and passwords are nobody's to invent. */
        if (rule != SECURE_SET && rule != SECURE_KEYED)
            assert_true(setting_is_secure(&settings, (enum setting_key)key));
    }
    assert_string_equal(settings_text(&settings, WEB_MAX_SESSIONS), "100");
    assert_string_equal(settings_text(&settings, WEB_MAX_SESSIONS_PER_USER), "10");
    assert_string_equal(settings_text(&settings, HEALTH_STATIONS), "");
    settings_free(&settings);
}

#define KEYED " key=1 type=sha1 secret=0123456789abcdef0123456789abcdef01234567"

static void the_guide_judges_each_kind_of_value(void **state)
{
    static const struct {
        enum setting_key key;
        struct change change[CHANGES_MAX];
        bool secure;
    } cases[] = {
        {SECURITY_FIPS, {{0}}, false},
        {SECURITY_FIPS, {{SECURITY_FIPS, "yes"}}, true},
        {NET_IPV6_DAD, {{0}}, false},
        {SIP_UDP_PORT, {{SIP_UDP_PORT, "7000"}}, true},
        {WEB_MAX_SESSIONS, {{0}}, false},
        {WEB_MAX_SESSIONS, {{WEB_MAX_SESSIONS, "1"}}, true},
        {GLOBAL_SESSION_TIMEOUT_MIN, {{0}}, false},
        {GLOBAL_SESSION_TIMEOUT_MIN, {{GLOBAL_SESSION_TIMEOUT_MIN, "10"}}, true},
        {GLOBAL_SESSION_TIMEOUT_MIN, {{GLOBAL_SESSION_TIMEOUT_MIN, "11"}}, false},
        {GLOBAL_SESSION_TIMEOUT_MIN, {{GLOBAL_SESSION_TIMEOUT_MIN, "1"}}, true},
        {SNMP_COMMUNITY, {{0}}, false},
        {SNMP_COMMUNITY, {{SNMP_COMMUNITY, "Public"}}, true},
        {AUTH_CLIENT_CERTIFICATE, {{AUTH_CLIENT_CERTIFICATE, "required_upn"}}, true},
        {AUTH_CLIENT_CERTIFICATE, {{0}}, false},
        {GLOBAL_LOGIN_BANNER, {{0}}, false},
        {GLOBAL_LOGIN_BANNER, {{GLOBAL_LOGIN_BANNER, "x"}}, true},
        {GLOBAL_OCSP_RESPONDER_URL, {{0}}, true},
        {GLOBAL_OCSP_RESPONDER_URL, {{GLOBAL_OCSP_STATE, "override"}}, false},
        {AUTH_LDAP_SERVER, {{0}}, true},
        {AUTH_LDAP_SERVER, {{AUTH_SOURCE, "ldap_and_local"}}, false},
        {AUTH_LDAP_SERVER, {{AUTH_SOURCE, "ldap"}, {AUTH_LDAP_SERVER, "a.test"}}, true},
        {DNS_SERVER, {{DNS_SERVER, "192.0.2.1"}}, false},
        {DNS_SERVER, {{DNS_SERVER, "192.0.2.1\n192.0.2.2"}}, true},
        {HEALTH_STATIONS, {{0}}, false},
        {HEALTH_STATIONS, {{HEALTH_STATIONS, "192.0.2.1"}}, true},
        {NTP_SERVER, {{NTP_SERVER, "a.test" KEYED}}, false},
        {NTP_SERVER, {{NTP_SERVER, "a.test" KEYED "\nb.test"}}, false},
        {NTP_SERVER, {{NTP_SERVER, "a.test" KEYED "\nb.test" KEYED}}, true},
    };
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct settings settings = {0};
        make(&settings, cases[i].change);
        if (setting_is_secure(&settings, cases[i].key) != cases[i].secure)
            fail_msg("case %zu: %s", i, setting_table[cases[i].key].name);
        settings_free(&settings);
    }
}

static void the_guides_value_stands_in_words(void **state)
{
    static const struct {
        enum setting_key key;
        const char *text;
    } cases[] = {
        {SIP_CCA_ID, "set"},
        {SIP_RESOURCE_PRIORITY_PREFIX, "uc or dsn"},
        {SIP_UDP_PORT, "any"},
        {NET_IPV6_DAD, "no"},
        {WEB_MAX_SESSIONS, "1 or more"},
        {GLOBAL_SESSION_TIMEOUT_MIN, "10 or less"},
        {SNMP_COMMUNITY, "not \"public\""},
        {AUTH_CLIENT_CERTIFICATE, "required_cn or required_upn"},
        {GLOBAL_LOGIN_BANNER, "set"},
        {DNS_SERVER, "2 or more"},
        {NTP_SERVER, "2 or more, each with a key"},
        {GLOBAL_OCSP_RESPONDER_URL, "set where global.ocsp_state is override"},
        {AUTH_LDAP_SERVER, "set where auth.source is ldap or ldap_and_local"},
    };
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct buf text = {0};
        setting_secure_text(cases[i].key, &text);
        assert_string_equal(buf_text(&text), cases[i].text);
        buf_free(&text);
    }
}

static void fips_mode_masks_a_yes_to_what_it_does_not_approve(void **state)
{
    static const enum setting_key masked[] = {TLS_LEGACY, SIP_TLS_ANONYMOUS_DH_OUTBOUND,
                                              HTTPS_LEGACY_INBOUND, TLS_AES128_SHA,
                                              SIP_TLS_AES128_SHA_OUTBOUND};
    struct settings settings = {0};
    (void)state;
    assert_int_equal(settings_defaults(&settings), 0);
    for (size_t i = 0; i < countof(masked); i++)
        assert_int_equal(settings_put(&settings, masked[i], "yes", NULL), 0);
    assert_null(setting_inactive(&settings, TLS_LEGACY));
    assert_int_equal(settings_put(&settings, SECURITY_FIPS, "yes", NULL), 0);
    for (int key = 0; key < SETTING_COUNT; key++) {
        const char *why = setting_inactive(&settings, (enum setting_key)key);
        bool is_masked = false;
        for (size_t i = 0; i < countof(masked); i++)
            is_masked = is_masked || masked[i] == (enum setting_key)key;
        if (is_masked)
            assert_string_equal(why, "masked by FIPS mode");
        else
            assert_null(why);
    }
    assert_int_equal(settings_put(&settings, TLS_LEGACY, "no", NULL), 0);
    assert_null(setting_inactive(&settings, TLS_LEGACY));
    settings_free(&settings);
}

static void question_19_counts_only_where_18_is_no(void **state)
{
    struct settings settings = {0};
    (void)state;
    assert_int_equal(settings_defaults(&settings), 0);
    assert_null(setting_inactive(&settings, SIP_TLS_AES128_SHA_OUTBOUND));
    assert_int_equal(settings_put(&settings, TLS_AES128_SHA, "yes", NULL), 0);
    assert_string_equal(setting_inactive(&settings, SIP_TLS_AES128_SHA_OUTBOUND),
                        "counts only where tls.aes128_sha is no");
    settings_free(&settings);
}

static void shows(const struct settings *settings, enum setting_key key, const char *wanted)
{
    struct buf text = {0};
    setting_show(settings, key, &text);
    assert_string_equal(buf_text(&text), wanted);
    buf_free(&text);
}

static void a_value_is_shown_on_one_line_and_a_secret_as_set(void **state)
{
    struct settings settings = {0};
    (void)state;
    assert_int_equal(settings_defaults(&settings), 0);
    shows(&settings, SNMP_AUTH_PASSWORD, "(not set)");
    shows(&settings, NTP_SERVER, "(not set)");
    shows(&settings, SNMP_COMMUNITY, "public");
    shows(&settings, SIP_UDP_PORT, "5060");
    assert_int_equal(settings_put(&settings, SNMP_AUTH_PASSWORD, "hunter22", NULL), 0);
    assert_int_equal(settings_put(&settings, SNMP_COMMUNITY, "hunter2", NULL), 0);
    assert_int_equal(settings_put(&settings, NTP_SERVER, "a.test" KEYED "\nb.test", NULL), 0);
    assert_int_equal(settings_put(&settings, DNS_SERVER, "192.0.2.1\n192.0.2.2", NULL), 0);
    shows(&settings, SNMP_AUTH_PASSWORD, "(set)");
    shows(&settings, SNMP_COMMUNITY, "(set)");
    shows(&settings, NTP_SERVER, "a.test key=1 type=sha1 secret=(set), b.test");
    shows(&settings, DNS_SERVER, "192.0.2.1, 192.0.2.2");
    settings_free(&settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_and_strictest_break_no_rule),
        cmocka_unit_test(each_rule_names_the_setting_that_breaks_it),
        cmocka_unit_test(no_port_is_that_of_another_service),
        cmocka_unit_test(no_port_lies_in_a_range_that_others_take),
        cmocka_unit_test(two_listeners_have_two_ports),
        cmocka_unit_test(a_router_is_in_a_network_of_the_node),
        cmocka_unit_test(the_strictest_settings_are_the_guides),
        cmocka_unit_test(the_guide_judges_each_kind_of_value),
        cmocka_unit_test(the_guides_value_stands_in_words),
        cmocka_unit_test(fips_mode_masks_a_yes_to_what_it_does_not_approve),
        cmocka_unit_test(question_19_counts_only_where_18_is_no),
        cmocka_unit_test(a_value_is_shown_on_one_line_and_a_secret_as_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
