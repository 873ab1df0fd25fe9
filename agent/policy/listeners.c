/*
 * Which ports a role opens, one row a listener, and the one function that reads the rows.
 *
 * Sources: guide, "Global settings" (call protocols, port ranges, SSH, HTTP access, DSCP), "SNMP",
 * "Location DSCP tags and MTU", and the security wizard's table (SIP ports, web sessions, admin).
 */
#include "policy/listeners.h"

#include "base/str.h"

enum { SWITCHES_MAX = 4 };

struct port {
    uint16_t number;       /* fixed, or 0: the setting says */
    enum setting_key from; /* SETTING_NONE where the number is fixed */
};

struct listener_row {
    const char *name, *title;
    unsigned roles;
    unsigned protocols;
    struct port first, last;
    enum setting_key switches[SWITCHES_MAX]; /* open where any is on; none: always */
    size_t switch_count;
    enum setting_key setting; /* whose row it is in reports */
    enum traffic traffic;
    bool for_admin;     /* closed once the admin account is disabled */
    bool stations_only; /* and the only kind that stays open when the state is lost */
    enum setting_key limit; /* of concurrent connections, SETTING_NONE: none */
};

#define PORT(number) {(number), SETTING_NONE}, {(number), SETTING_NONE}
#define PORT_OF(key) {0, (key)}, {0, (key)}
#define RANGE_OF(first, last) {0, (first)}, {0, (last)}
#define ALWAYS {SETTING_NONE}, 0
#define WHERE(key) {(key)}, 1
#define WHERE_EITHER(a, b) {(a), (b)}, 2
#define WHERE_ANY_CALL {GLOBAL_SIP, GLOBAL_H323, GLOBAL_WEBRTC, GLOBAL_RTMP}, 4

enum {
    MANAGEMENT = ROLE_MANAGEMENT,
    CONFERENCING = ROLE_CONFERENCING,
    BOTH = ROLE_BOTH,
    TCP = PROTOCOL_TCP,
    UDP = PROTOCOL_UDP
};

