/*
 * The suites, groups and signature schemes that the probe offers: all that are still in use, secure
 * or not, with the registry's names. policy/suites.h has those that a surface may offer. Source:
 * IANA, "Transport Layer Security (TLS) Parameters".
 */
#ifndef HOLDFAST_PROBE_CIPHERS_H
#define HOLDFAST_PROBE_CIPHERS_H

#include "policy/suites.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CIPHERS_MAX = 320, GROUPS_MAX = 64, SIGNATURES_MAX = 32 };

/* Which parameters the server sends with its key exchange, by the suite. */
enum cipher_parameters { PARAMETERS_NONE, PARAMETERS_DH, PARAMETERS_ECDH };

/* What the certificate must hold for the suite to be offered at all. */
enum cipher_key { CIPHER_KEY_ANY, CIPHER_KEY_RSA, CIPHER_KEY_ECDSA, CIPHER_KEY_OTHER };

/* Copies the suites that a version may offer (TLS 1.3's alone, or all others); how many. */
size_t ciphers_of_version(enum tls_version version, uint16_t to[CIPHERS_MAX]);

/* IANA's name, or NULL for a suite that the table has not. */
const char *cipher_name(uint16_t id);

enum cipher_parameters cipher_parameters(uint16_t id);
enum cipher_key cipher_key(uint16_t id);

/* The codes of all groups; how many. Of elliptic curves alone where `curves`. */
size_t groups_known(bool curves, uint16_t to[GROUPS_MAX]);

/* IANA's name, or NULL. */
const char *group_name(uint16_t code);

/* The codes of all signature schemes, or of those by SHA-1 and MD5 alone; how many. */
size_t signatures_known(bool forbidden, uint16_t to[SIGNATURES_MAX]);

/* Whether no key exchange of TLS 1.2 may be signed by it: its hash is SHA-1 or MD5 (RFC 9155,
 * 4). */
bool signature_is_forbidden(uint16_t code);

/* The scheme's name, or NULL. */
const char *signature_name(uint16_t code);

#endif
