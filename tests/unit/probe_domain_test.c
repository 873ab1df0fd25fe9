/* The tls domain and its record: which verdict follows from what the last probe found. */
#include "domain/domain.h"
#include "probe/judge.h"
#include "probe/record.h"
#include "probe/served.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { GOOD_SUITE = 0xC02C, TRIPLE_DES = 0x000A, AES128_SHA = 0x002F };

struct ground {
    char root[64];
    struct settings settings;
    struct policy policy;
    struct probe_record *record;
    struct rows rows;
};

static int begin(void **state)
{
    struct ground *ground = calloc(1, sizeof(*ground));
    char path[128];
    assert_non_null(ground);
    (void)snprintf(ground->root, sizeof(ground->root), "/tmp/holdfast-probe-XXXXXX");
    assert_non_null(mkdtemp(ground->root));
    (void)snprintf(path, sizeof(path), "%s/run/holdfast", ground->root);
    assert_int_equal(file_make_folders(path, 0755), 0);
    assert_int_equal(settings_defaults(&ground->settings), 0);
    policy_make(&ground->policy,
                &(struct policy_input){.role = ROLE_CONFERENCING, .settings = &ground->settings});
    ground->record = calloc(1, sizeof(*ground->record));
    assert_non_null(ground->record);
    record_prepare(ground->record, &ground->policy);
    ground->record->boot_ms = clock_boot_ms();
    *state = ground;
    return 0;
}

static int end(void **state)
{
    struct ground *ground = *state;
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -rf %s", ground->root);
    assert_int_equal(system(command), 0);
    rows_free(&ground->rows);
    settings_free(&ground->settings);
    free(ground->record);
    free(ground);
    return 0;
}

static const struct page_answer good_page = {
    .status = 404,
    .transport_security = "max-age=31536000",
    .referrer_policy = "same-origin",
};

/* Every listener as one that does what the policy says. */
static void all_is_well(struct probe_record *record)
{
    for (size_t i = 0; i < record->count; i++) {
        struct probe_result *result = &record->listener[i].result;
        *result = (struct probe_result){.error = 0};
        for (size_t v = 0; v < PROBE_VERSIONS; v++)
            result->version[v].version = (uint16_t)(SSL_3_0 + v);
        struct probe_version *version = &result->version[TLS_1_2 - SSL_3_0];
        version->accepted = true;
        version->suite_count = 1;
        version->suites[0].id = GOOD_SUITE;
        version->server_order = version->renegotiation = version->master_secret = PROBE_YES;
        for (size_t p = 0; p < PAGE_COUNT; p++)
            result->page[p] = good_page;
    }
}

static void look(struct ground *ground)
{
    const struct system system = {.root = ground->root};
    rows_free(&ground->rows);
    ground->rows = (struct rows){.list = NULL};
    domain_tls.plan(&ground->policy, &ground->rows);
    domain_tls.observe(&system, &ground->policy, &ground->rows);
    assert_true(ground->rows.count > 0);
}

static void keep_and_look(struct ground *ground)
{
    assert_int_equal(record_write(ground->root, ground->record), 0);
    look(ground);
}

/* Of the rows that a probe's record decides. */
static void assert_all(const struct ground *ground, enum verdict verdict)
{
    for (size_t i = 0; i < ground->rows.count; i++)
        if (!str_equal(ground->rows.list[i].id, "tls.health.served"))
            assert_int_equal(ground->rows.list[i].verdict, verdict);
}

static const struct row *find_row(const struct ground *ground, const char *id)
{
    for (size_t i = 0; i < ground->rows.count; i++)
        if (str_equal(ground->rows.list[i].id, id))
            return &ground->rows.list[i];
    fail_msg("no row %s", id);
    return NULL;
}

static struct record_listener *find_listener(struct ground *ground, const char *name)
{
    for (size_t i = 0; i < ground->record->count; i++)
        if (str_equal(ground->record->listener[i].name, name))
            return &ground->record->listener[i];
    fail_msg("no listener %s", name);
    return NULL;
}

static struct probe_result *find_result(struct ground *ground, const char *name)
{
    return &find_listener(ground, name)->result;
}

static void without_a_record_no_row_applies(void **state)
{
    struct ground *ground = *state;
    look(ground);
    assert_all(ground, VERDICT_NOT_APPLICABLE);
}

