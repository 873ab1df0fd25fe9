/* The policy: which ports each role opens, for every setting that decides over one. */
#include "policy/policy.h"

#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CHANGES_MAX = 6 };

struct change {
    enum setting_key key;
    const char *value;
};

struct flags {
    bool latched, fail_closed;
};

/* "name:protocols:first-last" of every open listener, sorted as the policy has them. */
static void describe(enum role role, const struct change *changes, struct flags flags,
                     struct buf *out)
{
    struct settings settings = {0};
    struct policy policy;
    assert_int_equal(settings_defaults(&settings), 0);
    for (size_t i = 0; i < CHANGES_MAX && changes[i].value; i++)
        assert_int_equal(settings_put(&settings, changes[i].key, changes[i].value, NULL), 0);
    policy_make(&policy, &(struct policy_input){.role = role,
                                                .settings = &settings,
                                                .admin_latched = flags.latched,
                                                .fail_closed = flags.fail_closed});
    for (size_t i = 0; i < policy.listener_count; i++) {
        const struct listener *listener = &policy.listeners[i];
        buf_printf(out, "%s%s:%u", i ? " " : "", listener->name, listener->first_port);
        if (listener->last_port != listener->first_port)
            buf_printf(out, "-%u", listener->last_port);
        if (listener->per_source)
            buf_printf(out, "(%u)", listener->per_source);
    }
    settings_free(&settings);
}

#define CALLS "media:40000-49999 signaling:33000-39999 "
#define SIP   "sip-udp:5060 sip-tcp:5060 sip-tls:5061 "
#define H323  "h323-ras:1719 h323-call:1720 "
#define NODES "ike:500 esp:0 health:9443"

static const struct {
    const char *name;
    enum role role;
    struct change changes[CHANGES_MAX];
    struct flags flags;
    const char *open;
} cases[] = {
    {"management, defaults", ROLE_MANAGEMENT, {{0}}, {0}, "https:443(256) ssh:22 " NODES},
    {"conferencing, defaults",
     ROLE_CONFERENCING,
     {{0}},
     {0},
     CALLS SIP H323 "rtmp:1935 https:443(256) ssh:22 " NODES},
    {"no SIP",
     ROLE_CONFERENCING,
     {{GLOBAL_SIP, "no"}},
     {0},
     CALLS H323 "rtmp:1935 https:443(256) ssh:22 " NODES},
    {"no H.323, no RTMP",
     ROLE_CONFERENCING,
     {{GLOBAL_H323, "no"}, {GLOBAL_RTMP, "no"}},
     {0},
     CALLS SIP "https:443(256) ssh:22 " NODES},
    {"443 for WebRTC alone",
     ROLE_CONFERENCING,
     {{GLOBAL_CLIENT_API, "no"}},
     {0},
     CALLS SIP H323 "rtmp:1935 https:443(256) ssh:22 " NODES},
    {"443 for the Client API alone",
     ROLE_CONFERENCING,
     {{GLOBAL_WEBRTC, "no"}},
     {0},
     CALLS SIP H323 "rtmp:1935 https:443(256) ssh:22 " NODES},
    {"443 for neither",
     ROLE_CONFERENCING,
     {{GLOBAL_WEBRTC, "no"}, {GLOBAL_CLIENT_API, "no"}},
     {0},
     CALLS SIP H323 "rtmp:1935 ssh:22 " NODES},
    {"any one call protocol opens the ranges",
     ROLE_CONFERENCING,
     {{GLOBAL_SIP, "no"}, {GLOBAL_H323, "no"}, {GLOBAL_WEBRTC, "no"}, {GLOBAL_CLIENT_API, "no"}},
     {0},
     CALLS "rtmp:1935 ssh:22 " NODES},
    {"no call protocol closes the ranges",
     ROLE_CONFERENCING,
     {{GLOBAL_SIP, "no"},
      {GLOBAL_H323, "no"},
      {GLOBAL_WEBRTC, "no"},
      {GLOBAL_CLIENT_API, "no"},
      {GLOBAL_RTMP, "no"}},
     {0},
     "ssh:22 " NODES},
    {"SSH off", ROLE_MANAGEMENT, {{GLOBAL_SSH, "no"}}, {0}, "https:443(256) " NODES},
    {"SSH closed with the admin account",
     ROLE_MANAGEMENT,
     {{SECURITY_DISABLE_ADMIN, "yes"}},
     {0},
     "https:443(256) " NODES},
    {"SSH closed by the latch, whatever the setting",
     ROLE_CONFERENCING,
     {{0}},
     {.latched = true},
     CALLS SIP H323 "rtmp:1935 https:443(256) " NODES},
    {"SNMP",
     ROLE_MANAGEMENT,
     {{SNMP_MODE, "v3_read_only"}},
     {0},
     "https:443(256) ssh:22 snmp:161 " NODES},
    {"HTTP",
     ROLE_MANAGEMENT,
     {{GLOBAL_HTTP_EXTERNAL, "yes"}},
     {0},
     "https:443(256) http:80 ssh:22 " NODES},
    {"sessions are limited",
     ROLE_MANAGEMENT,
     {{WEB_MAX_SESSIONS, "100"}},
     {0},
     "https:443(256) ssh:22 " NODES},
    {"sessions of a conferencing node are not",
     ROLE_CONFERENCING,
     {{WEB_MAX_SESSIONS, "100"}, {GLOBAL_SIP, "no"}, {GLOBAL_H323, "no"}, {GLOBAL_RTMP, "no"}},
     {0},
     CALLS "https:443(256) ssh:22 " NODES},
    {"ports of one's own",
     ROLE_CONFERENCING,
     {{SIP_UDP_PORT, "6060"},
      {SIP_TCP_PORT, "6061"},
      {SIP_TLS_PORT, "6062"},
      {HEALTH_PORT, "7443"},
      {GLOBAL_MEDIA_PORT_START, "41000"}},
     {0},
     "media:41000-49999 signaling:33000-39999 sip-udp:6060 sip-tcp:6061 sip-tls:6062 " H323
     "rtmp:1935 https:443(256) ssh:22 ike:500 esp:0 health:7443"},
    {"failing closed, management",
     ROLE_MANAGEMENT,
     {{SNMP_MODE, "v3_read_only"}},
     {.fail_closed = true},
     "health:9443"},
    {"failing closed, conferencing",
     ROLE_CONFERENCING,
     {{0}},
     {.fail_closed = true},
     "health:9443"},
};

static void each_role_opens_what_the_specification_lists_and_nothing_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct buf open = {0};
        describe(cases[i].role, cases[i].changes, cases[i].flags, &open);
        if (!str_equal(buf_text(&open), cases[i].open))
            fail_msg("%s: %s, not %s", cases[i].name, buf_text(&open), cases[i].open);
        buf_free(&open);
    }
}

static void fips_mode_masks_a_yes(void **state)
{
    struct settings settings = {0};
    struct policy policy;
    (void)state;
    assert_int_equal(settings_defaults(&settings), 0);
    assert_int_equal(settings_put(&settings, TLS_LEGACY, "yes", NULL), 0);
    policy_make(&policy, &(struct policy_input){.role = ROLE_MANAGEMENT, .settings = &settings});
    assert_true(policy_bool(&policy, TLS_LEGACY));
    assert_int_equal(settings_put(&settings, SECURITY_FIPS, "yes", NULL), 0);
    assert_false(policy_bool(&policy, TLS_LEGACY));
    settings_free(&settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_role_opens_what_the_specification_lists_and_nothing_else),
        cmocka_unit_test(fips_mode_masks_a_yes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
