/* Which ports a role opens: the rows of listeners.def, and the one function that reads them. */
#include "policy/listeners.h"

#include "base/str.h"

enum { SWITCHES_MAX = 4 };

struct port {
    uint16_t number;       /* where it is fixed */
    enum setting_key from; /* else the setting, SETTING_NONE where it is fixed */
};

struct switches {
    size_t count; /* 0: always open */
    enum setting_key any[SWITCHES_MAX];
};

/* Who reaches it. */
struct sources {
    bool listed;           /* those in the setting alone; else everybody */
    enum setting_key list; /* of networks */
};

struct listener_row {
    const char *name, *title;
    unsigned roles, protocols;
    struct port first, last;
    struct switches open;
    enum setting_key setting; /* the setting named in reports */
    enum traffic traffic;
    struct sources sources;
    unsigned per_source; /* established in a minute by one source at the most, 0: no limit */
    bool for_admin;      /* closed once the admin account is disabled */
    bool stays_open;     /* when the state is lost, to the stations last known */
};

enum {
    MANAGEMENT = ROLE_MANAGEMENT,
    CONFERENCING = ROLE_CONFERENCING,
    BOTH = ROLE_BOTH,
    TCP = PROTOCOL_TCP,
    UDP = PROTOCOL_UDP,
    FLOOD = 256 /* far above the some 30 of a browser, for offices behind one address */
};

/* The formatter takes an initializer in a macro for a block. */
/* clang-format off */
#define FIXED(number) {(number), SETTING_NONE}
#define SET_BY(key)   {0, (key)}
#define WHERE(key)    {1, {(key)}}
#define ONLY(key)     {true, (key)}
#define ANY_CALL      {4, {GLOBAL_SIP, GLOBAL_H323, GLOBAL_WEBRTC, GLOBAL_RTMP}}
/* clang-format on */

static const struct listener_row rows[] = {
#define LISTENER(n, t, r, p, ...) {.name = n, .title = t, .roles = r, .protocols = p, __VA_ARGS__},
#include "policy/listeners.def"
#undef LISTENER
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
    if (!(row->roles & policy->role) || (policy->fail_closed && !row->stays_open) ||
        (row->for_admin && policy->admin_disabled))
        return false;
    for (size_t i = 0; i < row->open.count; i++)
        if (is_on(policy, row->open.any[i]))
            return true;
    return row->open.count == 0;
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
            .sources = row->sources.listed ? row->sources.list : SETTING_NONE,
            .per_source = row->per_source,
        };
    }
}
