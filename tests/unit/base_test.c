/* The base: buffers, strings, files, JSON. */
#include "base/buf.h"
#include "base/cursor.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"

#include <errno.h>
#include <limits.h>
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
        {"0", 0},
        {"7", 0},
        {"65535", 0},
        {"65536", -ERANGE},
        {"", -EINVAL},
        {"-1", -EINVAL},
        {"+1", -EINVAL},
        {" 1", -EINVAL},
        {"1 ", -EINVAL},
        {"01", -EINVAL},
        {"1e3", -EINVAL},
        {"0x10", -EINVAL},
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
        {"plain\ttext\n", true},
        {"gr\xc3\xbc\xc3\x9f", true},
        {"\xf0\x9f\x98\x80", true},
        {"\x01", false},
        {"\x7f", false},
        {"\xc2\x9b", false},
        {"\xc0\xaf", false},
        {"\xed\xa0\x80", false},
        {"\xf4\x90\x80\x80", false},
        {"\xe2\x82", false},
        {"\xff", false},
    };
    (void)state;
    for (size_t i = 0; i < countof(cases); i++)
        assert_int_equal(str_is_text(cases[i].text, strlen(cases[i].text)), cases[i].is);
}

static void what_speaks_to_a_terminal_becomes_a_question_mark(void **state)
{
    char text[] = "a\x1b[2J\xc2\x9b\xffgr\xc3\xbc\n\tb\x7f\xe2\x82", line[] = "one\ntwo";
    (void)state;
    str_clean(text, "\t\n");
    assert_string_equal(text, "a?[2J???gr\xc3\xbc\n\tb???");
    str_clean(line, "");
    assert_string_equal(line, "one?two");
}

static void a_message_is_one_write_without_control_characters(void **state)
{
    char got[64] = {0};
    int pipes[2], saved = dup(STDERR_FILENO);
    (void)state;
    assert_int_equal(pipe(pipes), 0);
    assert_true(dup2(pipes[1], STDERR_FILENO) >= 0);
    log_error("named %s", "\x1b]0;x\x07\xff");
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    assert_true(read(pipes[0], got, sizeof(got) - 1) > 0);
    assert_string_equal(got, "holdfast: named ?]0;x??\n");
    close(pipes[0]);
    close(pipes[1]);
    close(saved);
}

static void white_space_is_cut_at_both_ends(void **state)
{
    char text[] = " \t a b \r\n", empty[] = "  ";
    (void)state;
    assert_string_equal(str_trim(text), "a b");
    assert_string_equal(str_trim(empty), "");
}

/* --- files --- */

static char folder[] = "/tmp/holdfast-base-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    memcpy(folder + strlen(folder) - 6, "XXXXXX", 6);
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    char command[64];
    (void)state;
    (void)snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

