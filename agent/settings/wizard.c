/* The wizard's questions, one after the other, over a set of settings. */
#include "settings/wizard.h"

#include "base/str.h"
#include "settings/rules.h"
#include "settings/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The key of a question; SETTING_NONE behind the last one. */
static enum setting_key key_of(unsigned question)
{
    int key = 0;
    while (key < SETTING_COUNT && setting_table[key].question != question)
        key++;
    return (enum setting_key)key;
}

/* Skips questions with an answer that would have no effect. */
static void skip_inactive(struct wizard *wizard)
{
    for (; wizard->next <= WIZARD_QUESTIONS; wizard->next++) {
        const struct setting_info *info = &setting_table[key_of(wizard->next)];
        if (!info->inactive.words || !setting_condition_holds(&wizard->settings, &info->inactive))
            return;
    }
}

int wizard_begin(struct wizard *wizard, const struct settings *stored)
{
    *wizard = (struct wizard){.before = stored, .next = 1, .answered = SETTING_NONE};
    int error = settings_copy(&wizard->settings, stored);
    if (error)
        settings_free(&wizard->settings);
    return error;
}

void wizard_end(struct wizard *wizard)
{
    settings_free(&wizard->settings);
    *wizard = (struct wizard){.next = WIZARD_QUESTIONS + 1, .answered = SETTING_NONE};
}

const struct setting_info *wizard_question(const struct wizard *wizard)
{
    return wizard->next > WIZARD_QUESTIONS ? NULL : &setting_table[key_of(wizard->next)];
}

/* In quotes go texts and words that may be empty, as the guide prints them: (""). */
static void put_value(const struct setting_info *info, const char *text, struct buf *out)
{
    if (info->type == TYPE_BOOL)
        buf_puts(out, str_equal(text, "yes") ? "YES" : "NO");
    else if (info->type == TYPE_UINT || info->type == TYPE_PORT)
        buf_puts(out, text);
    else
        buf_printf(out, "\"%s\"", text);
}

void wizard_prompt(const struct wizard *wizard, struct buf *out)
{
    const struct setting_info *info = wizard_question(wizard);
    if (!info)
        return;
    buf_printf(out, "%s (", info->prompt);
    put_value(info, settings_text(&wizard->settings, key_of(wizard->next)), out);
    buf_puts(out, "): ");
}

/* True where the rule is about this question and everything else in it is known by now: no
 * question, or one that came before. */
static bool rule_is_due(size_t rule, enum setting_key key)
{
    bool about = rule_key(rule) == key;
    unsigned last = setting_table[rule_key(rule)].question;
    for (size_t i = 0; rule_other(rule, i) != SETTING_NONE; i++) {
        enum setting_key other = rule_other(rule, i);
        about = about || other == key;
        last = setting_table[other].question > last ? setting_table[other].question : last;
    }
    return about && last <= setting_table[key].question;
}

static int check_due_rules(const struct settings *settings, enum setting_key key, struct buf *why)
{
    for (size_t rule = 0; rule < rules_count(); rule++) {
        if (rule_is_due(rule, key) && !rule_holds(rule, settings, why))
            return -EINVAL;
    }
    return 0;
}

/* What was typed, without the quotes that may stand around it: "" is the empty text. */
static char *typed(char *line)
{
    char *text = str_trim(line);
    size_t length = strlen(text);
    if (length < 2 || text[0] != '"' || text[length - 1] != '"')
        return text;
    text[length - 1] = '\0';
    return text + 1;
}

int wizard_answer(struct wizard *wizard, const char *line, struct buf *why)
{
    enum setting_key key = key_of(wizard->next);
    struct settings trial = {0};
    char *copy = strdup(line);
    int error = copy ? settings_copy(&trial, &wizard->settings) : -ENOMEM;
    if (key == SETTING_NONE)
        error = -EINVAL;
    if (error == 0 && str_trim(copy)[0] != '\0')
        error = settings_put(&trial, key, typed(copy), why);
    if (error == 0)
        error = check_due_rules(&trial, key, why);
    if (error == 0) {
        struct settings old = wizard->settings;
        wizard->settings = trial;
        trial = old;
        wizard->answered = key;
        wizard->next++;
        skip_inactive(wizard);
    }
    settings_free(&trial);
    free(copy);
    return error;
}

void wizard_note(const struct wizard *wizard, struct buf *out)
{
    enum setting_key key = wizard->answered;
    if (key == SETTING_NONE)
        return;
    const char *inactive = setting_inactive(&wizard->settings, key);
    if (inactive)
        buf_puts(out, inactive);
    else if (setting_table[key].note && settings_bool(&wizard->settings, key))
        buf_puts(out, setting_table[key].note);
}

int wizard_answers(struct wizard *wizard, const char *name, const char *text, size_t size,
                   struct buf *faults)
{
    int error = settings_import_answers(&wizard->settings, name, text, size, faults);
    if (error == 0)
        wizard->next = WIZARD_QUESTIONS + 1;
    return error;
}

size_t wizard_check(const struct wizard *wizard, struct buf *faults)
{
    return settings_check(&wizard->settings, faults);
}

static void put_shown(const char *text, struct buf *out)
{
    buf_puts(out, text[0] != '\0' ? text : "\"\"");
}

size_t wizard_changes(const struct wizard *wizard, struct buf *out)
{
    size_t count = 0;
    for (unsigned question = 1; question <= WIZARD_QUESTIONS; question++) {
        enum setting_key key = key_of(question);
        const char *old = settings_text(wizard->before, key);
        const char *now = settings_text(&wizard->settings, key);
        if (str_equal(old, now))
            continue;
        buf_printf(out, "%s: ", setting_table[key].name);
        put_shown(old, out);
        buf_puts(out, " -> ");
        put_shown(now, out);
        buf_putc(out, '\n');
        count++;
    }
    return count;
}

void wizard_text(const struct wizard *wizard, struct buf *out)
{
    for (unsigned question = 1; question <= WIZARD_QUESTIONS; question++)
        setting_export(&wizard->settings, key_of(question), true, out);
}
