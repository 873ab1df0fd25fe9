/* The gate: how many, from where, how fast. */
#include "serve/front_limits.h"

#include "base/str.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { START_MS = 5000 };

static struct gate gate;

static int fresh(void **state)
{
    (void)state;
    gate = (struct gate){
        .limits = {
                   .connections = 100, .connections_per_address = 10, .handshakes_per_address_s = 20}
    };
    return 0;
}

static struct sockaddr_storage address(const char *text)
{
    struct sockaddr_storage storage = {0};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    struct sockaddr_in four = {.sin_family = AF_INET};
    if (inet_pton(AF_INET6, text, &six.sin6_addr) == 1)
        memcpy(&storage, &six, sizeof(six));
    else if (inet_pton(AF_INET, text, &four.sin_addr) == 1)
        memcpy(&storage, &four, sizeof(four));
    else
        fail();
    return storage;
}

static struct sockaddr_storage numbered(unsigned number)
{
    struct sockaddr_storage storage = address("10.0.0.0");
    ((struct sockaddr_in *)(void *)&storage)->sin_addr.s_addr = htonl(0x0a000000U + number);
    return storage;
}

static enum gate_answer enter(const struct sockaddr_storage *from, uint64_t now_ms,
                              struct gate_entry **entry)
{
    return gate_enter(&gate, from, now_ms, entry);
}

static void the_eleventh_connection_of_an_address_is_refused(void **state)
{
    struct sockaddr_storage one = address("192.0.2.1"), other = address("192.0.2.2");
    struct gate_entry *entry;
    (void)state;
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(enter(&one, START_MS, &entry), GATE_OPEN);
    struct gate_entry *kept = entry;
    assert_int_equal(enter(&one, START_MS, &entry), GATE_ADDRESS_FULL);
    assert_int_equal(enter(&other, START_MS, &entry), GATE_OPEN);
    gate_leave(&gate, kept);
    assert_int_equal(enter(&one, START_MS, &entry), GATE_OPEN);
}

static void an_ipv4_client_is_the_same_over_both_kinds_of_socket(void **state)
{
    struct sockaddr_storage four = address("192.0.2.1"), mapped = address("::ffff:192.0.2.1");
    struct gate_entry *one, *two;
    (void)state;
    assert_int_equal(enter(&four, START_MS, &one), GATE_OPEN);
    assert_int_equal(enter(&mapped, START_MS, &two), GATE_OPEN);
    assert_ptr_equal(one, two);
}

static void the_hundred_and_first_connection_is_refused(void **state)
{
    struct gate_entry *entry;
    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        struct sockaddr_storage from = numbered(i);
        assert_int_equal(enter(&from, START_MS, &entry), GATE_OPEN);
    }
    struct sockaddr_storage from = numbered(100);
    struct gate_entry *none;
    assert_int_equal(enter(&from, START_MS, &none), GATE_FULL);
    gate_leave(&gate, entry);
    assert_int_equal(enter(&from, START_MS, &none), GATE_OPEN);
}

static unsigned burst(const struct sockaddr_storage *from, uint64_t now_ms)
{
    unsigned admitted = 0;
    struct gate_entry *entry;
    for (unsigned i = 0; i < 100; i++)
        if (enter(from, now_ms, &entry) == GATE_OPEN) {
            gate_leave(&gate, entry);
            admitted++;
        }
    return admitted;
}

static void handshakes_are_rationed_by_the_second(void **state)
{
    struct sockaddr_storage from = address("2001:db8::1");
    (void)state;
    assert_int_equal(burst(&from, START_MS), 20);
    assert_int_equal(burst(&from, START_MS + 49), 0);
    assert_int_equal(burst(&from, START_MS + 100), 2);
    assert_int_equal(burst(&from, START_MS + 600), 10);
    assert_int_equal(burst(&from, START_MS + 100000), 20);
}

static void a_flood_of_addresses_never_loses_one_that_is_connected(void **state)
{
    struct sockaddr_storage here = address("192.0.2.1");
    struct gate_entry *kept, *entry;
    (void)state;
    assert_int_equal(enter(&here, START_MS, &kept), GATE_OPEN);
    for (unsigned i = 0; i < 4 * GATE_ENTRIES; i++) {
        struct sockaddr_storage from = numbered(i);
        assert_int_equal(enter(&from, START_MS + 1 + i, &entry), GATE_OPEN);
        gate_leave(&gate, entry);
    }
    assert_int_equal(kept->connections, 1);
    gate_leave(&gate, kept);
    assert_int_equal(gate.connections, 0);
}

static void a_flood_of_strangers_never_makes_it_forget_who_behaves(void **state)
{
    struct sockaddr_storage here = address("192.0.2.1");
    struct gate_entry *kept, *entry;
    (void)state;
    assert_int_equal(enter(&here, START_MS, &kept), GATE_OPEN);
    kept->behaves = true;
    gate_leave(&gate, kept);
    for (unsigned i = 0; i < 4 * GATE_ENTRIES; i++) {
        struct sockaddr_storage from = numbered(i);
        assert_int_equal(enter(&from, START_MS + 1 + i, &entry), GATE_OPEN);
        gate_leave(&gate, entry);
    }
    assert_int_equal(enter(&here, START_MS + 4 * GATE_ENTRIES, &entry), GATE_OPEN);
    assert_ptr_equal(entry, kept);
    assert_true(entry->behaves);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_eleventh_connection_of_an_address_is_refused, fresh),
        cmocka_unit_test_setup(an_ipv4_client_is_the_same_over_both_kinds_of_socket, fresh),
        cmocka_unit_test_setup(the_hundred_and_first_connection_is_refused, fresh),
        cmocka_unit_test_setup(handshakes_are_rationed_by_the_second, fresh),
        cmocka_unit_test_setup(a_flood_of_strangers_never_makes_it_forget_who_behaves, fresh),
        cmocka_unit_test_setup(a_flood_of_addresses_never_loses_one_that_is_connected, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