static const char *below(const char *name)
{
    static char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void a_replaced_file_is_whole_and_leaves_nothing_beside_it(void **state)
{
    struct buf text = {0};
    struct stat status;
    (void)state;
    assert_int_equal(file_replace(below("f"), "one", 3, 0600), 0);
    assert_int_equal(file_replace(below("f"), "second", 6, 0644), 0);
    assert_int_equal(file_read(below("f"), 100, &text), 0);
    assert_string_equal(buf_text(&text), "second");
    assert_int_equal(stat(below("f"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0644);
    assert_int_equal(access(below("f.new"), F_OK), -1);
    buf_free(&text);
}

static void a_replaced_link_is_replaced_and_not_followed(void **state)
{
    struct stat status;
    char target[128];
    (void)state;
    (void)snprintf(target, sizeof(target), "%s", below("target"));
    assert_int_equal(file_replace(target, "kept", 4, 0600), 0);
    assert_int_equal(symlink(target, below("link")), 0);
    assert_int_equal(file_replace(below("link"), "new", 3, 0600), 0);
    assert_int_equal(lstat(below("link"), &status), 0);
    assert_true(S_ISREG(status.st_mode));
    assert_int_equal(stat(target, &status), 0);
    assert_int_equal(status.st_size, 4);
}

static void a_file_replaced_alike_keeps_its_mode_and_owner_through_a_link_too(void **state)
{
    struct stat status;
    char target[128];
    bool root = geteuid() == 0;
    (void)state;
    (void)snprintf(target, sizeof(target), "%s", below("target"));
    assert_int_equal(file_replace(target, "old", 3, 0640), 0);
    assert_int_equal(chown(target, root ? 12 : geteuid(), root ? 34 : getegid()), 0);
    assert_int_equal(symlink(target, below("link")), 0);
    assert_int_equal(file_replace_alike(below("link"), below("link"), "new", 3), 0);
    assert_int_equal(lstat(below("link"), &status), 0);
    assert_int_equal(status.st_mode, S_IFREG | 0640);
    assert_int_equal(status.st_uid, root ? 12 : geteuid());
    assert_int_equal(status.st_gid, root ? 34 : getegid());
    assert_int_equal(file_replace_alike(below("missing"), below("missing"), "new", 3), -ENOENT);
}

/* What a path below the folder of the test resolves to, its last `kept` components left alone. */
static void assert_resolves(const char *path, unsigned kept, const char *wanted)
{
    char to[PATH_MAX];
    assert_int_equal(file_path_keeping(to, sizeof(to), folder, path, kept), 0);
    assert_memory_equal(to, folder, strlen(folder));
    assert_string_equal(to + strlen(folder), wanted);
}

static void a_path_below_a_root_stays_there_whatever_its_links_say(void **state)
{
    (void)state;
    assert_int_equal(symlink("/etc/x", below("out")), 0);
    assert_int_equal(symlink("../../../etc", below("up")), 0);
    assert_int_equal(symlink("out", below("chain")), 0);
    assert_int_equal(symlink("/", below("top")), 0);
    assert_int_equal(symlink(".//one/./two/..//", below("dots")), 0);
    assert_resolves("/out/y", 0, "/etc/x/y");
    assert_resolves("/out", 0, "/etc/x");
    assert_resolves("/out", 1, "/out");
    assert_resolves("/up/passwd", 1, "/etc/passwd");
    assert_resolves("/chain/a/b", 2, "/etc/x/a/b");
    assert_resolves("/a/chain/b", 2, "/a/chain/b");
    assert_resolves("/top/top/run", 0, "/run");
    assert_resolves("/dots/three", 0, "/one/three");
    assert_resolves("/missing/../../gone", 0, "/gone");
}

static void a_loop_of_links_and_a_path_too_long_are_errors(void **state)
{
    char to[PATH_MAX], little[64], name[400];
    (void)state;
    memset(name, 'n', sizeof(name));
    name[0] = '/';
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(symlink("loop", below("loop")), 0);
    assert_int_equal(symlink("/grows/x", below("grows")), 0);
    assert_int_equal(file_target(to, sizeof(to), folder, "/loop/x"), -ELOOP);
    assert_int_equal(file_target(to, sizeof(to), folder, "/grows"), -ELOOP);
    assert_int_equal(file_target(to, sizeof(to), folder, name), -ENAMETOOLONG);
    assert_int_equal(file_path(little, sizeof(little), folder, name), -ENAMETOOLONG);
    assert_int_equal(file_path(little, sizeof(little), "", name), -ENAMETOOLONG);
}

static void a_folder_that_cannot_be_written_keeps_its_file(void **state)
{
    struct buf text = {0};
    struct stat status;
    (void)state;
    assert_int_equal(file_replace(below("f"), "kept", 4, 0600), 0);
    assert_int_equal(mkdir(below("f.new"), 0700), 0); /* where the temporary file would be */
    assert_true(file_replace(below("f"), "lost", 4, 0600) < 0);
    assert_int_equal(file_read(below("f"), 100, &text), 0);
    assert_string_equal(buf_text(&text), "kept");
    assert_int_equal(stat(below("f.new"), &status), 0);
    buf_free(&text);
}

static void folders_are_made_as_far_as_they_are_missing(void **state)
{
    struct stat status;
    (void)state;
    assert_int_equal(file_make_folders(below("a/b/c"), 0700), 0);
    assert_int_equal(file_make_folders(below("a/b/c"), 0700), 0);
    assert_int_equal(stat(below("a/b/c"), &status), 0);
    assert_int_equal(file_replace(below("file"), "x", 1, 0600), 0);
    assert_int_equal(file_make_folders(below("file/d"), 0700), -ENOTDIR);
}

static void a_file_longer_than_its_limit_is_refused(void **state)
{
    struct buf text = {0};
    (void)state;
    assert_int_equal(file_replace(below("f"), "12345", 5, 0600), 0);
    assert_int_equal(file_read(below("f"), 4, &text), -EFBIG);
    buf_clear(&text);
    assert_int_equal(file_read(below("f"), 5, &text), 0);
    assert_int_equal(file_read(below("missing"), 5, &text), -ENOENT);
    buf_free(&text);
}

static void a_path_too_long_is_refused(void **state)
{
    char path[8];
    (void)state;
    assert_int_equal(file_path(path, sizeof(path), "/root", "/file"), -ENAMETOOLONG);
    assert_int_equal(file_path(path, sizeof(path), "/a", "/b"), 0);
    assert_string_equal(path, "/a/b");
}

/* --- JSON --- */

static void json_escapes_what_is_hostile(void **state)
{
    struct buf out = {0};
    struct json json = {.out = &out};
    (void)state;
    json_object_begin(&json, NULL);
    json_string(&json, "a\"b", "\\ \" \n \x01 </script> gr\xc3\xbc");
    json_string(&json, "bad", "x\xff gr\xc3\xbc \xc2\x9b");
    json_array_begin(&json, "list");
    json_u64(&json, NULL, UINT64_MAX);
    json_bool(&json, NULL, true);
    json_null(&json, NULL);
    json_array_end(&json);
    json_object_end(&json);
    assert_string_equal(buf_text(&out),
                        "{\"a\\\"b\":\"\\\\ \\\" \\n \\u0001 </script> gr\xc3\xbc\","
                        "\"bad\":\"x\xef\xbf\xbd gr\xc3\xbc "
                        "\xef\xbf\xbd\xef\xbf\xbd\",\"list\":[18446744073709551615,true,null]}");
    buf_free(&out);
}

static void a_cursor_never_leaves_what_encloses_it(void **state)
{
    static const unsigned char bytes[] = {0, 2, 'a', 'b', 3, 'c'};
    struct cursor whole = {bytes, sizeof(bytes), false};
    (void)state;
    struct cursor two = cursor_vector(&whole, 2);
    assert_true(two.left == 2 && two.at == bytes + 2 && !two.bad);
    assert_int_equal(cursor_number(&two, 2), 'a' << 8 | 'b');
    struct cursor three = cursor_vector(&whole, 1);
    assert_true(three.bad && three.left == 0);
    assert_true(whole.bad && whole.left == 0);
    assert_int_equal(cursor_number(&whole, 1), 0);
    assert_true(cursor_take(&whole, 0).bad);
    assert_false(cursor_take(&two, 0).bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_buffer_grows_and_keeps_its_text),
        cmocka_unit_test(a_size_beyond_memory_is_an_error_and_not_a_wrap),
        cmocka_unit_test(numbers_are_digits_within_their_bounds),
        cmocka_unit_test(text_is_utf8_without_control_characters),
        cmocka_unit_test(what_speaks_to_a_terminal_becomes_a_question_mark),
        cmocka_unit_test(a_message_is_one_write_without_control_characters),
        cmocka_unit_test(white_space_is_cut_at_both_ends),
        cmocka_unit_test_setup_teardown(a_replaced_file_is_whole_and_leaves_nothing_beside_it,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_path_below_a_root_stays_there_whatever_its_links_say,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_loop_of_links_and_a_path_too_long_are_errors, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_replaced_link_is_replaced_and_not_followed, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(
            a_file_replaced_alike_keeps_its_mode_and_owner_through_a_link_too, make_folder,
            remove_folder),
        cmocka_unit_test_setup_teardown(a_folder_that_cannot_be_written_keeps_its_file, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(folders_are_made_as_far_as_they_are_missing, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_file_longer_than_its_limit_is_refused, make_folder,
                                        remove_folder),
        cmocka_unit_test(a_path_too_long_is_refused),
        cmocka_unit_test(a_cursor_never_leaves_what_encloses_it),
        cmocka_unit_test(json_escapes_what_is_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
