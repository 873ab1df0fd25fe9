/*
 * The search of the heap for a secret: the sanitizer's allocator reports each piece of memory that
 * is allocated and given back. A build without the sanitizer cannot search, and says so.
 */
#ifndef HOLDFAST_TESTS_HEAP_SEARCH_H
#define HOLDFAST_TESTS_HEAP_SEARCH_H

#include <stdbool.h>
#include <stddef.h>

/* From now on searches for this string, of static storage. False where there is no search: the test
 * has nothing to assert. */
bool heap_search_begin(const char *secret);

/* In how many pieces that are allocated now it stands, and with how many it was given back. */
size_t heap_search_held(void);
size_t heap_search_freed(void);

#endif
