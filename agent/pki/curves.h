/*
 * P-256 of mbedTLS, multiplied by BearSSL, and X25519, multiplied by x25519.h: two to fifteen times
 * as fast, in constant time and without an allocation. mbedTLS has no place to put another
 * multiplication in; the linker gives its callers these functions in the library's place (ld(1),
 * --wrap), and other curves go on to the library's own. What mbedTLS checks of a scalar and a point
 * is checked as it does.
 *
 * Sources: SEC 1, 2.3 (encodings), RFC 7748, 5 (X25519), bearssl_ec.h.
 */
#ifndef HOLDFAST_PKI_CURVES_H
#define HOLDFAST_PKI_CURVES_H

#include <mbedtls/ecp.h>

/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): ld's names for them. */

/* As mbedtls/ecp.h has them, without the prefix: R = m P, 0 or an error of mbedTLS. */
int __wrap_mbedtls_ecp_mul(mbedtls_ecp_group *group, mbedtls_ecp_point *R, const mbedtls_mpi *m,
                           const mbedtls_ecp_point *P, int (*rng)(void *, unsigned char *, size_t),
                           void *rng_context);
int __wrap_mbedtls_ecp_mul_restartable(mbedtls_ecp_group *group, mbedtls_ecp_point *R,
                                       const mbedtls_mpi *m, const mbedtls_ecp_point *P,
                                       int (*rng)(void *, unsigned char *, size_t),
                                       void *rng_context, mbedtls_ecp_restart_ctx *restart);

/* The library's own. */
int __real_mbedtls_ecp_mul_restartable(mbedtls_ecp_group *group, mbedtls_ecp_point *R,
                                       const mbedtls_mpi *m, const mbedtls_ecp_point *P,
                                       int (*rng)(void *, unsigned char *, size_t),
                                       void *rng_context, mbedtls_ecp_restart_ctx *restart);

/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

#endif
