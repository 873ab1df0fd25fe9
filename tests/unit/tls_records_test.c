/* The heads of a client's records: which pass, and why others do not. */
#include "tls/tls_records.h"

#include "tls/tls_alert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { SIZE_MAX_HERE = 70000, HEARTBEAT = 24 };

static unsigned char wire[SIZE_MAX_HERE];

/* A record at the beginning of `wire`; its size. */
static size_t record(unsigned type, size_t length)
{
    memset(wire, 0, sizeof(wire));
    wire[0] = (unsigned char)type;
    wire[1] = wire[2] = 3;
    wire[3] = (unsigned char)(length >> 8);
    wire[4] = (unsigned char)length;
    return TLS_RECORD_HEAD + length;
}

/* The alert for a record of this type and length, which is looked at whole. */
static unsigned look(struct tls_records *records, unsigned type, size_t length)
{
    size_t size = record(type, length);
    size_t passed = tls_records_look(records, wire, size);
    assert_int_equal(passed == size, records->alert == 0);
    return records->alert;
}

static void assert_records(const struct tls_records *from, unsigned type, size_t length,
                           unsigned alert)
{
    struct tls_records records = *from;
    assert_int_equal(look(&records, type, length), alert);
}

static const struct tls_records handshake;
static const struct tls_records handshake13 = {.tls13 = true};
static const struct tls_records open12 = {.open = true};
static const struct tls_records open13 = {.open = true, .tls13 = true};

static void the_types_of_a_handshake_pass(void **state)
{
    (void)state;
    for (unsigned type = TLS_RECORD_CHANGE_CIPHER_SPEC; type <= TLS_RECORD_DATA; type++)
        assert_records(&handshake, type, 1, 0);
    assert_records(&handshake, HEARTBEAT, 1, TLS_ALERT_UNEXPECTED_MESSAGE);
    assert_records(&handshake, 0, 1, TLS_ALERT_UNEXPECTED_MESSAGE);
    assert_records(&handshake, 255, 1, TLS_ALERT_UNEXPECTED_MESSAGE);
}

static void once_open_a_handshake_message_is_a_renegotiation(void **state)
{
    (void)state;
    struct tls_records records = open12;
    assert_int_equal(look(&records, TLS_RECORD_HANDSHAKE, 40), TLS_ALERT_NO_RENEGOTIATION);
    assert_true(records.renegotiates);
    assert_int_equal(tls_records_look(&records, wire, 9), 0);
    records = open13;
    assert_int_equal(look(&records, TLS_RECORD_HANDSHAKE, 40), TLS_ALERT_UNEXPECTED_MESSAGE);
    assert_false(records.renegotiates);
}

static void once_open_data_passes_and_below_tls13_alerts(void **state)
{
    (void)state;
    assert_records(&open12, TLS_RECORD_DATA, 40, 0);
    assert_records(&open12, TLS_RECORD_ALERT, 26, 0);
    assert_records(&open12, TLS_RECORD_CHANGE_CIPHER_SPEC, 1, TLS_ALERT_UNEXPECTED_MESSAGE);
    assert_records(&open13, TLS_RECORD_DATA, 40, 0);
    assert_records(&open13, TLS_RECORD_ALERT, 2, TLS_ALERT_UNEXPECTED_MESSAGE);
    assert_records(&open13, TLS_RECORD_CHANGE_CIPHER_SPEC, 1, TLS_ALERT_UNEXPECTED_MESSAGE);
    assert_records(&open13, HEARTBEAT, 40, TLS_ALERT_UNEXPECTED_MESSAGE);
}

static void a_record_is_as_long_as_its_version_permits(void **state)
{
    (void)state;
    assert_records(&handshake, TLS_RECORD_HANDSHAKE, TLS_RECORD_MAX, 0);
    assert_records(&handshake, TLS_RECORD_HANDSHAKE, TLS_RECORD_MAX + 1, TLS_ALERT_RECORD_OVERFLOW);
    assert_records(&handshake, TLS_RECORD_DATA, TLS_RECORD_MAX + 2048, 0);
    assert_records(&handshake13, TLS_RECORD_DATA, TLS_RECORD_MAX + 256, 0);
    assert_records(&handshake13, TLS_RECORD_DATA, TLS_RECORD_MAX + 257, TLS_ALERT_RECORD_OVERFLOW);
    assert_records(&open12, TLS_RECORD_DATA, TLS_RECORD_MAX + 2048, 0);
    assert_records(&open12, TLS_RECORD_DATA, TLS_RECORD_MAX + 2049, TLS_ALERT_RECORD_OVERFLOW);
    assert_records(&open13, TLS_RECORD_DATA, TLS_RECORD_MAX + 256, 0);
    assert_records(&open13, TLS_RECORD_DATA, TLS_RECORD_MAX + 257, TLS_ALERT_RECORD_OVERFLOW);
    assert_records(&open13, TLS_RECORD_DATA, 65535, TLS_ALERT_RECORD_OVERFLOW);
}

