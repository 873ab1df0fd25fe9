/* The handlers of the privileged verbs, and the table of them. */
#include "control/verbs.h"

#include "base/str.h"
#include "control/event_page.h"
#include "control/password.h"
#include "node/node.h"
#include "settings/change.h"
#include "settings/text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum { CONTROL_CONSOLE_MAX = 2 * (CONTROL_USER_MAX + 1) + PASSWORD_MAX + 1 };

/* --- handlers --- */

static int verb_load(struct node *node, const struct request *request, struct buf *answer)
{
    (void)request;
    if (node->reason.length) {
        buf_puts(answer, buf_text(&node->reason));
        return -ENODATA;
    }
    return verb_write_load(node->role, node->revision, &node->settings, answer);
}

/* The answer is the new revision, or one line for each fault. */
static int apply(struct node *node, const struct request *request, const char *how, bool is_answers,
                 struct buf *answer)
{
    char who[CALLER_TEXT_SIZE];
    caller_text(request->caller, who);
    const struct change change = {.who = who,
                                  .how = how,
                                  .name = how,
                                  .text = request->data,
                                  .size = request->size,
                                  .consent = request->consent,
                                  .is_answers = is_answers,
                                  .may_not_lock = request->caller->kind == CALLER_MANAGEMENT};
    int error = node_apply(node, &change, answer);
    if (error == 0)
        buf_printf(answer, "%" PRIu64, node->revision);
    return error;
}

static int verb_apply_wizard(struct node *node, const struct request *request, struct buf *answer)
{
    return apply(node, request, "wizard", true, answer);
}

static int verb_apply_set(struct node *node, const struct request *request, struct buf *answer)
{
    return apply(node, request, "set", false, answer);
}

static int verb_apply_import(struct node *node, const struct request *request, struct buf *answer)
{
    return apply(node, request, "import", false, answer);
}

static int verb_reboot(struct node *node, const struct request *request, struct buf *answer)
{
    char who[CALLER_TEXT_SIZE];
    (void)answer;
    caller_text(request->caller, who);
    return node_reboot(node, who);
}

static int verb_events(struct node *node, const struct request *request, struct buf *answer)
{
    if (node->state)
        return event_page_write(node->state, request->data, request->size, answer);
    buf_puts(answer, buf_text(&node->reason));
    return -ENODATA;
}

/* --- the table --- */

static const struct verb verbs[CONTROL_VERB_END] = {
#define VERB(name, handler, size, consents, changes, who, first)                                   \
    [CONTROL_##name] = {.run = (handler),                                                          \
                        .size_max = (size),                                                        \
                        .consent = (consents),                                                     \
                        .writes = (changes),                                                       \
                        .callers = (who),                                                          \
                        .login = (first)},
#include "control/verbs.def"
#undef VERB
};

const struct verb *verb_row(enum control_verb verb)
{
    return &verbs[verb];
}

int verb_permit(const struct verb *verb, const struct caller *caller)
{
    bool logs_in_first = (verb->login & caller->kind) && !caller->logged_in;
    return (verb->callers & caller->kind) && !logs_in_first ? 0 : -EACCES;
}

/* --- the payload of CONTROL_LOAD --- */

int verb_write_load(enum role role, uint64_t revision, const struct settings *settings,
                    struct buf *out)
{
    buf_printf(out, "%d %" PRIu64 "\n", (int)role, revision);
    settings_export(settings, EXPORT_ALL, true, out);
    return buf_error(out);
}

int verb_read_load(const struct buf *answer, enum role *role, struct settings *settings,
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
