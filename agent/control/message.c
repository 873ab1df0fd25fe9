/* The control socket's messages: which there are, how large, and the one payload that is not plain
 * text. */
#include "control/server.h"

#include "base/str.h"
#include "control/event_page.h"
#include "control/password.h"
#include "settings/text.h"

#include <errno.h>
#include <string.h>

/* clang-format off */
static const struct verb {
    uint32_t size_max; /* of a request's payload */
    bool reading;
    uint16_t consent; /* what a request may hold of it */
} verbs[CONTROL_VERB_END] = {
    [CONTROL_LOGIN]        = {PASSWORD_MAX + 1,             false, 0}, /* one that is too long is sent so far: it is wrong */
    [CONTROL_LOAD]         = {0,                            false, 0},
    [CONTROL_APPLY_WIZARD] = {SETTINGS_TEXT_MAX,            false, CONSENT_ALL},
    [CONTROL_APPLY_SET]    = {SETTINGS_TEXT_MAX,            false, CONSENT_ALL},
    [CONTROL_APPLY_IMPORT] = {SETTINGS_TEXT_MAX,            false, CONSENT_ALL},
    [CONTROL_REBOOT]       = {0,                            false, 0},
    [CONTROL_EVENTS]       = {sizeof(struct event_request), true,  0},
    [CONTROL_CONSOLE]      = {2 * (CONTROL_NAME_MAX + 1) + PASSWORD_MAX + 1, false, 0},
};
/* clang-format on */

bool control_is_reading(enum control_verb verb)
{
    return verbs[verb].reading;
}

int control_check_request(const struct control_head *head)
{
    bool sound = head->magic == CONTROL_MAGIC && head->verb > 0 && head->verb < CONTROL_VERB_END &&
                 !(head->consent & ~verbs[head->verb].consent) && head->status == 0 &&
                 head->size <= verbs[head->verb].size_max;
    return sound ? 0 : -EBADMSG;
}

int control_check_answer(const struct control_head *head, enum control_verb verb)
{
    bool sound = head->magic == CONTROL_MAGIC && head->verb == verb && head->consent == 0 &&
                 head->status <= 0 && head->size <= CONTROL_ANSWER_MAX;
    return sound ? 0 : -EBADMSG;
}

int control_write_load(enum role role, uint64_t revision, const struct settings *settings,
                       struct buf *out)
{
    buf_printf(out, "%d %llu\n", (int)role, (unsigned long long)revision);
    settings_export(settings, EXPORT_ALL, true, out);
    return buf_error(out);
}

int control_read_load(const struct buf *answer, enum role *role, struct settings *settings,
                      uint64_t *revision)
{
    char head[40] = "";
    uint64_t number;
    const char *text = buf_text(answer);
    size_t length = strcspn(text, "\n");
    if (length >= sizeof(head) || text[length] != '\n')
        return -EBADMSG;
    memcpy(head, text, length);
    char *space = strchr(head, ' ');
    if (!space)
        return -EBADMSG;
    *space = '\0';
    if (str_to_u64(head, ROLE_MANAGEMENT, ROLE_CONFERENCING, &number) < 0 ||
        str_to_u64(space + 1, 0, UINT64_MAX, revision) < 0)
        return -EBADMSG;
    *role = (enum role)number;
    struct buf faults = {0};
    int error = settings_import(settings, "answer", text + length + 1, answer->length - length - 1,
                                &faults);
    buf_free(&faults);
    return error == -EINVAL ? -EBADMSG : error;
}
