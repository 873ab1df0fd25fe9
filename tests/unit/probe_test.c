/* The probe without a network: what it sends, what it reads, and what it keeps and judges. */
#include "probe/hello.h"
#include "probe/reply.h"

#include "base/buf.h"
#include "base/str.h"
#include "probe/ciphers.h"
#include "tls/client_hello.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { RECORD_HEAD = 5, RECORD_ALERT = 21, RECORD_HANDSHAKE = 22 };
enum { SERVER_HELLO = 2, CERTIFICATE = 11, KEY_EXCHANGE = 12, HELLO_DONE = 14 };
enum { ECDHE_SUITE = 0xC02F, DHE_SUITE = 0x009E, RSA_SUITE = 0x002F, SUITE_13 = 0x1301 };

/* --- hellos --- */

static void every_suite_and_group_fits_into_a_hello_of_each_version(void **state)
{
    (void)state;
    for (enum tls_version version = SSL_3_0; version <= TLS_1_3; version++) {
        uint16_t suites[CIPHERS_MAX], groups[GROUPS_MAX];
        unsigned char wire[HELLO_SIZE_MAX], message[CLIENT_HELLO_MAX];
        struct hello hello = {
            .version = version, .suites = suites, .groups = groups, .share = true};
        struct client_hello read;
        hello.suite_count = ciphers_of_version(version, suites);
        hello.group_count = groups_known(false, groups);
        hello.server_name = "conference.example";
        int size = hello_write(&hello, wire);
        assert_true(size > 0);
        assert_int_equal(client_hello_read(&read, wire, (size_t)size, message), 0);
        assert_int_equal(read.version, version);
        assert_int_equal(read.suites.count, hello.suite_count + (version == SSL_3_0));
        assert_int_equal(read.groups.count, version == SSL_3_0 ? 0 : hello.group_count);
        for (size_t i = 0; i < hello.suite_count; i++)
            assert_true(client_hello_lists(&read.suites, suites[i]));
        assert_int_equal(read.share_count, version == TLS_1_3 ? 2 : 0);
    }
}

static void a_client_may_name_all_signatures_or_sha_1_alone_or_none(void **state)
{
    static const struct {
        enum hello_signatures signatures;
        bool said;
    } cases[] = {
        {HELLO_SIGNATURES_ALL, true},
        {HELLO_SIGNATURES_FORBIDDEN, true},
        {HELLO_SIGNATURES_UNSAID, false},
    };
    uint16_t suite = ECDHE_SUITE, codes[SIGNATURES_MAX];
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        unsigned char wire[HELLO_SIZE_MAX], message[CLIENT_HELLO_MAX];
        struct client_hello read;
        const struct hello hello = {.version = TLS_1_2,
                                    .suites = &suite,
                                    .suite_count = 1,
                                    .signatures = cases[i].signatures};
        int size = hello_write(&hello, wire);
        assert_int_equal(client_hello_read(&read, wire, (size_t)size, message), 0);
        assert_int_equal(read.signatures, cases[i].said);
    }
    size_t count = signatures_known(true, codes);
    assert_int_equal(count, 4);
    for (size_t i = 0; i < count; i++)
        assert_true(signature_is_forbidden(codes[i]) && signature_name(codes[i]));
    for (size_t i = 0; i < SIGNATURE_COUNT; i++) {
        assert_false(signature_is_forbidden(signature_table[i].code));
        assert_string_equal(signature_name(signature_table[i].code), signature_table[i].name);
    }
}

static void a_name_too_long_for_a_hello_is_refused(void **state)
{
    char name[HELLO_SIZE_MAX + 1];
    unsigned char wire[HELLO_SIZE_MAX];
    uint16_t suite = RSA_SUITE;
    struct hello hello = {
        .version = TLS_1_2, .suites = &suite, .suite_count = 1, .server_name = name};
    (void)state;
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(hello_write(&hello, wire), -ENOSPC);
}

static void every_suite_of_the_policy_is_known_by_the_same_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < SUITE_COUNT; i++)
        assert_string_equal(cipher_name(suite_table[i].id), suite_table[i].name);
    for (size_t i = 0; i < NAMED_GROUP_COUNT; i++)
        assert_string_equal(group_name(named_group_table[i].code), named_group_table[i].name);
}

static void no_suite_and_no_group_is_offered_twice(void **state)
{
    uint16_t codes[CIPHERS_MAX];
    (void)state;
    size_t old = ciphers_of_version(TLS_1_2, codes);
    for (size_t i = 0; i < old; i++)
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(codes[i], codes[j]);
    size_t groups = groups_known(false, codes);
    for (size_t i = 0; i < groups; i++)
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(codes[i], codes[j]);
}

/* --- answers --- */

static struct reply_reader reader;

static void put_number(struct buf *to, size_t number, size_t size)
{
    while (size--)
        buf_putc(to, (char)(number >> 8 * size & 0xff));
}

