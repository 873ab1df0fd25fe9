/* The way to the stored settings, for the commands that read or change them. */
#include "cli/stored.h"

#include "base/file.h"
#include "base/log.h"
#include "settings/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int stored_open(struct stored *stored, const struct invocation *invocation)
{
    *stored = (struct stored){0};
    int error = access_open(&stored->access, invocation->root, invocation->state_path);
    if (error == 0 && access_needs_login(stored->access))
        error = access_login_interactive(stored->access,
                                         invocation_option(invocation, "password-file"));
    if (error == 0)
        error = access_load(stored->access, &stored->role, &stored->settings, &stored->revision);
    if (error)
        stored_close(stored);
    return error;
}

void stored_close(struct stored *stored)
{
    settings_free(&stored->settings);
    if (stored->access)
        access_close(stored->access);
    *stored = (struct stored){0};
}

/* Here the faults name the file; the warden, which checks all of it again, never hears its name. */
static int check(const struct stored *stored, const char *name, const struct buf *text,
                 struct buf *faults)
{
    struct settings trial = {0};
    int error = buf_error(text);
    if (error == 0)
        error = settings_copy(&trial, &stored->settings);
    if (error == 0)
        error = settings_import(&trial, name, buf_text(text), text->length, faults);
    settings_free(&trial);
    return error;
}

int stored_apply(struct stored *stored, const char *how, const char *name, const struct buf *text)
{
    struct buf faults = {0};
    uint64_t revision = stored->revision;
    int error = check(stored, name, text, &faults);
    if (error == 0)
        error = access_apply(stored->access, how, name, buf_text(text), text->length, &revision,
                             &faults);
    if (error)
        log_error("%s: nothing is stored: %s", how,
                  faults.length ? "these are at fault" : strerror(-error));
    (void)fputs(buf_text(&faults), stderr); /* any number of lines, more than the log takes */
    buf_free(&faults);
    if (error)
        return EXIT_COULD_NOT;
    if (revision == stored->revision)
        printf("nothing to change, revision %" PRIu64 "\n", revision);
    else
        printf("stored as revision %" PRIu64 "\n", revision);
    return EXIT_HOLDS;
}

int stored_print(const struct invocation *invocation, const struct buf *out, int code)
{
    int error = buf_error(out);
    if (error == 0)
        error = file_write_all(STDOUT_FILENO, buf_text(out), out->length);
    if (error == 0)
        return code;
    log_error("%s: cannot write: %s", invocation->command->name, strerror(-error));
    return EXIT_COULD_NOT;
}
