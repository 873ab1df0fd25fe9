/* The gate: how many, from where, how fast, and who gives way. */
#include "endpoint/limiter.h"

#include "base/str.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { START_MS = 5000, PORT = 40000, PLACES = 100 };

static const struct worker_limits limits = {
    .connections = PLACES,
    .connections_per_address = 10,
    .handshakes_per_address_s = 20,
};

static struct limiter limiter;
static struct stations stations;

static void set_stations(const char *text)
{
    struct settings settings = {0};
    struct buf why = {0};
    assert_int_equal(settings_defaults(&settings), 0);
    assert_int_equal(settings_put(&settings, HEALTH_STATIONS, text, &why), 0);
    assert_int_equal(stations_read(&stations, &settings), 0);
    settings_free(&settings);
    buf_free(&why);
}

/* Everybody of both families, as one share each. */
static int fresh(void **state)
{
    (void)state;
    set_stations("0.0.0.0/0\n::/0");
    limiter_init(&limiter, &limits, &stations);
    return 0;
}

static void serve(const char *list)
{
    set_stations(list);
    limiter_init(&limiter, &limits, &stations);
}

static struct peer peer_at(const char *text, uint16_t port)
{
    struct sockaddr_storage storage = {0}, to = {0};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct peer peer;
    if (inet_pton(AF_INET6, text, &six.sin6_addr) == 1)
        memcpy(&storage, &six, sizeof(six));
    else if (inet_pton(AF_INET, text, &four.sin_addr) == 1)
        memcpy(&storage, &four, sizeof(four));
    else
        fail();
    peer_read(&peer, &storage, &to);
    return peer;
}

static struct peer peer_of(const char *text)
{
    return peer_at(text, PORT);
}

static struct peer numbered(unsigned number)
{
    struct peer peer = peer_of("10.0.0.0");
    peer.address.s6_addr[13] = (uint8_t)(number >> 16);
    peer.address.s6_addr[14] = (uint8_t)(number >> 8);
    peer.address.s6_addr[15] = (uint8_t)number;
    return peer;
}

static enum limiter_answer enter(const struct peer *from, uint64_t now_ms,
                                 struct limiter_slot *place)
{
    return limiter_enter(&limiter, from, now_ms, place);
}

/* A connection that has finished its handshake. */
static enum limiter_answer enter_and_finish(const struct peer *from, uint64_t now_ms,
                                            struct limiter_slot *place)
{
    enum limiter_answer answer = limiter_enter(&limiter, from, now_ms, place);
    if (answer == LIMITER_OPEN) {
        assert_true(limiter_start(&limiter, place, now_ms));
        limiter_finish(place, now_ms);
    }
    return answer;
}

static void the_eleventh_open_connection_of_a_source_is_refused(void **state)
{
    struct peer one = peer_of("192.0.2.1"), other = peer_of("192.0.2.2");
    struct limiter_slot place, kept;
    (void)state;
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(enter_and_finish(&one, START_MS, &kept), LIMITER_OPEN);
    assert_int_equal(enter(&one, START_MS, &place), LIMITER_SOURCE_FULL);
    assert_int_equal(enter(&other, START_MS, &place), LIMITER_OPEN);
    limiter_leave(&limiter, &kept);
    assert_int_equal(enter(&one, START_MS, &place), LIMITER_OPEN);
}

static void the_eleventh_handshake_of_a_source_waits_for_one_of_the_ten(void **state)
{
    struct peer one = peer_of("192.0.2.1");
    struct limiter_slot place[11];
    (void)state;
    for (size_t i = 0; i < 11; i++) {
        assert_int_equal(enter(&one, START_MS, &place[i]), LIMITER_OPEN);
        assert_int_equal(limiter_start(&limiter, &place[i], START_MS), i < 10);
    }
    assert_true(limiter_ready_ms(&limiter, &place[10]) == UINT64_MAX);
    limiter_leave(&limiter, &place[0]);
    assert_true(limiter_ready_ms(&limiter, &place[10]) <= START_MS);
    assert_true(limiter_start(&limiter, &place[10], START_MS));
}

