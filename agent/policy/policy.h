/*
 * The policy: what settings and role mean for this node. A pure function, without I/O, so that
 * every combination can be tested as a table. Domains read the policy and nothing else.
 */
#ifndef HOLDFAST_POLICY_POLICY_H
#define HOLDFAST_POLICY_POLICY_H

#include "policy/crypto.h"
#include "settings/settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum protocol { PROTOCOL_TCP = 1, PROTOCOL_UDP = 2, PROTOCOL_ESP = 4 };

/* Which DSCP mark the traffic of a listener gets on its way out. */
enum traffic { TRAFFIC_PLAIN, TRAFFIC_MANAGEMENT, TRAFFIC_SIGNALING, TRAFFIC_MEDIA };

/* One hole in the firewall. Ports are 0 where the protocol has none (ESP). */
struct listener {
    const char *name;         /* "sip-tls": part of the check's id */
    const char *title;        /* "SIP over TLS" */
    const char *section;      /* the guide's section */
    enum setting_key setting; /* the controlling setting; SETTING_NONE: always */
    unsigned protocols;       /* bits of enum protocol */
    uint16_t first_port, last_port;
    enum traffic traffic;
    enum setting_key sources; /* the list of networks that alone reach it, SETTING_NONE: all do */
    unsigned per_source;      /* established in a minute by one source at the most, 0: no limit */
};

enum { LISTENERS_MAX = 24 };

struct port_range {
    uint16_t first, last;
};

struct policy {
    enum role role;
    const struct settings *settings; /* borrowed */
    uint64_t revision;               /* of the settings; 0: nothing was stored yet */
    bool fail_closed;                /* the state could not be read: the strictest policy stands */
    bool admin_disabled;             /* by setting or by the latch */
    struct listener listeners[LISTENERS_MAX];
    size_t listener_count;
    uint32_t endpoint_uid; /* of its process, which begins no connection; 0: none of its own */
    struct port_range local_ports; /* of connections that the node begins: no listener's */
    struct crypto crypto;          /* what each TLS, SRTP and H.323 surface offers */
};

struct policy_input {
    enum role role;
    const struct settings *settings;
    uint64_t revision;
    bool admin_latched;
    bool fail_closed;      /* only the health port is open then, to the stations last known */
    uint32_t endpoint_uid; /* 0: the endpoint has no user of its own */
};

/* Fills `policy`; `input->settings` must outlive it. */
void policy_make(struct policy *policy, const struct policy_input *input);

/* A boolean setting as it counts: false where FIPS mode masks a yes or another answer makes it
 * inactive. */
bool policy_bool(const struct policy *policy, enum setting_key key);

#endif
