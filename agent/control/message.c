/* The heads of the control socket's messages: which are valid, and how large their payload is. */
#include "control/message.h"

#include <errno.h>

int control_check_request(const struct control_head *head)
{
    bool valid = head->magic == CONTROL_MAGIC && head->verb > 0 && head->verb < CONTROL_VERB_END &&
                 (head->consent & ~verb_row((enum control_verb)head->verb)->consent) == 0 &&
                 head->status == 0 &&
                 head->size <= verb_row((enum control_verb)head->verb)->size_max;
    return valid ? 0 : -EBADMSG;
}

int control_check_answer(const struct control_head *head, enum control_verb verb)
{
    bool valid = head->magic == CONTROL_MAGIC && head->verb == verb && head->consent == 0 &&
                 head->status <= 0 && head->size <= CONTROL_ANSWER_MAX;
    return valid ? 0 : -EBADMSG;
}
