/* The wizard's questions: words and order, answers, notes, rules as soon as they are due. */
#include "base/str.h"
#include "settings/text.h"
#include "settings/wizard.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* The prompts as the guide's table and a first run show them. */
static const char *const prompts[WIZARD_QUESTIONS] = {
    "Enable FIPS compliance mode (NO): ",
    "Disable system administrator account (NO): ",
    "Accept ICMPv6 redirects (NO): ",
    "Drop incoming packets to closed ports rather than reject (YES): ",
    "Accept multicast ICMPv6 echo requests (YES): ",
    "Enable IPv6 Duplicate Address Detection (YES): ",
    "SIP UDP listen port (5060): ",
    "SIP TCP listen port (5060): ",
    "SIP TLS listen port (5061): ",
    "Active management web sessions (0): ",
    "Active per-user management web sessions (0): ",
    "Enable TLS < 1.2 (NO): ",
    "Enable Anonymous DH for outbound SIP/TLS (NO): ",
    "Permit TLS <1.2 for inbound HTTPS (NO): ",
    "Configure CCA-ID (\"\"): ",
    "Configure Resource-Priority prefix (\"\"): ",
    "Enable FIR (NO): ",
    "Enable AES128-SHA ciphersuite (NO): ",
    "Enable AES128-SHA ciphersuite for outbound SIP/TLS (YES): ",
    "Tolerate IPAddress SubjectAlternativeNames in SIP/TLS certificates (NO): ",
    "Enable Referrer-Policy: same-origin on HTTP responses (YES): ",
    "Enable preload in HSTS header (NO): ",
    "Enable AES_CM_128_HMAC_SHA1_* SRTP ciphersuites (YES): ",
    "Enable TLSv1.2 CBC-mode ciphersuites (YES): ",
    "Enable 2048-bit DH groups for H323 (NO): ",
};

/* The guide's column "Value to enter", as a person would type it; CCA-ID is the node's own word. */
static const char *const guide[WIZARD_QUESTIONS] = {
    "YES", "YES",   "NO", "YES", "NO", "NO", "5060", "5060", "5061", "100", "10",  "NO", "NO",
    "NO",  "conf1", "uc", "YES", "NO", "NO", "NO",   "YES",  "NO",   "YES", "YES", "NO",
};

struct run {
    struct settings stored;
    struct wizard wizard;
    struct buf text; /* of the last prompt, reason, note or list */
};

static void begin(struct run *run)
{
    *run = (struct run){0};
    assert_int_equal(settings_defaults(&run->stored), 0);
    assert_int_equal(wizard_begin(&run->wizard, &run->stored), 0);
}

static void end(struct run *run)
{
    wizard_end(&run->wizard);
    settings_free(&run->stored);
    buf_free(&run->text);
}

static void expect_prompt(struct run *run, const char *prompt)
{
    buf_clear(&run->text);
    wizard_prompt(&run->wizard, &run->text);
    assert_string_equal(buf_text(&run->text), prompt);
}

/* Answers the question that stands; "" where it was taken, else the reason. */
static const char *answer(struct run *run, const char *line)
{
    buf_clear(&run->text);
    int error = wizard_answer(&run->wizard, line, &run->text);
    assert_int_equal(error, run->text.length ? -EINVAL : 0);
    return buf_text(&run->text);
}

/* Enter until the question with this number stands. */
static void go_to(struct run *run, unsigned question)
{
    while (run->wizard.next < question)
        assert_string_equal(answer(run, "\n"), "");
    assert_int_equal(run->wizard.next, question);
}

static const char *note(struct run *run)
{
    buf_clear(&run->text);
    wizard_note(&run->wizard, &run->text);
    return buf_text(&run->text);
}

static void a_first_run_asks_the_25_questions_with_their_defaults(void **state)
{
    struct run run;
    (void)state;
    begin(&run);
    for (size_t i = 0; i < countof(prompts); i++) {
        assert_non_null(wizard_question(&run.wizard));
        expect_prompt(&run, prompts[i]);
        assert_string_equal(answer(&run, "\n"), "");
    }
    assert_null(wizard_question(&run.wizard));
    buf_clear(&run.text);
    assert_int_equal(wizard_changes(&run.wizard, &run.text), 0);
    assert_string_equal(buf_text(&run.text), "");
    end(&run);
}

