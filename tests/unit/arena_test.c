/* The allocator of short commands, with the linker's --wrap as in the product: this program's own
 * calls of malloc and its kin go through it. */
#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CHUNK = 256 * 1024 };

/* Allocated before the arena began: freed and grown by the C library, as it was made. */
static void *before, *grown_before;

static int begin(void **state)
{
    (void)state;
    before = malloc(100);
    grown_before = malloc(100);
    memset(grown_before, 7, 100);
    arena_begin();
    return before && grown_before ? 0 : -1;
}

static void memory_from_before_is_freed_and_grown_where_it_came_from(void **state)
{
    (void)state;
    free(before);
    unsigned char *grown = realloc(grown_before, 5000);
    assert_non_null(grown);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(grown[i], 7);
    free(grown);
}

static void every_piece_is_aligned_and_apart_from_all_others(void **state)
{
    (void)state;
    unsigned char *pieces[600];
    for (size_t i = 0; i < 600; i++) {
        pieces[i] = malloc(i);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
        memset(pieces[i], (int)(i & 0xff), i);
    }
    for (size_t i = 0; i < 600; i++)
        for (size_t k = 0; k < i; k++)
            assert_int_equal(pieces[i][k], i & 0xff);
}

static void the_last_piece_is_taken_again_once_freed(void **state)
{
    (void)state;
    void *first = malloc(64);
    uintptr_t place = (uintptr_t)first;
    free(first);
    assert_int_equal((uintptr_t)malloc(64), place);
}

static void a_piece_that_is_not_the_last_is_never_taken_again(void **state)
{
    (void)state;
    void *first = malloc(64);
    uintptr_t place = (uintptr_t)first;
    assert_non_null(malloc(64));
    free(first);
    assert_int_not_equal((uintptr_t)malloc(64), place);
}

static void calloc_clears_what_was_used_before(void **state)
{
    (void)state;
    unsigned char *used = malloc(256);
    uintptr_t place = (uintptr_t)used;
    memset(used, 0xff, 256);
    free(used);
    unsigned char *cleared = calloc(16, 16);
    assert_int_equal((uintptr_t)cleared, place);
    for (size_t i = 0; i < 256; i++)
        assert_int_equal(cleared[i], 0);
}

/* realloc, of which the compiler does not know that `old` is gone. */
static unsigned char *resized(unsigned char *volatile old, size_t size)
{
    return realloc(old, size);
}

static void the_last_piece_grows_in_place_and_others_move_with_their_bytes(void **state)
{
    (void)state;
    unsigned char *first = malloc(32);
    uintptr_t place = (uintptr_t)first;
    memset(first, 1, 32);
    first = resized(first, 4000);
    assert_int_equal((uintptr_t)first, place);
    uintptr_t behind = (uintptr_t)malloc(16);
    unsigned char *moved = resized(first, 8000);
    assert_true((uintptr_t)moved > behind);
    for (size_t i = 0; i < 32; i++)
        assert_int_equal(moved[i], 1);
    place = (uintptr_t)moved;
    assert_int_equal((uintptr_t)resized(moved, 10), place);
}

static void a_piece_grows_across_the_end_of_its_chunk(void **state)
{
    (void)state;
    unsigned char *grown = NULL;
    for (size_t size = 1000; size <= 3 * (size_t)CHUNK; size += 1000) {
        grown = realloc(grown, size);
        assert_non_null(grown);
        memset(grown + size - 1000, (int)(size / 1000 & 0xff), 1000);
    }
    for (size_t i = 0; i < 3 * (size_t)CHUNK - 1000; i++)
        assert_int_equal(grown[i], (i / 1000 + 1) & 0xff);
    free(grown);
}

static void sizes_that_no_machine_has_are_refused(void **state)
{
    (void)state;
    volatile size_t huge = SIZE_MAX;
    for (size_t less = 0; less < 64; less++)
        assert_null(malloc(huge - less));
    assert_null(malloc(huge / 2 + 1));
    assert_null(calloc(huge / 2, 3));
    assert_null(calloc(huge / 16, 16));
    void *kept = malloc(10);
    assert_null(realloc(kept, huge - 8));
    assert_non_null(kept);
}

static void beyond_its_chunks_the_c_library_serves(void **state)
{
    (void)state;
    unsigned char *pieces[100];
    for (size_t i = 0; i < 100; i++) {
        pieces[i] = malloc(CHUNK);
        assert_non_null(pieces[i]);
        memset(pieces[i], (int)i, CHUNK);
    }
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(pieces[i][CHUNK - 1], i);
        free(pieces[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_from_before_is_freed_and_grown_where_it_came_from),
        cmocka_unit_test(every_piece_is_aligned_and_apart_from_all_others),
        cmocka_unit_test(the_last_piece_is_taken_again_once_freed),
        cmocka_unit_test(a_piece_that_is_not_the_last_is_never_taken_again),
        cmocka_unit_test(calloc_clears_what_was_used_before),
        cmocka_unit_test(the_last_piece_grows_in_place_and_others_move_with_their_bytes),
        cmocka_unit_test(a_piece_grows_across_the_end_of_its_chunk),
        cmocka_unit_test(sizes_that_no_machine_has_are_refused),
        cmocka_unit_test(beyond_its_chunks_the_c_library_serves),
    };
    return cmocka_run_group_tests(tests, begin, NULL);
}
