/* The snapshot: what is sealed comes back, and no hostile layout gets through. */
#include "snapshot/snapshot.h"

#include "base/file.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { ALL_SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE, IMAGE_MAX = 1 << 16 };

static char health[] = "{\"status\":\"pass\"}", metrics[] = "a 1\n";

#define BODY(text)                                                                                 \
    {                                                                                              \
        .data = (text), .length = sizeof(text) - 1                                                 \
    }

static const struct page pages[] = {
    {"/health", "application/json", 200, PAGE_PLAIN, BODY(health)},
    {"/metrics", "text/plain", 200, PAGE_PLAIN, BODY(metrics)},
    {"/metrics", "text/openmetrics", 200, PAGE_OPENMETRICS, BODY(metrics)},
    {"/empty", "text/plain", 503, PAGE_STALE, {0}},
};

static const struct snapshot_head head = {
    .generation = 7, .boot_ms = 11, .stale_ms = 13, .headers = "A: b\nC: d e\n"};

static int seal(void)
{
    int fd = snapshot_seal(&head, pages, countof(pages));
    assert_true(fd >= 0);
    return fd;
}

/* A valid file's bytes, to be damaged. */
static size_t image(unsigned char bytes[static IMAGE_MAX])
{
    int fd = seal();
    ssize_t size = pread(fd, bytes, IMAGE_MAX, 0);
    close(fd);
    assert_true(size > 0 && size < IMAGE_MAX);
    return (size_t)size;
}

static int map_bytes(const void *bytes, size_t size, int seals, struct snapshot *snapshot)
{
    int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_true(fd >= 0);
    assert_int_equal(file_write_all(fd, bytes, size), 0);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
    int error = snapshot_map(snapshot, fd);
    close(fd);
    return error;
}

/* Where `what` stands in the image. */
static unsigned char *find_in(unsigned char *bytes, size_t size, const char *what, size_t length)
{
    unsigned char *at = memmem(bytes, size, what, length);
    assert_non_null(at);
    return at;
}

static void expect_refused(unsigned char *bytes, size_t size)
{
    struct snapshot snapshot;
    assert_int_equal(map_bytes(bytes, size, ALL_SEALS, &snapshot), -EBADMSG);
    assert_null(snapshot.map);
}

static void what_is_sealed_comes_back(void **state)
{
    struct snapshot snapshot;
    struct snapshot_page page;
    int fd = seal();
    (void)state;
    assert_int_equal(snapshot_map(&snapshot, fd), 0);
    close(fd);
    assert_int_equal(snapshot_head(&snapshot)->generation, 7);
    assert_int_equal(snapshot_head(&snapshot)->boot_ms, 11);
    assert_int_equal(snapshot_head(&snapshot)->stale_ms, 13);
    assert_string_equal(snapshot_head(&snapshot)->headers, "A: b\nC: d e\n");
    assert_int_equal(snapshot_count(&snapshot), countof(pages));
    assert_int_equal(snapshot_find(&snapshot, "/health", PAGE_PLAIN, &page), 0);
    assert_int_equal(page.size, strlen(health));
    assert_memory_equal(page.body, health, page.size);
    assert_string_equal(page.type, "application/json");
    assert_int_equal(page.status, 200);
    assert_int_equal(snapshot_find(&snapshot, "/empty", PAGE_STALE, &page), 0);
    assert_int_equal(page.size, 0);
    snapshot_unmap(&snapshot);
}

static void a_page_is_found_by_its_path_and_kind_alone(void **state)
{
    struct snapshot snapshot;
    struct snapshot_page page;
    int fd = seal();
    (void)state;
    assert_int_equal(snapshot_map(&snapshot, fd), 0);
    close(fd);
    assert_int_equal(snapshot_find(&snapshot, "/metrics", PAGE_OPENMETRICS, &page), 0);
    assert_string_equal(page.type, "text/openmetrics");
    assert_int_equal(snapshot_find(&snapshot, "/health", PAGE_STALE, &page), -ENOENT);
    assert_int_equal(snapshot_find(&snapshot, "/healt", PAGE_PLAIN, &page), -ENOENT);
    assert_int_equal(snapshot_find(&snapshot, "/health/", PAGE_PLAIN, &page), -ENOENT);
    snapshot_unmap(&snapshot);
}

static void an_entity_tag_is_quoted_and_follows_the_body(void **state)
{
    struct snapshot snapshot;
    struct snapshot_page one, two, other;
    int fd = seal();
    (void)state;
    assert_int_equal(snapshot_map(&snapshot, fd), 0);
    close(fd);
    assert_int_equal(snapshot_find(&snapshot, "/metrics", PAGE_PLAIN, &one), 0);
    assert_int_equal(snapshot_find(&snapshot, "/metrics", PAGE_OPENMETRICS, &two), 0);
    assert_int_equal(snapshot_find(&snapshot, "/health", PAGE_PLAIN, &other), 0);
    assert_string_equal(one.etag, two.etag);
    assert_string_not_equal(one.etag, other.etag);
    /* SHA-256 of "a 1\n", its first 16 bytes (sha256sum(1)) */
    assert_string_equal(one.etag, "\"6a03830a1811a4a0f43d6bf891c94617\"");
    snapshot_unmap(&snapshot);
}

