/*
 * The other end of the control socket: a command that asks the daemon. One request and its answer
 * at a time; each waits for the daemon as long as it takes.
 */
#ifndef HOLDFAST_CONTROL_CLIENT_H
#define HOLDFAST_CONTROL_CLIENT_H

#include "base/buf.h"
#include "control/message.h"

#include <stddef.h>

/* A connection to the daemon's socket below `root`, which the caller closes; or a negative errno,
 * no message: -ENOENT or -ECONNREFUSED where none runs (-ENAMETOOLONG: none can have bound such a
 * path), -EACCES where this user may not ask. */
int control_client_connect(const char *root);

/* Whether such an error means that no daemon runs. */
bool control_client_no_daemon(int error);

/* Sends a request, whose caller the kernel reports. 0, -EFBIG for a payload that is
 * longer than the verb's, or another errno. */
int control_client_send(int control, enum control_verb verb, const struct request *request);

/* Reads the answer and appends its payload. The status that the daemon gave, or a negative errno,
 * with `*answered` false, when none came: -EPIPE where the daemon closed the connection. */
int control_client_receive(int control, enum control_verb verb, struct buf *answer, bool *answered);

/* Says on the log why no answer came. */
void control_client_log_silence(int error);

/* All of it: sends, receives, and logs why no answer came. */
int control_client_ask(int control, enum control_verb verb, const struct request *request,
                       struct buf *answer);

#endif