static void listeners_that_keep_to_the_policy_pass(void **state)
{
    struct ground *ground = *state;
    assert_int_equal(ground->record->count, 3);
    all_is_well(ground->record);
    keep_and_look(ground);
    find_row(ground, "tls.health.suites");
    find_row(ground, "tls.https.versions");
    find_row(ground, "tls.sip-tls.order");
    for (size_t i = 0; i < ground->rows.count; i++)
        assert_true(ground->rows.list[i].verdict < VERDICT_FAIL);
}

static void what_is_accepted_and_not_permitted_fails_with_its_name_and_setting(void **state)
{
    struct ground *ground = *state;
    all_is_well(ground->record);
    struct probe_result *result = find_result(ground, "sip-tls");
    struct probe_version *old = &result->version[TLS_1_0 - SSL_3_0];
    struct probe_version *new = &result->version[TLS_1_2 - SSL_3_0];
    old->accepted = true;
    new->suites[new->suite_count++].id = AES128_SHA;
    new->suites[new->suite_count++].id = TRIPLE_DES;
    keep_and_look(ground);
    const struct row *row = find_row(ground, "tls.sip-tls.suites");
    assert_int_equal(row->verdict, VERDICT_FAIL);
    assert_int_equal(row->setting, TLS_AES128_SHA);
    assert_non_null(row->section);
    assert_string_equal(row->actual, "TLS_RSA_WITH_AES_128_CBC_SHA is accepted with TLS 1.2; "
                                     "TLS_RSA_WITH_3DES_EDE_CBC_SHA is accepted with TLS 1.2");
    row = find_row(ground, "tls.sip-tls.versions");
    assert_int_equal(row->verdict, VERDICT_FAIL);
    assert_int_equal(row->setting, TLS_LEGACY);
    assert_string_equal(row->actual, "TLS 1.0 is accepted");
    assert_int_equal(find_row(ground, "tls.https.suites")->verdict, VERDICT_PASS);
}

static void a_record_is_held_against_the_policy_of_the_moment(void **state)
{
    struct ground *ground = *state;
    all_is_well(ground->record);
    struct probe_version *version = &find_result(ground, "https")->version[TLS_1_2 - SSL_3_0];
    version->suites[version->suite_count++].id = AES128_SHA;
    keep_and_look(ground);
    assert_int_equal(find_row(ground, "tls.https.suites")->verdict, VERDICT_FAIL);
    assert_int_equal(settings_put(&ground->settings, TLS_AES128_SHA, "yes", NULL), 0);
    policy_make(&ground->policy,
                &(struct policy_input){.role = ROLE_CONFERENCING, .settings = &ground->settings});
    look(ground);
    assert_int_equal(find_row(ground, "tls.https.suites")->verdict, VERDICT_PASS);
}

static void a_key_exchange_signed_outside_the_policy_fails(void **state)
{
    struct ground *ground = *state;
    static const struct {
        uint16_t code;
        const char *actual; /* NULL: it passes */
    } cases[] = {
        {0x0403, NULL                                                                  },
        {0x0203, "a key exchange of TLS 1.2 is signed by ecdsa_sha1"                   },
        {0x0201, "a key exchange of TLS 1.2 is signed by rsa_pkcs1_sha1"               },
        {0x0101, "a key exchange of TLS 1.2 is signed by rsa_pkcs1_md5"                },
        {0x0807, "a key exchange of TLS 1.2 is signed by ed25519"                      },
        {0xfefe, "a key exchange of TLS 1.2 is signed by a scheme that was not offered"},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        all_is_well(ground->record);
        struct probe_result *result = find_result(ground, "https");
        result->signatures[result->signature_count++] = 0x0503;
        result->signatures[result->signature_count++] = cases[i].code;
        keep_and_look(ground);
        const struct row *row = find_row(ground, "tls.https.signatures");
        assert_int_equal(row->verdict, cases[i].actual ? VERDICT_FAIL : VERDICT_PASS);
        assert_string_equal(row->actual, cases[i].actual
                                             ? cases[i].actual
                                             : "ecdsa_secp384r1_sha384, ecdsa_secp256r1_sha256");
        assert_int_equal(find_row(ground, "tls.health.signatures")->verdict, VERDICT_PASS);
    }
}