static void put_message(struct buf *to, unsigned type, const void *body, size_t size)
{
    put_number(to, type, 1);
    put_number(to, size, 3);
    buf_append(to, body, size);
}

static void put_hello(struct buf *to, unsigned version, unsigned suite, const char *extensions,
                      size_t extensions_size)
{
    struct buf body = {0};
    put_number(&body, version, 2);
    for (size_t i = 0; i < 32; i++)
        buf_putc(&body, 'r');
    put_number(&body, 0, 1);
    put_number(&body, suite, 2);
    put_number(&body, 0, 1);
    if (extensions) {
        put_number(&body, extensions_size, 2);
        buf_append(&body, extensions, extensions_size);
    }
    put_message(to, SERVER_HELLO, body.data, body.length);
    buf_free(&body);
}

/* `messages` in records of at most `size` bytes; what reading them gives. */
static int read_records(const struct buf *messages, size_t size)
{
    struct buf wire = {0};
    for (size_t at = 0; at < messages->length; at += size) {
        size_t part = messages->length - at < size ? messages->length - at : size;
        put_number(&wire, RECORD_HANDSHAKE, 1);
        put_number(&wire, TLS_1_2, 2);
        put_number(&wire, part, 2);
        buf_append(&wire, messages->data + at, part);
    }
    reply_begin(&reader);
    int state = reply_feed(&reader, wire.data, wire.length);
    buf_free(&wire);
    return state;
}

static int read_bytes(const char *data, size_t size)
{
    reply_begin(&reader);
    return reply_feed(&reader, data, size);
}

static void a_flight_is_read_however_it_is_cut_into_records(void **state)
{
    struct buf messages = {0};
    (void)state;
    put_hello(&messages, TLS_1_2, ECDHE_SUITE, "\xff\x01\0\1\0\0\x17\0\0\0\x23\0\0", 13);
    put_message(&messages, CERTIFICATE, "\0\0\6\0\0\3abc", 9);
    put_message(&messages, KEY_EXCHANGE, "\3\0\x17\1x\4\1\0\1s", 10);
    put_message(&messages, HELLO_DONE, "", 0);
    for (size_t size = 1; size <= messages.length; size++) {
        assert_int_equal(read_records(&messages, size), 1);
        const struct reply *reply = &reader.reply;
        assert_true(reply->hello && reply->renegotiation && reply->master_secret && reply->ticket);
        assert_int_equal(reply->version, TLS_1_2);
        assert_int_equal(reply->suite, ECDHE_SUITE);
        assert_int_equal(reply->group, 0x17);
        assert_int_equal(reply->signature, 0x0401);
        assert_int_equal(reader.certificates_length, 6);
        assert_memory_equal(reader.certificates, "\0\0\3abc", 6);
    }
    buf_free(&messages);
}

static void the_bits_of_a_modulus_are_counted_without_leading_zeros(void **state)
{
    static const struct {
        const char *modulus;
        size_t size;
        unsigned bits;
    } cases[] = {
        {"\xff\xff", 2, 16}, {"\x01\xff", 2, 9}, {"\0\x80", 2, 8}, {"\0\0", 2, 0}, {"", 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct buf messages = {0}, body = {0};
        put_number(&body, cases[i].size, 2);
        buf_append(&body, cases[i].modulus, cases[i].size);
        put_hello(&messages, TLS_1_2, DHE_SUITE, NULL, 0);
        put_message(&messages, KEY_EXCHANGE, body.data, body.length);
        put_message(&messages, HELLO_DONE, "", 0);
        assert_int_equal(read_records(&messages, 100), 1);
        assert_int_equal(reader.reply.dh_bits, cases[i].bits);
        buf_free(&messages);
        buf_free(&body);
    }
}

static void the_signature_of_a_key_exchange_is_read_in_tls_1_2_alone(void **state)
{
    static const struct {
        unsigned version, suite;
        const char *body;
        size_t size;
        unsigned signature;
    } cases[] = {
        {TLS_1_2, ECDHE_SUITE, "\3\0\x17\1x\2\3\0\1s", 10, 0x0203},
        {TLS_1_2, DHE_SUITE, "\0\1p\0\1g\0\1y\2\1\0\1s", 14, 0x0201},
        {TLS_1_1, ECDHE_SUITE, "\3\0\x17\1x\2\3\0\1s", 10, 0}, /* its length is 0x0203 */
        {TLS_1_2, ECDHE_SUITE, "\3\0\x17\1x", 5, 0},           /* anonymous */
        {TLS_1_2, ECDHE_SUITE, "\3\0\x17\1x\2\3\0\2s", 10, 0}, /* it runs over its end */
        {TLS_1_2, ECDHE_SUITE, "\3\0\x17\xffx\2\3\0\1s", 10, 0},
        {TLS_1_2, ECDHE_SUITE, "\1\0\x17\1x\2\3\0\1s", 10, 0}, /* a curve of its own */
        {TLS_1_2, RSA_SUITE, "\3\0\x17\1x\2\3\0\1s", 10, 0},
    };
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct buf messages = {0};
        put_hello(&messages, cases[i].version, cases[i].suite, NULL, 0);
        put_message(&messages, KEY_EXCHANGE, cases[i].body, cases[i].size);
        put_message(&messages, HELLO_DONE, "", 0);
        assert_int_equal(read_records(&messages, 1000), 1);
        assert_int_equal(reader.reply.signature, cases[i].signature);
        buf_free(&messages);
    }
}

