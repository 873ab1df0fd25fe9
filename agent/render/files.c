/* The table of rendered files, and what they are rendered into. */
#include "render/render.h"

#include <errno.h>

/* The formatter takes an initializer in a macro for a block. */
/* clang-format off */
#define FROM(...) (const enum setting_key[]){__VA_ARGS__, SETTING_NONE}
/* clang-format on */
#define OWN_USER MANAGED_FILE_OWN_USER, (gid_t)MANAGED_FILE_OWN_USER
#define PUBLIC   false
#define PRIVATE  true

const struct rendered_file rendered_files[RENDERED_COUNT] = {
#define RENDERED(i, t, r, ...) {.id = i, .title = t, .render = r, .file = __VA_ARGS__},
#include "render/files.def"
#undef RENDERED
};

int rendered_make(const struct rendered_file *file, const struct policy *policy, struct buf *out)
{
    int error = file->file.secret ? buf_reserve(out, RENDERED_SIZE_MAX) : 0;
    if (error == 0)
        file->render(policy, out);
    error = buf_error(out);
    return error == 0 && out->length > RENDERED_SIZE_MAX ? -EFBIG : error;
}

void rendered_end(const struct rendered_file *file, struct buf *text)
{
    if (file->file.secret)
        buf_wipe(text);
    else
        buf_free(text);
}
