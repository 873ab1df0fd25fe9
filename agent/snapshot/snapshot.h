/*
 * The snapshot: every page that the endpoint can answer, rendered by the daemon into one sealed
 * memfd (memfd_create(2), F_SEAL_WRITE) and mapped read-only by the endpoint. All readers show one
 * generation, never two. The endpoint treats its layout as input and checks every offset once.
 */
#ifndef HOLDFAST_SNAPSHOT_SNAPSHOT_H
#define HOLDFAST_SNAPSHOT_SNAPSHOT_H

#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

enum page_kind {
    PAGE_PLAIN,
    PAGE_STALE,      /* served in place of the plain one when the snapshot is too old */
    PAGE_OPENMETRICS /* served where the request's Accept asks for it */
};

struct page {
    const char *path;
    const char *type;
    unsigned status; /* HTTP */
    enum page_kind kind;
    struct buf body;
};

struct snapshot_head {
    uint64_t generation;
    uint64_t boot_ms;   /* CLOCK_BOOTTIME when it was rendered */
    uint64_t stale_ms;  /* older than this: stale pages are served */
    char headers[1024]; /* response headers common to all pages, "Name: value\n" lines: HSTS,
                           Referrer-Policy as the settings say */
};

/* Renders into a new sealed memfd: the descriptor (the caller closes it), or a negative errno. */
int snapshot_seal(const struct snapshot_head *head, const struct page *pages, size_t count);

struct snapshot {
    const unsigned char *map;
    size_t size;
};

struct snapshot_page {
    const char *path;
    const char *type;
    const char *etag; /* strong: quoted SHA-256 prefix of the body */
    enum page_kind kind;
    const void *body;
    size_t size;
    unsigned status;
};

/* Maps a sealed memfd and checks seals and layout; -EBADMSG when something does not fit. The
 * descriptor stays the caller's. */
int snapshot_map(struct snapshot *snapshot, int fd);
void snapshot_unmap(struct snapshot *snapshot);

const struct snapshot_head *snapshot_head(const struct snapshot *snapshot);

/* The pages one by one, `index` below the count. */
size_t snapshot_count(const struct snapshot *snapshot);
void snapshot_page(const struct snapshot *snapshot, size_t index, struct snapshot_page *page);

/* The page of a path and kind; -ENOENT when there is none. */
int snapshot_find(const struct snapshot *snapshot, const char *path, enum page_kind kind,
                  struct snapshot_page *page);

#endif
