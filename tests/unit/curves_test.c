/* mbedTLS's multiplication on P-256 and X25519, given to BearSSL: the same results as the library's
 * own, the published ones, and the same refusals. */
#include "pki/curves.h"

#include "base/str.h"
#include "pki/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { ROUNDS = 50 };

struct sum {
    mbedtls_ecp_group group;
    mbedtls_mpi m;
    mbedtls_ecp_point P, R, other;
};

static void sum_init(struct sum *sum, mbedtls_ecp_group_id id)
{
    mbedtls_ecp_group_init(&sum->group);
    mbedtls_mpi_init(&sum->m);
    mbedtls_ecp_point_init(&sum->P);
    mbedtls_ecp_point_init(&sum->R);
    mbedtls_ecp_point_init(&sum->other);
    assert_int_equal(mbedtls_ecp_group_load(&sum->group, id), 0);
}

static void sum_free(struct sum *sum)
{
    mbedtls_ecp_group_free(&sum->group);
    mbedtls_mpi_free(&sum->m);
    mbedtls_ecp_point_free(&sum->P);
    mbedtls_ecp_point_free(&sum->R);
    mbedtls_ecp_point_free(&sum->other);
}

static int multiply(struct sum *sum, const mbedtls_ecp_point *P)
{
    return mbedtls_ecp_mul(&sum->group, &sum->R, &sum->m, P, random_bytes, NULL);
}

static void assert_same(struct sum *sum, const mbedtls_ecp_point *P)
{
    assert_int_equal(multiply(sum, P), 0);
    assert_int_equal(__real_mbedtls_ecp_mul_restartable(&sum->group, &sum->other, &sum->m, P,
                                                        random_bytes, NULL, NULL),
                     0);
    assert_int_equal(mbedtls_ecp_point_cmp(&sum->R, &sum->other), 0);
}

static void both_libraries_multiply_alike(void **state)
{
    static const mbedtls_ecp_group_id ids[] = {MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_CURVE25519,
                                               MBEDTLS_ECP_DP_SECP384R1, MBEDTLS_ECP_DP_SECP521R1};
    (void)state;
    for (size_t i = 0; i < countof(ids); i++) {
        struct sum sum;
        sum_init(&sum, ids[i]);
        for (int round = 0; round < ROUNDS; round++) {
            assert_int_equal(
                mbedtls_ecp_gen_keypair(&sum.group, &sum.m, &sum.P, random_bytes, NULL), 0);
            assert_same(&sum, &sum.group.G);
            assert_int_equal(mbedtls_ecp_gen_privkey(&sum.group, &sum.m, random_bytes, NULL), 0);
            assert_same(&sum, &sum.P);
        }
        sum_free(&sum);
    }
}

static void the_least_and_the_greatest_scalar_work(void **state)
{
    struct sum sum;
    (void)state;
    sum_init(&sum, MBEDTLS_ECP_DP_SECP256R1);
    assert_int_equal(mbedtls_mpi_lset(&sum.m, 1), 0);
    assert_same(&sum, &sum.group.G);
    assert_int_equal(mbedtls_ecp_point_cmp(&sum.R, &sum.group.G), 0);
    assert_int_equal(mbedtls_mpi_sub_int(&sum.m, &sum.group.N, 1), 0);
    assert_same(&sum, &sum.group.G);
    sum_free(&sum);
}

