/* The join of settings and what is enforced is total: each setting changes a row, a listener, a
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

/* --- who else reads a setting --- */

#define CERTIFICATE "the names of the endpoint's own certificate"
#define NETWORK     "the network domain is not built yet"
#define OCSP        "the files of the services have no word for OCSP yet"
#define INSTALL     "the installation's own answer: nothing on the node follows from it yet"
#define LDAP        "the files of the LDAP client are not rendered yet"
#define SNMP        "the files of the SNMP agent are not rendered yet"

static const struct elsewhere {
    enum setting_key key;
    const char *reason;
} elsewhere[] = {
    {NODE_DOMAIN,                CERTIFICATE                                         },
    {INSTALL_INCIDENT_REPORTING, INSTALL                                             },
    {INSTALL_USAGE_STATISTICS,   INSTALL                                             },
    {GLOBAL_OCSP_STATE,          OCSP                                                },
    {GLOBAL_OCSP_RESPONDER_URL,  OCSP                                                },
    {AUTH_SOURCE,                LDAP                                                },
    {AUTH_LDAP_SERVER,           LDAP                                                },
    {AUTH_LDAP_BASE_DN,          LDAP                                                },
    {AUTH_LDAP_BIND_DN,          LDAP                                                },
    {AUTH_LDAP_BIND_PASSWORD,    LDAP                                                },
    {DNS_SERVER,                 "the files of the resolver are not rendered yet"    },
    {NTP_SERVER,                 "the files of the time service are not rendered yet"},
    {SYSLOG_SERVER,              "the files of the log service are not rendered yet" },
    {SNMP_COMMUNITY,             SNMP                                                },
    {SNMP_USERNAME,              SNMP                                                },
    {SNMP_AUTH_PASSWORD,         SNMP                                                },
    {SNMP_PRIVACY_PASSWORD,      SNMP                                                },
    {LOCATION_MTU,               NETWORK                                             },
    {HEALTH_ADDRESS,             "where the endpoint listens"                        },
    {CONTINGENCY_LICENSED,       "the guide's domain alone: a person's attestation"  },
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

static void print_rows(const struct policy *policy, struct buf *out)
{
    for (size_t d = 0; d < DOMAIN_COUNT; d++) {
        struct rows rows = {0};
        if (d == DOMAIN_GUIDE)
            continue;
        domain_table[d]->plan(policy, &rows);
        assert_false(rows.failed);
        for (size_t i = 0; i < rows.count; i++)
            buf_printf(out, "%s: %s\n", rows.list[i].id, rows.list[i].desired);
        rows_free(&rows);
    }
}

static void print_files(const struct policy *policy, struct buf *out)
{
    render_policy_json(policy, out);
    render_openssl_cnf(policy, out);
    render_nginx_conf(policy, out);
    render_kamailio_cfg(policy, out);
    render_sip_json(policy, out);
    render_web_json(policy, out);
    render_network_conf(policy, out);
}

static void print_all(const struct settings *settings, enum role role, struct buf *out)
{
    struct policy policy;
    policy_make(&policy, &(struct policy_input){.role = role, .settings = settings});
    print_listeners(&policy, out);
    print_crypto(&policy.crypto, out);
    print_rows(&policy, out);
    print_files(&policy, out);
    assert_int_equal(buf_error(out), 0);
}

/* --- other values --- */

/* At least one of a type's is valid and differs from what stands there. */
static const struct sample {
    enum setting_type type;
    const char *value;
} samples[] = {
    {TYPE_BOOL,         "yes"                    },
    {TYPE_BOOL,         "no"                     },
    {TYPE_PORT,         "5099"                   },
    {TYPE_PORT,         "33001"                  },
    {TYPE_PORT,         "39001"                  },
    {TYPE_PORT,         "40001"                  },
    {TYPE_PORT,         "49001"                  },
    {TYPE_UINT,         "7"                      },
    {TYPE_UINT,         "1300"                   },
    {TYPE_TEXT,         "another text"           },
    {TYPE_WORD,         "another-word"           },
    {TYPE_HOSTNAME,     "another"                },
    {TYPE_DOMAIN,       "another.example"        },
    {TYPE_HOST,         "another.example"        },
    {TYPE_URL,          "http://another.example/"},
    {TYPE_SIP_TOKEN,    "another"                },
    {TYPE_ADDRESS,      "192.0.2.77"             },
    {TYPE_ADDRESS,      "2001:db8::77"           },
    {TYPE_CIDR_LIST,    "192.0.2.64/28"          },
    {TYPE_CIDR_LIST,    "192.0.2.77/24"          },
    {TYPE_CIDR_LIST,    "2001:db8::77/64"        },
    {TYPE_ADDRESS_LIST, "192.0.2.77"             },
    {TYPE_NTP_LIST,     "192.0.2.77"             },
    {TYPE_SYSLOG_LIST,  "192.0.2.77"             },
};

struct look {
    const struct settings *base;
    enum role role;
    enum setting_key key;
    struct buf before;
    bool tried, read;
};

static void try_value(struct look *look, const char *value)
{
    struct settings settings = {0};
    struct buf after = {0};
    assert_int_equal(settings_copy(&settings, look->base), 0);
    if (settings_put(&settings, look->key, value, NULL) == 0 &&
        !settings_equal(&settings, look->base)) {
        print_all(&settings, look->role, &after);
        look->tried = true;
        look->read = look->read || !str_equal(buf_text(&look->before), buf_text(&after));
    }
    buf_free(&after);
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
    if (info->type == TYPE_ENUM)
        try_words(look, info->words);
    for (size_t i = 0; i < countof(samples); i++)
        if (samples[i].type == info->type)
            try_value(look, samples[i].value);
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

static struct look look_for(enum setting_key key)
{
    static const enum role roles[] = {ROLE_MANAGEMENT, ROLE_CONFERENCING};
    struct look look = {.key = key};
    for (size_t which = 0; which < 4 && !look.read; which++) {
        struct settings base = {0};
        make_base(which, &base);
        look.base = &base;
        for (size_t r = 0; r < countof(roles) && !look.read; r++) {
            look.role = roles[r];
            print_all(&base, look.role, &look.before);
            try_all(&look);
            buf_free(&look.before);
        }
        settings_free(&base);
    }
    return look;
}

/* --- the tests --- */

static void every_setting_is_read_or_has_its_reason(void **state)
{
    unsigned faults = 0;
    for (enum setting_key key = 0; key < SETTING_COUNT; key++) {
        struct look look = look_for(key);
        bool named = find_elsewhere(key) != NULL;
        const char *fault = !look.tried          ? "no other value was tried"
                            : look.read && named ? "is read now: take it out of the table"
                            : look.read == named ? "changes nothing and has no reason"
                                                 : NULL;
        if (fault)
            print_error("%s: %s\n", setting_table[key].name, fault);
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
        cmocka_unit_test(every_setting_is_read_or_has_its_reason),
        cmocka_unit_test(a_reason_is_given_once_and_in_words),
        cmocka_unit_test(every_setting_accepts_its_own_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
