/*
 * The control socket's messages: a head of fixed size, then a payload of the size in the head.
 * Both are hostile until checked.
 */
#ifndef HOLDFAST_CONTROL_MESSAGE_H
#define HOLDFAST_CONTROL_MESSAGE_H

#include "control/verbs.h"

#define CONTROL_PATH "/run/holdfast/control"

enum { CONTROL_MAGIC = 0x48464431 /* "HFD1" */ };

/* What precedes every message in both directions; in host byte order, since both ends are one
 * machine. `status` is 0 or a negative errno in an answer, 0 in a request. */
struct control_head {
    uint32_t magic;
    uint16_t verb;
    uint16_t consent; /* of a request to store settings (settings/change.h); else 0 */
    int32_t status;
    uint32_t size; /* of the payload that follows */
};

/* Whether `head` begins a valid message: magic, a known verb, and a size within that verb's limit.
 * An answer's size is limited by CONTROL_ANSWER_MAX alone. 0 or -EBADMSG. */
int control_check_request(const struct control_head *head);
int control_check_answer(const struct control_head *head, enum control_verb verb);

#endif