static void nobody_can_write_to_what_is_sealed(void **state)
{
    int fd = seal();
    (void)state;
    assert_int_equal(pwrite(fd, "x", 1, 0), -1);
    assert_int_equal(ftruncate(fd, 1), -1);
    assert_int_equal(fcntl(fd, F_GET_SEALS) & ALL_SEALS, ALL_SEALS);
    close(fd);
}

static void too_many_pages_are_refused(void **state)
{
    static struct page many[65];
    (void)state;
    assert_int_equal(snapshot_seal(&head, many, countof(many)), -E2BIG);
}

static void a_file_that_can_still_change_is_refused(void **state)
{
    static unsigned char bytes[IMAGE_MAX];
    struct snapshot snapshot;
    size_t size = image(bytes);
    (void)state;
    assert_int_equal(map_bytes(bytes, size, F_SEAL_SHRINK | F_SEAL_GROW, &snapshot), -EBADMSG);
    assert_int_equal(map_bytes(bytes, size, F_SEAL_WRITE, &snapshot), -EBADMSG);
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(snapshot_map(&snapshot, fds[0]), -EBADMSG);
    close(fds[0]);
    close(fds[1]);
}

static void a_file_of_another_length_is_refused(void **state)
{
    static unsigned char bytes[IMAGE_MAX];
    size_t size = image(bytes);
    (void)state;
    expect_refused(bytes, size + 1);
    for (size_t shorter = 0; shorter < size; shorter += 7)
        expect_refused(bytes, shorter);
}

/* Times the size of an entry of the table, 40 bytes, some of these are small numbers again. */
static void a_number_of_pages_that_does_not_fit_is_refused(void **state)
{
    static unsigned char bytes[IMAGE_MAX];
    static const uint64_t counts[] = {countof(pages) + 1,
                                      64,
                                      65,
                                      UINT32_MAX,
                                      UINT64_C(1) << 58,
                                      UINT64_C(1) << 60,
                                      UINT64_C(1) << 61,
                                      (UINT64_C(1) << 61) + countof(pages),
                                      UINT64_C(1) << 63,
                                      UINT64_MAX};
    enum { COUNT_AT = 16 }; /* behind the magic and the size */
    size_t size = image(bytes);
    uint64_t count;
    (void)state;
    memcpy(&count, bytes + COUNT_AT, sizeof(count));
    assert_int_equal(count, countof(pages));
    for (size_t i = 0; i < countof(counts); i++) {
        memcpy(bytes + COUNT_AT, &counts[i], sizeof(counts[i]));
        expect_refused(bytes, size);
    }
}

/* Of a file with `count` pages one with one more: the first again, of another kind. All else
 * fits. */
static size_t add_page(unsigned char bytes[static IMAGE_MAX], size_t size, size_t count)
{
    enum { SIZE_AT = 8, COUNT_AT = 16, ENTRY = 40, KIND_AT = 16, BODY_AT = 24 };
    size_t table = (size_t)(find_in(bytes, size, "/page0", sizeof("/page0")) - bytes);
    size_t begin = table - count * ENTRY;
    uint64_t both[] = {size + ENTRY, count + 1};
    memmove(bytes + table + ENTRY, bytes + table, size - table);
    memcpy(bytes + table, bytes + begin, ENTRY);
    memcpy(bytes + table + KIND_AT, &(uint32_t){PAGE_STALE}, sizeof(uint32_t));
    memcpy(bytes + SIZE_AT, &both[0], sizeof(both[0]));
    memcpy(bytes + COUNT_AT, &both[1], sizeof(both[1]));
    for (unsigned char *entry = bytes + begin; entry <= bytes + table; entry += ENTRY) {
        uint32_t strings[3];
        uint64_t body;
        memcpy(strings, entry, sizeof(strings));
        memcpy(&body, entry + BODY_AT, sizeof(body));
        for (size_t i = 0; i < countof(strings); i++)
            strings[i] += ENTRY;
        body += ENTRY;
        memcpy(entry, strings, sizeof(strings));
        memcpy(entry + BODY_AT, &body, sizeof(body));
    }
    return size + ENTRY;
}

static void one_page_beyond_the_most_is_refused_though_all_of_it_fits(void **state)
{
    enum { MOST = 64 };
    static unsigned char bytes[IMAGE_MAX];
    char paths[MOST][16];
    (void)state;
    for (size_t count = MOST - 1; count <= MOST; count++) {
        struct page many[MOST];
        struct snapshot snapshot;
        for (size_t i = 0; i < count; i++) {
            (void)snprintf(paths[i], sizeof(paths[i]), "/page%zu", i);
            many[i] = (struct page){paths[i], "text/plain", 200, PAGE_PLAIN, BODY(metrics)};
        }
        int fd = snapshot_seal(&head, many, count);
        assert_true(fd >= 0);
        ssize_t size = pread(fd, bytes, IMAGE_MAX - 64, 0);
        close(fd);
        assert_true(size > 0 && size < IMAGE_MAX - 64);
        size_t larger = add_page(bytes, (size_t)size, count);
        int error = map_bytes(bytes, larger, ALL_SEALS, &snapshot);
        assert_int_equal(error, count < MOST ? 0 : -EBADMSG);
        if (error == 0)
            snapshot_unmap(&snapshot);
    }
}

