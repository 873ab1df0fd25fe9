/* The ClientHello: what is read from it, in which pieces it may come, and what is refused. */
#include "tls/client_hello.h"

#include "base/buf.h"
#include "base/str.h"
#include "tls/tls_alert.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { RECORD_HEAD = 5, TLS10 = 0x0301, TLS11 = 0x0302, TLS12 = 0x0303, TLS13 = 0x0304 };

static unsigned char message[CLIENT_HELLO_MAX];

static void put_number(struct buf *to, size_t number, size_t size)
{
    while (size--)
        buf_putc(to, (char)(number >> 8 * size & 0xff));
}

/* A block behind its length. */
static void put_vector(struct buf *to, size_t length_size, const void *data, size_t size)
{
    put_number(to, size, length_size);
    buf_append(to, data, size);
}

static void put_extension(struct buf *to, unsigned type, const void *data, size_t size)
{
    put_number(to, type, 2);
    put_vector(to, 2, data, size);
}

/* The message without its head; `extensions` NULL: none at all. */
static void put_body(struct buf *to, unsigned version, const struct buf *extensions)
{
    static const unsigned char suites[] = {0x13, 0x01, 0xc0, 0x2b, 0x56, 0x00};
    static const unsigned char random[32];
    put_number(to, version, 2);
    buf_append(to, random, sizeof(random));
    put_vector(to, 1, "session", 7);
    put_vector(to, 2, suites, sizeof(suites));
    put_vector(to, 1, "", 1);
    if (extensions)
        put_vector(to, 2, extensions->data, extensions->length);
}

/* In records of at most `fragment` bytes. */
static void put_records(struct buf *to, const struct buf *body, size_t fragment)
{
    struct buf whole = {0};
    put_number(&whole, 1, 1);
    put_vector(&whole, 3, body->data, body->length);
    for (size_t at = 0; at < whole.length; at += fragment) {
        size_t left = whole.length - at;
        buf_puts(to, "\x16\x03\x01");
        put_vector(to, 2, whole.data + at, left < fragment ? left : fragment);
    }
    buf_free(&whole);
}

static void make(struct buf *wire, unsigned version, const struct buf *extensions, size_t fragment)
{
    struct buf body = {0};
    put_body(&body, version, extensions);
    put_records(wire, &body, fragment);
    assert_int_equal(buf_error(wire), 0);
    buf_free(&body);
}

/* What a client of today sends. */
static void make_modern(struct buf *wire, size_t fragment)
{
    static const unsigned char versions[] = {6, 0x7a, 0x7a, 3, 4, 3, 3}; /* one of them made up */
    static const unsigned char groups[] = {0, 4, 0, 29, 0, 23};
    static const unsigned char shares[] = {0, 6, 0, 29, 0, 2, 1, 2};
    struct buf extensions = {0};
    put_extension(&extensions, 43, versions, sizeof(versions));
    put_extension(&extensions, 10, groups, sizeof(groups));
    put_extension(&extensions, 0xfafa, "", 0);
    put_extension(&extensions, 51, shares, sizeof(shares));
    make(wire, TLS12, &extensions, fragment);
    buf_free(&extensions);
}

static void assert_modern(const struct client_hello *hello)
{
    assert_int_equal(hello->version, TLS13);
    assert_int_equal(hello->suites.count, 3);
    assert_true(client_hello_lists(&hello->suites, 0xc02b));
    assert_false(client_hello_lists(&hello->suites, 0x01c0)); /* across two codes */
    assert_true(client_hello_lists(&hello->groups, 23));
    assert_true(client_hello_shares(hello, 29));
    assert_false(client_hello_shares(hello, 23));
}

static void versions_suites_groups_and_shares_are_read(void **state)
{
    struct buf wire = {0};
    struct client_hello hello;
    (void)state;
    make_modern(&wire, CLIENT_HELLO_MAX);
    assert_int_equal(client_hello_read(&hello, wire.data, wire.length, message), 0);
    assert_modern(&hello);
    buf_free(&wire);
}

