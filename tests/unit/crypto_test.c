/* The crypto policy: every combination of the answers that touch a surface, held against
 * spec/crypto.md as it reads there: by the suites' names. */
#include "policy/crypto.h"

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

/* The yes-or-no settings that touch a surface, one bit of a combination each. */
enum answer {
    FIPS = 1 << 0,
    LEGACY = 1 << 1,
    ANONYMOUS_OUT = 1 << 2,
    LEGACY_HTTPS_IN = 1 << 3,
    AES128_SHA = 1 << 4,
    AES128_SHA_OUT = 1 << 5,
    SRTP_SHA1 = 1 << 6,
    CBC = 1 << 7,
    DH_2048 = 1 << 8,
    PRELOAD = 1 << 9,
    REFERRER = 1 << 10,
    COMBINATIONS = 1 << 11
};

static const struct {
    enum answer answer;
    enum setting_key key;
} questions[] = {
    {FIPS, SECURITY_FIPS},
    {LEGACY, TLS_LEGACY},
    {ANONYMOUS_OUT, SIP_TLS_ANONYMOUS_DH_OUTBOUND},
    {LEGACY_HTTPS_IN, HTTPS_LEGACY_INBOUND},
    {AES128_SHA, TLS_AES128_SHA},
    {AES128_SHA_OUT, SIP_TLS_AES128_SHA_OUTBOUND},
    {SRTP_SHA1, SRTP_AES_CM_128_HMAC_SHA1},
    {CBC, TLS_CBC},
    {DH_2048, H323_DH_2048},
    {PRELOAD, HTTP_HSTS_PRELOAD},
    {REFERRER, HTTP_REFERRER_POLICY},
};

/* The specification's table of suites, its braces written out, strongest first. */
static const char *const specified[] = {
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256",
    "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_DH_anon_WITH_AES_256_GCM_SHA384",
    "TLS_DH_anon_WITH_AES_128_GCM_SHA256",
    "TLS_DH_anon_WITH_AES_256_CBC_SHA256",
    "TLS_DH_anon_WITH_AES_128_CBC_SHA256",
};