static void a_string_without_its_end_is_refused(void **state)
{
    static unsigned char bytes[IMAGE_MAX];
    size_t size = image(bytes);
    (void)state;
    /* The last page has no body: its entity tag's NUL is the file's last byte. */
    assert_int_equal(bytes[size - 1], 0);
    bytes[size - 1] = 'x';
    expect_refused(bytes, size);
}

static void a_string_that_could_break_a_line_is_refused(void **state)
{
    static unsigned char bytes[IMAGE_MAX];
    size_t size = image(bytes);
    (void)state;
    find_in(bytes, size, "application/json", 16)[3] = '\r';
    expect_refused(bytes, size);
    size = image(bytes);
    find_in(bytes, size, "/empty", 7)[0] = 'x';
    expect_refused(bytes, size);
}

static void a_page_that_stands_twice_is_refused(void **state)
{
    struct page twice[2] = {pages[0], pages[0]};
    struct snapshot snapshot;
    int fd = snapshot_seal(&head, twice, 2);
    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(snapshot_map(&snapshot, fd), -EBADMSG);
    close(fd);
}

static void headers_that_are_no_lines_are_refused(void **state)
{
    static const char *const bad[] = {"A",         "A: b",      "A:b\n",     ": b\n",
                                      "A: b\r\n",  "A: \n",     "A: b\n\n",  "\n",
                                      "A\nB: c\n", "A: \x80\n", "A: b\nC: d"};
    (void)state;
    for (size_t i = 0; i < countof(bad); i++) {
        struct snapshot_head with = {.generation = 1};
        struct snapshot snapshot;
        assert_int_equal(str_copy(with.headers, sizeof(with.headers), bad[i]), 0);
        int fd = snapshot_seal(&with, pages, countof(pages));
        assert_true(fd >= 0);
        assert_int_equal(snapshot_map(&snapshot, fd), -EBADMSG);
        close(fd);
    }
}

/* Reads every byte that the snapshot offers: a sanitizer or the kernel would object. */
static unsigned read_everything(const struct snapshot *snapshot)
{
    unsigned sum = 0;
    struct snapshot_page page;
    for (size_t i = 0; i < snapshot_count(snapshot); i++) {
        snapshot_page(snapshot, i, &page);
        assert_true((const unsigned char *)page.body >= snapshot->map);
        assert_true((const unsigned char *)page.body + page.size <= snapshot->map + snapshot->size);
        assert_true(page.status >= 200 && page.status < 600);
        sum += (unsigned)(strlen(page.path) + strlen(page.type) + strlen(page.etag));
        for (size_t b = 0; b < page.size; b++)
            sum += ((const unsigned char *)page.body)[b];
    }
    return sum;
}

static void any_word_replaced_by_a_hostile_one_is_refused_or_harmless(void **state)
{
    static unsigned char bytes[IMAGE_MAX];
    static const uint32_t hostile[] = {0,          1,          0x7f,       0xffff,     0x10000,
                                       0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff, 0x0a0d0a0d};
    size_t size = image(bytes);
    (void)state;
    for (size_t at = 0; at + sizeof(uint32_t) <= size; at += sizeof(uint32_t))
        for (size_t i = 0; i < countof(hostile) + 2; i++) {
            uint32_t kept, word = (uint32_t)(i == countof(hostile) ? size : size - 1);
            struct snapshot snapshot;
            if (i < countof(hostile))
                word = hostile[i];
            memcpy(&kept, bytes + at, sizeof(kept));
            memcpy(bytes + at, &word, sizeof(word));
            if (map_bytes(bytes, size, ALL_SEALS, &snapshot) == 0) {
                (void)read_everything(&snapshot);
                snapshot_unmap(&snapshot);
            }
            memcpy(bytes + at, &kept, sizeof(kept));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sealed_comes_back),
        cmocka_unit_test(a_page_is_found_by_its_path_and_kind_alone),
        cmocka_unit_test(an_entity_tag_is_quoted_and_follows_the_body),
        cmocka_unit_test(nobody_can_write_to_what_is_sealed),
        cmocka_unit_test(too_many_pages_are_refused),
        cmocka_unit_test(a_file_that_can_still_change_is_refused),
        cmocka_unit_test(a_file_of_another_length_is_refused),
        cmocka_unit_test(a_number_of_pages_that_does_not_fit_is_refused),
        cmocka_unit_test(one_page_beyond_the_most_is_refused_though_all_of_it_fits),
        cmocka_unit_test(a_string_without_its_end_is_refused),
        cmocka_unit_test(a_string_that_could_break_a_line_is_refused),
        cmocka_unit_test(a_page_that_stands_twice_is_refused),
        cmocka_unit_test(headers_that_are_no_lines_are_refused),
        cmocka_unit_test(any_word_replaced_by_a_hostile_one_is_refused_or_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
