/*
 * The control socket: the one way in for changes. A local stream socket, open to root and the admin
 * user alone (SO_PEERCRED), with a closed set of messages, each of checked size; what comes over it
 * is hostile until validated. The daemon owns it and calls control_serve() when a descriptor is
 * ready.
 */
#ifndef HOLDFAST_CONTROL_SERVER_H
#define HOLDFAST_CONTROL_SERVER_H

#include "base/buf.h"
#include "settings/change.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CONTROL_PATH "/run/holdfast/door"

enum control_verb {
    CONTROL_LOGIN = 1,    /* the password; -ENOTSUP with the reason where none can be checked */
    CONTROL_LOAD,         /* empty; answered with role, revision and the settings' text */
    CONTROL_APPLY_WIZARD, /* text of the 25 answers */
    CONTROL_APPLY_SET,    /* text */
    CONTROL_APPLY_IMPORT, /* text */
    CONTROL_REBOOT,       /* empty */
    CONTROL_EVENTS,       /* struct event_request; answered with a page (control/event_page.h) */
    CONTROL_CONSOLE, /* of root: terminal, user name and password, each ended by a NUL but the last;
                     answered as CONTROL_LOGIN */
    CONTROL_VERB_END
};

/* What precedes every message in both directions; in host byte order, since both ends are one
 * machine. `status` is 0 or a negative errno in an answer, 0 in a request. */
struct control_head {
    uint32_t magic;
    uint16_t verb;
    uint16_t consent; /* of a request to store settings (settings/change.h); else 0 */
    int32_t status;
    uint32_t size; /* of the payload that follows */
};

enum {
    CONTROL_MAGIC = 0x48464431, /* "HFD1" */
    CONTROL_CLIENTS_MAX = 8,
    CONTROL_ADMIN_CLIENTS_MAX = 6, /* so that the admin user never shuts out root */
    CONTROL_REFUSALS_MAX = 10, /* told within a minute; wrong passwords, which wait, are all told */
    CONTROL_CHECKS_MAX =
        3, /* of a password at a time: of root, of the admin user, of the consoles */
    CONTROL_NAME_MAX = 32, /* bytes of a terminal's or user's name */
    CONTROL_FDS_MAX = 1 + CONTROL_CHECKS_MAX + CONTROL_CLIENTS_MAX,
    CONTROL_ANSWER_MAX = 1 << 20
};

/* Whether `head` begins a sound message: magic, a known verb, and a size within that verb's limit.
 * An answer's size is limited by CONTROL_ANSWER_MAX alone. 0 or -EBADMSG. */
int control_check_request(const struct control_head *head);
int control_check_answer(const struct control_head *head, enum control_verb verb);

/* Whether a verb only shows what the stations are shown too, so that root and the admin user ask it
 * without a password. */
bool control_is_reading(enum control_verb verb);

/* The payload of an answer to CONTROL_LOAD, written and read: role, revision, every setting,
 * secrets among them. -EBADMSG when it does not read. */
int control_write_load(enum role role, uint64_t revision, const struct settings *settings,
                       struct buf *out);
int control_read_load(const struct buf *answer, enum role *role, struct settings *settings,
                      uint64_t *revision);

/* What the daemon does when asked; each answers 0 or a negative errno. */
struct control_actions {
    int (*load)(void *context, struct buf *answer);
    int (*apply)(void *context, const struct change *change, struct buf *answer);
    int (*reboot)(void *context, const char *who);
    int (*events)(void *context, const void *request, size_t size, struct buf *answer);
    /* A password was wrong, a client was none or sent what is no message: an event. */
    void (*refused)(void *context, const char *who, const char *why);
    uint64_t (*now_ms)(void); /* never goes back: clock_boot_ms */
    void *context;
};

struct control;

/* Makes the socket at root + CONTROL_PATH, owned by root and admin's group, mode 0660. `root` is
 * also where /etc/shadow and /etc/passwd are read. Message told. */
int control_open(struct control **control, const char *root, const struct control_actions *actions);
void control_close(struct control *control);

/* Fills at most CONTROL_FDS_MAX entries; how many: the listener, CONTROL_CHECKS_MAX processes that
 * check a password (-1 where none runs), then the clients. `timeout_ms` is lowered when a delayed
 * answer or a client's time limit falls due earlier (-1 means none). */
size_t control_fds(struct control *control, struct pollfd fds[CONTROL_FDS_MAX], int *timeout_ms);

/* Serves what poll(2) reported, and what fell due. */
void control_serve(struct control *control, const struct pollfd *fds, size_t count);

#endif
