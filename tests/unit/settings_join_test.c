/* The join of settings and what is enforced is total: each setting changes a check, a listener, a
 * record of the policy or a file of the services, or stands here with who reads it. By behaviour,
 * not by looking at sources. The guide's domain does not count: it compares every setting and reads
 * none. */
#include "domain/domain.h"

#include "base/str.h"
#include "render/render.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- settings that are read where this test does not look --- */

static const struct elsewhere {
    enum setting_key key;
    const char *reason;
} elsewhere[] = {
    {NODE_DOMAIN, "the names of the endpoint's own certificate"},
    {HEALTH_ADDRESS, "where the endpoint listens"},
    {LOCATION_MTU, "the guide's check itself, held against the interfaces (net/guide.t)"},
    {CONTINGENCY_LICENSED, "the guide's check alone: a person's attestation"},
};

static const struct elsewhere *find_elsewhere(enum setting_key key)
{
    for (size_t i = 0; i < countof(elsewhere); i++)
        if (elsewhere[i].key == key)
            return &elsewhere[i];
    return NULL;
}

/* --- all that follows from settings, as text --- */

static void print_listeners(const struct policy *policy, struct buf *out)
{
    for (size_t i = 0; i < policy->listener_count; i++) {
        const struct listener *listener = &policy->listeners[i];
        buf_printf(out, "listener %s %u-%u %u %d %d %u\n", listener->name, listener->first_port,
                   listener->last_port, listener->protocols, (int)listener->traffic,
                   (int)listener->sources, listener->per_source);
    }
}

static void print_crypto(const struct crypto *crypto, struct buf *out)
{
    for (size_t s = 0; s < SURFACE_COUNT; s++) {
        const struct surface_record *record = &crypto->surface[s];
        buf_printf(out, "surface %zu %u-%u", s, (unsigned)record->first, (unsigned)record->last);
        for (size_t i = 0; i < record->suite_count; i++)
            buf_printf(out, " %s", record->suites[i]->name);
        for (size_t i = 0; i < record->group_count; i++)
            buf_printf(out, " %s", record->groups[i]->name);
        for (size_t i = 0; i < record->signature_count; i++)
            buf_printf(out, " %s", record->signatures[i]->name);
        buf_putc(out, '\n');
    }
    for (size_t i = 0; i < crypto->srtp_count; i++)
        buf_printf(out, "srtp %s\n", crypto->srtp[i]);
    for (size_t i = 0; i < crypto->h235_count; i++)
        buf_printf(out, "h235 %u\n", crypto->h235_bits[i]);
    buf_printf(out, "media %s, fips %d, hsts preload %d, referrer policy %d\n",
               crypto->media_encryption, crypto->fips, crypto->hsts_preload,
               crypto->referrer_policy);
}

static void print_checks(const struct policy *policy, struct buf *out)
{
    for (size_t d = 0; d < DOMAIN_COUNT; d++) {
        struct checks checks = {0};
        if (d == DOMAIN_GUIDE)
            continue;
        domain_table[d]->plan(policy, &checks);
        assert_false(checks.failed);
        for (size_t i = 0; i < checks.count; i++)
            buf_printf(out, "%s: %s\n", checks.list[i].id, checks.list[i].expected);
        checks_free(&checks);
    }
}

static void print_files(const struct policy *policy, struct buf *out)
{
    for (size_t i = 0; i < RENDERED_COUNT; i++)
        rendered_files[i].render(policy, out);
}

static void print_all(const struct settings *settings, enum role role, struct buf *out)
{
    struct policy policy;
    policy_make(&policy, &(struct policy_input){.role = role, .settings = settings});
    print_listeners(&policy, out);
    print_crypto(&policy.crypto, out);
    print_checks(&policy, out);
    print_files(&policy, out);
    assert_int_equal(buf_error(out), 0);
}

/* --- other values --- */

