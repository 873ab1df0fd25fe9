/* The way to the stored settings, for the commands that read or change them. */
#include "cli/stored.h"

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "cli/authenticate.h"
#include "cli/consent.h"
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
    if (error == 0)
        error = authenticate_if_needed(stored->access, invocation);
    if (error == 0)
        error = stored_load(stored->access, &stored->role, &stored->settings, &stored->revision);
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

int stored_load(struct access *access, enum role *role, struct settings *settings,
                uint64_t *revision)
{
    struct buf answer = {0};
    int error = settings_defaults(settings);
    if (error == 0)
        error = access_call(access, CONTROL_LOAD, &(struct request){.data = ""}, &answer);
    if (error == 0)
        error = verb_read_load(&answer, role, settings, revision);
    if (error == -ENODATA)
        log_error("the stored settings are not known, the node fails closed: %s",
                  buf_text(&answer));
    else if (error)
        log_error("cannot load the settings: %s", strerror(-error));
    buf_wipe(&answer);
    return error;
}

int stored_change(struct access *access, enum control_verb verb, unsigned consent,
                  const struct buf *text, uint64_t *revision, struct buf *faults)
{
    struct buf answer = {0};
    const struct request request = {
        .data = buf_text(text), .size = text->length, .consent = consent};
    int error = access_call(access, verb, &request, &answer);
    if (error == 0)
        error = str_to_u64(buf_text(&answer), 0, UINT64_MAX, revision);
    else
        buf_append(faults, buf_text(&answer), answer.length);
    buf_free(&answer);
    return error;
}

int stored_reboot(struct access *access)
{
    struct buf answer = {0};
    int error = access_call(access, CONTROL_REBOOT, &(struct request){.data = ""}, &answer);
    buf_free(&answer);
    return error;
}

/* Here the faults name the file; the verb, which checks all of it again, does not know its name. */
static int try_text(const struct stored *stored, const char *name, const struct buf *text,
                    struct settings *trial, struct buf *faults)
{
    int error = buf_error(text);
    if (error == 0)
        error = settings_copy(trial, &stored->settings);
    if (error == 0)
        error = settings_import(trial, name, buf_text(text), text->length, faults);
    return error;
}

/* Names the changed settings that hold after the next boot alone. */
static void add_waiting(const struct settings *before, const struct settings *after,
                        struct buf *out)
{
    const char *between = "takes effect at the next boot: ";
    for (int i = 0; i < SETTING_COUNT; i++) {
        enum setting_key key = (enum setting_key)i;
        if (!setting_table[key].at_boot ||
            str_equal(settings_text(before, key), settings_text(after, key)))
            continue;
        buf_printf(out, "%s%s", between, setting_table[key].name);
        between = ", ";
    }
    if (between[0] == ',')
        buf_putc(out, '\n');
}

/* It is stored, whether the report of it can be written or not. */
static int print_stored(const struct stored *stored, const char *how, const struct settings *after,
                        uint64_t revision)
{
    struct buf out = {0};
    bool changed = revision != stored->revision;
    buf_printf(&out, "%s revision %" PRIu64 "\n", changed ? "stored as" : "nothing to change,",
               revision);
    add_waiting(&stored->settings, after, &out);
    if (change_locks(&stored->settings, after))
        buf_puts(&out, CHANGE_LOCKED "\n");
    int code = stored_done(how, &out, EXIT_HOLDS);
    buf_free(&out);
    return code;
}

/* A change that was tried already, with its consent. */
static int apply(struct stored *stored, const struct invocation *invocation, enum control_verb verb,
                 unsigned consent, const struct buf *text, const struct settings *after)
{
    const char *how = invocation->command->name;
    struct buf faults = {0};
    uint64_t revision = stored->revision;
    int error = stored_change(stored->access, verb, consent, text, &revision, &faults);
    if (error)
        stored_refused(how, error, &faults);
    buf_free(&faults);
    return error ? EXIT_COULD_NOT : print_stored(stored, how, after, revision);
}

int stored_apply(struct stored *stored, const struct invocation *invocation, enum control_verb verb,
                 const char *name, const struct buf *text)
{
    struct buf faults = {0};
    struct settings trial = {0};
    unsigned consent = 0;
    int code = EXIT_COULD_NOT;
    int error = try_text(stored, name, text, &trial, &faults);
    if (error)
        stored_refused(invocation->command->name, error, &faults);
    else if (consent_check(invocation, &stored->settings, &trial, false, &consent) == 0)
        code = apply(stored, invocation, verb, consent, text, &trial);
    settings_free(&trial);
    buf_free(&faults);
    return code;
}

void stored_refused(const char *how, int error, const struct buf *faults)
{
    log_error("%s: nothing is stored: %s", how,
              faults->length ? "these are at fault" : strerror(-error));
    (void)fputs(buf_text(faults), stderr); /* any number of lines, more than the log takes */
}

static int write_out(const struct buf *out)
{
    int error = buf_error(out);
    return error ? error : file_write_all(STDOUT_FILENO, buf_text(out), out->length);
}

int stored_print(const struct invocation *invocation, const struct buf *out, int code)
{
    int error = write_out(out);
    if (error == 0)
        return code;
    log_error("%s: cannot write to standard output: %s", invocation->command->name,
              strerror(-error));
    return EXIT_COULD_NOT;
}

int stored_done(const char *how, const struct buf *out, int code)
{
    int error = write_out(out);
    if (error == 0)
        return code;
    struct buf line = {0};
    for (const char *c = buf_text(out); *c; c++)
        if (*c != '\n')
            buf_putc(&line, *c);
        else if (c[1] != '\0')
            buf_puts(&line, "; ");
    log_error("%s: %s, but it cannot be written to standard output: %s", how, buf_text(&line),
              strerror(-error));
    buf_free(&line);
    return EXIT_FALLS_SHORT;
}