static void tls_1_2_without_extended_master_secret_fails_in_fips_mode_alone(void **state)
{
    struct ground *ground = *state;
    static const struct {
        uint8_t master_secret, plain_secret;
        enum verdict in_fips_mode;
    } cases[] = {
        {PROBE_YES,     PROBE_NO,      VERDICT_PASS       },
        {PROBE_YES,     PROBE_UNKNOWN, VERDICT_NOT_CHECKED},
        {PROBE_UNKNOWN, PROBE_UNKNOWN, VERDICT_NOT_CHECKED},
        {PROBE_YES,     PROBE_YES,     VERDICT_FAIL       },
        {PROBE_NO,      PROBE_UNKNOWN, VERDICT_FAIL       },
        {PROBE_NO,      PROBE_YES,     VERDICT_FAIL       },
    };
    for (size_t i = 0; i < countof(cases); i++)
        for (int fips = 0; fips < 2; fips++) {
            all_is_well(ground->record);
            struct probe_version *found = &find_result(ground, "https")->version[TLS_1_2 - SSL_3_0];
            found->master_secret = cases[i].master_secret;
            found->plain_secret = cases[i].plain_secret;
            ground->policy.crypto.fips = fips;
            keep_and_look(ground);
            const struct row *row = find_row(ground, "tls.https.sessions");
            assert_int_equal(row->verdict, fips ? cases[i].in_fips_mode : VERDICT_PASS);
            if (row->verdict == VERDICT_FAIL)
                assert_int_equal(row->setting, SECURITY_FIPS);
            if (row->verdict == VERDICT_NOT_CHECKED)
                assert_non_null(strstr(row->note, "TLS 1.2"));
        }
}

static void a_listener_of_tls_1_3_alone_is_not_asked_for_the_secret_of_tls_1_2(void **state)
{
    struct ground *ground = *state;
    all_is_well(ground->record);
    struct probe_result *result = find_result(ground, "https");
    result->version[TLS_1_2 - SSL_3_0].accepted = false;
    result->version[TLS_1_3 - SSL_3_0].accepted = true;
    ground->policy.crypto.fips = true;
    keep_and_look(ground);
    assert_int_equal(find_row(ground, "tls.https.sessions")->verdict, VERDICT_PASS);
}

static void a_certificate_that_was_not_seen_is_not_checked(void **state)
{
    struct ground *ground = *state;
    all_is_well(ground->record);
    keep_and_look(ground);
    assert_int_equal(find_row(ground, "tls.https.certificate")->verdict, VERDICT_NOT_CHECKED);
    find_result(ground, "https")->chain = (struct certificate_chain){.count = 1, .size = {1}};
    keep_and_look(ground);
    assert_int_equal(find_row(ground, "tls.https.certificate")->verdict, VERDICT_FAIL);
}

static void a_closed_port_does_not_apply_and_a_mute_one_is_an_error(void **state)
{
    struct ground *ground = *state;
    all_is_well(ground->record);
    find_result(ground, "https")->error = -ECONNREFUSED;
    find_result(ground, "sip-tls")->error = -ETIMEDOUT;
    keep_and_look(ground);
    assert_int_equal(find_row(ground, "tls.https.suites")->verdict, VERDICT_NOT_APPLICABLE);
    assert_int_equal(find_row(ground, "tls.sip-tls.suites")->verdict, VERDICT_ERROR);
    assert_int_equal(find_row(ground, "tls.health.suites")->verdict, VERDICT_PASS);
}

static void a_probe_that_was_not_finished_is_no_proof_but_its_faults_count(void **state)
{
    struct ground *ground = *state;
    all_is_well(ground->record);
    struct probe_result *result = find_result(ground, "https");
    result->error = -ETIME;
    result->version[TLS_1_1 - SSL_3_0].accepted = true;
    keep_and_look(ground);
    assert_int_equal(find_row(ground, "tls.https.suites")->verdict, VERDICT_NOT_CHECKED);
    assert_int_equal(find_row(ground, "tls.https.versions")->verdict, VERDICT_FAIL);
    assert_int_equal(find_row(ground, "tls.health.suites")->verdict, VERDICT_PASS);
}

static void a_record_of_another_time_is_not_taken_for_a_check(void **state)
{
    struct ground *ground = *state;
    all_is_well(ground->record);
    ground->record->boot_ms = 1000;
    assert_false(record_is_stale(ground->record, 1000));
    assert_false(record_is_stale(ground->record, 1000 + RECORD_STALE_S * UINT64_C(1000)));
    assert_true(record_is_stale(ground->record, 1001 + RECORD_STALE_S * UINT64_C(1000)));
    assert_true(record_is_stale(ground->record, 999));
    ground->record->boot_ms = UINT64_MAX;
    keep_and_look(ground);
    assert_all(ground, VERDICT_NOT_CHECKED);
}

