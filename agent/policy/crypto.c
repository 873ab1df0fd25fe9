/* The crypto policy: which suites, versions, groups and profiles follow from the settings. */
#include "policy/crypto.h"

#include "base/str.h"

/* In the order of enum surface. */
const struct surface_info surface_table[SURFACE_COUNT] = {
    {"https-in", "HTTPS, inbound", ROLE_BOTH, true, HTTPS_LEGACY_INBOUND},
    {"https-out", "HTTPS, outbound", ROLE_BOTH, false, TLS_LEGACY},
    {"sip-in", "SIP, inbound", ROLE_CONFERENCING, true, TLS_LEGACY},
    {"sip-out", "SIP, outbound", ROLE_CONFERENCING, false, TLS_LEGACY},
};

/* --- who decides --- */

enum {
    HTTPS_IN = 1 << SURFACE_HTTPS_IN,
    HTTPS_OUT = 1 << SURFACE_HTTPS_OUT,
    SIP_IN = 1 << SURFACE_SIP_IN,
    SIP_OUT = 1 << SURFACE_SIP_OUT,
    EVERYWHERE = HTTPS_IN | HTTPS_OUT | SIP_IN | SIP_OUT
};

/* A group of suites is offered where one of its rows holds: always, or as its setting says. */
static const struct rule {
    enum suite_group group;
    unsigned surfaces;
    enum setting_key key; /* SETTING_NONE: always */
} rules[] = {
    {GROUP_TLS13, EVERYWHERE, SETTING_NONE},
    {GROUP_AEAD, EVERYWHERE, SETTING_NONE},
    {GROUP_CBC, EVERYWHERE, TLS_CBC},
    {GROUP_AES128_SHA, EVERYWHERE, TLS_AES128_SHA},
    {GROUP_AES128_SHA, SIP_OUT, SIP_TLS_AES128_SHA_OUTBOUND},
    {GROUP_BELOW_1_2, HTTPS_IN, HTTPS_LEGACY_INBOUND},
    {GROUP_BELOW_1_2, HTTPS_OUT | SIP_IN | SIP_OUT, TLS_LEGACY},
    {GROUP_ANONYMOUS, SIP_OUT, SIP_TLS_ANONYMOUS_DH_OUTBOUND},
};

static bool counts(const struct settings *settings, enum setting_key key)
{
    return key == SETTING_NONE ||
           (settings_bool(settings, key) && !setting_inactive(settings, key));
}

/* The rule by which the group is offered, NULL where none holds. */
static const struct rule *holding_rule(const struct settings *settings, enum surface surface,
                                       enum suite_group group)
{
    for (size_t i = 0; i < countof(rules); i++)
        if (rules[i].group == group && rules[i].surfaces & 1U << surface &&
            counts(settings, rules[i].key))
            return &rules[i];
    return NULL;
}

/* Of two rows the later one is about fewer surfaces. */
enum setting_key surface_suite_setting(enum surface surface, const struct suite *suite)
{
    for (size_t i = countof(rules); i-- > 0;)
        if (rules[i].group == suite->group && rules[i].surfaces & 1U << surface)
            return rules[i].key;
    return SETTING_NONE;
}

enum setting_key surface_version_setting(enum surface surface, enum tls_version version)
{
    return version == TLS_1_0 || version == TLS_1_1 ? surface_table[surface].legacy : SETTING_NONE;
}

/* --- the records --- */

static size_t choose(const struct named_code *table, size_t count, bool fips,
                     const struct named_code **chosen)
{
    size_t chosen_count = 0;
    for (size_t i = 0; i < count; i++)
        if (!fips || table[i].approved)
            chosen[chosen_count++] = &table[i];
    return chosen_count;
}

static void make_record(struct surface_record *record, enum surface surface,
                        const struct settings *settings, bool fips)
{
    record->first = counts(settings, surface_table[surface].legacy) ? TLS_1_0 : TLS_1_2;
    record->last = TLS_1_3;
    record->suite_count = 0;
    for (size_t i = 0; i < SUITE_COUNT; i++) {
        const struct suite *suite = &suite_table[i];
        const struct rule *rule = holding_rule(settings, surface, suite->group);
        if (!rule || (fips && !suite->approved))
            continue;
        record->suite_settings[record->suite_count] = rule->key;
        record->suites[record->suite_count++] = suite;
    }
    record->group_count = choose(named_group_table, NAMED_GROUP_COUNT, fips, record->groups);
    record->signature_count = choose(signature_table, SIGNATURE_COUNT, fips, record->signatures);
}

/* Strongest first. */
static const struct {
    const char *name;
    enum setting_key key;
} srtp_profiles[SRTP_PROFILES_MAX] = {
    {"AEAD_AES_256_GCM", SETTING_NONE},
    {"AEAD_AES_128_GCM", SETTING_NONE},
    {"AES_CM_128_HMAC_SHA1_80", SRTP_AES_CM_128_HMAC_SHA1},
    {"AES_CM_128_HMAC_SHA1_32", SRTP_AES_CM_128_HMAC_SHA1},
};

static const struct {
    unsigned bits;
    enum setting_key key;
} h235_groups[H235_GROUPS_MAX] = {
    {2048, H323_DH_2048}, {1024, SETTING_NONE}, /* what the platform's peers need */
};

enum setting_key srtp_setting(const char *profile)
{
    for (size_t i = 0; i < countof(srtp_profiles); i++)
        if (str_equal(srtp_profiles[i].name, profile))
            return srtp_profiles[i].key;
    return SETTING_NONE;
}

enum setting_key h235_setting(unsigned bits)
{
    for (size_t i = 0; i < countof(h235_groups); i++)
        if (h235_groups[i].bits == bits)
            return h235_groups[i].key;
    return SETTING_NONE;
}

static void make_media(struct crypto *crypto, const struct settings *settings)
{
    for (size_t i = 0; i < countof(srtp_profiles); i++)
        if (counts(settings, srtp_profiles[i].key))
            crypto->srtp[crypto->srtp_count++] = srtp_profiles[i].name;
    for (size_t i = 0; i < countof(h235_groups); i++)
        if (counts(settings, h235_groups[i].key))
            crypto->h235_bits[crypto->h235_count++] = h235_groups[i].bits;
    crypto->media_encryption = settings_text(settings, GLOBAL_MEDIA_ENCRYPTION);
}

void crypto_make(struct crypto *crypto, const struct settings *settings)
{
    *crypto = (struct crypto){
        .fips = settings_bool(settings, SECURITY_FIPS),
        .hsts_preload = counts(settings, HTTP_HSTS_PRELOAD),
        .referrer_policy = counts(settings, HTTP_REFERRER_POLICY),
    };
    for (enum surface surface = 0; surface < SURFACE_COUNT; surface++)
        make_record(&crypto->surface[surface], surface, settings, crypto->fips);
    make_media(crypto, settings);
}

/* --- looking up --- */

enum surface surface_find(const char *name)
{
    enum surface surface = 0;
    while (surface < SURFACE_COUNT && !str_equal(surface_table[surface].name, name))
        surface++;
    return surface;
}

bool surface_offers(const struct surface_record *record, uint16_t suite, enum tls_version version)
{
    if (version < record->first || version > record->last)
        return false;
    for (size_t i = 0; i < record->suite_count; i++)
        if (record->suites[i]->id == suite)
            return version >= record->suites[i]->first && version <= record->suites[i]->last;
    return false;
}

const char *crypto_hsts(const struct crypto *crypto)
{
    return crypto->hsts_preload ? "max-age=31536000; includeSubDomains; preload"
                                : "max-age=31536000";
}
