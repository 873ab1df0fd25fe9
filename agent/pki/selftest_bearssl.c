/* What BearSSL makes of the known answers, by the implementations that its TLS chooses on this
 * machine (br_ssl_engine_set_default_*). Its TLS has no RSASSA-PSS. */
#include "pki/selftest_vectors.h"

#include <bearssl.h>
#include <string.h>

enum { TAG_SIZE = 16, BITS_PER_BYTE = 8 };

static const br_hash_class *digest_class(const struct selftest_vector *vector)
{
    return vector->hash_bits == 256   ? &br_sha256_vtable
           : vector->hash_bits == 384 ? &br_sha384_vtable
                                      : &br_sha512_vtable;
}

/* The digest of the vector's input: its size. */
static size_t digest(const struct selftest_vector *vector, unsigned char *hash)
{
    struct selftest_bytes input;
    br_hash_compat_context context;
    const br_hash_class *class = digest_class(vector);
    selftest_input(&input, vector);
    class->init(&context.vtable);
    class->update(&context.vtable, input.data, input.length);
    class->out(&context.vtable, hash);
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
    br_hmac_key_context prepared;
    br_hmac_context hmac;
    selftest_bytes(&key, vector->key);
    selftest_input(&input, vector);
    selftest_bytes(&answer, vector->answer);
    br_hmac_key_init(&prepared, digest_class(vector), key.data, key.length);
    br_hmac_init(&hmac, &prepared, 0);
    br_hmac_update(&hmac, input.data, input.length);
    return selftest_equal(&answer, mac, br_hmac_out(&hmac, mac));
}

/* --- AES-GCM: with the processor's own instructions where it has them --- */

static void prepare_gcm(br_aes_gen_ctr_keys *keys, br_gcm_context *gcm,
                        const struct selftest_bytes *key)
{
    const br_block_ctr_class *aes = br_aes_x86ni_ctr_get_vtable();
    br_ghash ghash = br_ghash_pclmul_get();
    if (!aes)
        aes = &br_aes_ct64_ctr_vtable;
    aes->init(&keys->vtable, key->data, key->length);
    br_gcm_init(gcm, &keys->vtable, ghash ? ghash : &br_ghash_ctmul64);
}

/* Seals, or opens, `data` in place and leaves the tag to be had. */
static void run_gcm(br_gcm_context *gcm, const struct selftest_vector *vector, int encrypt,
                    unsigned char *data, size_t size)
{
    struct selftest_bytes nonce, aad;
    selftest_bytes(&nonce, vector->nonce);
    selftest_bytes(&aad, vector->aad);
    br_gcm_reset(gcm, nonce.data, nonce.length);
    br_gcm_aad_inject(gcm, aad.data, aad.length);
    br_gcm_flip(gcm);
    br_gcm_run(gcm, encrypt, data, size);
}

static bool test_gcm(const struct selftest_vector *vector)
{
    struct selftest_bytes key, input, answer, data;
    br_aes_gen_ctr_keys keys;
    br_gcm_context gcm;
    selftest_bytes(&key, vector->key);
    selftest_input(&input, vector);
    selftest_bytes(&answer, vector->answer);
    data = input;
    if (answer.length != input.length + TAG_SIZE)
        return false;
    prepare_gcm(&keys, &gcm, &key);
    run_gcm(&gcm, vector, 1, data.data, data.length);
    br_gcm_get_tag(&gcm, data.data + data.length);
    if (!selftest_equal(&answer, data.data, data.length + TAG_SIZE))
        return false;
    run_gcm(&gcm, vector, 0, data.data, data.length);
    unsigned char *tag = answer.data + input.length;
    bool right = br_gcm_check_tag(&gcm, tag) == 1;
    tag[0] ^= 1;
    return right && br_gcm_check_tag(&gcm, tag) == 0 &&
           selftest_equal(&input, data.data, data.length);
}

/* --- the DRBG, from which its TLS takes all its random numbers --- */

static bool test_drbg(const struct selftest_vector *vector)
{
    struct selftest_bytes seed, answer;
    unsigned char output[SELFTEST_BYTES_MAX];
    br_hmac_drbg_context drbg;
    selftest_bytes(&seed, vector->key);
    selftest_bytes(&answer, vector->answer);
    br_hmac_drbg_init(&drbg, digest_class(vector), seed.data, seed.length);
    br_hmac_drbg_generate(&drbg, output, answer.length);
    br_hmac_drbg_generate(&drbg, output, answer.length);
    return selftest_equal(&answer, output, answer.length);
}

/* --- ECDSA and RSA: it signs nothing in FIPS mode, since only what comes below TLS 1.2 would ask
 * it to --- */

static bool test_ecdsa(const struct selftest_vector *vector)
{
    struct selftest_bytes point, answer;
    unsigned char hash[SELFTEST_DIGEST_MAX];
    selftest_bytes(&point, vector->point);
    selftest_bytes(&answer, vector->answer);
    const br_ec_public_key key = {.curve = BR_EC_secp256r1, .q = point.data, .qlen = point.length};
    return br_ecdsa_vrfy_raw_get_default()(br_ec_get_default(), hash, digest(vector, hash), &key,
                                           answer.data, answer.length) == 1;
}

static bool test_rsa(const struct selftest_vector *vector)
{
    struct selftest_bytes n, e, answer;
    unsigned char hash[SELFTEST_DIGEST_MAX], found[SELFTEST_DIGEST_MAX];
    selftest_bytes(&n, vector->rsa->n);
    selftest_bytes(&e, vector->rsa->e);
    selftest_bytes(&answer, vector->answer);
    const br_rsa_public_key key = {.n = n.data, .nlen = n.length, .e = e.data, .elen = e.length};
    size_t size = digest(vector, hash);
    br_rsa_pkcs1_vrfy verify = br_rsa_pkcs1_vrfy_get_default();
    if (verify(answer.data, answer.length, BR_HASH_OID_SHA256, size, &key, found) != 1 ||
        memcmp(hash, found, size) != 0)
        return false;
    answer.data[0] ^= 1;
    return verify(answer.data, answer.length, BR_HASH_OID_SHA256, size, &key, found) == 0;
}

selftest_function *const selftest_bearssl[SELFTEST_KINDS] = {
    [SELFTEST_HASH] = test_hash, [SELFTEST_HMAC] = test_hmac,   [SELFTEST_GCM] = test_gcm,
    [SELFTEST_DRBG] = test_drbg, [SELFTEST_ECDSA] = test_ecdsa, [SELFTEST_RSA_PKCS1] = test_rsa,
};
