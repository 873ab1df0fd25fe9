/* The rules for private keys, one a row, each with the message for a key that breaks it. */
#include "pki/key_rules.h"

#include "base/str.h"
#include "pki/random.h"

#include <errno.h>
#include <mbedtls/bignum.h>
#include <mbedtls/ecp.h>
#include <mbedtls/error.h>
#include <mbedtls/rsa.h>

enum {
    MODULUS_BITS_MIN = 2048,
    EXPONENT_BITS_MIN = 17,  /* odd and of 17 bits: above 2^16 */
    EXPONENT_BITS_MAX = 256, /* below 2^256 */
    PRIMES_APART_BITS = 100, /* |p - q| > 2^(bits/2 - 100) */
    PRIME_ROUNDS = 56,       /* each leaves 1/4: 2^-112 */
    ERROR_TEXT_SIZE = 128
};

/* --- RSA --- */

/* A key's numbers, and what follows from them. */
struct rsa_numbers {
    mbedtls_mpi n, p, q, d, e;
    mbedtls_mpi dp, dq, qp;
    mbedtls_mpi p_less, q_less, lcm; /* p - 1, q - 1, and their least common multiple */
    mbedtls_mpi left, right;         /* a rule's own */
    size_t bits;                     /* of the modulus */
};

/* mbedtls_mpi_init for each, or mbedtls_mpi_free, which wipes them. */
static void for_each_number(struct rsa_numbers *key, void (*call)(mbedtls_mpi *number))
{
    mbedtls_mpi *all[] = {&key->n,   &key->p,    &key->q,    &key->d,      &key->e,
                          &key->dp,  &key->dq,   &key->qp,   &key->p_less, &key->q_less,
                          &key->lcm, &key->left, &key->right};
    for (size_t i = 0; i < countof(all); i++)
        call(all[i]);
}

static int read_numbers(struct rsa_numbers *key, const mbedtls_rsa_context *rsa)
{
    int error = mbedtls_rsa_export(rsa, &key->n, &key->p, &key->q, &key->d, &key->e);
    if (error == 0)
        error = mbedtls_rsa_export_crt(rsa, &key->dp, &key->dq, &key->qp);
    if (error == 0)
        error = mbedtls_mpi_sub_int(&key->p_less, &key->p, 1);
    if (error == 0)
        error = mbedtls_mpi_sub_int(&key->q_less, &key->q, 1);
    if (error == 0)
        error = mbedtls_mpi_gcd(&key->left, &key->p_less, &key->q_less);
    if (error == 0)
        error = mbedtls_mpi_mul_mpi(&key->right, &key->p_less, &key->q_less);
    if (error == 0)
        error = mbedtls_mpi_div_mpi(&key->lcm, NULL, &key->right, &key->left);
    key->bits = mbedtls_mpi_bitlen(&key->n);
    return error;
}

/* A rule: 1 where the key breaks it, 0 where it holds, or mbedTLS's negative error. */

static int modulus_is_short(struct rsa_numbers *key)
{
    return key->bits < MODULUS_BITS_MIN || key->bits % 2 != 0;
}

static int exponent_is_even(struct rsa_numbers *key)
{
    return mbedtls_mpi_get_bit(&key->e, 0) == 0;
}

static int exponent_is_out_of_range(struct rsa_numbers *key)
{
    size_t bits = mbedtls_mpi_bitlen(&key->e);
    return bits < EXPONENT_BITS_MIN || bits > EXPONENT_BITS_MAX;
}

/* Each is at least sqrt(2) * 2^(bits/2 - 1) and below 2^(bits/2): its square has `bits` bits. */
static int primes_are_of_unlike_size(struct rsa_numbers *key)
{
    int error = mbedtls_mpi_mul_mpi(&key->left, &key->p, &key->p);
    if (error == 0)
        error = mbedtls_mpi_mul_mpi(&key->right, &key->q, &key->q);
    return error ? error
                 : mbedtls_mpi_bitlen(&key->left) != key->bits ||
                       mbedtls_mpi_bitlen(&key->right) != key->bits;
}

