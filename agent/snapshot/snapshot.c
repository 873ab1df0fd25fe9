/*
 * The snapshot's file: a head, a table of pages, then strings and bodies. Everything is written
 * once and sealed; the reader believes nothing that it has not checked when it maps the file.
 */
#include "snapshot/snapshot.h"

#include "base/file.h"
#include "base/memfd.h"
#include "base/str.h"

#include <errno.h>
#include <mbedtls/sha256.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PAGES_MAX = 64,
    STRING_MAX = 256,
    SIZE_MAX_BYTES = 64 << 20,
    HASH_SIZE = 32,
    ETAG_BYTES = 16 /* of the hash: no two bodies share them by accident */
};

#define MAGIC "HFSNAP1"

struct layout_head {
    char magic[8];
    uint64_t size;  /* of the whole file */
    uint64_t count; /* of pages */
    struct snapshot_head head;
};

/* Offsets count from the start of the file. */
struct layout_page {
    uint32_t path, type, etag;
    uint32_t status, kind, reserved;
    uint64_t body, size;
};

/* --- writing --- */

static uint32_t append_string(struct buf *file, const char *text)
{
    uint32_t offset = (uint32_t)file->length;
    buf_append(file, text, strlen(text) + 1);
    return offset;
}

static int append_etag(struct buf *file, const struct buf *body, uint32_t *offset)
{
    unsigned char hash[HASH_SIZE];
    if (mbedtls_sha256((const unsigned char *)buf_text(body), body->length, hash, 0))
        return -EIO;
    *offset = (uint32_t)file->length;
    buf_putc(file, '"');
    for (size_t i = 0; i < ETAG_BYTES; i++)
        buf_printf(file, "%02x", hash[i]);
    buf_append(file, "\"", 2); /* with its NUL */
    return 0;
}

static int append_page(struct buf *file, const struct page *page, struct layout_page *entry)
{
    *entry = (struct layout_page){.status = page->status, .kind = page->kind};
    entry->path = append_string(file, page->path);
    entry->type = append_string(file, page->type);
    int error = append_etag(file, &page->body, &entry->etag);
    entry->body = file->length;
    entry->size = page->body.length;
    buf_append(file, buf_text(&page->body), page->body.length);
    return error;
}

static int render(struct buf *file, const struct snapshot_head *head, const struct page *pages,
                  size_t count)
{
    struct layout_head first = {.magic = MAGIC, .count = count, .head = *head};
    struct layout_page table[PAGES_MAX] = {0};
    int error = 0;
    buf_append(file, &first, sizeof(first));
    buf_append(file, table, count * sizeof(table[0]));
    for (size_t i = 0; i < count && error == 0; i++)
        error = append_page(file, &pages[i], &table[i]);
    if (error == 0)
        error = buf_error(file);
    if (error)
        return error;
    if (file->length > SIZE_MAX_BYTES)
        return -EFBIG;
    first.size = file->length;
    memcpy(file->data, &first, sizeof(first));
    memcpy(file->data + sizeof(first), table, count * sizeof(table[0]));
    return 0;
}

static int write_sealed(const struct buf *file)
{
    int fd = memfd_open("snapshot");
    if (fd < 0)
        return fd;
    int error = file_write_all(fd, file->data, file->length);
    if (error == 0)
        error = memfd_seal(fd);
    if (error == 0)
        return fd;
    close(fd);
    return error;
}

int snapshot_seal(const struct snapshot_head *head, const struct page *pages, size_t count)
{
    struct buf file = {0};
    if (count > PAGES_MAX)
        return -E2BIG;
    int result = render(&file, head, pages, count);
    if (result == 0)
        result = write_sealed(&file);
    buf_free(&file);
    return result;
}

/* --- reading --- */

static const struct layout_head *layout(const struct snapshot *snapshot)
{
    return (const struct layout_head *)(const void *)snapshot->map;
}

static const struct layout_page *table_of(const struct snapshot *snapshot)
{
    return (const struct layout_page *)(const void *)(snapshot->map + sizeof(struct layout_head));
}

static const char *string_at(const struct snapshot *snapshot, uint64_t offset)
{
    return (const char *)snapshot->map + offset;
}

/* The strings become parts of HTTP heads: visible ASCII and spaces, so that no line can break. */
static bool string_fits(const struct snapshot *snapshot, uint64_t offset)
{
    if (offset >= snapshot->size)
        return false;
    size_t room = snapshot->size - offset;
    const char *text = string_at(snapshot, offset);
    size_t length = strnlen(text, room < STRING_MAX ? room : STRING_MAX);
    if (length == 0 || length == room || length == STRING_MAX)
        return false;
    for (size_t i = 0; i < length; i++)
        if (text[i] < ' ' || text[i] > '~')
            return false;
    return true;
}