static void records_of_any_size_carry_it(void **state)
{
    (void)state;
    for (size_t fragment = 1; fragment < 200; fragment++) {
        struct buf wire = {0};
        struct client_hello hello;
        make_modern(&wire, fragment);
        assert_int_equal(client_hello_read(&hello, wire.data, wire.length, message), 0);
        assert_modern(&hello);
        buf_free(&wire);
    }
}

static void every_beginning_of_it_waits_for_more(void **state)
{
    struct buf wire = {0};
    struct client_hello hello;
    (void)state;
    make_modern(&wire, 50);
    for (size_t size = 0; size < wire.length; size++)
        assert_int_equal(client_hello_read(&hello, wire.data, size, message), -EAGAIN);
    buf_free(&wire);
}

static void without_extensions_the_version_is_the_old_field(void **state)
{
    static const struct {
        unsigned sent, read;
    } cases[] = {
        {0x0300, 0x0300}, {TLS10, TLS10}, {TLS11, TLS11},
        {TLS12, TLS12},   {TLS13, TLS12}, {0xffff, TLS12},
    };
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct buf wire = {0};
        struct client_hello hello;
        make(&wire, cases[i].sent, NULL, CLIENT_HELLO_MAX);
        assert_int_equal(client_hello_read(&hello, wire.data, wire.length, message), 0);
        assert_int_equal(hello.version, cases[i].read);
        assert_int_equal(hello.legacy_version, cases[i].sent);
        assert_true(hello.fallback);
        assert_int_equal(hello.groups.count, 0);
        buf_free(&wire);
    }
}

static void a_list_of_versions_counts_before_the_old_field(void **state)
{
    static const unsigned char old[] = {4, 3, 2, 3, 1}, unknown[] = {2, 0x7f, 0x1c};
    struct buf extensions = {0}, wire = {0};
    struct client_hello hello;
    (void)state;
    put_extension(&extensions, 43, old, sizeof(old));
    make(&wire, TLS12, &extensions, CLIENT_HELLO_MAX);
    assert_int_equal(client_hello_read(&hello, wire.data, wire.length, message), 0);
    assert_int_equal(hello.version, TLS11);
    buf_clear(&extensions);
    buf_clear(&wire);
    put_extension(&extensions, 43, unknown, sizeof(unknown));
    make(&wire, TLS12, &extensions, CLIENT_HELLO_MAX);
    assert_int_equal(client_hello_read(&hello, wire.data, wire.length, message), 0);
    assert_int_equal(hello.version, 0);
    buf_free(&extensions);
    buf_free(&wire);
}

/* A hello of TLS 1.2 with one extension, or with the same twice. */
static void assert_extension(unsigned type, const void *data, size_t size, bool twice,
                             unsigned alert)
{
    struct buf extensions = {0}, wire = {0};
    struct client_hello hello;
    put_extension(&extensions, type, data, size);
    if (twice)
        put_extension(&extensions, type, data, size);
    make(&wire, TLS12, &extensions, CLIENT_HELLO_MAX);
    assert_int_equal(client_hello_read(&hello, wire.data, wire.length, message),
                     alert ? -EBADMSG : 0);
    assert_int_equal(hello.alert, alert);
    buf_free(&extensions);
    buf_free(&wire);
}

static void a_list_that_does_not_fit_its_extension_is_refused(void **state)
{
    (void)state;
    assert_extension(10, "\0\x02\0\x1d", 4, false, 0);
    assert_extension(10, "\0\xc8\0\x1d", 4, false, TLS_ALERT_DECODE_ERROR);
    assert_extension(10, "\0\x02\0\x1d!", 5, false, TLS_ALERT_DECODE_ERROR);
    assert_extension(10, "\0\0", 2, false, TLS_ALERT_DECODE_ERROR);
    assert_extension(13, "\0\x03\x04\x03\x05", 5, false, TLS_ALERT_DECODE_ERROR);
    assert_extension(43, "\x03\x03\x03\x03", 4, false, TLS_ALERT_DECODE_ERROR);
    assert_extension(43, "\0", 1, false, TLS_ALERT_DECODE_ERROR);
    assert_extension(51, "\0\x08\0\x1d\xff\xff\x01", 7, false, TLS_ALERT_DECODE_ERROR);
    assert_extension(23, "!", 1, false, TLS_ALERT_DECODE_ERROR);
    assert_extension(42, "", 0, false, 0);
    assert_extension(42, "\0\0\x40\0", 4, false, TLS_ALERT_DECODE_ERROR);
}

