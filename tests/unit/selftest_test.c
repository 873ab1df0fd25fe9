/* The self-tests: the libraries pass them, and each published number that is changed by one digit
 * is found by each library that has to do with it. */
#include "pki/selftest.h"

#include "base/str.h"
#include "pki/selftest_vectors.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

enum { TEXT_MAX = 2048, LIBRARIES = 2 };

/* --- the kernel's generator, as this test wants it --- */

static enum { SOUND, STUCK, SILENT } generator;

ssize_t getrandom(void *to, size_t size, unsigned flags)
{
    if (generator == SOUND)
        return syscall(SYS_getrandom, to, size, flags);
    if (generator == SILENT) {
        errno = ENOSYS;
        return -1;
    }
    memset(to, 7, size);
    return (ssize_t)size;
}

static void every_library_gives_the_published_answers(void **state)
{
    struct selftest_report report;
    (void)state;
    selftest_run(SELFTEST_ALL, &report);
    assert_true(selftest_passed(&report));
    for (size_t i = 0; i < SELFTEST_LIBRARIES; i++) {
        assert_int_equal(report.library[i].failed, 0);
        assert_null(report.library[i].first_failed);
    }
    assert_int_equal(report.library[SELFTEST_MBEDTLS].ran, 11);
    assert_int_equal(report.library[SELFTEST_BEARSSL].ran, 11);
    assert_int_equal(report.library[SELFTEST_KERNEL].ran, 1);
}

static void each_vector_says_who_published_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < SELFTEST_VECTORS; i++) {
        assert_non_null(selftest_vectors[i].source);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(selftest_vectors[i].name, selftest_vectors[j].name);
    }
}

static void the_state_asks_for_sha_256_of_mbedtls_alone(void **state)
{
    struct selftest_report report;
    (void)state;
    selftest_run(SELFTEST_STATE, &report);
    assert_true(selftest_passed(&report));
    assert_int_equal(report.library[SELFTEST_MBEDTLS].ran, 1);
    assert_int_equal(report.library[SELFTEST_BEARSSL].ran, 0);
}

static void no_tests_are_no_pass(void **state)
{
    struct selftest_report report;
    (void)state;
    selftest_run_vectors(selftest_vectors, 0, SELFTEST_ALL, &report);
    assert_false(selftest_passed(&report));
}

static void a_generator_that_is_stuck_or_silent_is_found(void **state)
{
    struct selftest_report report;
    (void)state;
    for (generator = STUCK; generator <= SILENT; generator++) {
        selftest_run(SELFTEST_ALL, &report);
        assert_false(selftest_passed(&report));
        assert_string_equal(report.library[SELFTEST_KERNEL].first_failed, "getrandom(2)");
    }
    generator = SOUND;
}

/* --- one digit changed --- */

/* A copy of a published number whose last digit but one is another. */
static const char *changed(const char *text, char copy[TEXT_MAX])
{
    size_t length = strlen(text);
    assert_true(length < TEXT_MAX && length >= 2);
    memcpy(copy, text, length + 1);
    copy[length - 2] = copy[length - 2] == '5' ? '6' : '5';
    return copy;
}

static void expect_found(const struct selftest_vector *vector, unsigned libraries, const char *part)
{
    static const enum selftest_library list[LIBRARIES] = {SELFTEST_MBEDTLS, SELFTEST_BEARSSL};
    struct selftest_report report;
    selftest_run_vectors(vector, 1, SELFTEST_ALL, &report);
    for (size_t i = 0; i < LIBRARIES; i++) {
        const struct selftest_result *result = &report.library[list[i]];
        bool found = result->failed == 1 && str_equal(result->first_failed, vector->name);
        if (result->ran && libraries & 1U << list[i] && !found)
            fail_msg("%s does not find that the %s of %s is wrong", selftest_library_name(list[i]),
                     part, vector->name);
    }
}