/* Pairs of addresses, and whether both are one source. */
static void sources_are_ipv4_addresses_and_64_bits_of_ipv6(void **state)
{
    static const struct {
        const char *one, *other;
        bool same;
    } pairs[] = {
        {"192.0.2.1", "::ffff:192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", false},
        {"2001:db8::1", "2001:db8::ffff:0:0:9", true},
        {"2001:db8::1", "2001:db8:0:1::1", false},
        {"2001:db8:5::1", "2001:db8:5::2", false}, /* stations of their own */
        {"::1", "::2", false},
        {"127.0.0.1", "127.0.0.2", false},
    };
    (void)state;
    serve("0.0.0.0/0\n::/0\n2001:db8:5::1/128\n2001:db8:5::2/128");
    for (size_t i = 0; i < countof(pairs); i++) {
        struct peer one = peer_of(pairs[i].one), other = peer_of(pairs[i].other);
        struct limiter_slot first, second;
        assert_int_equal(enter(&one, START_MS, &first), LIMITER_OPEN);
        assert_int_equal(enter(&other, START_MS, &second), LIMITER_OPEN);
        assert_int_equal(first.entry == second.entry, pairs[i].same);
        limiter_leave(&limiter, &first);
        limiter_leave(&limiter, &second);
    }
}

static void strangers_are_refused_and_the_node_is_not(void **state)
{
    static const struct {
        const char *address;
        enum limiter_answer answer;
    } peers[] = {
        {"192.0.2.7", LIMITER_OPEN},
        {"192.0.2.8", LIMITER_UNKNOWN},
        {"::ffff:192.0.2.7", LIMITER_OPEN},
        {"2001:db8::1", LIMITER_OPEN},
        {"2001:db8:1::1", LIMITER_UNKNOWN},
        {"::192.0.2.7", LIMITER_UNKNOWN},
        {"127.0.0.1", LIMITER_OPEN},
        {"127.9.9.9", LIMITER_OPEN},
        {"::1", LIMITER_OPEN},
        {"::ffff:127.0.0.1", LIMITER_OPEN},
        {"126.0.0.1", LIMITER_UNKNOWN},
    };
    struct limiter_slot place;
    (void)state;
    serve("192.0.2.7/32\n2001:db8::/48");
    for (size_t i = 0; i < countof(peers); i++) {
        struct peer peer = peer_of(peers[i].address);
        assert_int_equal(enter(&peer, START_MS, &place), peers[i].answer);
    }
}

static void a_network_of_all_ipv6_holds_no_ipv4_address(void **state)
{
    struct peer four = peer_of("192.0.2.1"), six = peer_of("2001:db8::1");
    struct limiter_slot place;
    (void)state;
    serve("::/0");
    assert_int_equal(enter(&four, START_MS, &place), LIMITER_UNKNOWN);
    assert_int_equal(enter(&six, START_MS, &place), LIMITER_OPEN);
    serve("0.0.0.0/0");
    assert_int_equal(enter(&four, START_MS, &place), LIMITER_OPEN);
    assert_int_equal(enter(&six, START_MS, &place), LIMITER_UNKNOWN);
}

static void what_comes_from_an_address_of_the_nodes_own_is_the_nodes(void **state)
{
    struct sockaddr_in6 from = {.sin6_family = AF_INET6, .sin6_port = htons(PORT)}, to = from;
    struct sockaddr_storage one = {0}, other = {0};
    struct peer peer;
    struct limiter_slot place;
    (void)state;
    serve("");
    assert_int_equal(inet_pton(AF_INET6, "2001:db8::1", &from.sin6_addr), 1);
    assert_int_equal(inet_pton(AF_INET6, "2001:db8::2", &to.sin6_addr), 1);
    memcpy(&one, &from, sizeof(from));
    memcpy(&other, &to, sizeof(to));
    peer_read(&peer, &one, &other);
    assert_int_equal(enter(&peer, START_MS, &place), LIMITER_UNKNOWN);
    peer_read(&peer, &one, &one);
    assert_int_equal(enter(&peer, START_MS, &place), LIMITER_OPEN);
}

