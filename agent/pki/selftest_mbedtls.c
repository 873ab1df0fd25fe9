/* What mbedTLS makes of the known answers, by the functions that its TLS and our PKI call. */
#include "pki/random.h"
#include "pki/selftest_vectors.h"

#include <mbedtls/ecdsa.h>
#include <mbedtls/gcm.h>
#include <mbedtls/hmac_drbg.h>
#include <mbedtls/md.h>
#include <mbedtls/rsa.h>

enum { TAG_SIZE = 16, BITS_PER_BYTE = 8 };

static mbedtls_md_type_t digest_type(const struct selftest_vector *vector)
{
    return vector->hash_bits == 256   ? MBEDTLS_MD_SHA256
           : vector->hash_bits == 384 ? MBEDTLS_MD_SHA384
                                      : MBEDTLS_MD_SHA512;
}

static const mbedtls_md_info_t *digest_info(const struct selftest_vector *vector)
{
    return mbedtls_md_info_from_type(digest_type(vector));
}

/* The digest of the vector's input: its size, 0 when it fails. */
static size_t digest(const struct selftest_vector *vector, unsigned char *hash)
{
    struct selftest_bytes input;
    selftest_input(&input, vector);
    if (mbedtls_md(digest_info(vector), input.data, input.length, hash))
        return 0;
    return vector->hash_bits / BITS_PER_BYTE;
}

static bool test_hash(const struct selftest_vector *vector)
{
    struct selftest_bytes answer;
    unsigned char hash[SELFTEST_DIGEST_MAX];
    selftest_bytes(&answer, vector->answer);
    return selftest_equal(&answer, hash, digest(vector, hash));
}

static bool test_hmac(const struct selftest_vector *vector)
{
    struct selftest_bytes key, input, answer;
    unsigned char mac[SELFTEST_DIGEST_MAX];
    selftest_bytes(&key, vector->key);
    selftest_input(&input, vector);
    selftest_bytes(&answer, vector->answer);
    return mbedtls_md_hmac(digest_info(vector), key.data, key.length, input.data, input.length,
                           mac) == 0 &&
           selftest_equal(&answer, mac, vector->hash_bits / BITS_PER_BYTE);
}

/* --- AES-GCM --- */

struct gcm_parts {
    struct selftest_bytes key, nonce, aad, input, answer;
};

static bool seals(mbedtls_gcm_context *gcm, const struct gcm_parts *part)
{
    unsigned char sealed[SELFTEST_BYTES_MAX];
    return part->input.length + TAG_SIZE <= sizeof(sealed) &&
           mbedtls_gcm_crypt_and_tag(gcm, MBEDTLS_GCM_ENCRYPT, part->input.length, part->nonce.data,
                                     part->nonce.length, part->aad.data, part->aad.length,
                                     part->input.data, sealed, TAG_SIZE,
                                     sealed + part->input.length) == 0 &&
           selftest_equal(&part->answer, sealed, part->input.length + TAG_SIZE);
}

static int open_sealed(mbedtls_gcm_context *gcm, const struct gcm_parts *part,
                       unsigned char opened[SELFTEST_BYTES_MAX])
{
    return mbedtls_gcm_auth_decrypt(gcm, part->input.length, part->nonce.data, part->nonce.length,
                                    part->aad.data, part->aad.length,
                                    part->answer.data + part->input.length, TAG_SIZE,
                                    part->answer.data, opened);
}

static bool test_gcm(const struct selftest_vector *vector)
{
    struct gcm_parts part;
    unsigned char opened[SELFTEST_BYTES_MAX];
    mbedtls_gcm_context gcm;
    selftest_bytes(&part.key, vector->key);
    selftest_bytes(&part.nonce, vector->nonce);
    selftest_bytes(&part.aad, vector->aad);
    selftest_input(&part.input, vector);
    selftest_bytes(&part.answer, vector->answer);
    mbedtls_gcm_init(&gcm);
    bool right = mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, part.key.data,
                                    (unsigned)part.key.length * BITS_PER_BYTE) == 0 &&
                 seals(&gcm, &part) && open_sealed(&gcm, &part, opened) == 0 &&
                 selftest_equal(&part.input, opened, part.input.length);
    part.answer.data[part.input.length] ^= 1;
    right = right && open_sealed(&gcm, &part, opened) == MBEDTLS_ERR_GCM_AUTH_FAILED;
    mbedtls_gcm_free(&gcm);
    return right;
}