static void an_extension_comes_once(void **state)
{
    (void)state;
    assert_extension(0xfafa, "x", 1, false, 0);
    assert_extension(0xfafa, "x", 1, true, TLS_ALERT_ILLEGAL_PARAMETER);
    assert_extension(0xffff, "", 0, true, TLS_ALERT_ILLEGAL_PARAMETER);
    assert_extension(0, "", 0, true, TLS_ALERT_ILLEGAL_PARAMETER);
}

static void signatures_and_the_extended_master_secret_are_seen(void **state)
{
    struct buf extensions = {0}, wire = {0};
    struct client_hello hello;
    (void)state;
    make_modern(&wire, CLIENT_HELLO_MAX);
    assert_int_equal(client_hello_read(&hello, wire.data, wire.length, message), 0);
    assert_false(hello.signatures || hello.extended_master_secret);
    buf_clear(&wire);
    put_extension(&extensions, 13, "\0\x02\x04\x03", 4);
    put_extension(&extensions, 23, "", 0);
    make(&wire, TLS12, &extensions, CLIENT_HELLO_MAX);
    assert_int_equal(client_hello_read(&hello, wire.data, wire.length, message), 0);
    assert_true(hello.signatures && hello.extended_master_secret);
    buf_free(&extensions);
    buf_free(&wire);
}

/* The records behind the message are not looked at, and are not counted to it. */
static void the_message_and_its_records_have_their_lengths(void **state)
{
    (void)state;
    for (size_t fragment = 1; fragment < 100; fragment += 7) {
        struct buf wire = {0};
        struct client_hello hello;
        make_modern(&wire, fragment);
        size_t length = wire.length;
        buf_puts(&wire, "and more");
        assert_int_equal(client_hello_read(&hello, wire.data, wire.length, message), 0);
        assert_int_equal(hello.wire_length, length);
        size_t records = (hello.message_length + fragment - 1) / fragment;
        assert_int_equal(hello.message_length, length - records * RECORD_HEAD);
        buf_free(&wire);
    }
}

static void more_shares_than_are_looked_at_do_no_harm(void **state)
{
    struct buf shares = {0}, body = {0}, extensions = {0}, wire = {0};
    struct client_hello hello;
    (void)state;
    for (unsigned group = 0; group < 1000; group++) {
        put_number(&body, group, 2);
        put_number(&body, 0, 2);
    }
    put_vector(&shares, 2, body.data, body.length);
    put_extension(&extensions, 51, shares.data, shares.length);
    make(&wire, TLS12, &extensions, CLIENT_HELLO_MAX);
    assert_int_equal(client_hello_read(&hello, wire.data, wire.length, message), 0);
    assert_int_equal(hello.share_count, CLIENT_HELLO_SHARES_MAX);
    assert_true(client_hello_shares(&hello, CLIENT_HELLO_SHARES_MAX - 1));
    buf_free(&shares);
    buf_free(&body);
    buf_free(&extensions);
    buf_free(&wire);
}

static void assert_refused(const void *data, size_t size)
{
    struct client_hello hello;
    assert_int_equal(client_hello_read(&hello, data, size, message), -EBADMSG);
}

static void what_is_no_client_hello_is_refused_at_its_first_bytes(void **state)
{
    (void)state;
    assert_refused("GET / HTTP/1.1\r\n", 16);
    assert_refused("\x80\x2e\x01\x00\x02", 5);                   /* SSL 2 */
    assert_refused("\x15\x03\x01\x00\x02\x02\x28", 7);           /* an alert */
    assert_refused("\x16\x03\x01\x00\x00", RECORD_HEAD);         /* an empty record */
    assert_refused("\x16\x03\x01\x40\x01", RECORD_HEAD);         /* one too long */
    assert_refused("\x16\x02\x01\x00\x05", RECORD_HEAD);         /* of another protocol */
    assert_refused("\x16\x03\x01\x00\x05\x02", 6);               /* another message */
    assert_refused("\x16\x03\x01\x00\x04\x01\x00\x1f\xfd", 9);   /* a message too long */
    assert_refused("\x16\x03\x01\x00\x05\x01\x00\x00\x01!", 10); /* one too short */
}