static bool has(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

static bool ends(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && str_equal(text + length - tail, end);
}

/* "12 governs every TLS surface but inbound HTTPS; 14 alone governs inbound HTTPS"; FIPS mode masks
 * both. */
static bool takes_old_clients(enum surface surface, unsigned answers)
{
    unsigned question = surface == SURFACE_HTTPS_IN ? LEGACY_HTTPS_IN : LEGACY;
    return answers & question && !(answers & FIPS);
}

static bool is_wanted(const char *name, enum surface surface, unsigned answers)
{
    bool fips = answers & FIPS, calls_out = surface == SURFACE_SIP_OUT;
    if (has(name, "_DH_anon_"))
        return calls_out && answers & ANONYMOUS_OUT && !fips;
    if (str_equal(name, "TLS_RSA_WITH_AES_128_CBC_SHA"))
        return !fips && (answers & AES128_SHA || (calls_out && answers & AES128_SHA_OUT));
    if (ends(name, "_SHA"))
        return takes_old_clients(surface, answers);
    if (has(name, "_CBC_"))
        return answers & CBC;
    return !has(name, "CHACHA20") || !fips;
}

/* TLS 1.3 suites name no key exchange; suites of SHA-1 alone go below 1.2. */
static enum tls_version first_version(const char *name)
{
    return !has(name, "_WITH_") ? TLS_1_3 : ends(name, "_SHA") ? TLS_1_0 : TLS_1_2;
}

static void settings_of(struct settings *settings, unsigned answers)
{
    assert_int_equal(settings_defaults(settings), 0);
    for (size_t i = 0; i < countof(questions); i++)
        assert_int_equal(settings_put(settings, questions[i].key,
                                      answers & questions[i].answer ? "yes" : "no", NULL),
                         0);
}

static void expect_names(const char *what, unsigned answers, const char *found, const char *wanted)
{
    if (!str_equal(found, wanted))
        fail_msg("combination 0x%x, %s:\nfound  %s\nwanted %s", answers, what, found, wanted);
}

static void judge_suites(const struct crypto *crypto, enum surface surface, unsigned answers)
{
    const struct surface_record *record = &crypto->surface[surface];
    struct buf found = {0}, wanted = {0};
    for (size_t i = 0; i < record->suite_count; i++)
        buf_printf(&found, "%s ", record->suites[i]->name);
    for (size_t i = 0; i < countof(specified); i++)
        if (is_wanted(specified[i], surface, answers))
            buf_printf(&wanted, "%s ", specified[i]);
    expect_names(surface_table[surface].name, answers, buf_text(&found), buf_text(&wanted));
    buf_free(&found);
    buf_free(&wanted);
}

static void judge_offers(const struct crypto *crypto, enum surface surface, unsigned answers)
{
    enum tls_version lowest = takes_old_clients(surface, answers) ? TLS_1_0 : TLS_1_2;
    for (size_t i = 0; i < SUITE_COUNT; i++) {
        const struct suite *suite = &suite_table[i];
        enum tls_version first = first_version(suite->name);
        enum tls_version last = first == TLS_1_3 ? TLS_1_3 : TLS_1_2;
        for (enum tls_version version = SSL_3_0; version <= TLS_1_3; version++)
            assert_int_equal(surface_offers(&crypto->surface[surface], suite->id, version),
                             is_wanted(suite->name, surface, answers) && version >= lowest &&
                                 version >= first && version <= last);
    }
}

static void judge_surface(const struct crypto *crypto, enum surface surface, unsigned answers)
{
    const struct surface_record *record = &crypto->surface[surface];
    bool fips = answers & FIPS;
    struct buf groups = {0};
    assert_int_equal(record->first, takes_old_clients(surface, answers) ? TLS_1_0 : TLS_1_2);
    assert_int_equal(record->last, TLS_1_3);
    judge_suites(crypto, surface, answers);
    judge_offers(crypto, surface, answers);
    for (size_t i = 0; i < record->group_count; i++)
        buf_printf(&groups, "%s ", record->groups[i]->name);
    expect_names("groups", answers, buf_text(&groups),
                 fips ? "secp384r1 secp256r1 secp521r1 ffdhe2048 ffdhe3072 ffdhe4096 "
                      : "secp384r1 secp256r1 x25519 secp521r1 ffdhe2048 ffdhe3072 ffdhe4096 ");
    assert_int_equal(record->signature_count, SIGNATURE_COUNT);
    buf_free(&groups);
}

static void judge_media(const struct crypto *crypto, unsigned answers)
{
    static const char *const profiles[] = {"AEAD_AES_256_GCM", "AEAD_AES_128_GCM",
                                           "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"};
    assert_int_equal(crypto->srtp_count, answers & SRTP_SHA1 ? 4 : 2);
    for (size_t i = 0; i < crypto->srtp_count; i++)
        assert_string_equal(crypto->srtp[i], profiles[i]);
    assert_int_equal(crypto->h235_count, answers & DH_2048 ? 2 : 1);
    assert_int_equal(crypto->h235_bits[0], answers & DH_2048 ? 2048 : 1024);
    assert_int_equal(crypto->h235_bits[crypto->h235_count - 1], 1024);
}

static void every_combination_of_answers_gives_the_records_of_the_specification(void **state)
{
    (void)state;
    assert_int_equal(countof(specified), SUITE_COUNT);
    for (unsigned answers = 0; answers < COMBINATIONS; answers++) {
        struct settings settings = {0};
        struct crypto crypto;
        settings_of(&settings, answers);
        crypto_make(&crypto, &settings);
        for (enum surface surface = 0; surface < SURFACE_COUNT; surface++)
            judge_surface(&crypto, surface, answers);
        judge_media(&crypto, answers);
        assert_int_equal(crypto.fips, (answers & FIPS) != 0);
        assert_int_equal(crypto.hsts_preload, (answers & PRELOAD) != 0);
        assert_int_equal(crypto.referrer_policy, (answers & REFERRER) != 0);
        settings_free(&settings);
    }
}

static void media_encryption_is_the_setting_s_own_word(void **state)
{
    static const char *const words[] = {"off", "best_effort", "required"};
    (void)state;
    for (size_t i = 0; i < countof(words); i++) {
        struct settings settings = {0};
        struct crypto crypto;
        assert_int_equal(settings_defaults(&settings), 0);
        assert_int_equal(settings_put(&settings, GLOBAL_MEDIA_ENCRYPTION, words[i], NULL), 0);
        crypto_make(&crypto, &settings);
        assert_string_equal(crypto.media_encryption, words[i]);
        settings_free(&settings);
    }
}

/* Turning off the setting that a suite is said to be there by takes the suite away, unless the
 * other one of the two that switch AES128-SHA keeps it. */
static void judge_decision(enum surface surface, unsigned answers, const struct crypto *crypto,
                           size_t index)
{
    const struct suite *suite = crypto->surface[surface].suites[index];
    enum setting_key key = crypto->surface[surface].suite_settings[index];
    bool kept = suite->group == GROUP_AES128_SHA && surface == SURFACE_SIP_OUT &&
                answers & AES128_SHA_OUT && key == TLS_AES128_SHA;
    struct settings settings = {0};
    struct crypto without;
    if (key == SETTING_NONE)
        return;
    settings_of(&settings, answers);
    assert_true(settings_bool(&settings, key));
    assert_null(setting_inactive(&settings, key));
    assert_int_equal(settings_put(&settings, key, "no", NULL), 0);
    crypto_make(&without, &settings);
    assert_int_equal(surface_offers(&without.surface[surface], suite->id, TLS_1_2), kept);
    settings_free(&settings);
}

static void the_setting_named_beside_a_suite_is_the_one_that_switches_it(void **state)
{
    static const unsigned some[] = {COMBINATIONS - 1,
                                    COMBINATIONS - 1 - FIPS,
                                    COMBINATIONS - 1 - FIPS - AES128_SHA,
                                    COMBINATIONS - 1 - FIPS - AES128_SHA_OUT,
                                    LEGACY,
                                    CBC};
    (void)state;
    for (size_t i = 0; i < countof(some); i++) {
        struct settings settings = {0};
        struct crypto crypto;
        settings_of(&settings, some[i]);
        crypto_make(&crypto, &settings);
        for (enum surface surface = 0; surface < SURFACE_COUNT; surface++)
            for (size_t s = 0; s < crypto.surface[surface].suite_count; s++)
                judge_decision(surface, some[i], &crypto, s);
        settings_free(&settings);
    }
}

/* A suite without a key exchange that keeps its secrets, or without a name for the server, is there
 * by somebody's yes alone. */
static void what_is_weak_needs_a_yes(void **state)
{
    struct settings settings = {0};
    struct crypto crypto;
    (void)state;
    settings_of(&settings, COMBINATIONS - 1 - FIPS);
    crypto_make(&crypto, &settings);
    for (enum surface surface = 0; surface < SURFACE_COUNT; surface++) {
        const struct surface_record *record = &crypto.surface[surface];
        for (size_t i = 0; i < record->suite_count; i++) {
            const char *name = record->suites[i]->name;
            assert_int_equal(record->suite_settings[i] != SETTING_NONE,
                             has(name, "_CBC_") || has(name, "_anon_"));
        }
    }
    settings_free(&settings);
}

static void surfaces_are_found_by_their_names(void **state)
{
    (void)state;
    assert_int_equal(surface_find("https-in"), SURFACE_HTTPS_IN);
    assert_int_equal(surface_find("https-out"), SURFACE_HTTPS_OUT);
    assert_int_equal(surface_find("sip-in"), SURFACE_SIP_IN);
    assert_int_equal(surface_find("sip-out"), SURFACE_SIP_OUT);
    assert_int_equal(surface_find("sip"), SURFACE_NONE);
    assert_int_equal(surface_find(""), SURFACE_NONE);
}

static void suites_are_found_by_their_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < SUITE_COUNT; i++)
        assert_ptr_equal(suite_find(suite_table[i].id), &suite_table[i]);
    assert_null(suite_find(0x0005));
    assert_string_equal(tls_version_text(TLS_1_0), "TLS 1.0");
    assert_string_equal(tls_version_text(TLS_1_3), "TLS 1.3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_combination_of_answers_gives_the_records_of_the_specification),
        cmocka_unit_test(media_encryption_is_the_setting_s_own_word),
        cmocka_unit_test(the_setting_named_beside_a_suite_is_the_one_that_switches_it),
        cmocka_unit_test(what_is_weak_needs_a_yes),
        cmocka_unit_test(surfaces_are_found_by_their_names),
        cmocka_unit_test(suites_are_found_by_their_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
