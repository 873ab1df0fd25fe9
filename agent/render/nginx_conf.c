/* nginx.conf: what the http block of the management web server includes. Certificate and key are
 * its server block's own. */
#include "render/render.h"

#include "render/openssl_names.h"

enum { SECONDS_A_MINUTE = 60, OTHERS = 4 /* have a quarter */ };

static void put_directive(struct buf *out, const char *name, const struct surface_record *record,
                          void (*words)(const struct surface_record *record, struct buf *out))
{
    buf_printf(out, "%s ", name);
    words(record, out);
    buf_puts(out, ";\n");
}

static void put_tls(const struct surface_record *record, struct buf *out)
{
    buf_puts(out, "ssl_protocols");
    for (enum tls_version version = record->first; version <= record->last; version++)
        buf_printf(out, " %s", openssl_names_version(version));
    buf_puts(out, ";\n");
    put_directive(out, "ssl_ciphers", record, openssl_names_ciphers);
    put_directive(out, "ssl_conf_command Ciphersuites", record, openssl_names_suites_of_1_3);
    put_directive(out, "ssl_conf_command SignatureAlgorithms", record, openssl_names_signatures);
    put_directive(out, "ssl_ecdh_curve", record, openssl_names_groups);
    buf_puts(out, "ssl_dhparam " RENDER_FOLDER "/dh.pem;\n"
                  "ssl_prefer_server_ciphers on;\n"
                  "ssl_session_cache shared:holdfast:1m;\n"
                  "ssl_session_tickets off; # their keys would last as long as nginx\n");
}

/* A block with an add_header of its own inherits none (ngx_http_headers_module), and nginx without
 * a module of others has no header that a block cannot drop: so the file says it. */
static void put_headers(const struct crypto *crypto, struct buf *out)
{
    buf_puts(out, "# A server or location block with an add_header of its own repeats these:\n");
    buf_printf(out, "add_header Strict-Transport-Security \"%s\" always;\n", crypto_hsts(crypto));
    if (crypto->referrer_policy)
        buf_puts(out, "add_header Referrer-Policy same-origin always;\n");
}

/* A value that counts on this role. */
static unsigned value(const struct policy *policy, enum setting_key key)
{
    return setting_table[key].roles & policy->role ? settings_uint(policy->settings, key) : 0;
}

/* One count over all server blocks: a key that is empty, as $server_name is where a block has no
 * server_name, is not counted (ngx_http_limit_conn_module). */
static void put_limit_of_all(struct buf *out, unsigned sessions)
{
    buf_printf(out,
               "map '' $holdfast_every {\n    default every;\n}\n"
               "limit_conn_zone $holdfast_every zone=holdfast_sessions:1m;\n"
               "limit_conn holdfast_sessions %u;\n",
               sessions);
}

/* A user is who a verified certificate names, else a source: an IPv4 address or 64 bits of an IPv6
 * address, of which a host has as many as it likes. A name that a client merely states would let it
 * pass for many, or take another's share. */
static void put_limit_of_each(struct buf *out, unsigned sessions)
{
    buf_printf(out,
               "map $binary_remote_addr $holdfast_source {\n"
               "    default $binary_remote_addr;\n"
               "    \"~(?s)^(?<holdfast_network>.{8}).{8}\\z\" $holdfast_network;\n"
               "}\n"
               "map $ssl_client_verify $holdfast_user {\n"
               "    default $holdfast_source;\n"
               "    SUCCESS $ssl_client_s_dn;\n"
               "}\n"
               "limit_conn_zone $holdfast_user zone=holdfast_user_sessions:1m;\n"
               "limit_conn holdfast_user_sessions %u;\n",
               sessions);
}

/* What nginx counts is requests at work: the web application counts sessions (web.json). Without a
 * limit for each user one source still leaves a part to others. */
static void put_limits(const struct policy *policy, struct buf *out)
{
    unsigned sessions = value(policy, WEB_MAX_SESSIONS);
    unsigned per_user = value(policy, WEB_MAX_SESSIONS_PER_USER);
    if (sessions == 0 && per_user == 0)
        return;
    buf_puts(out, "# A server or location block with a limit_conn of its own repeats these:\n");
    if (sessions)
        put_limit_of_all(out, sessions);
    put_limit_of_each(out, per_user ? per_user : sessions - sessions / OTHERS);
}

/* The web application ends a session; nginx, which knows none, hands it the time. 0: never. */
static void put_timeout(const struct policy *policy, struct buf *out)
{
    bool enabled = policy_bool(policy, GLOBAL_SESSION_TIMEOUT_ENABLED);
    unsigned minutes = settings_uint(policy->settings, GLOBAL_SESSION_TIMEOUT_MIN);
    if (enabled)
        buf_printf(out, "ssl_session_timeout %um;\n", minutes);
    buf_printf(out, "map '' $holdfast_session_timeout_s {\n    default %u;\n}\n",
               enabled ? minutes * SECONDS_A_MINUTE : 0);
}

void render_nginx_conf(const struct policy *policy, struct buf *out)
{
    openssl_names_stamp(policy, out);
    buf_puts(out, "# For the http block; certificate and key are the server block's own.\n");
    put_tls(&policy->crypto.surface[SURFACE_HTTPS_IN], out);
    put_headers(&policy->crypto, out);
    put_limits(policy, out);
    put_timeout(policy, out);
}
