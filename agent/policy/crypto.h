/*
 * The crypto policy: one record a surface, from the settings. The endpoint, the rendered files, the
 * probe's expectations and the checks are all derived from these records. A pure function of the
 * settings, part of the policy (policy.h). Sources: spec/crypto.md; guide, "Management Node
 * deployment and bootstrap configuration", step 8.
 */
#ifndef HOLDFAST_POLICY_CRYPTO_H
#define HOLDFAST_POLICY_CRYPTO_H

#include "policy/suites.h"
#include "settings/settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum surface {
    SURFACE_HTTPS_IN,
    SURFACE_HTTPS_OUT,
    SURFACE_SIP_IN,
    SURFACE_SIP_OUT,
    SURFACE_COUNT,
    SURFACE_NONE = SURFACE_COUNT
};

/* The properties of a surface that depend on no setting. */
struct surface_info {
    const char *name;        /* "https-in" */
    const char *title;       /* "HTTPS, inbound" */
    unsigned roles;          /* the nodes that have it: bits of enum role */
    bool server;             /* this node answers the handshake */
    enum setting_key legacy; /* permits TLS 1.0 and 1.1 */
};

extern const struct surface_info surface_table[SURFACE_COUNT];

/* What a surface offers, in the server's order. */
struct surface_record {
    enum tls_version first, last;
    const struct suite *suites[SUITE_COUNT];
    enum setting_key suite_settings[SUITE_COUNT]; /* the setting that permits each; SETTING_NONE:
                                                     always permitted */
    size_t suite_count;
    const struct named_code *groups[NAMED_GROUP_COUNT];
    size_t group_count;
    const struct named_code *signatures[SIGNATURE_COUNT];
    size_t signature_count;
};

/* RFC 4568, 6.2 and RFC 7714, 12; of H.235.6 the modulus in bits. */
enum { SRTP_PROFILES_MAX = 4, H235_GROUPS_MAX = 2 };

struct crypto {
    bool fips;
    struct surface_record surface[SURFACE_COUNT];
    const char *srtp[SRTP_PROFILES_MAX]; /* strongest first */
    size_t srtp_count;
    const char *media_encryption; /* global.media_encryption, borrowed from the settings */
    unsigned h235_bits[H235_GROUPS_MAX];
    size_t h235_count;
    bool hsts_preload;    /* Strict-Transport-Security consents to preloading (RFC 6797, 12.3) */
    bool referrer_policy; /* Referrer-Policy: same-origin is sent */
};

/* Fills `crypto` from settings, which must outlive it. */
void crypto_make(struct crypto *crypto, const struct settings *settings);

/* The surface of a name, SURFACE_NONE where there is none. */
enum surface surface_find(const char *name);

/* True where the record offers the suite with that version. */
bool surface_offers(const struct surface_record *record, uint16_t suite, enum tls_version version);

/* Media and H.323 are surfaces without TLS, by these names. */
#define SURFACE_SRTP "srtp"
#define SURFACE_H323 "h323"

/* The setting that an SRTP profile or an H.235 group is there by, SETTING_NONE: it always is. */
enum setting_key srtp_setting(const char *profile);
enum setting_key h235_setting(unsigned bits);

/* The value of the Strict-Transport-Security header (RFC 6797, 6.1). */
const char *crypto_hsts(const struct crypto *crypto);

/* The setting that could switch a suite, or a version, on a surface; SETTING_NONE where none does:
 * always, or never, offered. */
enum setting_key surface_suite_setting(enum surface surface, const struct suite *suite);
enum setting_key surface_version_setting(enum surface surface, enum tls_version version);

#endif