static void a_damaged_record_is_an_error_and_never_a_verdict(void **state)
{
    struct ground *ground = *state;
    all_is_well(ground->record);
    struct probe_record *record = ground->record;
    struct probe_result *result = &record->listener[0].result;
    const struct {
        void *at;
        size_t size;
    } places[] = {
        {&record->magic,                  sizeof(record->magic)                 },
        {&record->size,                   sizeof(record->size)                  },
        {&record->count,                  sizeof(record->count)                 },
        {&record->listener[0].name,       sizeof(record->listener[0].name)      },
        {&result->reason,                 sizeof(result->reason)                },
        {&result->group_count,            sizeof(result->group_count)           },
        {&result->signature_count,        sizeof(result->signature_count)       },
        {&result->version[2].suite_count, sizeof(result->version[2].suite_count)},
        {&result->version[2].version,     sizeof(result->version[2].version)    },
        {&result->chain.count,            sizeof(result->chain.count)           },
    };
    for (size_t i = 0; i < countof(places); i++) {
        unsigned char before[PROBE_REASON_SIZE];
        memcpy(before, places[i].at, places[i].size);
        memset(places[i].at, 0x7f, places[i].size);
        assert_false(record_is_sound(record));
        keep_and_look(ground);
        assert_all(ground, VERDICT_ERROR);
        memcpy(places[i].at, before, places[i].size);
        assert_true(record_is_sound(record));
    }
}

static void the_record_of_a_port_that_was_changed_is_not_taken(void **state)
{
    struct ground *ground = *state;
    all_is_well(ground->record);
    for (size_t i = 0; i < ground->record->count; i++)
        ground->record->listener[i].port++;
    keep_and_look(ground);
    assert_all(ground, VERDICT_NOT_APPLICABLE);
}

/* --- who serves the health port --- */

#define OWN   "AB:CD"
#define OTHER "12:34"

static struct served_record served_by_us(void)
{
    return (struct served_record){.state = SERVED_ANSWERS,
                                  .pid = 4711,
                                  .daemon_pid = getpid(),
                                  .since_ms = clock_boot_ms(),
                                  .place = ":: port 9443",
                                  .fingerprint = OWN};
}

static void look_at_served(struct ground *ground, struct served_record *served)
{
    assert_int_equal(served_write(ground->root, served), 0);
    keep_and_look(ground);
}

/* A listener that showed this certificate and proved its key, later than any endpoint began. */
static void show_certificate(struct ground *ground, const char *fingerprint)
{
    struct probe_result *result = find_result(ground, "health");
    all_is_well(ground->record);
    find_listener(ground, "health")->began_ms = clock_boot_ms() + 1000;
    result->certificate.parsed = true;
    result->certificate.not_after_s = clock_now_s() + INT64_C(86400) * 365;
    (void)snprintf(result->certificate.fingerprint, sizeof(result->certificate.fingerprint), "%s",
                   fingerprint);
    (void)snprintf(result->certificate.names, sizeof(result->certificate.names),
                   "DNS:node.local, DNS:node");
    result->certificate.named = result->certificate.complete = true;
    result->certificate.self_issued = true;
    result->chain.count = result->certificate.in_order = 1;
    result->version[TLS_1_2 - SSL_3_0].suites[0].proof = PROOF_DONE;
}

static void the_process_that_answers_with_its_own_certificate_passes(void **state)
{
    struct ground *ground = *state;
    struct served_record served = served_by_us();
    show_certificate(ground, OWN);
    look_at_served(ground, &served);
    const struct row *row = find_row(ground, "tls.health.served");
    assert_int_equal(row->verdict, VERDICT_PASS);
    assert_non_null(strstr(row->actual, "4711"));
    assert_non_null(strstr(row->actual, OWN));
    assert_int_equal(find_row(ground, "tls.health.suites")->verdict, VERDICT_PASS);
}

static void a_process_that_is_down_fails_with_its_reason(void **state)
{
    struct ground *ground = *state;
    struct served_record served = served_by_us();
    show_certificate(ground, OWN);
    served.state = SERVED_DOWN;
    (void)snprintf(served.reason, sizeof(served.reason), "the process was stopped");
    look_at_served(ground, &served);
    const struct row *row = find_row(ground, "tls.health.served");
    assert_int_equal(row->verdict, VERDICT_FAIL);
    assert_false(row->advised);
    assert_non_null(strstr(row->actual, "was stopped"));
    assert_int_equal(find_row(ground, "tls.health.suites")->verdict, VERDICT_ERROR);
    assert_int_equal(find_row(ground, "tls.https.suites")->verdict, VERDICT_PASS);
}