static void x25519_gives_the_published_result(void **state)
{
    /* RFC 7748, 5.2, the first of its two. */
    static const unsigned char key[] = {0xa5, 0x46, 0xe3, 0x6b, 0xf0, 0x52, 0x7c, 0x9d,
                                        0x3b, 0x16, 0x15, 0x4b, 0x82, 0x46, 0x5e, 0xdd,
                                        0x62, 0x14, 0x4c, 0x0a, 0xc1, 0xfc, 0x5a, 0x18,
                                        0x50, 0x6a, 0x22, 0x44, 0xba, 0x44, 0x9a, 0xc4};
    static const unsigned char peer[] = {0xe6, 0xdb, 0x68, 0x67, 0x58, 0x30, 0x30, 0xdb,
                                         0x35, 0x94, 0xc1, 0xa4, 0x24, 0xb1, 0x5f, 0x7c,
                                         0x72, 0x66, 0x24, 0xec, 0x26, 0xb3, 0x35, 0x3b,
                                         0x10, 0xa9, 0x03, 0xa6, 0xd0, 0xab, 0x1c, 0x4c};
    static const unsigned char shared[] = {0xc3, 0xda, 0x55, 0x37, 0x9d, 0xe9, 0xc6, 0x90,
                                           0x8e, 0x94, 0xea, 0x4d, 0xf2, 0x8d, 0x08, 0x4f,
                                           0x32, 0xec, 0xcf, 0x03, 0x49, 0x1c, 0x71, 0xf7,
                                           0x54, 0xb4, 0x07, 0x55, 0x77, 0xa2, 0x85, 0x52};
    unsigned char clamped[sizeof(key)], out[sizeof(shared)];
    struct sum sum;
    size_t size;
    (void)state;
    memcpy(clamped, key, sizeof(key));
    clamped[0] &= 0xf8;
    clamped[31] = (unsigned char)((clamped[31] & 0x7f) | 0x40);
    sum_init(&sum, MBEDTLS_ECP_DP_CURVE25519);
    assert_int_equal(mbedtls_mpi_read_binary_le(&sum.m, clamped, sizeof(clamped)), 0);
    assert_int_equal(mbedtls_ecp_point_read_binary(&sum.group, &sum.P, peer, sizeof(peer)), 0);
    assert_int_equal(multiply(&sum, &sum.P), 0);
    assert_int_equal(mbedtls_ecp_point_write_binary(&sum.group, &sum.R, MBEDTLS_ECP_PF_UNCOMPRESSED,
                                                    &size, out, sizeof(out)),
                     0);
    assert_int_equal(size, sizeof(shared));
    assert_memory_equal(out, shared, sizeof(shared));
    sum_free(&sum);
}

static void scalars_out_of_range_are_refused(void **state)
{
    struct sum sum;
    (void)state;
    sum_init(&sum, MBEDTLS_ECP_DP_SECP256R1);
    assert_int_not_equal(multiply(&sum, &sum.group.G), 0); /* zero */
    assert_int_equal(mbedtls_mpi_copy(&sum.m, &sum.group.N), 0);
    assert_int_not_equal(multiply(&sum, &sum.group.G), 0);
    sum_free(&sum);
    sum_init(&sum, MBEDTLS_ECP_DP_CURVE25519);
    assert_int_equal(mbedtls_mpi_lset(&sum.m, 8), 0); /* without its highest bit */
    assert_int_not_equal(multiply(&sum, &sum.group.G), 0);
    sum_free(&sum);
}

static void points_off_the_curve_and_of_low_order_are_refused(void **state)
{
    struct sum sum;
    unsigned char bytes[65] = {4, [32] = 1, [64] = 1};
    static const unsigned char low[32] = {1};
    (void)state;
    sum_init(&sum, MBEDTLS_ECP_DP_SECP256R1);
    assert_int_equal(mbedtls_mpi_lset(&sum.m, 7), 0);
    assert_int_equal(mbedtls_ecp_point_read_binary(&sum.group, &sum.P, bytes, sizeof(bytes)), 0);
    assert_int_not_equal(multiply(&sum, &sum.P), 0);
    assert_int_equal(mbedtls_ecp_set_zero(&sum.P), 0);
    assert_int_not_equal(multiply(&sum, &sum.P), 0);
    sum_free(&sum);
    sum_init(&sum, MBEDTLS_ECP_DP_CURVE25519);
    assert_int_equal(mbedtls_ecp_gen_privkey(&sum.group, &sum.m, random_bytes, NULL), 0);
    assert_int_equal(mbedtls_ecp_point_read_binary(&sum.group, &sum.P, low, sizeof(low)), 0);
    assert_int_not_equal(multiply(&sum, &sum.P), 0);
    sum_free(&sum);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_libraries_multiply_alike),
        cmocka_unit_test(the_least_and_the_greatest_scalar_work),
        cmocka_unit_test(x25519_gives_the_published_result),
        cmocka_unit_test(scalars_out_of_range_are_refused),
        cmocka_unit_test(points_off_the_curve_and_of_low_order_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