static int primes_are_close(struct rsa_numbers *key)
{
    int error = mbedtls_mpi_sub_mpi(&key->left, &key->p, &key->q);
    size_t half = key->bits / 2;
    return error ? error : mbedtls_mpi_bitlen(&key->left) + PRIMES_APART_BITS <= half;
}

static int is_composite(const mbedtls_mpi *number)
{
    int error = mbedtls_mpi_is_prime_ext(number, PRIME_ROUNDS, random_bytes, NULL);
    return error == MBEDTLS_ERR_MPI_NOT_ACCEPTABLE ? 1 : error;
}

static int p_is_composite(struct rsa_numbers *key)
{
    return is_composite(&key->p);
}

static int q_is_composite(struct rsa_numbers *key)
{
    return is_composite(&key->q);
}

static int modulus_is_another(struct rsa_numbers *key)
{
    int error = mbedtls_mpi_mul_mpi(&key->left, &key->p, &key->q);
    return error ? error : mbedtls_mpi_cmp_mpi(&key->left, &key->n) != 0;
}

static int d_is_small(struct rsa_numbers *key)
{
    return mbedtls_mpi_bitlen(&key->d) <= key->bits / 2;
}

static int d_is_large(struct rsa_numbers *key)
{
    return mbedtls_mpi_cmp_mpi(&key->d, &key->lcm) >= 0;
}

static int d_is_another(struct rsa_numbers *key)
{
    int error = mbedtls_mpi_mul_mpi(&key->left, &key->d, &key->e);
    if (error == 0)
        error = mbedtls_mpi_mod_mpi(&key->right, &key->left, &key->lcm);
    return error ? error : mbedtls_mpi_cmp_int(&key->right, 1) != 0;
}

/* 6.4.1.3.3: dP and dQ are d modulo p - 1 and q - 1, and qInv is 1/q modulo p. */
static int remainders_are_others(struct rsa_numbers *key)
{
    int error = mbedtls_mpi_mod_mpi(&key->left, &key->d, &key->p_less);
    if (error == 0)
        error = mbedtls_mpi_mod_mpi(&key->right, &key->d, &key->q_less);
    if (error)
        return error;
    if (mbedtls_mpi_cmp_mpi(&key->left, &key->dp) || mbedtls_mpi_cmp_mpi(&key->right, &key->dq))
        return 1;
    error = mbedtls_mpi_mul_mpi(&key->left, &key->q, &key->qp);
    if (error == 0)
        error = mbedtls_mpi_mod_mpi(&key->right, &key->left, &key->p);
    return error ? error : mbedtls_mpi_cmp_int(&key->right, 1) != 0;
}

static const struct rsa_rule {
    int (*broken)(struct rsa_numbers *key);
    const char *why;
} rsa_rules[] = {
    {modulus_is_short, "the modulus has fewer than 2048 bits or an odd number of them"},
    {exponent_is_even, "the public exponent is even"},
    {exponent_is_out_of_range, "the public exponent is not between 2^16 and 2^256"},
    {primes_are_of_unlike_size, "a prime is not half as long as the modulus"},
    {primes_are_close, "the primes are too close to one another"},
    {p_is_composite, "p is not prime"},
    {q_is_composite, "q is not prime"},
    {modulus_is_another, "the modulus is not the product of the primes"},
    {d_is_small, "the private exponent is too small"},
    {d_is_large, "the private exponent is not below lcm(p-1, q-1)"},
    {d_is_another, "the private exponent does not belong to the public one"},
    {remainders_are_others, "the CRT exponents do not belong to the private exponent"},
};

/* --- what all keys have --- */

static void say(struct buf *why, const char *reason)
{
    buf_printf(why, "%s%s", why->length ? "; " : "", reason);
}