static void a_crowd_of_one_share_leaves_the_others_their_places(void **state)
{
    struct peer station = peer_of("192.0.2.7"), local = peer_of("127.0.0.1");
    struct peer probe = peer_at("127.0.0.2", IPPORT_RESERVED - 1);
    const struct peer *const newcomers[] = {&station, &local, &probe};
    struct limiter_slot crowd[PLACES], place;
    (void)state;
    serve("10.0.0.0/8\n192.0.2.7/32");
    for (unsigned i = 0; i < PLACES; i++) {
        struct peer from = numbered(i);
        assert_int_equal(enter_and_finish(&from, START_MS, &crowd[i]), LIMITER_OPEN);
        crowd[i].at_work = true;
        crowd[i].entry->is_known = true;
    }
    for (size_t i = 0; i < countof(newcomers); i++) {
        assert_int_equal(enter(newcomers[i], START_MS, &place), LIMITER_FULL);
        assert_true(limiter_may_take(&limiter, &crowd[0], place.entry, START_MS));
    }
    struct peer another = numbered(PLACES);
    assert_int_equal(enter(&another, START_MS, &place), LIMITER_FULL);
    assert_false(limiter_may_take(&limiter, &crowd[0], place.entry, START_MS));
    assert_true(limiter_may_take(&limiter, &crowd[0], place.entry, START_MS + 1000));
}

static void a_share_within_its_reserve_gives_nothing_to_others(void **state)
{
    struct peer station = peer_of("192.0.2.7");
    struct limiter_slot kept, place;
    (void)state;
    serve("10.0.0.0/8\n192.0.2.7/32");
    assert_int_equal(enter_and_finish(&station, START_MS, &kept), LIMITER_OPEN);
    for (unsigned i = 0; i + 1 < PLACES; i++) {
        struct peer from = numbered(i);
        assert_int_equal(enter(&from, START_MS, &place), LIMITER_OPEN);
    }
    struct peer another = numbered(PLACES);
    assert_int_equal(enter(&another, START_MS, &place), LIMITER_FULL);
    assert_false(limiter_may_take(&limiter, &kept, place.entry, START_MS + 100000));
}

/* The entries of 10.77.0.0/16 that end in 0 and 1: as many stations as there may be. */
static void serve_all_stations(void)
{
    char list[STATIONS_MAX * sizeof("10.77.255.0/32")];
    size_t length = 0;
    for (unsigned i = 0; i < STATIONS_MAX; i++)
        length += (size_t)snprintf(list + length, sizeof(list) - length, "%s10.77.%u.%u/32",
                                   i ? "\n" : "", i / 2, i % 2);
    serve(list);
}

static struct peer station_numbered(unsigned number)
{
    struct peer peer = peer_of("10.77.0.0");
    peer.address.s6_addr[14] = (uint8_t)(number / 2);
    peer.address.s6_addr[15] = (uint8_t)(number % 2);
    return peer;
}

static void each_share_has_a_place_however_many_there_are(void **state)
{
    (void)state;
    for (unsigned count = 1; count <= STATIONS_MAX; count++) {
        serve_all_stations();
        stations.count = count;
        limiter_init(&limiter, &limits, &stations);
        for (unsigned i = 0; i < SHARE_STATIONS + count; i++)
            assert_in_range(limiter.shares[i].reserved, 1, PLACES);
    }
}

