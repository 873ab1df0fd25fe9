/* The table of settings, and a set of values: lists, copies, names. */
#include "base/str.h"
#include "settings/settings.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void every_setting_has_a_name_a_help_and_a_role(void **state)
{
    (void)state;
    for (int key = 0; key < SETTING_COUNT; key++) {
        const struct setting_info *info = &setting_table[key];
        assert_int_equal(setting_find(info->name), key);
        assert_true(strlen(info->help) > 10);
        assert_in_range(info->roles, ROLE_MANAGEMENT, ROLE_BOTH);
        assert_true((info->question != 0) == (info->prompt != NULL));
        assert_true((info->type == TYPE_ENUM) == (info->words != NULL));
    }
    assert_int_equal(setting_find("net.ipv6"), -ENOENT);
    assert_int_equal(setting_find(""), -ENOENT);
}

static void every_setting_accepts_its_own_default_and_the_guides_value(void **state)
{
    (void)state;
    for (int i = 0; i < SETTING_COUNT; i++) {
        enum setting_key key = (enum setting_key)i;
        const char *texts[] = {setting_table[key].initial, setting_suggested(key)};
        for (size_t t = 0; t < countof(texts); t++) {
            struct settings settings = {0};
            if (!texts[t])
                continue;
            assert_int_equal(settings_put(&settings, key, texts[t], NULL), 0);
            assert_string_equal(settings_text(&settings, key), texts[t]);
            settings_free(&settings);
        }
    }
}

static void the_wizards_questions_are_numbered_from_1_to_25_in_order(void **state)
{
    (void)state;
    unsigned last = 0;
    for (int key = 0; key < SETTING_COUNT; key++) {
        if (setting_table[key].question)
            assert_int_equal(setting_table[key].question, ++last);
    }
    assert_int_equal(last, 25);
}

static void a_list_keeps_order_and_refuses_an_item_twice(void **state)
{
    struct settings settings = {0};
    char item[SETTING_ITEM_SIZE];
    size_t cursor = 0;
    (void)state;
    assert_int_equal(settings_put(&settings, DNS_SERVER, "192.0.2.2\n192.0.2.1\n", NULL), 0);
    assert_int_equal(settings_count(&settings, DNS_SERVER), 2);
    assert_true(settings_item(&settings, DNS_SERVER, &cursor, item));
    assert_string_equal(item, "192.0.2.2");
    assert_true(settings_item(&settings, DNS_SERVER, &cursor, item));
    assert_string_equal(item, "192.0.2.1");
    assert_false(settings_item(&settings, DNS_SERVER, &cursor, item));
    assert_int_equal(settings_add(&settings, DNS_SERVER, "192.0.2.1", NULL), -EINVAL);
    assert_int_equal(settings_add(&settings, DNS_SERVER, "192.0.2.10", NULL), 0);
    assert_int_equal(settings_put(&settings, SYSLOG_SERVER, "a.test\na.test port=1", NULL),
                     -EINVAL);
    assert_int_equal(settings_put(&settings, DNS_SERVER, "", NULL), 0);
    assert_int_equal(settings_count(&settings, DNS_SERVER), 0);
    settings_free(&settings);
}

static void a_list_holds_as_many_items_as_its_row_says(void **state)
{
    struct settings settings = {0};
    char item[32];
    unsigned most = (unsigned)setting_table[HEALTH_STATIONS].most;
    (void)state;
    for (unsigned i = 0; i <= most; i++) {
        snprintf(item, sizeof(item), "10.%u.%u.1", i / 256, i % 256);
        assert_int_equal(settings_add(&settings, HEALTH_STATIONS, item, NULL),
                         i < most ? 0 : -EINVAL);
    }
    assert_int_equal(settings_count(&settings, HEALTH_STATIONS), most);
    settings_free(&settings);
}

static void a_refused_value_leaves_the_old_one(void **state)
{
    struct settings settings = {0};
    (void)state;
    assert_int_equal(settings_put(&settings, SIP_UDP_PORT, "5070", NULL), 0);
    assert_int_equal(settings_put(&settings, SIP_UDP_PORT, "none", NULL), -EINVAL);
    assert_int_equal(settings_uint(&settings, SIP_UDP_PORT), 5070);
    assert_int_equal(settings_put(&settings, DNS_SERVER, "192.0.2.1", NULL), 0);
    assert_int_equal(settings_put(&settings, DNS_SERVER, "192.0.2.2\nbad", NULL), -EINVAL);
    assert_string_equal(settings_text(&settings, DNS_SERVER), "192.0.2.1");
    settings_free(&settings);
}

static void a_mistyped_name_finds_the_setting_that_was_meant(void **state)
{
    (void)state;
    assert_int_equal(setting_nearest("net.ipv6dad"), NET_IPV6_DAD);
    assert_int_equal(setting_nearest("sip.udpport"), SIP_UDP_PORT);
    assert_int_equal(setting_nearest("ssh"), GLOBAL_SSH);
    assert_int_equal(setting_nearest("dns.servers"), DNS_SERVER);
    assert_int_equal(setting_nearest("colour.of.the.box"), SETTING_NONE);
    assert_int_equal(setting_nearest(""), SETTING_NONE);
}

static void copies_are_equal_and_of_their_own(void **state)
{
    struct settings a = {0}, b = {0};
    (void)state;
    assert_int_equal(settings_defaults(&a), 0);
    assert_int_equal(settings_copy(&b, &a), 0);
    assert_true(settings_equal(&a, &b));
    assert_int_equal(settings_put(&b, GLOBAL_SSH, "no", NULL), 0);
    assert_false(settings_equal(&a, &b));
    assert_true(settings_bool(&a, GLOBAL_SSH));
    settings_free(&a);
    settings_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_setting_has_a_name_a_help_and_a_role),
        cmocka_unit_test(every_setting_accepts_its_own_default_and_the_guides_value),
        cmocka_unit_test(the_wizards_questions_are_numbered_from_1_to_25_in_order),
        cmocka_unit_test(a_list_keeps_order_and_refuses_an_item_twice),
        cmocka_unit_test(a_list_holds_as_many_items_as_its_row_says),
        cmocka_unit_test(a_refused_value_leaves_the_old_one),
        cmocka_unit_test(a_mistyped_name_finds_the_setting_that_was_meant),
        cmocka_unit_test(copies_are_equal_and_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