/* --- the DRBG, from which ECDSA takes its nonces (RFC 6979) --- */

static bool test_drbg(const struct selftest_vector *vector)
{
    struct selftest_bytes seed, answer;
    unsigned char output[SELFTEST_BYTES_MAX];
    mbedtls_hmac_drbg_context drbg;
    selftest_bytes(&seed, vector->key);
    selftest_bytes(&answer, vector->answer);
    mbedtls_hmac_drbg_init(&drbg);
    bool right =
        mbedtls_hmac_drbg_seed_buf(&drbg, digest_info(vector), seed.data, seed.length) == 0 &&
        mbedtls_hmac_drbg_random(&drbg, output, answer.length) == 0 &&
        mbedtls_hmac_drbg_random(&drbg, output, answer.length) == 0 &&
        selftest_equal(&answer, output, answer.length);
    mbedtls_hmac_drbg_free(&drbg);
    return right;
}

/* --- ECDSA --- */

static bool read_key(mbedtls_ecp_keypair *key, const struct selftest_vector *vector)
{
    struct selftest_bytes secret, point;
    selftest_bytes(&secret, vector->key);
    selftest_bytes(&point, vector->point);
    return mbedtls_ecp_group_load(&key->MBEDTLS_PRIVATE(grp), MBEDTLS_ECP_DP_SECP256R1) == 0 &&
           mbedtls_mpi_read_binary(&key->MBEDTLS_PRIVATE(d), secret.data, secret.length) == 0 &&
           mbedtls_ecp_point_read_binary(&key->MBEDTLS_PRIVATE(grp), &key->MBEDTLS_PRIVATE(Q),
                                         point.data, point.length) == 0;
}

static bool signs_ecdsa(mbedtls_ecp_keypair *key, const struct selftest_vector *vector,
                        const unsigned char *hash, size_t size, mbedtls_mpi *r, mbedtls_mpi *s)
{
    struct selftest_bytes answer;
    unsigned char signature[SELFTEST_BYTES_MAX];
    selftest_bytes(&answer, vector->answer);
    size_t half = answer.length / 2;
    return mbedtls_ecdsa_sign_det_ext(&key->MBEDTLS_PRIVATE(grp), r, s, &key->MBEDTLS_PRIVATE(d),
                                      hash, size, digest_type(vector), random_bytes, NULL) == 0 &&
           mbedtls_mpi_write_binary(r, signature, half) == 0 &&
           mbedtls_mpi_write_binary(s, signature + half, half) == 0 &&
           selftest_equal(&answer, signature, 2 * half);
}

static bool test_ecdsa(const struct selftest_vector *vector)
{
    unsigned char hash[SELFTEST_DIGEST_MAX];
    mbedtls_ecp_keypair key;
    mbedtls_mpi r, s;
    mbedtls_ecp_keypair_init(&key);
    mbedtls_mpi_init(&r);
    mbedtls_mpi_init(&s);
    size_t size = digest(vector, hash);
    bool right = size > 0 && read_key(&key, vector) &&
                 signs_ecdsa(&key, vector, hash, size, &r, &s) &&
                 mbedtls_ecdsa_verify(&key.MBEDTLS_PRIVATE(grp), hash, size,
                                      &key.MBEDTLS_PRIVATE(Q), &r, &s) == 0;
    mbedtls_mpi_free(&s);
    mbedtls_mpi_free(&r);
    mbedtls_ecp_keypair_free(&key);
    return right;
}

/* --- RSA --- */

