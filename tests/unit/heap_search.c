/* The hooks of the sanitizer's allocator, and the search. */
#include "heap_search.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { PIECES_MAX = 16384 };

static struct {
    const char *secret; /* NULL: nothing is searched */
    size_t freed_with_it;
    struct piece {
        const volatile void *at;
        size_t size;
    } pieces[PIECES_MAX];
    size_t count;
} heap;

static bool holds(const volatile void *at, size_t size)
{
    return heap.secret &&
           memmem((const void *)(uintptr_t)at, size, heap.secret, strlen(heap.secret)) != NULL;
}

#ifdef __SANITIZE_ADDRESS__
/* Of sanitizer/allocator_interface.h, which gcc does not install everywhere. */
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t),
                                              void (*on_free)(const volatile void *));

static void on_malloc(const volatile void *at, size_t size)
{
    if (heap.count < PIECES_MAX)
        heap.pieces[heap.count++] = (struct piece){at, size};
}

static void on_free(const volatile void *at)
{
    for (size_t i = heap.count; i-- > 0;) {
        if (heap.pieces[i].at != at)
            continue;
        heap.freed_with_it += holds(at, heap.pieces[i].size);
        heap.pieces[i] = heap.pieces[--heap.count];
        return;
    }
}

static bool listen_to_heap(void)
{
    return __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free) > 0;
}
#else
static bool listen_to_heap(void)
{
    return false;
}
#endif

bool heap_search_begin(const char *secret)
{
    static bool listens;
    listens = listens || listen_to_heap();
    heap.secret = secret;
    heap.freed_with_it = 0;
    return listens;
}

size_t heap_search_held(void)
{
    size_t count = 0;
    assert_true(heap.count < PIECES_MAX);
    for (size_t i = 0; i < heap.count; i++)
        count += holds(heap.pieces[i].at, heap.pieces[i].size);
    return count;
}

size_t heap_search_freed(void)
{
    return heap.freed_with_it;
}
