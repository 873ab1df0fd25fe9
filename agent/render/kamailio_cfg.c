/* kamailio-tls.cfg: the tls module's domains. Where such a file is, the module's own parameters for
 * certificate, key and authorities count no more, so that the file names them. */
#include "render/render.h"

#include "base/str.h"
#include "render/openssl_names.h"

#define TLS_FOLDER "/etc/holdfast/tls"

/* Kamailio refuses words of more than 511 bytes (core/cfg_parser.h), and only as it starts. */
static void put_domain(const struct policy *policy, enum surface surface, bool verified,
                       struct buf *out)
{
    const struct surface_record *record = &policy->crypto.surface[surface];
    buf_printf(out, "\n# %s\n[%s:default]\n", surface_table[surface].title,
               surface_table[surface].server ? "server" : "client");
    buf_printf(out, "method = %s+\n", openssl_names_version(record->first));
    buf_puts(out, "cipher_list = ");
    openssl_names_ciphers_short(record, out);
    buf_puts(out, "\ncertificate = " TLS_FOLDER "/certificate.pem\n"
                  "private_key = " TLS_FOLDER "/key.pem\n");
    if (verified)
        buf_puts(out, "ca_list = " TLS_FOLDER "/ca-certificates.pem\n");
    buf_printf(out, "verify_certificate = %s\nrequire_certificate = %s\n", verified ? "yes" : "no",
               verified ? "yes" : "no");
}

/* The module has no word for address SANs, and names none to the peer's: its script compares them,
 * as sip.json says too. Suites of TLS 1.3, groups and signatures it takes from openssl.cnf. */
void render_kamailio_cfg(const struct policy *policy, struct buf *out)
{
    bool verified = str_equal(settings_text(policy->settings, GLOBAL_SIP_TLS_VERIFICATION), "on");
    openssl_names_stamp(policy, out);
    buf_puts(out, "# For the tls module's \"config\", started with OPENSSL_CONF=" RENDER_FOLDER
                  "/openssl.cnf.\n");
    buf_printf(out, "# IP address SANs ($tls_peer_san_ip) are %s.\n",
               policy_bool(policy, SIP_TLS_TOLERATE_IP_SAN) ? "tolerated" : "not tolerated");
    put_domain(policy, SURFACE_SIP_IN, verified, out);
    put_domain(policy, SURFACE_SIP_OUT, verified, out);
}
