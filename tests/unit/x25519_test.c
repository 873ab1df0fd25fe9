/* X25519: the published results, and BearSSL's for points at the edges and anywhere. */
#include "pki/x25519.h"

#include "pki/random.h"

#include <bearssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { ROUNDS = 200, ITERATIONS = 1000 };

/* RFC 7748, 5.2: what comes out goes in again as the scalar, and the scalar as the point. */
static void the_published_iterations_come_out(void **state)
{
    static const unsigned char after_1[X25519_SIZE] = {
        0x42, 0x2c, 0x8e, 0x7a, 0x62, 0x27, 0xd7, 0xbc, 0xa1, 0x35, 0x0b,
        0x3e, 0x2b, 0xb7, 0x27, 0x9f, 0x78, 0x97, 0xb8, 0x7b, 0xb6, 0x85,
        0x4b, 0x78, 0x3c, 0x60, 0xe8, 0x03, 0x11, 0xae, 0x30, 0x79};
    static const unsigned char after_1000[X25519_SIZE] = {
        0x68, 0x4c, 0xf5, 0x9b, 0xa8, 0x33, 0x09, 0x55, 0x28, 0x00, 0xef,
        0x56, 0x6f, 0x2f, 0x4d, 0x3c, 0x1c, 0x38, 0x87, 0xc4, 0x93, 0x60,
        0xe3, 0x87, 0x5f, 0x2e, 0xb9, 0x4d, 0x99, 0x53, 0x2c, 0x51};
    unsigned char key[X25519_SIZE] = {9}, point[X25519_SIZE] = {9}, result[X25519_SIZE];
    (void)state;
    for (int i = 1; i <= ITERATIONS; i++) {
        x25519_multiply(result, key, point);
        memcpy(point, key, sizeof(point));
        memcpy(key, result, sizeof(key));
        if (i == 1)
            assert_memory_equal(key, after_1, sizeof(key));
    }
    assert_memory_equal(key, after_1000, sizeof(key));
}

static void assert_as_bearssl(const unsigned char *point)
{
    unsigned char scalar[X25519_SIZE], wanted[X25519_SIZE], result[X25519_SIZE];
    assert_int_equal(random_bytes(NULL, scalar, sizeof(scalar)), 0);
    memcpy(wanted, point, sizeof(wanted));
    assert_int_equal(
        br_ec_c25519_m31.mul(wanted, sizeof(wanted), scalar, sizeof(scalar), BR_EC_curve25519), 1);
    x25519_multiply(result, scalar, point);
    assert_memory_equal(result, wanted, sizeof(result));
}

static void points_anywhere_give_what_bearssl_gives(void **state)
{
    unsigned char point[X25519_SIZE];
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        assert_int_equal(random_bytes(NULL, point, sizeof(point)), 0);
        assert_as_bearssl(point);
    }
}

/* Around the modulus, 0 and 2^255, where a reduction may be one too few, or a carry lost. */
static void points_at_the_edges_do_too(void **state)
{
    unsigned char point[X25519_SIZE];
    (void)state;
    for (unsigned low = 0; low < 256; low++) {
        memset(point, 0, sizeof(point));
        point[0] = (unsigned char)low;
        assert_as_bearssl(point);
        memset(point, 0xff, sizeof(point));
        point[0] = (unsigned char)low;
        assert_as_bearssl(point);
        point[31] = 0x7f;
        assert_as_bearssl(point);
    }
}

static void the_result_may_lie_where_the_point_was(void **state)
{
    unsigned char scalar[X25519_SIZE] = {1, 2, 3}, point[X25519_SIZE] = {9}, result[X25519_SIZE];
    (void)state;
    x25519_multiply(result, scalar, point);
    x25519_multiply(point, scalar, point);
    assert_memory_equal(result, point, sizeof(result));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_iterations_come_out),
        cmocka_unit_test(points_anywhere_give_what_bearssl_gives),
        cmocka_unit_test(points_at_the_edges_do_too),
        cmocka_unit_test(the_result_may_lie_where_the_point_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