static bool etag_fits(const struct snapshot *snapshot, uint64_t offset)
{
    if (!string_fits(snapshot, offset))
        return false;
    const char *etag = string_at(snapshot, offset);
    size_t length = strlen(etag);
    return length > 2 && etag[0] == '"' && strchr(etag + 1, '"') == etag + length - 1;
}

static bool page_fits(const struct snapshot *snapshot, const struct layout_page *page)
{
    return string_fits(snapshot, page->path) && string_at(snapshot, page->path)[0] == '/' &&
           string_fits(snapshot, page->type) && etag_fits(snapshot, page->etag) &&
           page->body <= snapshot->size && page->size <= snapshot->size - page->body &&
           page->status >= 200 && page->status <= 599 && page->kind <= PAGE_OPENMETRICS &&
           page->reserved == 0;
}

static bool page_repeats(const struct snapshot *snapshot, size_t index)
{
    const struct layout_page *table = table_of(snapshot);
    for (size_t i = 0; i < index; i++)
        if (table[i].kind == table[index].kind &&
            str_equal(string_at(snapshot, table[i].path), string_at(snapshot, table[index].path)))
            return true;
    return false;
}

/* Lines of "Name: value\n" in visible ASCII, ended by a NUL. */
static bool headers_fit(const char headers[static sizeof(((struct snapshot_head *)0)->headers)])
{
    size_t length = strnlen(headers, sizeof(((struct snapshot_head *)0)->headers));
    if (length == sizeof(((struct snapshot_head *)0)->headers))
        return false;
    for (const char *line = headers; *line;) {
        const char *end = strchr(line, '\n');
        const char *colon = strstr(line, ": ");
        if (!end || !colon || colon == line || colon + 2 >= end)
            return false;
        for (const char *c = line; c < end; c++)
            if (*c < ' ' || *c > '~')
                return false;
        line = end + 1;
    }
    return true;
}

static bool layout_fits(const struct snapshot *snapshot)
{
    const struct layout_head *head = layout(snapshot);
    if (memcmp(head->magic, MAGIC, sizeof(head->magic)) != 0 || head->size != snapshot->size ||
        head->count > PAGES_MAX ||
        head->count * sizeof(struct layout_page) > snapshot->size - sizeof(*head) ||
        !headers_fit(head->head.headers))
        return false;
    for (size_t i = 0; i < head->count; i++)
        if (!page_fits(snapshot, &table_of(snapshot)[i]) || page_repeats(snapshot, i))
            return false;
    return true;
}

int snapshot_map(struct snapshot *snapshot, int fd)
{
    struct stat status;
    *snapshot = (struct snapshot){0};
    if (!memfd_is_sealed(fd) || fstat(fd, &status) < 0 ||
        status.st_size < (off_t)sizeof(struct layout_head) || status.st_size > SIZE_MAX_BYTES)
        return -EBADMSG;
    /* Private: before Linux 6.7 a write-sealed memfd refused every shared mapping. */
    void *map = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED)
        return -errno;
    *snapshot = (struct snapshot){map, (size_t)status.st_size};
    if (layout_fits(snapshot))
        return 0;
    snapshot_unmap(snapshot);
    return -EBADMSG;
}

void snapshot_unmap(struct snapshot *snapshot)
{
    if (snapshot->map)
        munmap((void *)(uintptr_t)snapshot->map, snapshot->size);
    *snapshot = (struct snapshot){0};
}

const struct snapshot_head *snapshot_head(const struct snapshot *snapshot)
{
    return &layout(snapshot)->head;
}

size_t snapshot_count(const struct snapshot *snapshot)
{
    return layout(snapshot)->count;
}

void snapshot_page(const struct snapshot *snapshot, size_t index, struct snapshot_page *page)
{
    const struct layout_page *entry = &table_of(snapshot)[index];
    *page = (struct snapshot_page){
        .path = string_at(snapshot, entry->path),
        .type = string_at(snapshot, entry->type),
        .etag = string_at(snapshot, entry->etag),
        .kind = (enum page_kind)entry->kind,
        .body = snapshot->map + entry->body,
        .size = entry->size,
        .status = entry->status,
    };
}

int snapshot_find(const struct snapshot *snapshot, const char *path, enum page_kind kind,
                  struct snapshot_page *page)
{
    for (size_t i = 0; i < snapshot_count(snapshot); i++) {
        snapshot_page(snapshot, i, page);
        if (page->kind == kind && str_equal(page->path, path))
            return 0;
    }
    return -ENOENT;
}