static void an_empty_record_and_a_long_change_of_ciphers_are_refused(void **state)
{
    (void)state;
    assert_records(&handshake, TLS_RECORD_HANDSHAKE, 0, TLS_ALERT_UNEXPECTED_MESSAGE);
    assert_records(&open13, TLS_RECORD_DATA, 0, TLS_ALERT_UNEXPECTED_MESSAGE);
    assert_records(&handshake, TLS_RECORD_CHANGE_CIPHER_SPEC, 2, TLS_ALERT_UNEXPECTED_MESSAGE);
}

static void what_carries_nothing_is_counted(void **state)
{
    (void)state;
    struct tls_records records = handshake;
    for (int i = 0; i < TLS_RECORDS_ODD_MAX; i++)
        assert_int_equal(look(&records, TLS_RECORD_ALERT, 2), 0);
    assert_int_equal(look(&records, TLS_RECORD_ALERT, 2), TLS_ALERT_UNEXPECTED_MESSAGE);
    records = open12;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < TLS_RECORDS_EMPTY_MAX; i++)
            assert_int_equal(look(&records, i % 2 ? TLS_RECORD_ALERT : TLS_RECORD_DATA, 40), 0);
        tls_records_note_data(&records);
    }
    for (int i = 0; i < TLS_RECORDS_EMPTY_MAX; i++)
        assert_int_equal(look(&records, TLS_RECORD_DATA, 40), 0);
    assert_int_equal(look(&records, TLS_RECORD_DATA, 40), TLS_ALERT_UNEXPECTED_MESSAGE);
}

/* Two lawful records, then one that is not: all before it passes, in pieces of any size. */
static void pieces_of_any_size_are_looked_at_alike(void **state)
{
    static unsigned char stream[200];
    (void)state;
    size_t lawful = 0;
    for (int i = 0; i < 2; i++) {
        size_t size = record(TLS_RECORD_DATA, 60);
        memcpy(stream + lawful, wire, size);
        lawful += size;
    }
    memcpy(stream + lawful, wire, record(TLS_RECORD_HANDSHAKE, 20));
    for (size_t piece = 1; piece <= sizeof(stream); piece++) {
        struct tls_records records = open12;
        size_t passed = 0;
        for (size_t at = 0; at < sizeof(stream); at += piece) {
            size_t size = sizeof(stream) - at < piece ? sizeof(stream) - at : piece;
            passed += tls_records_look(&records, stream + at, size);
        }
        assert_int_equal(passed, lawful);
        assert_true(records.renegotiates);
    }
}

static void the_handshake_ends_once_in_the_version_that_was_chosen(void **state)
{
    (void)state;
    for (unsigned tls13 = 0; tls13 <= 1; tls13++) {
        struct tls_records records = handshake;
        tls_records_choose(&records, tls13);
        assert_int_equal(look(&records, TLS_RECORD_HANDSHAKE, 40), 0);
        tls_records_open(&records);
        assert_int_equal(look(&records, TLS_RECORD_HANDSHAKE, 40),
                         tls13 ? TLS_ALERT_UNEXPECTED_MESSAGE : TLS_ALERT_NO_RENEGOTIATION);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_types_of_a_handshake_pass),
        cmocka_unit_test(once_open_a_handshake_message_is_a_renegotiation),
        cmocka_unit_test(once_open_data_passes_and_below_tls13_alerts),
        cmocka_unit_test(a_record_is_as_long_as_its_version_permits),
        cmocka_unit_test(an_empty_record_and_a_long_change_of_ciphers_are_refused),
        cmocka_unit_test(what_carries_nothing_is_counted),
        cmocka_unit_test(pieces_of_any_size_are_looked_at_alike),
        cmocka_unit_test(the_handshake_ends_once_in_the_version_that_was_chosen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
