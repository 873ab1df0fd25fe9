/* holdfast wizard: lends the security wizard a terminal, or its answers from a file. */
#include "cli/commands.h"

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "cli/access.h"
#include "cli/terminal.h"
#include "settings/text.h"
#include "settings/wizard.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static int interrupted(int error)
{
    log_error("wizard: %s: nothing is stored", error == -EPIPE   ? "the end of input"
                                               : error == -EINTR ? "interrupted"
                                                                 : strerror(-error));
    return error;
}

static const char *why_no_line(int error)
{
    return error == -EFBIG ? "too long" : "not a line of text";
}

/* Asks one question until its answer is good. */
static int ask_question(struct wizard *wizard, struct buf *prompt, struct buf *line)
{
    for (;;) {
        struct buf why = {0}, note = {0};
        buf_clear(prompt);
        wizard_prompt(wizard, prompt);
        int error = terminal_ask(buf_text(prompt), false, line);
        bool bad_line = error == -EFBIG || error == -EILSEQ;
        if (error && !bad_line)
            return interrupted(error);
        if (bad_line)
            buf_puts(&why, why_no_line(error));
        else
            error = wizard_answer(wizard, buf_text(line), &why);
        if (error)
            printf("  %s\n", buf_text(&why));
        else
            wizard_note(wizard, &note);
        if (note.length)
            printf("  %s\n", buf_text(&note));
        buf_free(&why);
        buf_free(&note);
        if (error == 0 || error == -ENOMEM)
            return error;
    }
}

static int ask_all(struct wizard *wizard)
{
    struct buf prompt = {0}, line = {0};
    int error = 0;
    printf("Enter keeps the value in brackets.\n");
    while (error == 0 && wizard_question(wizard))
        error = ask_question(wizard, &prompt, &line);
    buf_free(&prompt);
    buf_free(&line);
    return error;
}

/* Any number of lines, more than a message of the log takes. */
static void tell_faults(const struct buf *faults)
{
    log_error("wizard: nothing is stored: these are at fault");
    (void)fputs(buf_text(faults), stderr);
}

static int take_file(struct wizard *wizard, const char *file)
{
    struct buf text = {0}, faults = {0};
    int error = file_read(file, SETTINGS_TEXT_MAX, &text);
    if (error)
        log_error("wizard: cannot read %s: %s", file, strerror(-error));
    else
        error = wizard_answers(wizard, file, buf_text(&text), text.length, &faults);
    if (faults.length)
        tell_faults(&faults);
    buf_free(&text);
    buf_free(&faults);
    return error;
}

/* 1 where the administrator says yes, 0 for anything else, or a negative errno. */
static int confirm(void)
{
    static const char *const yes[] = {"y", "yes", "true"};
    struct buf line = {0};
    int result = terminal_ask("Apply these settings and reboot? (NO): ", false, &line);
    if (result)
        result = interrupted(result);
    for (size_t i = 0; result == 0 && line.data && i < countof(yes); i++)
        result = strcasecmp(str_trim(line.data), yes[i]) == 0;
    buf_free(&line);
    return result;
}

/* Shows what changes and what cannot be undone; faults across the answers end it here. */
static int show_changes(const struct wizard *wizard)
{
    struct buf changes = {0}, faults = {0};
    if (wizard_check(wizard, &faults)) {
        tell_faults(&faults);
    } else {
        size_t count = wizard_changes(wizard, &changes);
        printf("\n%s%s", count ? "These settings change:\n" : "No setting changes.\n",
               buf_text(&changes));
        if (settings_bool(&wizard->settings, SECURITY_DISABLE_ADMIN))
            printf("After the reboot nobody can log in to this node, and nothing can undo that.\n");
    }
    int error = faults.length ? -EINVAL : 0;
    buf_free(&changes);
    buf_free(&faults);
    return error;
}

static int apply(struct access *access, const struct wizard *wizard)
{
    struct buf text = {0}, faults = {0};
    uint64_t revision = 0;
    wizard_text(wizard, &text);
    int error = buf_error(&text);
    if (error == 0)
        error = access_apply(access, "wizard", "answers", buf_text(&text), text.length, &revision,
                             &faults);
    if (faults.length)
        tell_faults(&faults);
    else if (error)
        log_error("wizard: nothing is stored: %s", strerror(-error));
    else
        printf("Stored as revision %llu.\n", (unsigned long long)revision);
    buf_free(&text);
    buf_free(&faults);
    return error;
}

static int reboot(struct access *access)
{
    int error = access_reboot(access);
    if (error == -ENOTSUP)
        printf("Below --root there is no machine to reboot.\n");
    else if (error)
        log_error("wizard: cannot reboot: %s: reboot the node by hand", strerror(-error));
    else
        printf("The node reboots.\n");
    return error == -ENOTSUP ? 0 : error;
}

static int run_wizard(const struct invocation *invocation, struct access *access,
                      struct wizard *wizard)
{
    const char *file = invocation_option(invocation, "answers");
    int error = file ? take_file(wizard, file) : ask_all(wizard);
    if (error == 0)
        error = show_changes(wizard);
    if (error)
        return EXIT_COULD_NOT;
    int sure = file ? 1 : confirm();
    if (sure < 0)
        return EXIT_COULD_NOT;
    if (!sure) {
        printf("Nothing is stored.\n");
        return EXIT_FALLS_SHORT;
    }
    if (apply(access, wizard) < 0)
        return EXIT_COULD_NOT;
    if (invocation_option(invocation, "no-reboot"))
        return EXIT_HOLDS;
    return reboot(access) < 0 ? EXIT_FALLS_SHORT : EXIT_HOLDS;
}

static int load(const struct invocation *invocation, struct access *access, struct settings *stored)
{
    enum role role;
    uint64_t revision;
    int error = access_login_interactive(access, invocation_option(invocation, "password-file"));
    if (error == 0)
        error = access_load(access, &role, stored, &revision);
    if (error == 0 && role == ROLE_CONFERENCING) {
        log_error("wizard: a Conferencing Node takes its settings from its Management Node");
        error = -EPERM;
    }
    return error;
}

int cli_wizard(const struct invocation *invocation)
{
    struct access *access;
    struct settings stored = {0};
    struct wizard wizard = {.before = NULL};
    int code = EXIT_COULD_NOT;
    if (access_open(&access, invocation->root, invocation->state_path) < 0)
        return code;
    if (load(invocation, access, &stored) == 0 && wizard_begin(&wizard, &stored) == 0) {
        code = run_wizard(invocation, access, &wizard);
        wizard_end(&wizard);
    }
    settings_free(&stored);
    access_close(access);
    return code;
}