static void another_certificate_at_the_port_fails_and_is_not_judged(void **state)
{
    struct ground *ground = *state;
    struct served_record served = served_by_us();
    show_certificate(ground, OTHER);
    look_at_served(ground, &served);
    assert_int_equal(find_row(ground, "tls.health.served")->verdict, VERDICT_FAIL);
    assert_int_equal(find_row(ground, "tls.health.suites")->verdict, VERDICT_ERROR);
}

static void a_certificate_without_its_key_fails(void **state)
{
    struct ground *ground = *state;
    struct served_record served = served_by_us();
    show_certificate(ground, OWN);
    find_result(ground, "health")->version[TLS_1_2 - SSL_3_0].suites[0].proof = PROOF_FAILED;
    look_at_served(ground, &served);
    assert_int_equal(find_row(ground, "tls.health.served")->verdict, VERDICT_FAIL);
}

/* What was seen until the time was over counts, what was not accuses nobody. */
static void another_certificate_fails_in_a_probe_that_was_not_finished_too(void **state)
{
    struct ground *ground = *state;
    struct served_record served = served_by_us();
    show_certificate(ground, OTHER);
    find_result(ground, "health")->error = -ETIME;
    look_at_served(ground, &served);
    assert_int_equal(find_row(ground, "tls.health.served")->verdict, VERDICT_FAIL);
    show_certificate(ground, OWN);
    find_result(ground, "health")->error = -ETIME;
    find_result(ground, "health")->version[TLS_1_2 - SSL_3_0].suites[0].proof = PROOF_NONE;
    look_at_served(ground, &served);
    assert_int_equal(find_row(ground, "tls.health.served")->verdict, VERDICT_PASS);
}

static void handshakes_that_are_late_prove_nothing_and_accuse_nobody(void **state)
{
    struct ground *ground = *state;
    struct served_record served = served_by_us();
    show_certificate(ground, OWN);
    struct probe_result *result = find_result(ground, "health");
    result->version[TLS_1_2 - SSL_3_0].suites[0].proof = PROOF_NONE;
    for (size_t i = 0; i < PAGE_COUNT; i++)
        result->page[i] = (struct page_answer){.error = -ETIMEDOUT};
    look_at_served(ground, &served);
    assert_int_equal(find_row(ground, "tls.health.served")->verdict, VERDICT_FAIL);
    result->proof_error = -ETIME;
    assert_false(record_is_complete(ground->record));
    look_at_served(ground, &served);
    assert_int_equal(find_row(ground, "tls.health.served")->verdict, VERDICT_PASS);
    assert_int_equal(find_row(ground, "tls.health.headers")->verdict, VERDICT_NOT_CHECKED);
    assert_int_equal(find_row(ground, "tls.health.suites")->verdict, VERDICT_PASS);
}

static void a_probe_from_before_the_certificate_accuses_no_stranger(void **state)
{
    struct ground *ground = *state;
    struct served_record served = served_by_us();
    show_certificate(ground, OTHER);
    find_listener(ground, "health")->began_ms = served.since_ms - 1;
    look_at_served(ground, &served);
    assert_int_equal(find_row(ground, "tls.health.served")->verdict, VERDICT_PASS);
    assert_int_equal(find_row(ground, "tls.health.suites")->verdict, VERDICT_NOT_CHECKED);
}

static void a_health_port_that_refuses_is_no_row_that_does_not_apply(void **state)
{
    struct ground *ground = *state;
    struct served_record served = served_by_us();
    show_certificate(ground, OWN);
    find_result(ground, "health")->error = -ECONNREFUSED;
    find_result(ground, "https")->error = -ECONNREFUSED;
    look_at_served(ground, &served);
    assert_int_equal(find_row(ground, "tls.health.served")->verdict, VERDICT_FAIL);
    assert_int_equal(find_row(ground, "tls.health.suites")->verdict, VERDICT_ERROR);
    assert_int_equal(find_row(ground, "tls.https.suites")->verdict, VERDICT_NOT_APPLICABLE);
}

static void a_daemon_that_is_gone_fails(void **state)
{
    struct ground *ground = *state;
    struct served_record served = served_by_us();
    served.daemon_pid = 0x7ffffffe; /* beyond every pid_max */
    show_certificate(ground, OWN);
    look_at_served(ground, &served);
    assert_int_equal(find_row(ground, "tls.health.served")->verdict, VERDICT_FAIL);
}

static void a_damaged_record_of_the_endpoint_is_an_error(void **state)
{
    struct ground *ground = *state;
    struct served_record served = served_by_us();
    memset(served.reason, 'x', sizeof(served.reason));
    look_at_served(ground, &served);
    assert_int_equal(find_row(ground, "tls.health.served")->verdict, VERDICT_ERROR);
}

