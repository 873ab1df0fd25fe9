/*
 * The security wizard: its 25 questions as a pure state machine over settings (guide, bootstrap
 * configuration, step 8). It neither reads nor writes anything; cli/wizard.c lends it a terminal:
 *
 *     wizard_begin(&wizard, &stored);
 *     while (wizard_question(&wizard)) {
 *         wizard_prompt(&wizard, &prompt);          print it, read a line
 *         if (wizard_answer(&wizard, line, &why))   print why; the same question stands again
 *             continue;
 *         wizard_note(&wizard, &note);              print what the last answer means, if anything
 *     }
 *     wizard_check(&wizard, &faults);
 *     wizard_changes(&wizard, &changes);            print, ask whether to apply
 *     wizard_text(&wizard, &text);                  access_apply(..., "wizard", ...)
 *     wizard_end(&wizard);
 */
#ifndef HOLDFAST_SETTINGS_WIZARD_H
#define HOLDFAST_SETTINGS_WIZARD_H

#include "settings/settings.h"

enum { WIZARD_QUESTIONS = 25 };

struct wizard {
    struct settings settings;      /* the stored ones, with the answers so far */
    const struct settings *before; /* the stored ones, borrowed */
    unsigned next;                 /* number of the question that stands, 26 at the end */
    enum setting_key answered;     /* the last one, SETTING_NONE before the first */
};

/* Begins at the first question; `stored` outlives the wizard. 0 or -ENOMEM. */
int wizard_begin(struct wizard *wizard, const struct settings *stored);
void wizard_end(struct wizard *wizard);

/* The question that stands, or NULL when all are answered. 19 is passed over where 18 is yes. */
const struct setting_info *wizard_question(const struct wizard *wizard);

/* Appends "PROMPT (VALUE): ": a bool as the guide prints it, NO or YES; a number plain; a text, or
 * none, in quotes. */
void wizard_prompt(const struct wizard *wizard, struct buf *out);

/* Takes a line (its end and white space around it do not matter) for the question that stands and
 * moves on. An empty one keeps the value; two quotes alone, "", empty a text. -EINVAL with the
 * reason in `why` when the value is bad or breaks a rule with what is known by now; the question
 * stands as before then. Also -ENOMEM. */
int wizard_answer(struct wizard *wizard, const char *line, struct buf *why);

/* Appends the note under the last answer: that FIPS mode masks it, or that it cannot be undone;
 * nothing for most. */
void wizard_note(const struct wizard *wizard, struct buf *out);

/* Takes all answers at once from `text` ("key = value" lines, for --answers): keys outside the 25
 * are faults. Nothing is left to ask afterwards. Errors as settings_import(). */
int wizard_answers(struct wizard *wizard, const char *name, const char *text, size_t size,
                   struct buf *faults);

/* Rules across all settings, as settings_check(): the number of faults. */
size_t wizard_check(const struct wizard *wizard, struct buf *faults);

/* Appends a line "key: old -> new" for each answer that changes something; how many. */
size_t wizard_changes(const struct wizard *wizard, struct buf *out);

/* Appends the answers to all 25 questions as import reads them. */
void wizard_text(const struct wizard *wizard, struct buf *out);

#endif
