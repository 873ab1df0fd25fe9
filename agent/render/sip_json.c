/* sip.json: which calls the node takes, and what the SIP, H.323 and media services are to do,
 * beside TLS. */
#include "render/render.h"

#include "base/str.h"
#include "render/openssl_names.h"

static unsigned number(const struct policy *policy, enum setting_key key)
{
    return settings_uint(policy->settings, key);
}

static void put_range(const struct policy *policy, const char *name, enum setting_key first,
                      enum setting_key last, struct json *json)
{
    json_object_begin(json, name);
    json_u64(json, "first", number(policy, first));
    json_u64(json, "last", number(policy, last));
    json_object_end(json);
}

/* Which calls the services take and place; a port that stays open for one, as 443 does, is no
 * permission for another. None while the stored settings are lost: the firewall is closed then. */
static void put_protocols(const struct policy *policy, struct json *json)
{
    static const struct {
        const char *name;
        enum setting_key key;
    } switches[] = {
        {"sip", GLOBAL_SIP},
        {"h323", GLOBAL_H323},
        {"webrtc", GLOBAL_WEBRTC},
        {"rtmp", GLOBAL_RTMP},
        {"client_api", GLOBAL_CLIENT_API},
    };
    json_object_begin(json, "protocols");
    for (size_t i = 0; i < countof(switches); i++)
        json_bool(json, switches[i].name,
                  !policy->fail_closed && policy_bool(policy, switches[i].key));
    json_object_end(json);
}

static void put_sip(const struct policy *policy, struct json *json)
{
    const char *verification = settings_text(policy->settings, GLOBAL_SIP_TLS_VERIFICATION);
    json_object_begin(json, "sip");
    json_u64(json, "udp_port", number(policy, SIP_UDP_PORT));
    json_u64(json, "tcp_port", number(policy, SIP_TCP_PORT));
    json_u64(json, "tls_port", number(policy, SIP_TLS_PORT));
    openssl_names_text_json(policy, "cca_id", SIP_CCA_ID, json);
    openssl_names_text_json(policy, "resource_priority_prefix", SIP_RESOURCE_PRIORITY_PREFIX, json);
    json_bool(json, "tls_verification", str_equal(verification, "on"));
    json_bool(json, "tolerate_ip_san", policy_bool(policy, SIP_TLS_TOLERATE_IP_SAN));
    json_object_end(json);
}

static void put_media(const struct policy *policy, struct json *json)
{
    const struct crypto *crypto = &policy->crypto;
    json_object_begin(json, "media");
    json_string(json, "encryption", crypto->media_encryption);
    json_array_begin(json, "srtp_profiles");
    for (size_t i = 0; i < crypto->srtp_count; i++)
        json_string(json, NULL, crypto->srtp[i]);
    json_array_end(json);
    json_bool(json, "rtcp_fir", policy_bool(policy, RTCP_FIR));
    json_object_end(json);
}

static void put_h323(const struct crypto *crypto, struct json *json)
{
    json_object_begin(json, "h323");
    json_array_begin(json, "h235_dh_bits");
    for (size_t i = 0; i < crypto->h235_count; i++)
        json_u64(json, NULL, crypto->h235_bits[i]);
    json_array_end(json);
    json_object_end(json);
}

static void put_ports_and_marks(const struct policy *policy, struct json *json)
{
    json_object_begin(json, "port_ranges");
    put_range(policy, "signaling", GLOBAL_SIGNALING_PORT_START, GLOBAL_SIGNALING_PORT_END, json);
    put_range(policy, "media", GLOBAL_MEDIA_PORT_START, GLOBAL_MEDIA_PORT_END, json);
    json_object_end(json);
    json_object_begin(json, "dscp");
    json_u64(json, "signaling", number(policy, LOCATION_DSCP_SIGNALING));
    json_u64(json, "media", number(policy, LOCATION_DSCP_MEDIA));
    json_u64(json, "management", number(policy, GLOBAL_DSCP_MANAGEMENT));
    json_object_end(json);
}

void render_sip_json(const struct policy *policy, struct buf *out)
{
    struct json json = {.out = out};
    json_object_begin(&json, NULL);
    openssl_names_stamp_json(policy, &json);
    put_protocols(policy, &json);
    put_sip(policy, &json);
    put_media(policy, &json);
    put_h323(&policy->crypto, &json);
    put_ports_and_marks(policy, &json);
    json_object_end(&json);
    buf_putc(out, '\n');
}
