/* Three tables, and what a suite's name says of it. */
#include "probe/ciphers.h"

#include "base/str.h"

struct code {
    uint16_t code;
    const char *name;
};

static const struct code ciphers[] = {
#define CIPHER(id, name) {id, name},
#include "probe/ciphers.def"
#undef CIPHER
};

/* Elliptic curves first, then finite fields and hybrids, which TLS before 1.3 has no use for. */
static const struct code groups[] = {
#define NAMED_GROUP(code, name) {code, name},
#include "probe/groups.def"
#undef NAMED_GROUP
};

static const struct code signatures[] = {
#define SIGNATURE(code, name) {code, name},
#include "probe/signatures.def"
#undef SIGNATURE
};

enum { HASH_SHA1 = 2 /* MD5 and none stand before it; RFC 5246, 7.4.1.4.1 */ };
enum { FFDHE_FIRST = 0x0100, TLS13_HIGH = 0x13, SM4_GCM = 0xC6, SM4_CCM = 0xC7 };

_Static_assert(countof(ciphers) <= CIPHERS_MAX, "more suites than there is room for");
_Static_assert(countof(groups) <= GROUPS_MAX, "more groups than there is room for");
_Static_assert(countof(signatures) <= SIGNATURES_MAX, "more signatures than there is room for");

static bool is_tls13(uint16_t id)
{
    return id >> 8 == TLS13_HIGH || id == SM4_GCM || id == SM4_CCM;
}

size_t ciphers_of_version(enum tls_version version, uint16_t to[CIPHERS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < countof(ciphers); i++)
        if (is_tls13(ciphers[i].code) == (version == TLS_1_3))
            to[count++] = ciphers[i].code;
    return count;
}

static const char *name_of(const struct code *table, size_t count, uint16_t code)
{
    for (size_t i = 0; i < count; i++)
        if (table[i].code == code)
            return table[i].name;
    return NULL;
}

const char *cipher_name(uint16_t id)
{
    return name_of(ciphers, countof(ciphers), id);
}

enum cipher_parameters cipher_parameters(uint16_t id)
{
    const char *name = cipher_name(id);
    if (!name)
        return PARAMETERS_NONE;
    if (str_starts(name, "TLS_ECDHE_") || str_starts(name, "TLS_ECDH_anon_"))
        return PARAMETERS_ECDH;
    if (str_starts(name, "TLS_DHE_") || str_starts(name, "TLS_DH_anon_"))
        return PARAMETERS_DH;
    return PARAMETERS_NONE;
}

enum cipher_key cipher_key(uint16_t id)
{
    static const struct {
        const char *prefix;
        enum cipher_key key;
    } keys[] = {
        {"TLS_RSA_", CIPHER_KEY_RSA},       {"TLS_DHE_RSA_", CIPHER_KEY_RSA},
        {"TLS_ECDHE_RSA_", CIPHER_KEY_RSA}, {"TLS_ECDHE_ECDSA_", CIPHER_KEY_ECDSA},
        {"TLS_DH_anon_", CIPHER_KEY_ANY},   {"TLS_ECDH_anon_", CIPHER_KEY_ANY},
    };
    const char *name = cipher_name(id);
    if (is_tls13(id))
        return CIPHER_KEY_ANY;
    for (size_t i = 0; name && i < countof(keys); i++)
        if (str_starts(name, keys[i].prefix))
            return keys[i].key;
    return CIPHER_KEY_OTHER;
}

size_t groups_known(bool curves, uint16_t to[GROUPS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < countof(groups); i++)
        if (!curves || groups[i].code < FFDHE_FIRST)
            to[count++] = groups[i].code;
    return count;
}

const char *group_name(uint16_t code)
{
    return name_of(groups, countof(groups), code);
}

bool signature_is_forbidden(uint16_t code)
{
    return code >> 8 <= HASH_SHA1;
}

size_t signatures_known(bool forbidden, uint16_t to[SIGNATURES_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < countof(signatures); i++)
        if (!forbidden || signature_is_forbidden(signatures[i].code))
            to[count++] = signatures[i].code;
    return count;
}

const char *signature_name(uint16_t code)
{
    return name_of(signatures, countof(signatures), code);
}
