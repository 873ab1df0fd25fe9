/* The walk over the known answers: each vector, by each library that knows its algorithm. */
#include "pki/selftest.h"

#include "base/str.h"
#include "pki/random.h"
#include "pki/selftest_vectors.h"

#include <string.h>

enum { BLOCK_SIZE = 32 };

/* What the kernel's generator gives has no known answer; one that is stuck gives itself away. */
static bool test_random(const struct selftest_vector *vector)
{
    unsigned char first[BLOCK_SIZE] = {0}, second[BLOCK_SIZE] = {0};
    (void)vector;
    return random_bytes(NULL, first, sizeof(first)) == 0 &&
           random_bytes(NULL, second, sizeof(second)) == 0 &&
           memcmp(first, second, sizeof(first)) != 0;
}

selftest_function *const selftest_kernel[SELFTEST_KINDS] = {[SELFTEST_RANDOM] = test_random};

static const struct library {
    const char *name;
    selftest_function *const *test;
} libraries[SELFTEST_LIBRARIES] = {
    [SELFTEST_MBEDTLS] = {"mbedTLS", selftest_mbedtls},
    [SELFTEST_BEARSSL] = {"BearSSL", selftest_bearssl},
    [SELFTEST_KERNEL] = {"the kernel", selftest_kernel},
};

const char *selftest_library_name(enum selftest_library library)
{
    return libraries[library].name;
}

static bool in_scope(enum selftest_scope scope, enum selftest_library library,
                     const struct selftest_vector *vector)
{
    return scope == SELFTEST_ALL || (library == SELFTEST_MBEDTLS && vector->kind == SELFTEST_HASH &&
                                     vector->hash_bits == 256);
}

static void run_library(const struct library *library, const struct selftest_vector *vector,
                        struct selftest_result *result)
{
    selftest_function *test = library->test[vector->kind];
    if (!test)
        return;
    result->ran++;
    if (test(vector))
        return;
    result->failed++;
    if (!result->first_failed)
        result->first_failed = vector->name;
}

void selftest_run_vectors(const struct selftest_vector *vectors, size_t count,
                          enum selftest_scope scope, struct selftest_report *report)
{
    *report = (struct selftest_report){0};
    for (size_t i = 0; i < count; i++)
        for (enum selftest_library l = 0; l < SELFTEST_LIBRARIES; l++)
            if (in_scope(scope, l, &vectors[i]))
                run_library(&libraries[l], &vectors[i], &report->library[l]);
}

void selftest_run(enum selftest_scope scope, struct selftest_report *report)
{
    selftest_run_vectors(selftest_vectors, countof(selftest_vectors), scope, report);
}

bool selftest_passed(const struct selftest_report *report)
{
    unsigned ran = 0, failed = 0;
    for (size_t i = 0; i < SELFTEST_LIBRARIES; i++) {
        ran += report->library[i].ran;
        failed += report->library[i].failed;
    }
    return ran > 0 && failed == 0;
}