static void the_guides_answers_change_what_the_guide_changes(void **state)
{
    struct run run;
    struct settings stored = {0};
    struct buf faults = {0};
    (void)state;
    begin(&run);
    for (size_t i = 0; i < countof(guide); i++)
        assert_string_equal(answer(&run, guide[i]), "");
    buf_clear(&run.text);
    assert_int_equal(wizard_check(&run.wizard, &faults), 0);
    assert_int_equal(wizard_changes(&run.wizard, &run.text), 10);
    assert_string_equal(buf_text(&run.text), "security.fips: no -> yes\n"
                                             "security.disable_admin: no -> yes\n"
                                             "net.accept_icmpv6_multicast_echo: yes -> no\n"
                                             "net.ipv6_dad: yes -> no\n"
                                             "web.max_sessions: 0 -> 100\n"
                                             "web.max_sessions_per_user: 0 -> 10\n"
                                             "sip.cca_id: \"\" -> conf1\n"
                                             "sip.resource_priority_prefix: \"\" -> uc\n"
                                             "rtcp.fir: no -> yes\n"
                                             "sip_tls.aes128_sha_outbound: yes -> no\n");
    buf_clear(&run.text);
    wizard_text(&run.wizard, &run.text);
    assert_int_equal(settings_defaults(&stored), 0);
    assert_int_equal(
        settings_import_answers(&stored, "wizard", run.text.data, run.text.length, &faults), 0);
    assert_true(settings_equal(&stored, &run.wizard.settings));
    for (int key = 0; key < SETTING_COUNT; key++) {
        if (setting_table[key].question)
            assert_true(setting_is_secure(&stored, (enum setting_key)key));
    }
    settings_free(&stored);
    end(&run);
}

static void a_later_run_shows_what_is_stored(void **state)
{
    struct run run = {0};
    (void)state;
    assert_int_equal(settings_defaults(&run.stored), 0);
    assert_int_equal(settings_put(&run.stored, SECURITY_FIPS, "yes", NULL), 0);
    assert_int_equal(settings_put(&run.stored, SIP_CCA_ID, "abc", NULL), 0);
    assert_int_equal(wizard_begin(&run.wizard, &run.stored), 0);
    expect_prompt(&run, "Enable FIPS compliance mode (YES): ");
    go_to(&run, 15);
    expect_prompt(&run, "Configure CCA-ID (\"abc\"): ");
    assert_string_equal(answer(&run, ""), "");
    assert_string_equal(settings_text(&run.wizard.settings, SIP_CCA_ID), "abc");
    end(&run);
}

static void two_quotes_empty_a_text(void **state)
{
    struct run run;
    (void)state;
    begin(&run);
    assert_int_equal(settings_put(&run.wizard.settings, SIP_CCA_ID, "abc", NULL), 0);
    go_to(&run, 15);
    assert_string_equal(answer(&run, " \"\" \r\n"), "");
    assert_string_equal(settings_text(&run.wizard.settings, SIP_CCA_ID), "");
    assert_string_equal(answer(&run, "\"dsn\"\n"), "");
    assert_string_equal(settings_text(&run.wizard.settings, SIP_RESOURCE_PRIORITY_PREFIX), "dsn");
    end(&run);
}

static void a_bad_answer_says_why_and_the_question_stands(void **state)
{
    struct run run;
    (void)state;
    begin(&run);
    assert_string_equal(answer(&run, "maybe\n"), "\"maybe\" is neither yes nor no");
    assert_string_equal(answer(&run, "\x1b[2J\n"), "\"?[2J\" is neither yes nor no");
    expect_prompt(&run, prompts[0]);
    go_to(&run, 7);
    assert_string_equal(answer(&run, "0\n"), "\"0\" is not a number from 1 to 65535");
    assert_string_equal(answer(&run, "\"\"\n"), "\"\" is not a number from 1 to 65535");
    expect_prompt(&run, prompts[6]);
    go_to(&run, 16);
    assert_string_equal(answer(&run, "gold\n"), "\"gold\" is not \"\", uc or dsn");
    expect_prompt(&run, prompts[15]);
    end(&run);
}