static void the_only_place_of_many_stations_is_its_own(void **state)
{
    struct peer station = station_numbered(STATIONS_MAX - 1), crowd = station_numbered(0);
    struct limiter_slot kept, first, place;
    (void)state;
    serve_all_stations();
    assert_int_equal(enter_and_finish(&station, START_MS, &kept), LIMITER_OPEN);
    assert_int_equal(enter(&crowd, START_MS, &first), LIMITER_OPEN);
    for (unsigned i = 2; i < PLACES; i++)
        assert_int_equal(enter(&crowd, START_MS, &place), LIMITER_OPEN);
    assert_int_equal(enter(&crowd, START_MS, &place), LIMITER_FULL);
    assert_false(limiter_may_take(&limiter, &kept, place.entry, START_MS + 100000));
    struct peer another = station_numbered(1);
    assert_int_equal(enter(&another, START_MS, &place), LIMITER_FULL);
    assert_false(limiter_may_take(&limiter, &kept, place.entry, START_MS + 100000));
    assert_true(limiter_may_take(&limiter, &first, place.entry, START_MS));
}

static void where_each_station_has_one_place_an_idle_one_gives_way_to_one_that_has_none(
    void **state)
{
    struct limiter_slot held[PLACES], place;
    (void)state;
    serve_all_stations();
    for (unsigned i = 0; i < PLACES; i++) {
        struct peer station = station_numbered(i);
        assert_int_equal(enter_and_finish(&station, START_MS, &held[i]), LIMITER_OPEN);
        held[i].at_work = i > 0;
    }
    struct peer newcomer = station_numbered(PLACES), again = station_numbered(1);
    assert_int_equal(enter(&newcomer, START_MS, &place), LIMITER_FULL);
    assert_true(limiter_may_take(&limiter, &held[0], place.entry, START_MS));
    assert_false(limiter_may_take(&limiter, &held[1], place.entry, START_MS));
    assert_int_equal(enter(&again, START_MS, &place), LIMITER_FULL);
    assert_false(limiter_may_take(&limiter, &held[0], place.entry, START_MS));
    limiter_leave(&limiter, &held[0]);
    assert_int_equal(enter(&newcomer, START_MS, &place), LIMITER_OPEN);
    assert_int_equal(limiter.beyond, 0);
}

static void the_probe_is_known_by_a_port_that_others_cannot_have(void **state)
{
    static const struct {
        const char *address;
        uint16_t port;
        int share;
    } peers[] = {
        {"127.0.0.2", 1023, SHARE_PROBE}, {"::1", 1, SHARE_PROBE},
        {"127.0.0.2", 1024, SHARE_NODE},  {"192.0.2.7", 1023, SHARE_STATIONS},
        {"192.0.2.8", 1023, SHARE_NONE},
    };
    struct in6_addr source;
    (void)state;
    serve("192.0.2.7/32");
    for (size_t i = 0; i < countof(peers); i++) {
        struct peer peer = peer_at(peers[i].address, peers[i].port);
        assert_int_equal(stations_share(&stations, &peer, &source), peers[i].share);
    }
}

static void the_fullest_source_gives_way_and_there_the_longest_idle(void **state)
{
    struct peer one = peer_of("10.0.0.1"), two = peer_of("10.0.0.2"), new = peer_of("10.0.0.3");
    struct limiter_slot first, second, third, newcomer;
    (void)state;
    assert_int_equal(enter(&two, START_MS, &first), LIMITER_OPEN);
    assert_int_equal(enter(&one, START_MS + 1, &second), LIMITER_OPEN);
    assert_int_equal(enter(&one, START_MS + 2, &third), LIMITER_OPEN);
    assert_int_equal(enter(&new, START_MS + 3, &newcomer), LIMITER_OPEN);
    limiter_leave(&limiter, &newcomer);
    assert_true(limiter_takes_before(&second, &third, newcomer.entry));
    assert_true(limiter_takes_before(&third, &first, newcomer.entry));
    /* Two places of a source that behaves are not held against it. */
    second.entry->is_known = true;
    assert_true(limiter_takes_before(&first, &second, newcomer.entry));
    /* The newcomer counts to its own. */
    first.entry->is_known = true;
    second.entry->is_known = false;
    assert_true(limiter_takes_before(&second, &first, first.entry));
    second.entry->is_known = true;
    assert_true(limiter_takes_before(&second, &first, second.entry));
}

