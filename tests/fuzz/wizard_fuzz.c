/* Any bytes as the lines that somebody types at the wizard: each is taken or refused with a reason,
 * and whatever was taken to the end breaks no rule and imports as it is. */
#include "base/str.h"
#include "settings/text.h"
#include "settings/wizard.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool condition)
{
    if (!condition)
        abort();
}

static void answer(struct wizard *wizard, const char *line)
{
    struct buf prompt = {0}, why = {0}, note = {0};
    unsigned asked = wizard->next;
    wizard_prompt(wizard, &prompt);
    demand(prompt.length > 0 && strchr(prompt.data, '\n') == NULL);
    int error = wizard_answer(wizard, line, &why);
    demand(error == 0 || error == -EINVAL);
    demand(error == 0 ? wizard->next > asked && why.length == 0
                      : wizard->next == asked && why.length > 0);
    wizard_note(wizard, &note);
    buf_free(&prompt);
    buf_free(&why);
    buf_free(&note);
}

static void demand_storable(const struct wizard *wizard, const struct settings *stored)
{
    struct settings again = {0};
    struct buf text = {0}, faults = {0};
    demand(wizard_check(wizard, &faults) == 0);
    demand(settings_copy(&again, stored) == 0);
    wizard_text(wizard, &text);
    demand(settings_import_answers(&again, "answers", text.data, text.length, &faults) == 0);
    demand(settings_equal(&again, &wizard->settings));
    demand((wizard_changes(wizard, &faults) == 0) == settings_equal(&again, stored));
    buf_free(&text);
    buf_free(&faults);
    settings_free(&again);
}

/* As fgets() hands lines over: a NUL byte ends one early. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct settings stored = {0};
    struct wizard wizard;
    char *text = malloc(size + 1);
    demand(text && settings_defaults(&stored) == 0 && wizard_begin(&wizard, &stored) == 0);
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    for (char *line = text; line < text + size && wizard_question(&wizard);) {
        char *end = memchr(line, '\n', (size_t)(text + size - line));
        if (end)
            *end = '\0';
        answer(&wizard, line);
        line = end ? end + 1 : text + size;
    }
    if (!wizard_question(&wizard))
        demand_storable(&wizard, &stored);
    wizard_end(&wizard);
    settings_free(&stored);
    free(text);
    return 0;
}