static void bytes_that_no_length_announces_are_refused(void **state)
{
    struct buf extensions = {0}, body = {0}, wire = {0};
    (void)state;
    put_body(&body, TLS12, &extensions);
    buf_putc(&body, 'x');
    put_records(&wire, &body, CLIENT_HELLO_MAX);
    assert_refused(wire.data, wire.length);
    buf_clear(&wire);
    buf_puts(&extensions, "xyz"); /* half an extension */
    make(&wire, TLS12, &extensions, CLIENT_HELLO_MAX);
    assert_refused(wire.data, wire.length);
    buf_free(&extensions);
    buf_free(&body);
    buf_free(&wire);
}

static void records_without_end_are_refused(void **state)
{
    struct buf wire = {0};
    (void)state;
    buf_puts(&wire, "\x16\x03\x01");
    put_vector(&wire, 2, "\x01\0\x1f\0", 4);
    while (wire.length < CLIENT_HELLO_WIRE_MAX) {
        buf_puts(&wire, "\x16\x03\x01");
        put_vector(&wire, 2, "x", 1);
    }
    assert_refused(wire.data, wire.length);
    buf_free(&wire);
}

/* One record of zeros with a head that announces a message of `whole` bytes. */
static int read_one_record(size_t record, size_t whole)
{
    struct buf wire = {0};
    struct client_hello hello;
    unsigned char *room = malloc(CLIENT_HELLO_MAX); /* what is beyond it the sanitizer sees */
    assert_non_null(room);
    buf_puts(&wire, "\x16\x03\x01");
    put_number(&wire, record, 2);
    put_number(&wire, 1, 1);
    put_number(&wire, whole - 4, 3);
    while (wire.length < RECORD_HEAD + record)
        buf_putc(&wire, 0);
    int error = client_hello_read(&hello, wire.data, wire.length, room);
    free(room);
    buf_free(&wire);
    return error;
}

static void no_record_is_copied_beyond_the_message(void **state)
{
    static const size_t sizes[] = {4,    100,  4096,  8188,  8189,  8190,  8191,
                                   8192, 8193, 12000, 16378, 16379, 16383, 16384};
    (void)state;
    for (size_t i = 0; i < countof(sizes); i++)
        for (size_t j = 0; j < countof(sizes); j++) {
            size_t record = sizes[i], whole = sizes[j];
            bool waits = whole <= CLIENT_HELLO_MAX && record < whole &&
                         record + RECORD_HEAD < CLIENT_HELLO_WIRE_MAX;
            if (read_one_record(record, whole) != (waits ? -EAGAIN : -EBADMSG))
                fail_msg("a record of %zu bytes, a message of %zu", record, whole);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_suites_groups_and_shares_are_read),
        cmocka_unit_test(records_of_any_size_carry_it),
        cmocka_unit_test(every_beginning_of_it_waits_for_more),
        cmocka_unit_test(without_extensions_the_version_is_the_old_field),
        cmocka_unit_test(a_list_of_versions_counts_before_the_old_field),
        cmocka_unit_test(a_list_that_does_not_fit_its_extension_is_refused),
        cmocka_unit_test(an_extension_comes_once),
        cmocka_unit_test(signatures_and_the_extended_master_secret_are_seen),
        cmocka_unit_test(the_message_and_its_records_have_their_lengths),
        cmocka_unit_test(more_shares_than_are_looked_at_do_no_harm),
        cmocka_unit_test(what_is_no_client_hello_is_refused_at_its_first_bytes),
        cmocka_unit_test(bytes_that_no_length_announces_are_refused),
        cmocka_unit_test(no_record_is_copied_beyond_the_message),
        cmocka_unit_test(records_without_end_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
