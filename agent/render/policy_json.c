/* policy.json: the record of every surface, each suite and version with the setting that it is
 * there by. */
#include "render/render.h"

#include "base/str.h"
#include "render/openssl_names.h"

#include <stdio.h>

static void put_setting(enum setting_key key, struct json *json)
{
    if (key == SETTING_NONE)
        json_null(json, "setting");
    else
        json_string(json, "setting", setting_table[key].name);
}

static void put_code(unsigned code, struct json *json)
{
    char text[sizeof("0xffff")];
    (void)snprintf(text, sizeof(text), "0x%04x", code & 0xffffU);
    json_string(json, "code", text);
}

static void put_roles(unsigned roles, struct json *json)
{
    json_array_begin(json, "roles");
    if (roles & ROLE_MANAGEMENT)
        json_string(json, NULL, "management");
    if (roles & ROLE_CONFERENCING)
        json_string(json, NULL, "conferencing");
    json_array_end(json);
}

static void put_versions(enum surface surface, const struct surface_record *record,
                         struct json *json)
{
    json_array_begin(json, "versions");
    for (enum tls_version version = record->first; version <= record->last; version++) {
        json_object_begin(json, NULL);
        put_code(version, json);
        json_string(json, "name", tls_version_text(version));
        put_setting(surface_version_setting(surface, version), json);
        json_object_end(json);
    }
    json_array_end(json);
}

static enum tls_version at_least(enum tls_version version, enum tls_version least)
{
    return version < least ? least : version;
}

static void put_suites(const struct surface_record *record, struct json *json)
{
    json_array_begin(json, "suites");
    for (size_t i = 0; i < record->suite_count; i++) {
        const struct suite *suite = record->suites[i];
        json_object_begin(json, NULL);
        put_code(suite->id, json);
        json_string(json, "name", suite->name);
        json_string(json, "openssl", suite->openssl);
        json_string(json, "first", tls_version_text(at_least(suite->first, record->first)));
        json_string(json, "last", tls_version_text(suite->last));
        put_setting(record->suite_settings[i], json);
        json_object_end(json);
    }
    json_array_end(json);
}

static void put_named(const char *name, const struct named_code *const *list, size_t count,
                      struct json *json)
{
    json_array_begin(json, name);
    for (size_t i = 0; i < count; i++) {
        json_object_begin(json, NULL);
        put_code(list[i]->code, json);
        json_string(json, "name", list[i]->name);
        json_string(json, "openssl", list[i]->openssl);
        json_object_end(json);
    }
    json_array_end(json);
}

static void put_tls(const struct policy *policy, enum surface surface, const char *name,
                    struct json *json)
{
    const struct surface_info *info = &surface_table[surface];
    const struct surface_record *record = &policy->crypto.surface[surface];
    json_object_begin(json, name);
    json_string(json, "title", info->title);
    put_roles(info->roles, json);
    json_string(json, "side", info->server ? "server" : "client");
    put_versions(surface, record, json);
    put_suites(record, json);
    put_named("groups", record->groups, record->group_count, json);
    put_named("signatures", record->signatures, record->signature_count, json);
    if (surface == SURFACE_HTTPS_IN) {
        json_string(json, "strict_transport_security", crypto_hsts(&policy->crypto));
        if (policy->crypto.referrer_policy)
            json_string(json, "referrer_policy", "same-origin");
        else
            json_null(json, "referrer_policy");
    }
    json_object_end(json);
}

static void put_srtp(const struct policy *policy, const char *name, struct json *json)
{
    const struct crypto *crypto = &policy->crypto;
    json_object_begin(json, name);
    json_string(json, "title", "Media");
    put_roles(ROLE_CONFERENCING, json);
    json_string(json, "encryption", crypto->media_encryption);
    json_array_begin(json, "profiles");
    for (size_t i = 0; i < crypto->srtp_count; i++) {
        json_object_begin(json, NULL);
        json_string(json, "name", crypto->srtp[i]);
        put_setting(srtp_setting(crypto->srtp[i]), json);
        json_object_end(json);
    }
    json_array_end(json);
    json_object_end(json);
}

static void put_h323(const struct policy *policy, const char *name, struct json *json)
{
    const struct crypto *crypto = &policy->crypto;
    json_object_begin(json, name);
    json_string(json, "title", "H.323");
    put_roles(ROLE_CONFERENCING, json);
    json_array_begin(json, "dh");
    for (size_t i = 0; i < crypto->h235_count; i++) {
        json_object_begin(json, NULL);
        json_u64(json, "bits", crypto->h235_bits[i]);
        put_setting(h235_setting(crypto->h235_bits[i]), json);
        json_object_end(json);
    }
    json_array_end(json);
    json_object_end(json);
}

/* The member of a surface under `member`, NULL at the top. */
static bool put_surface(const struct policy *policy, const char *name, const char *member,
                        struct json *json)
{
    enum surface surface = surface_find(name);
    if (surface != SURFACE_NONE)
        put_tls(policy, surface, member, json);
    else if (str_equal(name, SURFACE_SRTP))
        put_srtp(policy, member, json);
    else if (str_equal(name, SURFACE_H323))
        put_h323(policy, member, json);
    else
        return false;
    return true;
}

void render_policy_json(const struct policy *policy, struct buf *out)
{
    struct json json = {.out = out};
    json_object_begin(&json, NULL);
    openssl_names_stamp_json(policy, &json);
    json_bool(&json, "fips", policy->crypto.fips);
    json_object_begin(&json, "surfaces");
    for (enum surface surface = 0; surface < SURFACE_COUNT; surface++)
        put_tls(policy, surface, surface_table[surface].name, &json);
    put_srtp(policy, SURFACE_SRTP, &json);
    put_h323(policy, SURFACE_H323, &json);
    json_object_end(&json);
    json_object_end(&json);
    buf_putc(out, '\n');
}

bool render_surface_json(const struct policy *policy, const char *name, struct buf *out)
{
    struct json json = {.out = out};
    if (!put_surface(policy, name, NULL, &json))
        return false;
    buf_putc(out, '\n');
    return true;
}
