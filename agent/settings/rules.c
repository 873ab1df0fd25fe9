/* The rules across settings, as data, and the few relations that they are made of. */
#include "settings/rules.h"

#include "base/str.h"

/* What a rule demands of its setting's number and those of the others. */
struct relation {
    bool (*holds)(unsigned number, const unsigned other[RULE_OTHERS_MAX]);
    size_t takes;    /* how many others */
    const char *why; /* printed between the setting's number and the others' names */
};

static const unsigned reserved_ports[] = {22, 80, 161, 443, 500, 1719, 1720, 1935};

static bool is_free(unsigned number, const unsigned other[RULE_OTHERS_MAX])
{
    (void)other;
    for (size_t i = 0; i < countof(reserved_ports); i++) {
        if (reserved_ports[i] == number)
            return false;
    }
    return true;
}

static bool differs(unsigned number, const unsigned other[RULE_OTHERS_MAX])
{
    return number != other[0];
}

/* 0 is no limit. */
static bool is_within_limit(unsigned number, const unsigned other[RULE_OTHERS_MAX])
{
    return other[0] == 0 || number <= other[0];
}

static bool is_outside(unsigned number, const unsigned other[RULE_OTHERS_MAX])
{
    return number < other[0] || number > other[1];
}

static bool is_above(unsigned number, const unsigned other[RULE_OTHERS_MAX])
{
    return number > other[0];
}

enum { MEDIA_PORTS_LEAST = 100 };

static bool has_media_ports(unsigned number, const unsigned other[RULE_OTHERS_MAX])
{
    return number >= other[0] + (MEDIA_PORTS_LEAST - 1);
}

/* other: the end of this range, then start and end of the other one. */
static bool is_apart(unsigned number, const unsigned other[RULE_OTHERS_MAX])
{
    return other[0] < other[1] || number > other[2];
}

static const struct relation free_port = {is_free, 0, "is the port of another service"};
static const struct relation different = {differs, 1, "is also that of"};
static const struct relation within_limit = {is_within_limit, 1, "exceeds"};
static const struct relation outside = {is_outside, 2, "lies in the range from"};
static const struct relation above = {is_above, 1, "is not above"};
static const struct relation media_ports = {has_media_ports, 1, "leaves fewer than 100 ports from"};
static const struct relation apart = {is_apart, 3, "begins a range that overlaps another; see"};

#define SIGNALING GLOBAL_SIGNALING_PORT_START, GLOBAL_SIGNALING_PORT_END
#define MEDIA     GLOBAL_MEDIA_PORT_START, GLOBAL_MEDIA_PORT_END

static const struct rule {
    enum setting_key key;
    const struct relation *relation;
    enum setting_key other[RULE_OTHERS_MAX];
} rules[] = {
    {SIP_UDP_PORT,              &free_port,    {0}                               },
    {SIP_TCP_PORT,              &free_port,    {0}                               },
    {SIP_TLS_PORT,              &free_port,    {0}                               },
    {HEALTH_PORT,               &free_port,    {0}                               },
    {SIP_TLS_PORT,              &different,    {SIP_TCP_PORT}                    },
    {SIP_UDP_PORT,              &different,    {HEALTH_PORT}                     },
    {SIP_TCP_PORT,              &different,    {HEALTH_PORT}                     },
    {SIP_TLS_PORT,              &different,    {HEALTH_PORT}                     },
    {SIP_UDP_PORT,              &outside,      {SIGNALING}                       },
    {SIP_TCP_PORT,              &outside,      {SIGNALING}                       },
    {SIP_TLS_PORT,              &outside,      {SIGNALING}                       },
    {HEALTH_PORT,               &outside,      {SIGNALING}                       },
    {SIP_UDP_PORT,              &outside,      {MEDIA}                           },
    {SIP_TCP_PORT,              &outside,      {MEDIA}                           },
    {SIP_TLS_PORT,              &outside,      {MEDIA}                           },
    {HEALTH_PORT,               &outside,      {MEDIA}                           },
    {WEB_MAX_SESSIONS_PER_USER, &within_limit, {WEB_MAX_SESSIONS}                },
    {GLOBAL_SIGNALING_PORT_END, &above,        {GLOBAL_SIGNALING_PORT_START}     },
    {GLOBAL_MEDIA_PORT_END,     &media_ports,  {GLOBAL_MEDIA_PORT_START}         },
    {GLOBAL_MEDIA_PORT_START,   &apart,        {GLOBAL_MEDIA_PORT_END, SIGNALING}},
};

size_t rules_count(void)
{
    return countof(rules);
}

enum setting_key rule_key(size_t rule)
{
    return rules[rule].key;
}

enum setting_key rule_other(size_t rule, size_t index)
{
    return index < rules[rule].relation->takes ? rules[rule].other[index] : SETTING_NONE;
}

static void tell(const struct rule *rule, const struct settings *settings, struct buf *why)
{
    buf_printf(why, "%s %s", settings_text(settings, rule->key), rule->relation->why);
    for (size_t i = 0; i < rule->relation->takes; i++)
        buf_printf(why, "%s %s (%s)", i ? "," : "", setting_table[rule->other[i]].name,
                   settings_text(settings, rule->other[i]));
}

bool rule_holds(size_t rule, const struct settings *settings, struct buf *why)
{
    unsigned other[RULE_OTHERS_MAX] = {0};
    for (size_t i = 0; i < rules[rule].relation->takes; i++)
        other[i] = settings_uint(settings, rules[rule].other[i]);
    bool holds = rules[rule].relation->holds(settings_uint(settings, rules[rule].key), other);
    if (!holds)
        tell(&rules[rule], settings, why);
    return holds;
}

size_t settings_check(const struct settings *settings, struct buf *faults)
{
    size_t broken = 0;
    for (size_t rule = 0; rule < countof(rules); rule++) {
        struct buf why = {0};
        if (!rule_holds(rule, settings, &why)) {
            buf_printf(faults, "%s: %s\n", setting_table[rules[rule].key].name, buf_text(&why));
            broken++;
        }
        buf_free(&why);
    }
    return broken;
}
