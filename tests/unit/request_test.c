/* Heads as they come: in whatever pieces, they mean the same, and never more than they say. */
#include "endpoint/request.h"

#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 256 };

#define HOST "Host: a\r\n"

/* Gives a head in pieces, as a connection does: what is not taken comes again with the next. */
static size_t read_in_pieces(struct request *request, const char *text, size_t piece)
{
    size_t from = 0, length = strlen(text);
    for (size_t to = piece; !request->whole; to += piece) {
        size_t end = to < length ? to : length;
        from += request_read(request, text + from, end - from, MOST);
        if (end == length)
            break;
    }
    return from;
}

static void a_head_is_read_the_same_in_pieces_of_any_size(void **state)
{
    static const char head[] = "\r\n\r\nGET http://b:80/x?y HTTP/1.1\r\nhost:\ta \r\nAccept: c\r\n"
                               "ACCEPT: d\r\nConnection: close\r\nIf-None-Match:\"e\"\r\n\r\n";
    static const char behind[] = "GET";
    char text[sizeof(head) + sizeof(behind)];
    (void)state;
    strcpy(text, head);
    strcat(text, behind);
    for (size_t piece = 1; piece <= sizeof(text); piece++) {
        struct request request = {.size = 0};
        assert_int_equal(read_in_pieces(&request, text, piece), strlen(head));
        assert_true(request.whole && request.is_get && !request.is_head && !request.is_old);
        assert_int_equal(request.refusal, 0);
        assert_string_equal(buf_text(&request.path), "/x");
        assert_string_equal(buf_text(&request.accept), "c, d");
        assert_string_equal(buf_text(&request.if_none_match), "\"e\"");
        assert_false(request_persists(&request));
        request_free(&request);
    }
}

struct judged {
    const char *head;
    unsigned refusal;
};

static void a_head_that_means_two_things_is_refused(void **state)
{
    static const struct judged heads[] = {
        {"GET / HTTP/1.1\r\n" HOST "\r\n", 0},
        {"HEAD / HTTP/1.0\r\n\r\n", 0},
        {"GET / HTTP/1.9\r\n" HOST "\r\n", 0},
        {"GET / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", 0},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\n", 405},
        {"CONNECT a:1 HTTP/1.1\r\n" HOST "\r\n", 405},
        {"OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 405},
        {"GET / HTTP/2.0\r\n" HOST "\r\n", 505},
        {"GET / HTTP/11\r\n" HOST "\r\n", 400},
        {"GET / http/1.1\r\n" HOST "\r\n", 400},
        {"GET / HTTP/1.1 \r\n" HOST "\r\n", 400},
        {" GET / HTTP/1.1\r\n" HOST "\r\n", 400},
        {"G(T / HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET * HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET / HTTP/1.1\n" HOST "\r\n", 400},
        {"GET / HTTP/1.1\r\n" HOST "\n", 400},
        {"GET / HTTP/1.1\r\r\n" HOST "\r\n", 400},
        {"GET / HTTP/1.1\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
        {"GET http://b HTTP/1.1\r\nHost:\r\n\r\n", 0},
        {"GET http://b/ HTTP/1.1\r\n\r\n", 400},
        {"GET http:/// HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET http:// HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400},
        {"GET / HTTP/1.1\r\n" HOST "X : a\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" HOST " X: a\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" HOST "X\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" HOST "Content-Length: 0\r\nContent-Length: 0\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" HOST "Content-Length: 00\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n\r\n", 400},
        {"\r\n\r\n\r\n\r\n\r\n", 400},
    };
    (void)state;
    for (size_t i = 0; i < countof(heads); i++) {
        struct request request = {.size = 0};
        (void)read_in_pieces(&request, heads[i].head, 3);
        assert_true(request.whole);
        assert_int_equal(request.refusal, heads[i].refusal);
        request_free(&request);
    }
}

static void a_head_that_is_too_long_is_refused_before_its_end(void **state)
{
    char text[2 * MOST];
    struct request request = {.size = 0};
    (void)state;
    memset(text, 'A', sizeof(text));
    (void)request_read(&request, text, MOST, MOST);
    assert_false(request.whole);
    (void)request_read(&request, text, MOST + 1, MOST);
    assert_int_equal(request.refusal, 414);
    request_clear(&request);
    memcpy(text, "GET / HTTP/1.1\r\n", 16);
    assert_int_equal(request_read(&request, text, 20, MOST), 16);
    (void)request_read(&request, text + 16, MOST - 16, MOST);
    assert_false(request.whole);
    (void)request_read(&request, text + 16, MOST - 15, MOST);
    assert_int_equal(request.refusal, 431);
    request_free(&request);
}

/* The limit of a head's time counts from there. */
static void a_head_has_begun_with_the_first_byte_that_is_of_no_empty_line(void **state)
{
    static const struct {
        const char *text;
        bool begun;
    } texts[] = {
        {"", false},     {"\r", false},         {"\r\n", false},      {"\r\n\r", false},
        {"\r\r", true},  {"\rG", true},         {"\r\n\r\r\r", true}, {"G", true},
        {"\r\nG", true}, {"GET / HTTP/", true},
    };
    (void)state;
    for (size_t i = 0; i < countof(texts); i++) {
        struct request request = {.size = 0};
        (void)request_read(&request, texts[i].text, strlen(texts[i].text), MOST);
        assert_false(request.whole);
        assert_int_equal(request.begun, texts[i].begun);
        request_free(&request);
    }
}

static void a_connection_goes_on_as_its_version_and_fields_say(void **state)
{
    static const struct {
        const char *head;
        bool persists;
    } heads[] = {
        {"GET / HTTP/1.1\r\n" HOST "\r\n", true},
        {"GET / HTTP/1.1\r\n" HOST "Connection: upgrade,, CLOSE\r\n\r\n", false},
        {"GET / HTTP/1.1\r\n" HOST "Connection: closed\r\n\r\n", true},
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: x\r\nConnection: keep-alive\r\n\r\n", true},
        {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false},
        {"POST / HTTP/1.1\r\n" HOST "\r\n", false},
    };
    (void)state;
    for (size_t i = 0; i < countof(heads); i++) {
        struct request request = {.size = 0};
        (void)read_in_pieces(&request, heads[i].head, 1);
        assert_int_equal(request_persists(&request), heads[i].persists);
        request_free(&request);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_is_read_the_same_in_pieces_of_any_size),
        cmocka_unit_test(a_head_that_means_two_things_is_refused),
        cmocka_unit_test(a_head_that_is_too_long_is_refused_before_its_end),
        cmocka_unit_test(a_head_has_begun_with_the_first_byte_that_is_of_no_empty_line),
        cmocka_unit_test(a_connection_goes_on_as_its_version_and_fields_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
