/* Which private keys FIPS mode takes: keys by openssl, and keys with one thing wrong each
 * (tests/unit/data/keys/make.py). */
#include "pki/key_rules.h"

#include "base/file.h"
#include "base/str.h"
#include "pki/random.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { KEY_SIZE_MAX = 8192 };

static void read_pem(const char *name, struct buf *pem)
{
    const char *folder = getenv("UNIT_DATA");
    char path[PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/keys/%s.pem", folder ? folder : "tests/unit/data", name);
    assert_int_equal(file_read(path, KEY_SIZE_MAX, pem), 0);
}

static int check(const char *name, struct buf *why)
{
    struct buf pem = {0};
    read_pem(name, &pem);
    int error = key_rules_check_pem(&pem, NULL, why);
    buf_wipe(&pem);
    return error;
}

static void keys_on_the_three_curves_and_rsa_keys_of_2048_bits_are_approved(void **state)
{
    static const char *const good[] = {"P-256",   "P-384",   "P-521",
                                       "rsa2048", "rsa3072", "made-good"};
    (void)state;
    for (size_t i = 0; i < countof(good); i++) {
        struct buf why = {0};
        int error = check(good[i], &why);
        if (error)
            fail_msg("%s: %s", good[i], buf_text(&why));
        assert_int_equal(why.length, 0);
        buf_free(&why);
    }
}

static void each_bad_key_is_rejected_with_its_reason(void **state)
{
    static const struct {
        const char *name, *why;
    } bad[] = {
        {"rsa1024", "fewer than 2048 bits"},
        {"e-3", "between 2^16 and 2^256"},
        {"e-65535", "between 2^16 and 2^256"},
        {"e-257-bits", "between 2^16 and 2^256"},
        {"e-even", ""}, /* mbedTLS does not read it */
        {"close-primes", "too close"},
        {"odd-sizes", "half as long"},
        {"p-composite", "p is not prime"},
        {"q-composite", "q is not prime"},
        {"d-small", "private exponent is too small"},
        {"d-large", "not below lcm"},
        {"d-another", "private exponent does not belong"},
        {"n-another", "not the product"},
        {"dp-another", "CRT exponents"},
        {"qp-another", "CRT exponents"},
        {"secp256k1", ""}, /* mbedTLS has no such curve */
        {"brainpoolP256r1", ""},
        {"X25519", "not P-256, P-384 or P-521"},
        {"ED25519", ""},
    };
    (void)state;
    for (size_t i = 0; i < countof(bad); i++) {
        struct buf why = {0};
        int error = check(bad[i].name, &why);
        if (error != -EKEYREJECTED || why.length == 0 || !strstr(buf_text(&why), bad[i].why))
            fail_msg("%s: %d, %s", bad[i].name, error, buf_text(&why));
        buf_free(&why);
    }
}

static void an_even_exponent_is_rejected_where_the_library_lets_it_through(void **state)
{
    struct buf pem = {0}, why = {0};
    mbedtls_pk_context key;
    mbedtls_mpi even;
    (void)state;
    read_pem("made-good", &pem);
    mbedtls_pk_init(&key);
    mbedtls_mpi_init(&even);
    assert_int_equal(mbedtls_pk_parse_key(&key, (unsigned char *)pem.data, pem.length + 1, NULL, 0,
                                          random_bytes, NULL),
                     0);
    assert_int_equal(mbedtls_mpi_lset(&even, 65538), 0);
    assert_int_equal(mbedtls_rsa_import(mbedtls_pk_rsa(key), NULL, NULL, NULL, NULL, &even), 0);
    assert_int_equal(key_rules_check(&key, &why), -EKEYREJECTED);
    assert_non_null(strstr(buf_text(&why), "exponent is even"));
    mbedtls_mpi_free(&even);
    mbedtls_pk_free(&key);
    buf_wipe(&pem);
    buf_free(&why);
}

static void every_reason_is_told_behind_what_was_there(void **state)
{
    struct buf why = {0};
    (void)state;
    buf_puts(&why, "endpoint.key: ");
    assert_int_equal(check("e-3", &why), -EKEYREJECTED);
    assert_int_equal(strncmp(buf_text(&why), "endpoint.key: the public", 24), 0);
    buf_free(&why);
}

static void what_is_no_key_is_rejected(void **state)
{
    static const char *const texts[] = {"", "x", "-----BEGIN PRIVATE KEY-----\n"};
    (void)state;
    for (size_t i = 0; i < countof(texts); i++) {
        struct buf pem = {0}, why = {0};
        buf_puts(&pem, texts[i]);
        assert_int_equal(key_rules_check_pem(&pem, NULL, &why), -EKEYREJECTED);
        assert_true(why.length > 0);
        buf_free(&pem);
        buf_free(&why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_on_the_three_curves_and_rsa_keys_of_2048_bits_are_approved),
        cmocka_unit_test(each_bad_key_is_rejected_with_its_reason),
        cmocka_unit_test(an_even_exponent_is_rejected_where_the_library_lets_it_through),
        cmocka_unit_test(every_reason_is_told_behind_what_was_there),
        cmocka_unit_test(what_is_no_key_is_rejected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