static void rules_are_checked_as_soon_as_all_is_known(void **state)
{
    struct run run;
    (void)state;
    begin(&run);
    go_to(&run, 7);
    assert_string_equal(answer(&run, "443"), "443 is the port of another service");
    assert_string_equal(answer(&run, "9443"), "9443 is also that of health.port (9443)");
    assert_string_equal(answer(&run, "40000"),
                        "40000 lies in the range from global.media_port_start (40000), "
                        "global.media_port_end (49999)");
    assert_string_equal(answer(&run, "5070"), "");
    /* The port of SIP over TLS, still to come, may give way. */
    assert_string_equal(answer(&run, "5061"), "");
    assert_string_equal(answer(&run, ""), "5061 is also that of sip.tcp_port (5061)");
    assert_string_equal(answer(&run, "5062"), "");
    assert_string_equal(answer(&run, "5"), "");
    assert_string_equal(answer(&run, "6"), "6 exceeds web.max_sessions (5)");
    assert_string_equal(answer(&run, "0"), "");
    end(&run);
}

static void question_19_is_passed_over_where_18_is_yes(void **state)
{
    struct run run;
    (void)state;
    begin(&run);
    go_to(&run, 18);
    assert_string_equal(answer(&run, "yes"), "");
    expect_prompt(&run, prompts[19]);
    end(&run);
}

static void a_note_says_what_is_masked_and_what_cannot_be_taken_back(void **state)
{
    struct run run;
    (void)state;
    begin(&run);
    assert_string_equal(note(&run), "");
    assert_string_equal(answer(&run, "yes"), "");
    assert_string_equal(note(&run), "");
    assert_string_equal(answer(&run, "yes"), "");
    assert_non_null(strstr(note(&run), "cannot be taken back"));
    go_to(&run, 12);
    assert_string_equal(answer(&run, "no"), "");
    assert_string_equal(note(&run), "");
    assert_string_equal(answer(&run, "yes"), "");
    assert_string_equal(note(&run), "masked by FIPS mode");
    go_to(&run, 24);
    assert_string_equal(answer(&run, "yes"), "");
    assert_string_equal(note(&run), "");
    end(&run);
}

static void nothing_is_asked_after_the_last_question(void **state)
{
    struct run run;
    (void)state;
    begin(&run);
    go_to(&run, 25);
    assert_string_equal(answer(&run, ""), "");
    assert_int_equal(wizard_answer(&run.wizard, "yes", NULL), -EINVAL);
    expect_prompt(&run, "");
    end(&run);
}

static void answers_from_a_text_are_taken_whole_or_not_at_all(void **state)
{
    static const char good[] = "net.ipv6_dad = no\nsip.tls_port = 5071\n";
    static const char bad[] = "net.ipv6_dad = no\nsip.tls_port = 5060\nglobal.ssh = no\n";
    struct run run;
    (void)state;
    begin(&run);
    assert_int_equal(wizard_answers(&run.wizard, "answers", bad, strlen(bad), &run.text), -EINVAL);
    assert_string_equal(buf_text(&run.text),
                        "answers:3: global.ssh: not a question of the security wizard\n"
                        "answers:2: sip.tls_port: 5060 is also that of sip.tcp_port (5060)\n");
    expect_prompt(&run, prompts[0]);
    assert_int_equal(wizard_answers(&run.wizard, "answers", good, strlen(good), &run.text), 0);
    assert_null(wizard_question(&run.wizard));
    buf_clear(&run.text);
    assert_int_equal(wizard_changes(&run.wizard, &run.text), 2);
    end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_first_run_asks_the_25_questions_with_their_defaults),
        cmocka_unit_test(the_guides_answers_change_what_the_guide_changes),
        cmocka_unit_test(a_later_run_shows_what_is_stored),
        cmocka_unit_test(two_quotes_empty_a_text),
        cmocka_unit_test(a_bad_answer_says_why_and_the_question_stands),
        cmocka_unit_test(rules_are_checked_as_soon_as_all_is_known),
        cmocka_unit_test(question_19_is_passed_over_where_18_is_yes),
        cmocka_unit_test(a_note_says_what_is_masked_and_what_cannot_be_taken_back),
        cmocka_unit_test(nothing_is_asked_after_the_last_question),
        cmocka_unit_test(answers_from_a_text_are_taken_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