static void a_hello_of_tls_1_3_is_all_that_is_waited_for(void **state)
{
    struct buf messages = {0};
    (void)state;
    put_hello(&messages, TLS_1_2, SUITE_13, "\0\x2b\0\2\3\4\0\x33\0\2\0\x18", 12);
    assert_int_equal(read_records(&messages, 1000), 1);
    assert_int_equal(reader.reply.version, TLS_1_3);
    assert_int_equal(reader.reply.group, 0x18);
    buf_free(&messages);
}

static void a_fatal_alert_ends_it_and_a_warning_does_not(void **state)
{
    (void)state;
    assert_int_equal(read_bytes("\x15\3\3\0\2\2\x28", 7), 1);
    assert_true(reader.reply.alert);
    assert_int_equal(reader.reply.alert_code, 0x28);
    assert_int_equal(read_bytes("\x15\3\3\0\2\1\x70", 7), 0);
    assert_false(reader.reply.alert);
    assert_int_equal(read_bytes("\x15\3\3\0\2\1\0", 7), 1);
}

static void what_is_no_answer_is_refused(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
    } cases[] = {
        {"HTTP/1.1 400", 12},
        {"\x17\3\3\0\1x", 6},           /* application data */
        {"\x16\2\0\0\1x", 6},           /* no version of TLS */
        {"\x16\3\3\xff\xff", 5},        /* a record longer than may be */
        {"\x16\3\3\0\0", 5},            /* an empty record */
        {"\x14\3\3\0\1\1", 6},          /* ChangeCipherSpec before the hello */
        {"\x15\3\3\0\3\2\x28x", 8},     /* an alert that is too long */
        {"\x16\3\3\0\4\x0e\0\0\0", 9},  /* done, before it began */
        {"\x16\3\3\0\4\2\xff\0\0", 9},  /* a message longer than is kept */
        {"\x16\3\3\0\6\2\0\0\2\3", 10}, /* cut: waits */
    };
    (void)state;
    for (size_t i = 0; i < countof(cases); i++)
        assert_int_equal(read_bytes(cases[i].bytes, cases[i].size),
                         i + 1 < countof(cases) ? -EPROTO : 0);
}

static void lists_that_run_over_their_end_are_refused(void **state)
{
    static const struct {
        unsigned type;
        const char *body;
        size_t size;
    } cases[] = {
        {CERTIFICATE, "\0\0\7\0\0\3abc", 9},
        {KEY_EXCHANGE, "\3\0", 2},
        {KEY_EXCHANGE, "", 0},
        {SERVER_HELLO, "\3\3", 2},
    };
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct buf messages = {0};
        put_hello(&messages, TLS_1_2, ECDHE_SUITE, NULL, 0);
        put_message(&messages, cases[i].type, cases[i].body, cases[i].size);
        assert_int_equal(read_records(&messages, 1000), -EPROTO);
        buf_free(&messages);
    }
    struct buf messages = {0};
    put_hello(&messages, TLS_1_2, ECDHE_SUITE, "\xff\x01\0\2\0", 5);
    assert_int_equal(read_records(&messages, 1000), -EPROTO);
    buf_free(&messages);
}

static void an_answer_without_end_is_refused(void **state)
{
    int found = 0;
    (void)state;
    reply_begin(&reader);
    for (size_t i = 0; i < REPLY_WIRE_MAX && found == 0; i++)
        found = reply_feed(&reader, "\x15\3\3\0\2\1\x70", 7);
    assert_int_equal(found, -EPROTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_suite_and_group_fits_into_a_hello_of_each_version),
        cmocka_unit_test(a_client_may_name_all_signatures_or_sha_1_alone_or_none),
        cmocka_unit_test(a_name_too_long_for_a_hello_is_refused),
        cmocka_unit_test(every_suite_of_the_policy_is_known_by_the_same_name),
        cmocka_unit_test(no_suite_and_no_group_is_offered_twice),
        cmocka_unit_test(a_flight_is_read_however_it_is_cut_into_records),
        cmocka_unit_test(the_bits_of_a_modulus_are_counted_without_leading_zeros),
        cmocka_unit_test(the_signature_of_a_key_exchange_is_read_in_tls_1_2_alone),
        cmocka_unit_test(a_hello_of_tls_1_3_is_all_that_is_waited_for),
        cmocka_unit_test(a_fatal_alert_ends_it_and_a_warning_does_not),
        cmocka_unit_test(what_is_no_answer_is_refused),
        cmocka_unit_test(lists_that_run_over_their_end_are_refused),
        cmocka_unit_test(an_answer_without_end_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