static void probes_that_never_end_are_errors(void **state)
{
    struct ground *ground = *state;
    struct served_record served = served_by_us();
    show_certificate(ground, OWN);
    served.probe_failures = RECORD_CARRIED_MAX;
    (void)snprintf(served.probe_reason, sizeof(served.probe_reason), "it hangs");
    look_at_served(ground, &served);
    assert_all(ground, VERDICT_ERROR);
    assert_non_null(strstr(find_row(ground, "tls.health.suites")->note, "it hangs"));
}

/* --- the certificate --- */

static const struct row *certificate_row(struct ground *ground)
{
    struct served_record served = served_by_us();
    look_at_served(ground, &served);
    return find_row(ground, "tls.health.certificate");
}

static void a_self_signed_certificate_falls_short_as_advice(void **state)
{
    struct ground *ground = *state;
    show_certificate(ground, OWN);
    const struct row *row = certificate_row(ground);
    assert_int_equal(row->verdict, VERDICT_FAIL);
    assert_true(row->advised);
    assert_non_null(strstr(row->actual, "self-signed"));
    assert_non_null(strstr(row->actual, OWN));
    assert_true(rows_worst_of(&ground->rows, false) < VERDICT_FAIL);
    assert_int_equal(rows_worst(&ground->rows), VERDICT_FAIL);
}

static void an_authority_that_no_anchor_leads_to_is_advice(void **state)
{
    struct ground *ground = *state;
    show_certificate(ground, OWN);
    find_result(ground, "health")->certificate.self_issued = false;
    const struct row *row = certificate_row(ground);
    assert_int_equal(row->verdict, VERDICT_FAIL);
    assert_true(row->advised);
    assert_non_null(strstr(row->actual, "trust anchor"));
}

static void the_last_30_days_are_advice_and_the_last_7_a_failure(void **state)
{
    struct ground *ground = *state;
    static const struct {
        int64_t left_s;
        bool told, advised;
    } cases[] = {
        {31 * 86400, false, true },
        {29 * 86400, true,  true },
        {8 * 86400,  true,  true },
        {6 * 86400,  true,  false},
        {-1,         true,  false},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        show_certificate(ground, OWN);
        find_result(ground, "health")->certificate.not_after_s = clock_now_s() + cases[i].left_s;
        const struct row *row = certificate_row(ground);
        assert_int_equal(strstr(row->actual, "expire") != NULL, cases[i].told);
        assert_int_equal(row->advised, cases[i].advised);
    }
}

static void a_certificate_must_name_the_node(void **state)
{
    struct ground *ground = *state;
    static const struct {
        const char *names;
        bool holds;
    } cases[] = {
        {"DNS:node.local",                 true },
        {"DNS:NODE.LOCAL, DNS:other",      true },
        {"DNS:*.local",                    true },
        {"DNS:other.local",                false},
        {"DNS:node",                       false},
        {"",                               false},
        {"IP:192.0.2.1",                   false},
        {"IP:192.0.2.7",                   true },
        {"IP:192.0.2.7, DNS:former.local", false},
        {"DNS:xnode.local, DNS:node.locl", false},
    };
    struct buf why = {0};
    assert_int_equal(settings_put(&ground->settings, NODE_ADDRESS, "192.0.2.7/24", &why), 0);
    buf_free(&why);
    for (size_t i = 0; i < countof(cases); i++) {
        show_certificate(ground, OWN);
        struct certificate_facts *facts = &find_result(ground, "health")->certificate;
        (void)snprintf(facts->names, sizeof(facts->names), "%s", cases[i].names);
        const struct row *row = certificate_row(ground);
        assert_int_equal(row->advised, cases[i].holds);
        assert_int_equal(strstr(row->actual, "does not name this node") == NULL, cases[i].holds);
    }
}

/* --- probes that were not answered --- */

static void a_busy_listener_keeps_what_was_found_before_for_three_probes(void **state)
{
    struct ground *ground = *state;
    struct probe_record *now = calloc(1, sizeof(*now));
    assert_non_null(now);
    all_is_well(ground->record);
    for (unsigned i = 1; i <= RECORD_CARRIED_MAX + 1; i++) {
        record_prepare(now, &ground->policy);
        assert_false(record_is_complete(now));
        now->listener[0].result.error = -ETIMEDOUT;
        now->listener[1].result.error = -ECONNREFUSED;
        record_carry(now, ground->record);
        bool carried = i <= RECORD_CARRIED_MAX;
        assert_int_equal(now->listener[0].result.error, carried ? 0 : -ETIMEDOUT);
        assert_int_equal(now->listener[1].result.error, -ECONNREFUSED);
        memcpy(ground->record, now, sizeof(*now));
    }
    free(now);
}