static unsigned burst(const struct peer *from, uint64_t now_ms)
{
    unsigned started = 0;
    struct limiter_slot place;
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(enter(from, now_ms, &place), LIMITER_OPEN);
        started += limiter_start(&limiter, &place, now_ms);
        limiter_leave(&limiter, &place);
    }
    return started;
}

static void handshakes_are_rationed_by_the_second(void **state)
{
    struct peer from = peer_of("2001:db8::1");
    (void)state;
    assert_int_equal(burst(&from, START_MS), 20);
    assert_int_equal(burst(&from, START_MS + 49), 0);
    assert_int_equal(burst(&from, START_MS + 100), 2);
    assert_int_equal(burst(&from, START_MS + 600), 10);
    assert_int_equal(burst(&from, START_MS + 100000), 20);
}

static void who_waits_for_the_budget_may_start_when_it_says(void **state)
{
    struct peer from = peer_of("192.0.2.1");
    struct limiter_slot place;
    (void)state;
    assert_int_equal(burst(&from, START_MS), 20);
    assert_int_equal(enter(&from, START_MS, &place), LIMITER_OPEN);
    uint64_t ready_ms = limiter_ready_ms(&limiter, &place);
    assert_true(ready_ms == START_MS + 50);
    assert_false(limiter_start(&limiter, &place, ready_ms - 1));
    assert_true(limiter_start(&limiter, &place, ready_ms));
    limiter_leave(&limiter, &place);
    assert_int_equal(limiter.waiting, 0);
}

static void a_flood_of_addresses_never_loses_one_that_is_connected(void **state)
{
    struct peer here = peer_of("192.0.2.1");
    struct limiter_slot kept, place;
    (void)state;
    assert_int_equal(enter(&here, START_MS, &kept), LIMITER_OPEN);
    for (unsigned i = 0; i < 4 * LIMITER_ENTRIES; i++) {
        struct peer from = numbered(i);
        assert_int_equal(enter(&from, START_MS + 1 + i, &place), LIMITER_OPEN);
        limiter_leave(&limiter, &place);
    }
    assert_int_equal(kept.entry->places, 1);
    limiter_leave(&limiter, &kept);
    assert_int_equal(limiter.connections, 0);
    assert_int_equal(limiter.waiting, 0);
}

static void a_flood_of_strangers_never_makes_it_forget_who_behaves(void **state)
{
    struct peer here = peer_of("192.0.2.1");
    struct limiter_slot kept, place;
    (void)state;
    assert_int_equal(enter(&here, START_MS, &kept), LIMITER_OPEN);
    kept.entry->is_known = true;
    limiter_leave(&limiter, &kept);
    for (unsigned i = 0; i < 4 * LIMITER_ENTRIES; i++) {
        struct peer from = numbered(i);
        assert_int_equal(enter(&from, START_MS + 1 + i, &place), LIMITER_OPEN);
        limiter_leave(&limiter, &place);
    }
    assert_int_equal(enter(&here, START_MS + 4 * LIMITER_ENTRIES, &place), LIMITER_OPEN);
    assert_ptr_equal(place.entry, kept.entry);
    assert_true(place.entry->is_known);
}

