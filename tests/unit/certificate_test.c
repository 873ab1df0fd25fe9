/* The names of a certificate: of one with more of them than its facts have room for, too. */
#include "certificate_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { NAMES = 200 };

static struct certificate_chain chain;
static struct certificate_facts facts;
static char names[NAMES][CERTIFICATE_NAME_SIZE];

static void put_name(size_t at, const char *name)
{
    (void)snprintf(names[at], sizeof(names[at]), "%s", name);
}

static void read_as(const char *wanted, bool host, size_t count)
{
    certificate_with_names(&chain, (const char(*)[CERTIFICATE_NAME_SIZE])names, count);
    certificate_read(&facts, &chain, wanted, host);
    assert_true(facts.parsed);
}

static void fill_with_hosts(size_t count)
{
    for (size_t i = 0; i < count; i++)
        (void)snprintf(names[i], sizeof(names[i]), "conf%03zu.video.example.org", i);
}

static bool names_it(const char *name)
{
    return certificate_names_hold(&facts, &chain, name);
}

static void a_host_and_an_address_behind_many_names_are_found(void **state)
{
    (void)state;
    for (size_t count = 2; count <= NAMES; count += 33) {
        fill_with_hosts(count);
        put_name(count - 2, "192.0.2.7");
        put_name(count - 1, "node.local");
        read_as("node.local", true, count);
        assert_true(facts.named);
        assert_true(names_it("node.local"));
        assert_true(names_it("NODE.local"));
        assert_true(names_it("192.0.2.7"));
        assert_false(names_it("other.local"));
        assert_false(names_it("192.0.2.8"));
        assert_true(certificate_names_a_host(&facts, &chain));
    }
}

/* Else a certificate for hosts would pass by its addresses (RFC 9525, 3). */
static void one_host_behind_many_addresses_makes_it_one_of_hosts(void **state)
{
    (void)state;
    for (size_t i = 0; i < NAMES; i++)
        (void)snprintf(names[i], sizeof(names[i]), "2001:db8:ffff:ffff:ffff:ffff:ffff:%zx",
                       0xf000 + i);
    read_as("2001:db8:ffff:ffff:ffff:ffff:ffff:f0c7", false, NAMES);
    assert_true(facts.named);
    assert_true(names_it("2001:db8:ffff:ffff:ffff:ffff:ffff:f0c7"));
    assert_false(certificate_names_a_host(&facts, &chain));
    put_name(NAMES - 1, "node.local");
    read_as("node.local", true, NAMES);
    assert_true(certificate_names_a_host(&facts, &chain));
}

/* At each length of what stands before it, so that any limit falls into the name once. */
static void a_part_of_a_name_is_no_name(void **state)
{
    static const char long_name[] = "node.local.elsewhere.example.org";
    (void)state;
    for (size_t shift = 0; shift < sizeof(long_name) + sizeof(", DNS:"); shift++) {
        for (size_t i = 0; i < NAMES / 2; i++)
            put_name(i, long_name);
        (void)snprintf(names[0], sizeof(names[0]), "%0*d.example", (int)shift + 1, 0);
        read_as("node.local", true, NAMES / 2);
        assert_false(facts.named);
        assert_false(names_it("node.local"));
        assert_false(names_it("node"));
    }
}

static void the_text_says_how_many_names_it_leaves_out(void **state)
{
    char end[32];
    size_t shown = 0;
    (void)state;
    fill_with_hosts(NAMES);
    read_as("node.local", true, NAMES);
    for (const char *at = facts.names; (at = strstr(at, ".video.example.org,")); at++)
        shown++;
    (void)snprintf(end, sizeof(end), ", and %zu more", NAMES - shown);
    assert_true(shown > 0 && shown < NAMES);
    assert_true(strlen(facts.names) > strlen(end));
    assert_string_equal(facts.names + strlen(facts.names) - strlen(end), end);
    assert_false(names_it("and"));
    read_as("node.local", true, 2);
    assert_string_equal(facts.names,
                        "DNS:conf000.video.example.org, DNS:conf001.video.example.org");
}

static void a_separator_within_a_name_makes_no_other_name(void **state)
{
    (void)state;
    put_name(0, "a.example, DNS:node.local");
    put_name(1, "b.example");
    read_as("node.local", true, 2);
    assert_false(facts.named);
    assert_false(names_it("node.local"));
    assert_true(names_it("b.example"));
    assert_string_equal(facts.names, "DNS:b.example, and 1 more");
}

/* Else a server could show one that is too long and ours behind it. */
static void behind_a_certificate_that_does_not_fit_none_is_kept(void **state)
{
    static const unsigned char der[CERTIFICATE_CHAIN_SIZE + 1];
    (void)state;
    chain = (struct certificate_chain){.count = 0};
    assert_false(certificate_chain_is_seen(&chain));
    certificate_chain_add(&chain, der, sizeof(der));
    certificate_chain_add(&chain, der, 1);
    assert_int_equal(chain.count, 0);
    assert_true(certificate_chain_is_seen(&chain));
    assert_false(certificate_chain_begins(&chain, der, 1));
    chain = (struct certificate_chain){.count = 0};
    for (size_t i = 0; i <= CERTIFICATE_CHAIN_MAX; i++)
        certificate_chain_add(&chain, der, 2);
    assert_int_equal(chain.count, CERTIFICATE_CHAIN_MAX);
    assert_int_equal(chain.left_out, 1);
    assert_true(certificate_chain_begins(&chain, der, 2));
    assert_false(certificate_chain_begins(&chain, der, 1));
}

static void expect_wildcard(const char *pattern, const char *name, bool matches)
{
    put_name(0, pattern);
    read_as(name, true, 1);
    if (facts.named != matches || names_it(name) != matches)
        fail_msg("%s and %s", pattern, name);
}

/* RFC 9525, 6.3: a whole leftmost label, and that alone. */
static void a_wildcard_stands_for_one_whole_label(void **state)
{
    (void)state;
    expect_wildcard("*.example.com", "a.example.com", true);
    expect_wildcard("*.example.com", "A.Example.COM", true);
    expect_wildcard("*.example.com", "example.com", false);
    expect_wildcard("*.example.com", ".example.com", false);
    expect_wildcard("*.example.com", "a.b.example.com", false);
    expect_wildcard("*.example.com", "a.example.com.evil.test", false);
    expect_wildcard("*.com", "a.example.com", false);
    expect_wildcard("a*.example.com", "ab.example.com", false);
    expect_wildcard("a.*.com", "a.example.com", false);
    expect_wildcard("*.*.com", "a.example.com", false);
    expect_wildcard("*", "example", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_and_an_address_behind_many_names_are_found),
        cmocka_unit_test(one_host_behind_many_addresses_makes_it_one_of_hosts),
        cmocka_unit_test(a_part_of_a_name_is_no_name),
        cmocka_unit_test(the_text_says_how_many_names_it_leaves_out),
        cmocka_unit_test(behind_a_certificate_that_does_not_fit_none_is_kept),
        cmocka_unit_test(a_wildcard_stands_for_one_whole_label),
        cmocka_unit_test(a_separator_within_a_name_makes_no_other_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