static void what_was_proved_before_stands_for_handshakes_that_are_late(void **state)
{
    struct ground *ground = *state;
    struct probe_record *now = calloc(1, sizeof(*now));
    assert_non_null(now);
    show_certificate(ground, OWN);
    memcpy(now, ground->record, sizeof(*now));
    struct probe_result *before = find_result(ground, "health");
    struct probe_result *late =
        &now->listener[find_listener(ground, "health") - ground->record->listener].result;
    late->proof_error = -ETIME;
    late->version[TLS_1_2 - SSL_3_0].suites[0].proof = PROOF_NONE;
    record_carry(now, ground->record);
    assert_int_equal(late->version[TLS_1_2 - SSL_3_0].suites[0].proof, PROOF_DONE);
    assert_int_equal(late->proof_error, 0);
    late->proof_error = before->proof_error = -ETIME;
    record_carry(now, ground->record);
    assert_int_equal(late->proof_error, -ETIME);
    free(now);
}

/* What the listener showed before its certificate was renewed stands for a probe that began later
 * and was not answered. */
static void a_result_carried_over_a_renewal_accuses_no_stranger(void **state)
{
    static const int unanswered[] = {-ETIME, -ETIMEDOUT, -ECONNRESET};
    struct ground *ground = *state;
    struct served_record served = served_by_us();
    struct probe_record *before = calloc(1, sizeof(*before));
    assert_non_null(before);
    for (size_t i = 0; i < countof(unanswered); i++) {
        show_certificate(ground, OTHER);
        find_listener(ground, "health")->began_ms = served.since_ms - 1;
        memcpy(before, ground->record, sizeof(*before));
        record_prepare(ground->record, &ground->policy);
        ground->record->boot_ms = clock_boot_ms();
        find_listener(ground, "health")->began_ms = served.since_ms + 1;
        find_result(ground, "health")->error = unanswered[i];
        record_carry(ground->record, before);
        look_at_served(ground, &served);
        assert_int_equal(find_row(ground, "tls.health.served")->verdict, VERDICT_PASS);
        assert_int_equal(find_row(ground, "tls.health.suites")->verdict, VERDICT_NOT_CHECKED);
    }
    free(before);
}

/* --- the headers of HTTP --- */

static const struct row *look_at_page(struct ground *ground, const struct page_answer *page)
{
    all_is_well(ground->record);
    find_result(ground, "https")->page[PAGE_COUNT - 1] = *page;
    keep_and_look(ground);
    return find_row(ground, "tls.https.headers");
}

static void a_page_without_its_headers_fails_and_names_who_decides(void **state)
{
    static const struct page_answer page = {.status = 500,
                                            .transport_security = "max-age=31536000"};
    const struct row *row = look_at_page(*state, &page);
    assert_int_equal(row->verdict, VERDICT_FAIL);
    assert_false(row->advised);
    assert_string_equal(
        row->actual, "HEAD /holdfast-probe: 500 with Referrer-Policy: none; should be same-origin");
    assert_int_equal(row->setting, HTTP_REFERRER_POLICY);
}

static void a_page_that_does_not_come_in_time_is_not_checked(void **state)
{
    static const struct page_answer pages[] = {
        {.error = -ETIMEDOUT},  {.error = -ECONNREFUSED},
        {.error = -ECONNRESET}, {.error = -EADDRNOTAVAIL},
        {.error = 0},
    };
    for (size_t i = 0; i < countof(pages); i++) {
        const struct row *row = look_at_page(*state, &pages[i]);
        assert_int_equal(row->verdict, VERDICT_NOT_CHECKED);
        assert_string_equal(row->note, "not every request was answered in time");
    }
}

static void a_page_that_is_refused_fails(void **state)
{
    static const int errors[] = {-EBADMSG, -EPROTO, -EPROTONOSUPPORT};
    for (size_t i = 0; i < countof(errors); i++) {
        const struct row *row = look_at_page(*state, &(struct page_answer){.error = errors[i]});
        assert_int_equal(row->verdict, VERDICT_FAIL);
    }
}