static void a_new_list_of_stations_moves_those_who_stay(void **state)
{
    static struct limiter next;
    struct peer stays = peer_of("192.0.2.1"), goes = peer_of("192.0.2.2");
    struct limiter_slot kept, lost;
    (void)state;
    serve("192.0.2.2/32\n192.0.2.1/32");
    assert_int_equal(enter_and_finish(&stays, START_MS, &kept), LIMITER_OPEN);
    kept.entry->is_known = true;
    assert_int_equal(enter(&goes, START_MS, &lost), LIMITER_OPEN);
    set_stations("192.0.2.1/32");
    limiter_init(&next, &limits, &stations);
    assert_true(limiter_move(&next, &stays, &kept));
    assert_false(limiter_move(&next, &goes, &lost));
    assert_int_equal(next.connections, 1);
    assert_int_equal(next.shares[SHARE_STATIONS].places, 1);
    assert_true(kept.entry->is_known && kept.entry->budget == 19000 && kept.entry->open == 1);
    limiter_leave(&limiter, &lost);
    limiter_leave(&next, &kept);
    assert_int_equal(next.connections, 0);
    assert_int_equal(kept.entry->started, 0);
}

/* A turn looks at the clock more than once, and a handshake notes when it ended. */
static void what_is_noted_later_than_now_has_just_been(void **state)
{
    struct peer one = peer_of("10.0.0.1"), new = peer_of("10.0.0.2"), other = peer_of("10.0.0.3");
    struct limiter_slot asks, newcomer;
    (void)state;
    assert_int_equal(enter_and_finish(&one, START_MS + 10, &asks), LIMITER_OPEN);
    asks.at_work = true;
    assert_int_equal(enter(&new, START_MS, &newcomer), LIMITER_OPEN);
    assert_false(limiter_may_take(&limiter, &asks, newcomer.entry, START_MS));
    assert_false(limiter_may_take(&limiter, &asks, newcomer.entry, START_MS + 1009));
    assert_true(limiter_may_take(&limiter, &asks, newcomer.entry, START_MS + 1010));
    assert_int_equal(burst(&other, START_MS + 100), 20);
    assert_int_equal(burst(&other, START_MS + 50), 0);
    assert_int_equal(burst(&other, START_MS + 100), 0);
    assert_int_equal(burst(&other, START_MS + 150), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_eleventh_open_connection_of_a_source_is_refused, fresh),
        cmocka_unit_test_setup(the_eleventh_handshake_of_a_source_waits_for_one_of_the_ten, fresh),
        cmocka_unit_test(sources_are_ipv4_addresses_and_64_bits_of_ipv6),
        cmocka_unit_test(strangers_are_refused_and_the_node_is_not),
        cmocka_unit_test(a_network_of_all_ipv6_holds_no_ipv4_address),
        cmocka_unit_test(what_comes_from_an_address_of_the_nodes_own_is_the_nodes),
        cmocka_unit_test(a_crowd_of_one_share_leaves_the_others_their_places),
        cmocka_unit_test(a_share_within_its_reserve_gives_nothing_to_others),
        cmocka_unit_test(each_share_has_a_place_however_many_there_are),
        cmocka_unit_test(the_only_place_of_many_stations_is_its_own),
        cmocka_unit_test(
            where_each_station_has_one_place_an_idle_one_gives_way_to_one_that_has_none),
        cmocka_unit_test(the_probe_is_known_by_a_port_that_others_cannot_have),
        cmocka_unit_test_setup(the_fullest_source_gives_way_and_there_the_longest_idle, fresh),
        cmocka_unit_test_setup(handshakes_are_rationed_by_the_second, fresh),
        cmocka_unit_test_setup(who_waits_for_the_budget_may_start_when_it_says, fresh),
        cmocka_unit_test_setup(a_flood_of_strangers_never_makes_it_forget_who_behaves, fresh),
        cmocka_unit_test_setup(a_flood_of_addresses_never_loses_one_that_is_connected, fresh),
        cmocka_unit_test_setup(what_is_noted_later_than_now_has_just_been, fresh),
        cmocka_unit_test(a_new_list_of_stations_moves_those_who_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
