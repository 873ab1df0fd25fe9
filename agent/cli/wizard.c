/* holdfast wizard: lends the security wizard a terminal, or its answers from a file. */
#include "cli/commands.h"

#include "base/log.h"
#include "cli/authenticate.h"
#include "cli/consent.h"
#include "cli/input.h"
#include "cli/stored.h"
#include "cli/terminal.h"
#include "settings/wizard.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

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
        int error = terminal_ask(buf_text(prompt), line);
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
        if (error == 0 && wizard->answered == SECURITY_DISABLE_ADMIN &&
            change_is_out_of_reach(&wizard->settings))
            printf("  no station is configured in health.stations: without one this is refused\n");
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
static void log_faults(const struct buf *faults)
{
    log_error("wizard: nothing is stored: these are at fault");
    (void)fputs(buf_text(faults), stderr);
}

/* The answers of --answers, `text`. */
static int take_answers(struct wizard *wizard, const char *path, const struct buf *text)
{
    struct buf faults = {0};
    int error = wizard_answers(wizard, input_name(path), buf_text(text), text->length, &faults);
    if (faults.length)
        log_faults(&faults);
    else if (error)
        log_error("wizard: cannot take the answers from %s: %s", input_name(path),
                  strerror(-error));
    buf_free(&faults);
    return error;
}

/* 1 where the administrator says yes, 0 for no, or a negative errno: only these end it. */
static int confirm(void)
{
    int answer = terminal_confirm("Apply these settings and reboot? (yes or no): ");
    return answer < 0 ? interrupted(answer) : answer == TERMINAL_YES;
}

/* Shows what changes and what cannot be undone; faults across the answers end it here. */
static int show_changes(const struct wizard *wizard)
{
    struct buf changes = {0}, faults = {0};
    if (wizard_check(wizard, &faults)) {
        log_faults(&faults);
    } else {
        size_t count = wizard_changes(wizard, &changes);
        printf("\n%s%s", count ? "These settings change:\n" : "No setting changes.\n",
               buf_text(&changes));
        if (settings_bool(&wizard->settings, SECURITY_DISABLE_ADMIN))
            printf(CHANGE_LOCKED "\n");
    }
    int error = faults.length ? -EINVAL : 0;
    buf_free(&changes);
    buf_free(&faults);
    return error;
}

/* What the wizard cannot show is not applied either. */
static int flush_shown(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    log_error("wizard: nothing is stored: cannot write to standard output: %s", strerror(errno));
    return -EIO;
}

/* An exit code. */
static int apply(struct access *access, const struct wizard *wizard, unsigned consent)
{
    struct buf text = {0}, faults = {0}, out = {0};
    uint64_t revision = 0;
    wizard_text(wizard, &text);
    int error = buf_error(&text);
    if (error == 0)
        error = stored_change(access, CONTROL_APPLY_WIZARD, consent, &text, &revision, &faults);
    if (error)
        stored_refused("wizard", error, &faults);
    buf_printf(&out, "Stored as revision %llu.\n", (unsigned long long)revision);
    int code = error ? EXIT_COULD_NOT : stored_done("wizard", &out, EXIT_HOLDS);
    buf_free(&text);
    buf_free(&faults);
    buf_free(&out);
    return code;
}

/* The guide, "Running the security wizard", last paragraph: only this node is rebooted. */
static void tell_others(void)
{
    printf("Conferencing Nodes that are deployed must be rebooted by hand.\n");
}

static int reboot(struct access *access, bool wanted)
{
    tell_others();
    if (!wanted) {
        printf("The answers hold in full after the next boot: holdfast reboot.\n");
        return EXIT_HOLDS;
    }
    int error = stored_reboot(access);
    if (error == -ENOTSUP)
        printf("Below --root there is no machine to reboot.\n");
    else if (error)
        log_error("wizard: cannot reboot: %s: reboot the node by hand", strerror(-error));
    else
        printf("The node reboots.\n");
    return error && error != -ENOTSUP ? EXIT_FALLS_SHORT : EXIT_HOLDS;
}

/* Everything but the answers themselves; `asked`: a person gave them, and is there. */
static int finish(const struct invocation *invocation, struct access *access,
                  const struct wizard *wizard, bool asked)
{
    unsigned consent = 0;
    if (show_changes(wizard) < 0 || flush_shown() < 0 ||
        consent_check(invocation, wizard->before, &wizard->settings, asked, &consent) < 0)
        return EXIT_COULD_NOT;
    int sure = asked ? confirm() : 1;
    if (sure < 0)
        return EXIT_COULD_NOT;
    if (!sure) {
        printf("Nothing is stored.\n");
        return EXIT_FALLS_SHORT;
    }
    int code = apply(access, wizard, consent);
    if (code == EXIT_COULD_NOT)
        return code;
    int rebooted = reboot(access, !invocation_option(invocation, "no-reboot"));
    return code == EXIT_HOLDS ? rebooted : code;
}

static int load(const struct invocation *invocation, struct access *access, struct settings *stored)
{
    enum role role;
    uint64_t revision;
    int error = authenticate(access, invocation);
    if (error == 0)
        error = stored_load(access, &role, stored, &revision);
    if (error == 0 && role == ROLE_CONFERENCING) {
        log_error("wizard: it is not offered on a Conferencing Node, which takes its settings from "
                  "its Management Node; holdfast reboot reboots it");
        error = -EPERM;
    }
    return error;
}

/* Standard input is read after the password, whose line may come before the answers. */
static int run_wizard(const struct invocation *invocation, struct access *access, struct buf *text)
{
    const char *path = invocation_option(invocation, "answers");
    struct settings stored = {0};
    struct wizard wizard = {.before = NULL};
    int code = EXIT_COULD_NOT;
    int error = load(invocation, access, &stored);
    if (error == 0 && path && input_is_stdin(path))
        error = input_read("wizard", path, text);
    if (error == 0)
        error = wizard_begin(&wizard, &stored);
    if (error == 0) {
        error = path ? take_answers(&wizard, path, text) : ask_all(&wizard);
        if (error == 0)
            code = finish(invocation, access, &wizard, !path);
        wizard_end(&wizard);
    }
    settings_free(&stored);
    return code;
}

int cli_wizard(const struct invocation *invocation)
{
    const char *path = invocation_option(invocation, "answers");
    struct access *access;
    struct buf text = {0};
    int code = EXIT_COULD_NOT;
    int error = path && !input_is_stdin(path) ? input_read("wizard", path, &text) : 0;
    if (error == 0 && access_open(&access, invocation->root, invocation->state_path) == 0) {
        code = run_wizard(invocation, access, &text);
        access_close(access);
    }
    buf_wipe(&text);
    return code;
}
