/*
 * Which private keys may be used in FIPS mode: RSA by NIST SP 800-56B revision 2, 6.4.1.2, or ECDSA
 * on P-256, P-384 or P-521 (SP 800-186). A key's two halves must also agree on a signature (the
 * pairwise consistency test of FIPS 140-3 implementation guidance, 10.3.A).
 *
 * The primes of an RSA key are tested again each time, with enough rounds for an error of 2^-112
 * against chosen numbers: some tenths of a second for 2048 bits.
 */
#ifndef HOLDFAST_PKI_KEY_RULES_H
#define HOLDFAST_PKI_KEY_RULES_H

#include "base/buf.h"

#include <mbedtls/pk.h>

/* 0 where the key is approved; -EKEYREJECTED with every reason appended to `why`, between
 * semicolons; -ENOMEM. The key is only read. */
int key_rules_check(mbedtls_pk_context *key, struct buf *why);

/* The same of a PEM text without passphrase. One that cannot be read is rejected. `kind` (may be
 * NULL) gets what may be shown of the key: "RSA of 3072 bits". */
int key_rules_check_pem(const struct buf *pem, struct buf *kind, struct buf *why);

#endif