/* mbedTLS's own words where it cannot work with the key at all. */
static void say_error(struct buf *why, int error)
{
    char text[ERROR_TEXT_SIZE];
    mbedtls_strerror(error, text, sizeof(text));
    say(why, text);
}

static void check_rsa(const mbedtls_rsa_context *rsa, struct buf *why)
{
    struct rsa_numbers key;
    for_each_number(&key, mbedtls_mpi_init);
    int error = read_numbers(&key, rsa);
    for (size_t i = 0; error == 0 && i < countof(rsa_rules); i++) {
        int broken = rsa_rules[i].broken(&key);
        if (broken > 0)
            say(why, rsa_rules[i].why);
        else
            error = broken;
    }
    if (error)
        say_error(why, error);
    for_each_number(&key, mbedtls_mpi_free);
}

static void check_ec(mbedtls_ecp_keypair *key, struct buf *why)
{
    static const mbedtls_ecp_group_id approved[] = {
        MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_SECP384R1, MBEDTLS_ECP_DP_SECP521R1};
    mbedtls_ecp_group_id curve = mbedtls_ecp_keypair_get_group_id(key);
    bool found = false;
    for (size_t i = 0; i < countof(approved); i++)
        found = found || approved[i] == curve;
    if (!found)
        say(why, "the curve is not P-256, P-384 or P-521");
    else if (mbedtls_ecp_check_pub_priv(key, key, random_bytes, NULL))
        say(why, "the public key does not belong to the private key");
}

/* Signs a digest with one half and verifies with the other. */
static void check_pairwise(mbedtls_pk_context *key, struct buf *why)
{
    static const unsigned char digest[] = "a digest's thirty-two bytes here";
    enum { DIGEST_SIZE = sizeof(digest) - 1 };
    unsigned char signature[MBEDTLS_PK_SIGNATURE_MAX_SIZE];
    size_t size = 0;
    int error = mbedtls_pk_sign(key, MBEDTLS_MD_SHA256, digest, DIGEST_SIZE, signature,
                                sizeof(signature), &size, random_bytes, NULL);
    if (error == 0)
        error = mbedtls_pk_verify(key, MBEDTLS_MD_SHA256, digest, DIGEST_SIZE, signature, size);
    if (error)
        say(why, "the public key does not verify what the private key signs");
}

static int verdict(const struct buf *why)
{
    return buf_error(why) ? buf_error(why) : why->length ? -EKEYREJECTED : 0;
}

static void check_key(mbedtls_pk_context *key, struct buf *why)
{
    mbedtls_pk_type_t type = mbedtls_pk_get_type(key);
    if (type == MBEDTLS_PK_RSA)
        check_rsa(mbedtls_pk_rsa(*key), why);
    else if (type == MBEDTLS_PK_ECKEY)
        check_ec(mbedtls_pk_ec(*key), why);
    else
        say(why, "the key is neither for RSA nor for ECDSA");
    if (why->length == 0)
        check_pairwise(key, why);
}

int key_rules_check(mbedtls_pk_context *key, struct buf *why)
{
    struct buf reasons = {0};
    check_key(key, &reasons);
    int error = verdict(&reasons);
    buf_puts(why, buf_text(&reasons));
    buf_free(&reasons);
    return error;
}

int key_rules_check_pem(const struct buf *pem, struct buf *kind, struct buf *why)
{
    mbedtls_pk_context key;
    mbedtls_pk_init(&key);
    int error = mbedtls_pk_parse_key(&key, (const unsigned char *)buf_text(pem), pem->length + 1,
                                     NULL, 0, random_bytes, NULL);
    if (error) {
        say_error(why, error);
        error = -EKEYREJECTED;
    } else {
        if (kind)
            buf_printf(kind, "%s of %zu bits", mbedtls_pk_get_name(&key),
                       mbedtls_pk_get_bitlen(&key));
        error = key_rules_check(&key, why);
    }
    mbedtls_pk_free(&key);
    return error;
}