/* Those with most packets first: the kernel tries rules in order. */
static const struct listener_row rows[] = {
    {"media", "Media", CONFERENCING, TCP | UDP,
     RANGE_OF(GLOBAL_MEDIA_PORT_START, GLOBAL_MEDIA_PORT_END), WHERE_ANY_CALL,
     GLOBAL_MEDIA_PORT_START, TRAFFIC_MEDIA, false, false, SETTING_NONE},
    {"signaling", "Signaling", CONFERENCING, TCP | UDP,
     RANGE_OF(GLOBAL_SIGNALING_PORT_START, GLOBAL_SIGNALING_PORT_END), WHERE_ANY_CALL,
     GLOBAL_SIGNALING_PORT_START, TRAFFIC_SIGNALING, false, false, SETTING_NONE},
    {"sip-udp", "SIP over UDP", CONFERENCING, UDP, PORT_OF(SIP_UDP_PORT), WHERE(GLOBAL_SIP),
     GLOBAL_SIP, TRAFFIC_SIGNALING, false, false, SETTING_NONE},
    {"sip-tcp", "SIP over TCP", CONFERENCING, TCP, PORT_OF(SIP_TCP_PORT), WHERE(GLOBAL_SIP),
     GLOBAL_SIP, TRAFFIC_SIGNALING, false, false, SETTING_NONE},
    {"sip-tls", "SIP over TLS", CONFERENCING, TCP, PORT_OF(SIP_TLS_PORT), WHERE(GLOBAL_SIP),
     GLOBAL_SIP, TRAFFIC_SIGNALING, false, false, SETTING_NONE},
    {"h323-ras", "H.323 RAS", CONFERENCING, UDP, PORT(1719), WHERE(GLOBAL_H323), GLOBAL_H323,
     TRAFFIC_SIGNALING, false, false, SETTING_NONE},
    {"h323-call", "H.323 call signaling", CONFERENCING, TCP, PORT(1720), WHERE(GLOBAL_H323),
     GLOBAL_H323, TRAFFIC_SIGNALING, false, false, SETTING_NONE},
    {"rtmp", "RTMP streams", CONFERENCING, TCP, PORT(1935), WHERE(GLOBAL_RTMP), GLOBAL_RTMP,
     TRAFFIC_MEDIA, false, false, SETTING_NONE},
    {"https", "HTTPS for WebRTC and the Client API", CONFERENCING, TCP, PORT(443),
     WHERE_EITHER(GLOBAL_WEBRTC, GLOBAL_CLIENT_API), GLOBAL_WEBRTC, TRAFFIC_SIGNALING, false,
     false, SETTING_NONE},
    {"https", "Management web interface", MANAGEMENT, TCP, PORT(443), ALWAYS, SETTING_NONE,
     TRAFFIC_MANAGEMENT, false, false, WEB_MAX_SESSIONS},
    {"http", "HTTP for external systems", BOTH, TCP, PORT(80), WHERE(GLOBAL_HTTP_EXTERNAL),
     GLOBAL_HTTP_EXTERNAL, TRAFFIC_MANAGEMENT, false, false, SETTING_NONE},
    {"ssh", "SSH", BOTH, TCP, PORT(22), WHERE(GLOBAL_SSH), GLOBAL_SSH, TRAFFIC_MANAGEMENT, true,
     false, SETTING_NONE},
    {"snmp", "SNMP", BOTH, UDP, PORT(161), WHERE(SNMP_MODE), SNMP_MODE, TRAFFIC_MANAGEMENT, false,
     false, SETTING_NONE},
    {"ike", "IPsec key exchange between nodes", BOTH, UDP, PORT(500), ALWAYS, SETTING_NONE,
     TRAFFIC_PLAIN, false, false, SETTING_NONE},
    {"esp", "IPsec between nodes", BOTH, PROTOCOL_ESP, PORT(0), ALWAYS, SETTING_NONE,
     TRAFFIC_PLAIN, false, false, SETTING_NONE},
    {"health", "Health endpoint", BOTH, TCP, PORT_OF(HEALTH_PORT), ALWAYS, HEALTH_STATIONS,
     TRAFFIC_MANAGEMENT, false, true, SETTING_NONE},
};

_Static_assert(countof(rows) <= LISTENERS_MAX, "policy.h has room for every listener");

/* A yes that counts, or a mode that is not "disabled". */
static bool is_on(const struct policy *policy, enum setting_key key)
{
    if (setting_table[key].type == TYPE_BOOL)
        return policy_bool(policy, key);
    return !str_equal(settings_text(policy->settings, key), "disabled");
}

static bool is_open(const struct policy *policy, const struct listener_row *row)
{
    if (!(row->roles & policy->role) || (policy->fail_closed && !row->stations_only) ||
        (row->for_admin && policy->admin_disabled))
        return false;
    for (size_t i = 0; i < row->switch_count; i++)
        if (is_on(policy, row->switches[i]))
            return true;
    return row->switch_count == 0;
}

static uint16_t port_of(const struct policy *policy, struct port port)
{
    if (port.from == SETTING_NONE)
        return port.number;
    return (uint16_t)settings_uint(policy->settings, port.from);
}

void listeners_make(struct policy *policy)
{
    policy->listener_count = 0;
    for (size_t i = 0; i < countof(rows); i++) {
        const struct listener_row *row = &rows[i];
        if (!is_open(policy, row))
            continue;
        policy->listeners[policy->listener_count++] = (struct listener){
            .name = row->name,
            .title = row->title,
            .section = row->setting == SETTING_NONE ? NULL : setting_table[row->setting].section,
            .setting = row->setting,
            .protocols = row->protocols,
            .first_port = port_of(policy, row->first),
            .last_port = port_of(policy, row->last),
            .traffic = row->traffic,
            .stations_only = row->stations_only,
            .connections =
                row->limit == SETTING_NONE ? 0 : settings_uint(policy->settings, row->limit),
        };
    }
}
