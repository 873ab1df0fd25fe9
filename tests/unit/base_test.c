/* The base: buffers, strings, files, JSON. */
#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "base/str.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void a_buffer_grows_and_keeps_its_text(void **state)
{
    struct buf buf = {0};
    (void)state;
    assert_string_equal(buf_text(&buf), "");
    for (int i = 0; i < 1000; i++)
        buf_printf(&buf, "%d,", i % 10);
    assert_int_equal(buf.length, 2000);
    assert_int_equal(strlen(buf_text(&buf)), 2000);
    buf_clear(&buf);
    assert_string_equal(buf_text(&buf), "");
    buf_free(&buf);
}

static void a_size_beyond_memory_is_an_error_and_not_a_wrap(void **state)
{
    struct buf buf = {0};
    (void)state;
    buf_puts(&buf, "x");
    assert_int_equal(buf_reserve(&buf, SIZE_MAX - 1), -ENOMEM);
    assert_int_equal(buf_error(&buf), -ENOMEM);
    buf_puts(&buf, "y");
    assert_string_equal(buf_text(&buf), "x");
    buf_free(&buf);
}

static void numbers_are_digits_within_their_bounds(void **state)
{
    static const struct {
        const char *text;
        int result;
    } cases[] = {
        {"18446744073709551616", -ERANGE},
    };
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        uint64_t value = 0;
        assert_int_equal(str_to_u64(cases[i].text, 0, 65535, &value), cases[i].result);
    }
}

static void text_is_utf8_without_control_characters(void **state)
{
    static const struct {
        const char *text;
        bool is;
    } cases[] = {
        {"plain\ttext\n",      true },
        {"gr\xc3\xbc\xc3\x9f", true },
        {"\xf0\x9f\x98\x80",   true },
        {"\x01",               false},
        {"\x7f",               false},
        {"\xc0\xaf",           false},
        {"\xed\xa0\x80",       false},
        {"\xf4\x90\x80\x80",   false},
        {"\xe2\x82",           false},
        {"\xff",               false},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
