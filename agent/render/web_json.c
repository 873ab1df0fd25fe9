/* web.json: what the platform's web application is to do, which knows users and sessions; nginx,
 * which knows neither, has its own file. */
#include "render/render.h"

#include "render/openssl_names.h"

enum { SECONDS_A_MINUTE = 60 };

/* 0 is no limit. */
static void put_limit(const struct policy *policy, const char *name, enum setting_key key,
                      struct json *json)
{
    unsigned limit = settings_uint(policy->settings, key);
    if (limit)
        json_u64(json, name, limit);
    else
        json_null(json, name);
}

static void put_timeout(const struct policy *policy, struct json *json)
{
    static const char name[] = "session_timeout_s";
    unsigned minutes = settings_uint(policy->settings, GLOBAL_SESSION_TIMEOUT_MIN);
    if (policy_bool(policy, GLOBAL_SESSION_TIMEOUT_ENABLED))
        json_u64(json, name, UINT64_C(1) * minutes * SECONDS_A_MINUTE);
    else
        json_null(json, name);
}

static void put_web(const struct policy *policy, struct json *json)
{
    static const char name[] = "web";
    if (policy->role != ROLE_MANAGEMENT) {
        json_null(json, name);
        return;
    }
    json_object_begin(json, name);
    put_limit(policy, "max_sessions", WEB_MAX_SESSIONS, json);
    put_limit(policy, "max_sessions_per_user", WEB_MAX_SESSIONS_PER_USER, json);
    put_timeout(policy, json);
    openssl_names_text_json(policy, "login_banner", GLOBAL_LOGIN_BANNER, json);
    openssl_names_text_json(policy, "client_certificate", AUTH_CLIENT_CERTIFICATE, json);
    json_object_end(json);
}

static void put_http(const struct crypto *crypto, struct json *json)
{
    json_object_begin(json, "http");
    json_string(json, "strict_transport_security", crypto_hsts(crypto));
    if (crypto->referrer_policy)
        json_string(json, "referrer_policy", "same-origin");
    else
        json_null(json, "referrer_policy");
    json_object_end(json);
}

void render_web_json(const struct policy *policy, struct buf *out)
{
    struct json json = {.out = out};
    json_object_begin(&json, NULL);
    openssl_names_stamp_json(policy, &json);
    put_web(policy, &json);
    put_http(&policy->crypto, &json);
    json_object_end(&json);
    buf_putc(out, '\n');
}
