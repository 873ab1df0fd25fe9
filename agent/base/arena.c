/* An allocator that only moves forward: each piece has its size before it, and the last piece alone
 * can grow in place or be given back. */
#include "base/arena.h"

#include <errno.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

enum {
    CHUNK_BYTES = 256 * 1024,
    CHUNKS_MAX = 64, /* 16 MiB and more: musl's allocator serves what comes after */
    ALIGNMENT = alignof(max_align_t),
};

/* Stands right before each piece. */
struct piece {
    alignas(max_align_t) size_t size;
};

struct chunk {
    unsigned char *begin, *end;
};

static struct {
    bool is_on;
    size_t chunk_count;
    struct chunk chunks[CHUNKS_MAX];
    unsigned char *next; /* in the last chunk */
} arena;

/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): ld's names for them. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *old);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void __wrap_free(void *old);
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

void arena_begin(void)
{
    arena.is_on = true;
}

static size_t bytes_left(void)
{
    return arena.chunk_count ? (size_t)(arena.chunks[arena.chunk_count - 1].end - arena.next) : 0;
}

/* Mapped with its pages present: a page fault for each would cost more than the page. */
static bool add_chunk(size_t size)
{
    size_t bytes = size < CHUNK_BYTES ? CHUNK_BYTES : size + CHUNK_BYTES; /* and room to grow */
    if (arena.chunk_count == CHUNKS_MAX)
        return false;
    void *begin = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (begin == MAP_FAILED)
        return false;
    arena.next = begin;
    arena.chunks[arena.chunk_count++] = (struct chunk){begin, arena.next + bytes};
    return true;
}

static struct piece *piece_of(void *memory)
{
    return (struct piece *)memory - 1;
}

/* NULL where the arena is off, full, or the kernel has no memory. */
static void *take_piece(size_t size)
{
    if (!arena.is_on)
        return NULL;
    size_t rounded = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    size_t bytes = sizeof(struct piece) + rounded;
    if (bytes_left() < bytes && !add_chunk(bytes))
        return NULL;
    struct piece *piece = (struct piece *)(void *)arena.next;
    piece->size = rounded;
    arena.next += bytes;
    return piece + 1;
}

static bool is_last(void *memory)
{
    return (unsigned char *)memory + piece_of(memory)->size == arena.next;
}

static bool is_in_arena(const void *memory)
{
    uintptr_t at = (uintptr_t)memory;
    for (size_t i = arena.chunk_count; i-- > 0;)
        if (at >= (uintptr_t)arena.chunks[i].begin && at < (uintptr_t)arena.chunks[i].end)
            return true;
    return false;
}

static bool grow_last(void *memory, size_t size)
{
    struct piece *piece = piece_of(memory);
    if (!is_last(memory) || size > bytes_left() + piece->size)
        return false;
    piece->size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    arena.next = (unsigned char *)memory + piece->size;
    return true;
}

static void *move_piece(void *old, size_t size)
{
    size_t held = piece_of(old)->size;
    void *memory = __wrap_malloc(size);
    if (memory)
        memcpy(memory, old, held < size ? held : size);
    return memory;
}

/* More than an object may have (PTRDIFF_MAX), the arena's own rounding included. */
static bool is_too_large(size_t size)
{
    if (size <= PTRDIFF_MAX - 2 * (size_t)CHUNK_BYTES)
        return false;
    errno = ENOMEM;
    return true;
}

void *__wrap_malloc(size_t size)
{
    if (is_too_large(size))
        return NULL;
    void *memory = take_piece(size);
    return memory ? memory : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        bytes = SIZE_MAX;
    if (is_too_large(bytes))
        return NULL;
    void *memory = take_piece(bytes);
    return memory ? memset(memory, 0, bytes) : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    if (!old)
        return __wrap_malloc(size);
    if (is_too_large(size))
        return NULL;
    if (!is_in_arena(old))
        return __real_realloc(old, size);
    if (size <= piece_of(old)->size || grow_last(old, size))
        return old;
    return move_piece(old, size);
}

void __wrap_free(void *old)
{
    if (!is_in_arena(old))
        __real_free(old);
    else if (is_last(old))
        arena.next = (unsigned char *)piece_of(old);
}
