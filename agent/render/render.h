/*
 * The configuration files of the node's services: each is a function of the policy alone, without
 * I/O. The files domain writes them (domain/files.c).
 *
 * Each appends one whole file to `out`; the caller asks buf_error(). The first line, or the first
 * members of JSON, name the writer and the revision of the settings. Source: spec/crypto.md, "What
 * is rendered".
 */
#ifndef HOLDFAST_RENDER_RENDER_H
#define HOLDFAST_RENDER_RENDER_H

#include "base/buf.h"
#include "policy/policy.h"

#include <stdbool.h>
#include <sys/types.h>

/* Where the files lie, below the root: what one names of another, it names by this. */
#define RENDER_FOLDER "/run/holdfast/crypto"

/* Other configuration than TLS. */
#define RENDER_WEB     "/run/holdfast/web.json"
#define RENDER_NETWORK "/run/holdfast/network.conf"

/* A file of the node's on its disk: what its check holds it against, besides its content. */
struct managed_file {
    const char *path;
    mode_t mode;
    uid_t uid; /* MANAGED_FILE_OWN_USER: this process's own, root on a node; gid likewise */
    gid_t gid;
    bool secret; /* its check says that it differs, never how; buffers with its text are wiped */
};

#define MANAGED_FILE_OWN_USER ((uid_t)-1)

enum { RENDERED_SIZE_MAX = 65536 };

/* A row of render/files.def. */
struct rendered_file {
    const char *id, *title;
    void (*render)(const struct policy *policy, struct buf *out);
    struct managed_file file;
    const enum setting_key *settings; /* ends with SETTING_NONE */
    bool in_fips_mode_alone;          /* else it must be absent */
    bool durable;                     /* no reboot forgets it */
};

/* The renderers, one a row: what each writes is said in its own file. */
#define RENDERED(id, title, renderer, ...)                                                         \
    void renderer(const struct policy *policy, struct buf *out);
#include "render/files.def"
#undef RENDERED

enum {
#define RENDERED(id, title, renderer, ...) RENDERED_AS_##renderer,
#include "render/files.def"
#undef RENDERED
    RENDERED_COUNT
};

extern const struct rendered_file rendered_files[RENDERED_COUNT];

/* Renders into an empty buffer, which has room for a secret beforehand. 0, -ENOMEM, or -EFBIG for
 * more than RENDERED_SIZE_MAX bytes. The caller ends the buffer with rendered_end, after errors
 * too: it wipes a secret. */
int rendered_make(const struct rendered_file *file, const struct policy *policy, struct buf *out);
void rendered_end(const struct rendered_file *file, struct buf *text);

/* The object of one surface in policy.json: https-in, https-out, sip-in, sip-out, srtp or h323;
 * false, and nothing is written, where there is no such surface. */
bool render_surface_json(const struct policy *policy, const char *name, struct buf *out);

#endif