/* At least one of a type's is valid and differs from what stands there. */
static const struct sample {
    enum setting_type type;
    const char *value;
} samples[] = {
    {TYPE_BOOL, "yes"},
    {TYPE_BOOL, "no"},
    {TYPE_PORT, "5099"},
    {TYPE_PORT, "33001"},
    {TYPE_PORT, "39001"},
    {TYPE_PORT, "40001"},
    {TYPE_PORT, "49001"},
    {TYPE_UINT, "7"},
    {TYPE_UINT, "1300"},
    {TYPE_TEXT, "another text"},
    {TYPE_WORD, "another-word"},
    {TYPE_HOSTNAME, "another"},
    {TYPE_DOMAIN, "another.example"},
    {TYPE_HOST, "another.example"},
    {TYPE_URL, "http://another.example/"},
    {TYPE_SIP_TOKEN, "another"},
    {TYPE_ADDRESS, "192.0.2.77"},
    {TYPE_ADDRESS, "2001:db8::77"},
    {TYPE_CIDR_LIST, "192.0.2.64/28"},
    {TYPE_CIDR_LIST, "192.0.2.77/24"},
    {TYPE_CIDR_LIST, "2001:db8::77/64"},
    {TYPE_ADDRESS_LIST, "192.0.2.77"},
    {TYPE_NTP_LIST, "192.0.2.77"},
    {TYPE_SYSLOG_LIST, "192.0.2.77"},
};

enum { OUTCOMES_MAX = 16 };

/* What the node is made to do by one value, and whether the guide is content with the value. */
struct outcome {
    struct buf text;
    bool secure, inactive;
};

struct look {
    const struct settings *base;
    enum role role;
    enum setting_key key;
    struct outcome outcomes[OUTCOMES_MAX]; /* the base's own first */
    size_t count;
};

static void add_outcome(struct look *look, const struct settings *settings)
{
    assert_true(look->count < OUTCOMES_MAX);
    struct outcome *outcome = &look->outcomes[look->count++];
    *outcome = (struct outcome){.secure = setting_is_secure(settings, look->key),
                                .inactive = setting_inactive(settings, look->key) != NULL};
    print_all(settings, look->role, &outcome->text);
}

static void try_value(struct look *look, const char *value)
{
    struct settings settings = {0};
    assert_int_equal(settings_copy(&settings, look->base), 0);
    if (settings_put(&settings, look->key, value, NULL) == 0 &&
        !settings_equal(&settings, look->base))
        add_outcome(look, &settings);
    settings_free(&settings);
}

static void try_words(struct look *look, const char *words)
{
    for (const char *at = words; *at;) {
        char word[64];
        size_t length = strcspn(at, "|");
        assert_true(length < sizeof(word));
        (void)snprintf(word, sizeof(word), "%.*s", (int)length, at);
        try_value(look, word);
        at += length + (at[length] == '|');
    }
}

static void try_all(struct look *look)
{
    const struct setting_info *info = &setting_table[look->key];
    add_outcome(look, look->base);
    if (info->type == TYPE_ENUM)
        try_words(look, info->words);
    for (size_t i = 0; i < countof(samples); i++)
        if (samples[i].type == info->type)
            try_value(look, samples[i].value);
    if (!info->required)
        try_value(look, "");
    if (info->rule == SECURE_IS && info->secure)
        try_value(look, info->secure);
    assert_true(look->count > 1);
}

static void look_end(struct look *look)
{
    for (size_t i = 0; i < look->count; i++)
        buf_free(&look->outcomes[i].text);
    look->count = 0;
}

/* Two values that the guide tells apart and the node does not. */
static bool is_blind(const struct outcome *a, const struct outcome *b)
{
    return a->secure != b->secure && !a->inactive && !b->inactive &&
           str_equal(buf_text(&a->text), buf_text(&b->text));
}

/* Something acts on the setting: a value changes something, and none that the guide accepts does
 * the same as one that it does not. */
