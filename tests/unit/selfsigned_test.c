/* The self-signed certificate: what can be said of it without openssl, which tests/tls asks. */
#include "pki/selfsigned.h"

#include "base/str.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <mbedtls/x509_crt.h>

enum { NOW_S = 1767225600 /* 2026-01-01 */, DAYS = 825, DAY_S = 86400 };

struct pair {
    struct buf certificate, key;
};

static int make(struct pair *pair, const char *const *names, size_t count)
{
    *pair = (struct pair){0};
    return selfsigned_make(names, count, NOW_S, DAYS, &pair->certificate, &pair->key);
}

static void drop(struct pair *pair)
{
    buf_free(&pair->certificate);
    buf_wipe(&pair->key);
}

static void it_expires_when_it_was_told_to(void **state)
{
    static const char *const names[] = {"node.example.com"};
    struct pair pair;
    int64_t expires_s = 0;
    (void)state;
    assert_int_equal(make(&pair, names, countof(names)), 0);
    assert_int_equal(certificate_expiry(&pair.certificate, &expires_s), 0);
    assert_int_equal(expires_s, NOW_S + (int64_t)DAYS * DAY_S);
    drop(&pair);
}

static void two_certificates_share_neither_key_nor_serial_number(void **state)
{
    static const char *const names[] = {"node"};
    struct pair one, two;
    mbedtls_x509_crt first, second;
    (void)state;
    assert_int_equal(make(&one, names, 1), 0);
    assert_int_equal(make(&two, names, 1), 0);
    assert_string_not_equal(buf_text(&one.key), buf_text(&two.key));
    mbedtls_x509_crt_init(&first);
    mbedtls_x509_crt_init(&second);
    assert_int_equal(mbedtls_x509_crt_parse(&first, (const unsigned char *)one.certificate.data,
                                            one.certificate.length + 1),
                     0);
    assert_int_equal(mbedtls_x509_crt_parse(&second, (const unsigned char *)two.certificate.data,
                                            two.certificate.length + 1),
                     0);
    assert_int_equal(first.serial.len, 16);
    assert_memory_not_equal(first.serial.p, second.serial.p, 16);
    mbedtls_x509_crt_free(&first);
    mbedtls_x509_crt_free(&second);
    drop(&one);
    drop(&two);
}

static void a_name_longer_than_a_common_name_is_taken(void **state)
{
    static const char *const names[] = {
        "a-name-of-a-node-that-is-much-longer-than-any-common-name.may-be.example.com"};
    struct pair pair;
    (void)state;
    assert_int_equal(make(&pair, names, 1), 0);
    drop(&pair);
}

static void a_name_that_is_none_is_refused(void **state)
{
    static const char *const bad[] = {"", "a,CN=b", "a b", "a\nb", "\xc3\xa9", "a/b", "a=b"};
    (void)state;
    for (size_t i = 0; i < countof(bad); i++) {
        struct pair pair;
        assert_int_equal(make(&pair, &bad[i], 1), -EINVAL);
        assert_int_equal(pair.key.length, 0);
        drop(&pair);
    }
    struct pair pair;
    assert_int_equal(make(&pair, bad, 0), -EINVAL);
}

static void the_expiry_of_what_is_no_certificate_is_refused(void **state)
{
    struct buf text = {0};
    int64_t expires_s = 0;
    (void)state;
    assert_int_equal(certificate_expiry(&text, &expires_s), -EINVAL);
    buf_puts(&text, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    assert_int_equal(certificate_expiry(&text, &expires_s), -EINVAL);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_expires_when_it_was_told_to),
        cmocka_unit_test(two_certificates_share_neither_key_nor_serial_number),
        cmocka_unit_test(a_name_longer_than_a_common_name_is_taken),
        cmocka_unit_test(a_name_that_is_none_is_refused),
        cmocka_unit_test(the_expiry_of_what_is_no_certificate_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