enum { MBEDTLS = 1 << SELFTEST_MBEDTLS, BOTH = MBEDTLS | 1 << SELFTEST_BEARSSL };

/* Each number of `changing`, which is the vector or what stands behind it, in turn. */
static void change_each(const struct selftest_vector *vector, struct selftest_vector *changing,
                        unsigned libraries)
{
    static const struct {
        const char *name;
        size_t offset;
    } parts[] = {
        {"key", offsetof(struct selftest_vector, key)},
        {"public key", offsetof(struct selftest_vector, point)},
        {"nonce", offsetof(struct selftest_vector, nonce)},
        {"data", offsetof(struct selftest_vector, aad)},
        {"input", offsetof(struct selftest_vector, input)},
        {"text", offsetof(struct selftest_vector, text)},
        {"answer", offsetof(struct selftest_vector, answer)},
    };
    char copy[TEXT_MAX];
    for (size_t p = 0; p < countof(parts); p++) {
        const char *part, *other;
        memcpy(&part, (const char *)changing + parts[p].offset, sizeof(part));
        if (!part || part[0] == '\0')
            continue;
        other = changed(part, copy);
        memcpy((char *)changing + parts[p].offset, &other, sizeof(other));
        bool secret = vector->kind == SELFTEST_ECDSA &&
                      parts[p].offset == offsetof(struct selftest_vector, key);
        expect_found(vector, secret ? MBEDTLS : libraries, parts[p].name);
        memcpy((char *)changing + parts[p].offset, &part, sizeof(part));
    }
}

static void each_number_of_each_vector_is_checked(void **state)
{
    (void)state;
    for (size_t i = 0; i < SELFTEST_VECTORS; i++) {
        struct selftest_vector vector = selftest_vectors[i];
        change_each(&vector, &vector, BOTH);
        if (!vector.also)
            continue;
        struct selftest_vector also = *vector.also;
        vector.also = &also;
        change_each(&vector, &also, MBEDTLS);
    }
}

static void each_number_of_the_rsa_key_is_checked(void **state)
{
    static const struct {
        const char *name;
        size_t offset;
        unsigned libraries; /* that take it from the vector */
    } parts[] = {
        {"modulus", offsetof(struct selftest_rsa, n), BOTH},
        {"public exponent", offsetof(struct selftest_rsa, e), BOTH},
        {"p", offsetof(struct selftest_rsa, p), MBEDTLS},
        {"q", offsetof(struct selftest_rsa, q), MBEDTLS},
        {"d mod p-1", offsetof(struct selftest_rsa, dp), MBEDTLS},
        {"d mod q-1", offsetof(struct selftest_rsa, dq), MBEDTLS},
        {"1/q mod p", offsetof(struct selftest_rsa, iq), MBEDTLS},
    };
    char copy[TEXT_MAX];
    (void)state;
    for (size_t i = 0; i < SELFTEST_VECTORS; i++) {
        for (size_t p = 0; selftest_vectors[i].rsa && p < countof(parts); p++) {
            struct selftest_vector vector = selftest_vectors[i];
            struct selftest_rsa rsa = *vector.rsa;
            const char *part;
            memcpy(&part, (const char *)&rsa + parts[p].offset, sizeof(part));
            part = changed(part, copy);
            memcpy((char *)&rsa + parts[p].offset, &part, sizeof(part));
            vector.rsa = &rsa;
            expect_found(&vector, parts[p].libraries, parts[p].name);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_library_gives_the_published_answers),
        cmocka_unit_test(each_vector_says_who_published_it),
        cmocka_unit_test(the_state_asks_for_sha_256_of_mbedtls_alone),
        cmocka_unit_test(no_tests_are_no_pass),
        cmocka_unit_test(a_generator_that_is_stuck_or_silent_is_found),
        cmocka_unit_test(each_number_of_each_vector_is_checked),
        cmocka_unit_test(each_number_of_the_rsa_key_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