static bool read_mpi(mbedtls_mpi *number, const char *hex)
{
    struct selftest_bytes bytes;
    selftest_bytes(&bytes, hex);
    return mbedtls_mpi_read_binary(number, bytes.data, bytes.length) == 0;
}

/* With the remainders from the vector: the library would take longer to find them than to use
 * them. */
static bool read_rsa(mbedtls_rsa_context *rsa, const struct selftest_rsa *key)
{
    struct selftest_bytes n, p, q, d, e;
    selftest_bytes(&n, key->n);
    selftest_bytes(&p, key->p);
    selftest_bytes(&q, key->q);
    selftest_bytes(&d, key->d);
    selftest_bytes(&e, key->e);
    return mbedtls_rsa_import_raw(rsa, n.data, n.length, p.data, p.length, q.data, q.length, d.data,
                                  d.length, e.data, e.length) == 0 &&
           read_mpi(&rsa->MBEDTLS_PRIVATE(DP), key->dp) &&
           read_mpi(&rsa->MBEDTLS_PRIVATE(DQ), key->dq) &&
           read_mpi(&rsa->MBEDTLS_PRIVATE(QP), key->iq) && mbedtls_rsa_complete(rsa) == 0;
}

/* PKCS #1 v1.5: the answer is computed. One private operation stands for both paddings (FIPS 140-3
 * IG, 10.3.A); of PSS the published answer is verified. */
static bool signs_rsa(mbedtls_rsa_context *rsa, const struct selftest_vector *vector,
                      const unsigned char *hash, size_t size, const struct selftest_bytes *answer)
{
    unsigned char signature[SELFTEST_BYTES_MAX];
    if (vector->kind == SELFTEST_RSA_PSS)
        return true;
    return mbedtls_rsa_pkcs1_sign(rsa, random_bytes, NULL, digest_type(vector), (unsigned)size,
                                  hash, signature) == 0 &&
           selftest_equal(answer, signature, mbedtls_rsa_get_len(rsa));
}

static bool check_rsa(mbedtls_rsa_context *rsa, const struct selftest_vector *vector)
{
    unsigned char hash[SELFTEST_DIGEST_MAX];
    struct selftest_bytes answer;
    mbedtls_md_type_t type = digest_type(vector);
    int padding = vector->kind == SELFTEST_RSA_PSS ? MBEDTLS_RSA_PKCS_V21 : MBEDTLS_RSA_PKCS_V15;
    size_t size = digest(vector, hash), length = mbedtls_rsa_get_len(rsa);
    selftest_bytes(&answer, vector->answer);
    if (size == 0 || length > SELFTEST_BYTES_MAX || answer.length != length ||
        mbedtls_rsa_set_padding(rsa, padding, type) ||
        !signs_rsa(rsa, vector, hash, size, &answer) ||
        mbedtls_rsa_pkcs1_verify(rsa, type, (unsigned)size, hash, answer.data))
        return false;
    hash[0] ^= 1;
    return mbedtls_rsa_pkcs1_verify(rsa, type, (unsigned)size, hash, answer.data) ==
           MBEDTLS_ERR_RSA_VERIFY_FAILED;
}

static bool test_rsa(const struct selftest_vector *vector)
{
    mbedtls_rsa_context rsa;
    mbedtls_rsa_init(&rsa);
    bool right = read_rsa(&rsa, vector->rsa) && check_rsa(&rsa, vector) &&
                 (!vector->also || check_rsa(&rsa, vector->also));
    mbedtls_rsa_free(&rsa);
    return right;
}

selftest_function *const selftest_mbedtls[SELFTEST_KINDS] = {
    [SELFTEST_HASH] = test_hash, [SELFTEST_HMAC] = test_hmac,   [SELFTEST_GCM] = test_gcm,
    [SELFTEST_DRBG] = test_drbg, [SELFTEST_ECDSA] = test_ecdsa, [SELFTEST_RSA_PKCS1] = test_rsa,
};