static bool acts(const struct look *look)
{
    bool changes = false, blind = false;
    for (size_t i = 0; i < look->count; i++)
        for (size_t j = i + 1; j < look->count; j++) {
            changes |=
                !str_equal(buf_text(&look->outcomes[i].text), buf_text(&look->outcomes[j].text));
            blind |= is_blind(&look->outcomes[i], &look->outcomes[j]);
        }
    return changes && !blind;
}

/* Some settings count only where others have a certain value: so four bases, for either role. */
static void make_base(size_t which, struct settings *base)
{
    assert_int_equal(which == 1 ? settings_strictest(base) : settings_defaults(base), 0);
    if (which < 2)
        return;
    for (enum setting_key key = 0; key < SETTING_COUNT; key++)
        if (setting_table[key].type == TYPE_BOOL && key != SECURITY_FIPS &&
            key != SECURITY_DISABLE_ADMIN)
            assert_int_equal(settings_put(base, key, which == 2 ? "yes" : "no", NULL), 0);
}

static bool acts_on(enum role role, enum setting_key key)
{
    bool found = false;
    for (size_t which = 0; which < 4 && !found; which++) {
        struct settings base = {0};
        struct look look = {.base = &base, .role = role, .key = key};
        make_base(which, &base);
        try_all(&look);
        found = acts(&look);
        look_end(&look);
        settings_free(&base);
    }
    return found;
}

/* --- the tests --- */

/* What the table of settings says of one role, against what the node does. */
static const char *find_fault(enum role role, enum setting_key key)
{
    bool idle = (setting_table[key].stored_on & role) != 0;
    bool found = acts_on(role, key);
    if (find_elsewhere(key))
        return found  ? "is read now: take it out of the table"
               : idle ? "is read elsewhere, but its check says that nothing acts on it"
                      : NULL;
    return found && idle     ? "acts now: take the role out of .stored_on"
           : !found && !idle ? "changes nothing: .stored_on must say so, or its check would pass"
                             : NULL;
}

static void a_setting_acts_on_each_role_or_is_marked_as_merely_stored(void **state)
{
    static const enum role roles[] = {ROLE_MANAGEMENT, ROLE_CONFERENCING};
    unsigned faults = 0;
    for (enum setting_key key = 0; key < SETTING_COUNT; key++)
        for (size_t r = 0; r < countof(roles); r++) {
            if (!(setting_table[key].roles & roles[r]))
                continue;
            const char *fault = find_fault(roles[r], key);
            if (fault)
                print_error("%s (role %d): %s\n", setting_table[key].name, (int)roles[r], fault);
            faults += fault != NULL;
        }
    assert_int_equal(faults, 0);
    (void)state;
}

static void a_reason_is_given_once_and_in_words(void **state)
{
    for (size_t i = 0; i < countof(elsewhere); i++) {
        assert_ptr_equal(find_elsewhere(elsewhere[i].key), &elsewhere[i]);
        assert_true(elsewhere[i].reason[0] != '\0');
    }
    (void)state;
}

/* A required setting may begin without a value; that alone is no value that it must accept. */
static void every_setting_accepts_its_own_default(void **state)
{
    unsigned faults = 0;
    struct settings settings = {0};
    struct buf why = {0};
    assert_int_equal(settings_defaults(&settings), 0);
    for (enum setting_key key = 0; key < SETTING_COUNT; key++) {
        const struct setting_info *info = &setting_table[key];
        bool none = info->required && info->initial[0] == '\0';
        if (!none && (settings_put(&settings, key, info->initial, &why) < 0 ||
                      !str_equal(settings_text(&settings, key), info->initial))) {
            print_error("%s: %s\n", info->name, buf_text(&why));
            faults++;
        }
    }
    buf_free(&why);
    settings_free(&settings);
    assert_int_equal(faults, 0);
    (void)state;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_setting_acts_on_each_role_or_is_marked_as_merely_stored),
        cmocka_unit_test(a_reason_is_given_once_and_in_words),
        cmocka_unit_test(every_setting_accepts_its_own_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
