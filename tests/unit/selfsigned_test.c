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

enum { NOW_S = 1767225600 /* 2026-01-01 */, DAY_S = 86400 };

struct pair {
    struct buf certificate, key;
};

static int make_as(struct pair *pair, const struct selfsigned_order *order)
{
    *pair = (struct pair){0};
    return selfsigned_make(order, &pair->certificate, &pair->key);
}

static int make(struct pair *pair, const char *const *names, size_t count)
{
    const struct selfsigned_order order = {.names = names, .count = count, .now_s = NOW_S};
    return make_as(pair, &order);
}

static void read_certificate(const struct pair *pair, mbedtls_x509_crt *certificate)
{
    mbedtls_x509_crt_init(certificate);
    assert_int_equal(mbedtls_x509_crt_parse(certificate,
                                            (const unsigned char *)pair->certificate.data,
                                            pair->certificate.length + 1),
                     0);
}

static void drop(struct pair *pair)
{
    buf_free(&pair->certificate);
    buf_wipe(&pair->key);
}

static void it_lives_398_days_and_not_a_second_more(void **state)
{
    static const char *const names[] = {"node.example.com"};
    struct pair pair;
    struct certificate_life life;
    (void)state;
    assert_int_equal(make(&pair, names, countof(names)), 0);
    assert_int_equal(certificate_life(&pair.certificate, &life), 0);
    assert_int_equal(life.from_s, NOW_S - DAY_S);
    assert_int_equal(life.until_s - life.from_s + 1, INT64_C(398) * DAY_S);
    assert_true(life.self_issued);
    drop(&pair);
}

static void a_clock_at_1970_makes_one_too(void **state)
{
    static const char *const names[] = {"node"};
    static const int64_t clocks[] = {0, 1, DAY_S, INT64_C(4000000000)};
    (void)state;
    for (size_t i = 0; i < countof(clocks); i++) {
        struct pair pair;
        struct certificate_life life;
        const struct selfsigned_order order = {.names = names, .count = 1, .now_s = clocks[i]};
        assert_int_equal(make_as(&pair, &order), 0);
        assert_int_equal(certificate_life(&pair.certificate, &life), 0);
        assert_true(life.from_s <= clocks[i] && clocks[i] < life.until_s);
        drop(&pair);
    }
}

static void its_key_and_signature_are_as_strong_as_its_curve(void **state)
{
    static const char *const names[] = {"node"};
    static const struct {
        enum selfsigned_curve curve;
        size_t bits;
        mbedtls_md_type_t hash;
    } cases[] = {
        {SELFSIGNED_P256, 256, MBEDTLS_MD_SHA256},
        {SELFSIGNED_P384, 384, MBEDTLS_MD_SHA384},
    };
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct pair pair;
        mbedtls_x509_crt certificate;
        const struct selfsigned_order order = {
            .names = names, .count = 1, .curve = cases[i].curve, .now_s = NOW_S};
        assert_int_equal(make_as(&pair, &order), 0);
        read_certificate(&pair, &certificate);
        assert_int_equal(mbedtls_pk_get_bitlen(&certificate.pk), cases[i].bits);
        assert_int_equal(certificate.MBEDTLS_PRIVATE(sig_md), cases[i].hash);
        assert_true(certificate_has_key(&pair.certificate, &pair.key));
        mbedtls_x509_crt_free(&certificate);
        drop(&pair);
    }
}

static void a_key_belongs_to_its_own_certificate_alone(void **state)
{
    static const char *const names[] = {"node"};
    struct pair one, two;
    (void)state;
    assert_int_equal(make(&one, names, 1), 0);
    assert_int_equal(make(&two, names, 1), 0);
    assert_true(certificate_has_key(&one.certificate, &one.key));
    assert_false(certificate_has_key(&one.certificate, &two.key));
    assert_false(certificate_has_key(&one.key, &one.certificate));
    drop(&one);
    drop(&two);
}

static void two_certificates_share_neither_key_nor_serial_number_nor_subject(void **state)
{
    static const char *const names[] = {"node"};
    struct pair one, two;
    mbedtls_x509_crt first, second;
    (void)state;
    assert_int_equal(make(&one, names, 1), 0);
    assert_int_equal(make(&two, names, 1), 0);
    assert_string_not_equal(buf_text(&one.key), buf_text(&two.key));
    read_certificate(&one, &first);
    read_certificate(&two, &second);
    assert_int_equal(first.serial.len, 16);
    assert_memory_not_equal(first.serial.p, second.serial.p, 16);
    assert_int_equal(first.subject_raw.len, second.subject_raw.len);
    assert_memory_not_equal(first.subject_raw.p, second.subject_raw.p, first.subject_raw.len);
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

static void the_life_of_what_is_no_certificate_is_refused(void **state)
{
    struct buf text = {0}, der = {0};
    struct certificate_life life;
    (void)state;
    assert_int_equal(certificate_life(&text, &life), -EINVAL);
    buf_puts(&text, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    assert_int_equal(certificate_life(&text, &life), -EINVAL);
    assert_int_equal(certificate_der(&text, &der), -EINVAL);
    assert_int_equal(der.length, 0);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_lives_398_days_and_not_a_second_more),
        cmocka_unit_test(a_clock_at_1970_makes_one_too),
        cmocka_unit_test(its_key_and_signature_are_as_strong_as_its_curve),
        cmocka_unit_test(a_key_belongs_to_its_own_certificate_alone),
        cmocka_unit_test(two_certificates_share_neither_key_nor_serial_number_nor_subject),
        cmocka_unit_test(a_name_longer_than_a_common_name_is_taken),
        cmocka_unit_test(a_name_that_is_none_is_refused),
        cmocka_unit_test(the_life_of_what_is_no_certificate_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