static void pages_are_judged_by_the_settings_of_the_moment(void **state)
{
    struct ground *ground = *state;
    const struct row *row = look_at_page(ground, &good_page);
    assert_int_equal(row->verdict, VERDICT_PASS);
    assert_string_equal(row->actual, "HEAD /: 404, max-age=31536000, same-origin; HEAD "
                                     "/holdfast-probe: 404, max-age=31536000, same-origin");
    ground->policy.crypto.hsts_preload = true;
    look(ground);
    row = find_row(ground, "tls.https.headers");
    assert_int_equal(row->verdict, VERDICT_FAIL);
    assert_int_equal(row->setting, HTTP_HSTS_PRELOAD);
    ground->policy.crypto.hsts_preload = ground->policy.crypto.referrer_policy = false;
    row = look_at_page(
        ground, &(struct page_answer){.status = 200, .transport_security = "max-age=31536000"});
    assert_int_equal(row->verdict, VERDICT_PASS);
}

static void sip_has_no_row_for_headers(void **state)
{
    struct ground *ground = *state;
    all_is_well(ground->record);
    keep_and_look(ground);
    for (size_t i = 0; i < ground->rows.count; i++)
        assert_string_not_equal(ground->rows.list[i].id, "tls.sip-tls.headers");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_a_record_no_row_applies, begin, end),
        cmocka_unit_test_setup_teardown(listeners_that_keep_to_the_policy_pass, begin, end),
        cmocka_unit_test_setup_teardown(
            what_is_accepted_and_not_permitted_fails_with_its_name_and_setting, begin, end),
        cmocka_unit_test_setup_teardown(a_record_is_held_against_the_policy_of_the_moment, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_key_exchange_signed_outside_the_policy_fails, begin, end),
        cmocka_unit_test_setup_teardown(
            tls_1_2_without_extended_master_secret_fails_in_fips_mode_alone, begin, end),
        cmocka_unit_test_setup_teardown(
            a_listener_of_tls_1_3_alone_is_not_asked_for_the_secret_of_tls_1_2, begin, end),
        cmocka_unit_test_setup_teardown(a_certificate_that_was_not_seen_is_not_checked, begin, end),
        cmocka_unit_test_setup_teardown(a_closed_port_does_not_apply_and_a_mute_one_is_an_error,
                                        begin, end),
        cmocka_unit_test_setup_teardown(
            a_probe_that_was_not_finished_is_no_proof_but_its_faults_count, begin, end),
        cmocka_unit_test_setup_teardown(a_record_of_another_time_is_not_taken_for_a_check, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_damaged_record_is_an_error_and_never_a_verdict, begin,
                                        end),
        cmocka_unit_test_setup_teardown(the_record_of_a_port_that_was_changed_is_not_taken, begin,
                                        end),
        cmocka_unit_test_setup_teardown(the_process_that_answers_with_its_own_certificate_passes,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_process_that_is_down_fails_with_its_reason, begin, end),
        cmocka_unit_test_setup_teardown(another_certificate_at_the_port_fails_and_is_not_judged,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_certificate_without_its_key_fails, begin, end),
        cmocka_unit_test_setup_teardown(
            another_certificate_fails_in_a_probe_that_was_not_finished_too, begin, end),
        cmocka_unit_test_setup_teardown(handshakes_that_are_late_prove_nothing_and_accuse_nobody,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_probe_from_before_the_certificate_accuses_no_stranger,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_health_port_that_refuses_is_no_row_that_does_not_apply,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_daemon_that_is_gone_fails, begin, end),
        cmocka_unit_test_setup_teardown(a_damaged_record_of_the_endpoint_is_an_error, begin, end),
        cmocka_unit_test_setup_teardown(probes_that_never_end_are_errors, begin, end),
        cmocka_unit_test_setup_teardown(a_self_signed_certificate_falls_short_as_advice, begin,
                                        end),
        cmocka_unit_test_setup_teardown(an_authority_that_no_anchor_leads_to_is_advice, begin, end),
        cmocka_unit_test_setup_teardown(the_last_30_days_are_advice_and_the_last_7_a_failure, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_certificate_must_name_the_node, begin, end),
        cmocka_unit_test_setup_teardown(
            a_busy_listener_keeps_what_was_found_before_for_three_probes, begin, end),
        cmocka_unit_test_setup_teardown(what_was_proved_before_stands_for_handshakes_that_are_late,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_result_carried_over_a_renewal_accuses_no_stranger, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_page_without_its_headers_fails_and_names_who_decides,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_page_that_does_not_come_in_time_is_not_checked, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_page_that_is_refused_fails, begin, end),
        cmocka_unit_test_setup_teardown(pages_are_judged_by_the_settings_of_the_moment, begin, end),
        cmocka_unit_test_setup_teardown(sip_has_no_row_for_headers, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
