/* The tables of suites, groups and signatures. */
#include "policy/suites.h"

#include "base/str.h"

const struct suite suite_table[SUITE_COUNT] = {
#define SUITE(i, n, o, ...) {.id = i, .name = n, .openssl = o, __VA_ARGS__},
#include "policy/suites.def"
#undef SUITE
};

/* RFC 8446, 4.2.7; RFC 7919. */
const struct named_code named_group_table[NAMED_GROUP_COUNT] = {
    {24, "secp384r1", "P-384", true},         {23, "secp256r1", "P-256", true},
    {29, "x25519", "X25519", false},          {25, "secp521r1", "P-521", true},
    {0x0100, "ffdhe2048", "ffdhe2048", true}, {0x0101, "ffdhe3072", "ffdhe3072", true},
    {0x0102, "ffdhe4096", "ffdhe4096", true},
};

/* RFC 8446, 4.2.3. */
const struct named_code signature_table[SIGNATURE_COUNT] = {
    {0x0503, "ecdsa_secp384r1_sha384", "ECDSA+SHA384", true},
    {0x0403, "ecdsa_secp256r1_sha256", "ECDSA+SHA256", true},
    {0x0603, "ecdsa_secp521r1_sha512", "ECDSA+SHA512", true},
    {0x0805, "rsa_pss_rsae_sha384", "rsa_pss_rsae_sha384", true},
    {0x0804, "rsa_pss_rsae_sha256", "rsa_pss_rsae_sha256", true},
    {0x0806, "rsa_pss_rsae_sha512", "rsa_pss_rsae_sha512", true},
    {0x0501, "rsa_pkcs1_sha384", "RSA+SHA384", true},
    {0x0401, "rsa_pkcs1_sha256", "RSA+SHA256", true},
    {0x0601, "rsa_pkcs1_sha512", "RSA+SHA512", true},
};

const struct suite *suite_find(uint16_t id)
{
    for (size_t i = 0; i < SUITE_COUNT; i++)
        if (suite_table[i].id == id)
            return &suite_table[i];
    return NULL;
}

const char *tls_version_text(enum tls_version version)
{
    switch (version) {
    case SSL_3_0:
        return "SSL 3.0";
    case TLS_1_0:
        return "TLS 1.0";
    case TLS_1_1:
        return "TLS 1.1";
    case TLS_1_2:
        return "TLS 1.2";
    case TLS_1_3:
        return "TLS 1.3";
    }
    return "unknown";
}
