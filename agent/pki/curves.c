/* A table of the two curves, and one multiplication by way of their encodings. */
#include "pki/curves.h"

#include "base/str.h"
#include "pki/x25519.h"

#include <bearssl.h>
#include <string.h>

enum { SCALAR_SIZE = 32, POINT_MAX = 65 };

/* Multiply the point in `bytes`, or the generator where `size` is 0: the result's size, or 0. */
static size_t multiply_p256(unsigned char bytes[POINT_MAX], size_t size,
                            const unsigned char *scalar)
{
    if (size == 0)
        return br_ec_p256_m31.mulgen(bytes, scalar, SCALAR_SIZE, BR_EC_secp256r1);
    return br_ec_p256_m31.mul(bytes, size, scalar, SCALAR_SIZE, BR_EC_secp256r1) ? size : 0;
}

static size_t multiply_x25519(unsigned char bytes[POINT_MAX], size_t size,
                              const unsigned char *scalar)
{
    static const unsigned char generator[X25519_SIZE] = {9};
    x25519_multiply(bytes, scalar, size ? bytes : generator);
    return X25519_SIZE;
}

static const struct curve {
    mbedtls_ecp_group_id id;
    int (*write)(const mbedtls_mpi *from, unsigned char *to, size_t size);
    size_t (*multiply)(unsigned char bytes[POINT_MAX], size_t size, const unsigned char *scalar);
} curves[] = {
    {MBEDTLS_ECP_DP_SECP256R1, mbedtls_mpi_write_binary, multiply_p256},
    {MBEDTLS_ECP_DP_CURVE25519, mbedtls_mpi_write_binary_le, multiply_x25519},
};

static const struct curve *find(mbedtls_ecp_group_id id)
{
    for (size_t i = 0; i < countof(curves); i++)
        if (curves[i].id == id)
            return &curves[i];
    return NULL;
}

/* Into `bytes`, encoded: its size, or 0. */
static size_t multiply_bytes(const struct curve *curve, mbedtls_ecp_group *group,
                             const unsigned char *scalar, const mbedtls_ecp_point *P,
                             unsigned char bytes[POINT_MAX])
{
    size_t size = 0;
    if (P != &group->G && (mbedtls_ecp_check_pubkey(group, P) != 0 ||
                           mbedtls_ecp_point_write_binary(group, P, MBEDTLS_ECP_PF_UNCOMPRESSED,
                                                          &size, bytes, POINT_MAX) != 0))
        return 0;
    return curve->multiply(bytes, size, scalar);
}

static int multiply(const struct curve *curve, mbedtls_ecp_group *group, mbedtls_ecp_point *R,
                    const mbedtls_mpi *m, const mbedtls_ecp_point *P)
{
    unsigned char scalar[SCALAR_SIZE], point[POINT_MAX];
    int error = mbedtls_ecp_check_privkey(group, m);
    if (error == 0)
        error = curve->write(m, scalar, sizeof(scalar));
    if (error)
        return error;
    size_t size = multiply_bytes(curve, group, scalar, P, point);
    error =
        size ? mbedtls_ecp_point_read_binary(group, R, point, size) : MBEDTLS_ERR_ECP_INVALID_KEY;
    explicit_bzero(scalar, sizeof(scalar));
    explicit_bzero(point, sizeof(point));
    return error;
}

int __wrap_mbedtls_ecp_mul_restartable(mbedtls_ecp_group *group, mbedtls_ecp_point *R,
                                       const mbedtls_mpi *m, const mbedtls_ecp_point *P,
                                       int (*rng)(void *, unsigned char *, size_t),
                                       void *rng_context, mbedtls_ecp_restart_ctx *restart)
{
    const struct curve *curve = find(group->id);
    if (curve)
        return multiply(curve, group, R, m, P);
    return __real_mbedtls_ecp_mul_restartable(group, R, m, P, rng, rng_context, restart);
}

int __wrap_mbedtls_ecp_mul(mbedtls_ecp_group *group, mbedtls_ecp_point *R, const mbedtls_mpi *m,
                           const mbedtls_ecp_point *P, int (*rng)(void *, unsigned char *, size_t),
                           void *rng_context)
{
    return __wrap_mbedtls_ecp_mul_restartable(group, R, m, P, rng, rng_context, NULL);
}
