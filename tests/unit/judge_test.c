/* What the judge finds in a probe's result: a table by hand, from the guide to TLS of NIST SP
 * 800-52r2 and the RFCs named in it, with the last value that is still good beside the first that
 * is not. */
#include "probe/evaluate.h"

#include "base/str.h"
#include "policy/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { DHE_RSA_AES128_GCM = 0x009E };

struct heard {
    const char *text; /* of the finding that is looked for */
    size_t faults, notes;
};

static void hear(void *context, const struct finding *finding)
{
    struct heard *heard = context;
    if (!strstr(finding->text, heard->text))
        return;
    heard->faults += finding->fault;
    heard->notes += !finding->fault;
}

/* Whose listener it is makes no difference to what no listener should do. */
static void expect(const struct probe_version *found, const char *text, bool fault)
{
    static const enum surface surfaces[] = {SURFACE_NONE, SURFACE_HTTPS_IN, SURFACE_SIP_IN};
    struct probe_result *result = calloc(1, sizeof(*result));
    struct settings settings = {0};
    struct policy policy;
    assert_non_null(result);
    assert_int_equal(settings_defaults(&settings), 0);
    policy_make(&policy, &(struct policy_input){.role = ROLE_CONFERENCING, .settings = &settings});
    for (size_t i = 0; i < PROBE_VERSIONS; i++)
        result->version[i].version = (uint16_t)(SSL_3_0 + i);
    result->version[found->version - SSL_3_0] = *found;
    for (size_t i = 0; i < countof(surfaces); i++) {
        struct heard heard = {.text = text};
        evaluate(result, &policy.crypto, surfaces[i], 0, &(struct evaluate_listener){hear, &heard});
        if (heard.faults != fault || heard.notes)
            fail_msg("%s, surface %d: %zu faults, %zu notes", text, (int)surfaces[i], heard.faults,
                     heard.notes);
    }
    settings_free(&settings);
    free(result);
}

static void compression_is_a_fault_in_every_version(void **state)
{
    (void)state;
    for (uint16_t version = SSL_3_0; version <= TLS_1_3; version++)
        for (uint8_t taken = PROBE_UNKNOWN; taken <= PROBE_YES; taken++)
            expect(&(struct probe_version){.version = version, .compression = taken},
                   "compression is taken", taken == PROBE_YES);
}

static void a_lack_of_secure_renegotiation_is_a_fault_but_of_ssl_3_0(void **state)
{
    (void)state;
    for (uint16_t version = SSL_3_0; version <= TLS_1_2; version++)
        for (uint8_t answer = PROBE_UNKNOWN; answer <= PROBE_YES; answer++)
            expect(&(struct probe_version){.version = version, .renegotiation = answer},
                   "no secure renegotiation", answer == PROBE_NO && version > SSL_3_0);
}

static void the_clients_order_of_suites_is_a_fault(void **state)
{
    (void)state;
    for (uint16_t version = SSL_3_0; version <= TLS_1_3; version++)
        for (uint8_t answer = PROBE_UNKNOWN; answer <= PROBE_YES; answer++)
            expect(&(struct probe_version){.version = version, .server_order = answer},
                   "client's order of suites decides", answer == PROBE_NO);
}

static void diffie_hellman_has_2048_bits_or_more(void **state)
{
    static const struct {
        uint16_t bits; /* 0: it was not said */
        bool fault;
    } cases[] = {
        {0, false},   {1, true},     {512, true},   {1024, true},
        {2047, true}, {2048, false}, {4096, false}, {8192, false},
    };
    (void)state;
    for (size_t i = 0; i < countof(cases); i++)
        for (uint16_t version = TLS_1_0; version <= TLS_1_2; version++) {
            struct probe_version found = {.version = version, .accepted = true, .suite_count = 1};
            found.suites[0] =
                (struct probe_suite){.id = DHE_RSA_AES128_GCM, .dh_bits = cases[i].bits};
            expect(&found, "Diffie-Hellman parameters", cases[i].fault);
        }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(compression_is_a_fault_in_every_version),
        cmocka_unit_test(a_lack_of_secure_renegotiation_is_a_fault_but_of_ssl_3_0),
        cmocka_unit_test(the_clients_order_of_suites_is_a_fault),
        cmocka_unit_test(diffie_hellman_has_2048_bits_or_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
