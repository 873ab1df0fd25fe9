/*
 * The settings: one table (settings.def), one row a setting, and a set of values for all of them.
 *
 * Wizard, command line, import and export, database, checks, reports and the reference manual
 * read this table; a name, a default or a bound stands nowhere else. A value is kept as its
 * canonical text ("yes", "5060", list items one a line), so that equal values are equal strings.
 * Source: guide, "Pexip Infinity Management Node deployment and bootstrap configuration" (the
 * security wizard's table) and "Pexip Infinity application configuration".
 */
#ifndef HOLDFAST_SETTINGS_SETTINGS_H
#define HOLDFAST_SETTINGS_SETTINGS_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum role { ROLE_MANAGEMENT = 1, ROLE_CONFERENCING = 2, ROLE_BOTH = 3 };

enum setting_key {
#define SETTING(key, ...) key,
#include "settings/settings.def"
#undef SETTING
    SETTING_COUNT,
    SETTING_NONE = SETTING_COUNT
};

enum setting_type {
    TYPE_BOOL,
    TYPE_PORT,
    TYPE_UINT,
    TYPE_ENUM,
    TYPE_TEXT,
    TYPE_WORD, /* printable ASCII without spaces, quotes or backslashes */
    TYPE_HOSTNAME,
    TYPE_DOMAIN,
    TYPE_HOST, /* a host's name or its address */
    TYPE_URL,
    TYPE_SIP_TOKEN,
    TYPE_ADDRESS,
    TYPE_CIDR_LIST,
    TYPE_ADDRESS_LIST,
    TYPE_NTP_LIST,
    TYPE_SYSLOG_LIST
};

/* What the guide wants of a setting; `secure` belongs to the rules that compare. */
enum secure_rule {
    SECURE_ANY,      /* reviewed by a person: every value will do */
    SECURE_IS,       /* equal to `secure` */
    SECURE_IS_NOT,   /* not equal to `secure` */
    SECURE_ONE_OF,   /* one of the words of `secure`, separated by '|' */
    SECURE_AT_LEAST, /* the number in `secure`, or more */
    SECURE_AT_MOST,  /* from 1 to the number in `secure` */
    SECURE_SET,      /* not empty; of a list: at least `secure` (a number) items */
    SECURE_KEYED     /* as SECURE_SET, and each time server with a key */
};

/* What an address may be, beside a plain unicast one. */
enum address_kind {
    ADDRESS_V4 = 1,
    ADDRESS_V6 = 2,
    ADDRESS_UNSPECIFIED = 4, /* 0.0.0.0 or ::, which stand for all */
    ADDRESS_LOOPBACK = 8,
    ADDRESS_INTERFACE = 16 /* CIDR: a host in its network, both kept; else the network alone */
};

/* Holds where setting `key` has one of `words`, separated by '|'; none where words is NULL. */
struct setting_condition {
    enum setting_key key;
    const char *words;
};

struct setting_info {
    const char *name;   /* "net.ipv6_dad" */
    unsigned question;  /* 1 to 25 in the security wizard, 0 outside it */
    const char *prompt; /* the wizard's words, NULL outside it */
    const char *note;   /* what the wizard says under a yes, NULL: nothing */
    enum setting_type type;
    const char *initial;  /* the default, canonical */
    uint64_t least, most; /* bounds: of a number; of a text in bytes; of a list in items (most) */
    const char *words;    /* TYPE_ENUM: "off|best_effort|required"; an empty word is allowed */
    unsigned address;     /* bits of enum address_kind */
    bool required;        /* an empty text or address is no value */
    enum secure_rule rule;
    const char *secure;    /* what the rule compares with */
    const char *suggested; /* the guide's own value where the rule leaves a choice, or NULL */
    struct setting_condition where;    /* the rule asks for nothing elsewhere */
    struct setting_condition inactive; /* the value counts for nothing there ... */
    const char *inactive_why;          /* ... and so says the report */
    const char *section; /* the guide's section that sets it, NULL where it has none */
    unsigned roles;      /* ROLE_MANAGEMENT, ROLE_CONFERENCING or ROLE_BOTH */
    unsigned stored_on;  /* roles of the nodes on which it is stored and nothing acts on it yet */
    bool secret;         /* never shown: exports and reports write "(set)" */
    bool is_list;        /* the key may stand on several lines */
    bool at_boot;        /* a change takes effect only at the next boot */
    bool masked_by_fips; /* a yes has no effect in FIPS mode */
    const char *help;
};

extern const struct setting_info setting_table[SETTING_COUNT];

/* All values, each a canonical text owned by this struct; a zeroed one is empty. */
struct settings {
    char *value[SETTING_COUNT];
};

/* The key of a name, or -ENOENT. */
int setting_find(const char *name);

/* The key whose name is most like a mistyped one, SETTING_NONE where none is near. */
enum setting_key setting_nearest(const char *name);

/* "unknown setting; did you mean ...?" for a name that setting_find() does not know. */
void setting_unknown(const char *name, struct buf *why);

/* Every value at its default; every value at the guide's value where the guide has one (the
 * strictest policy that a node falls back to). 0 or -ENOMEM. */
int settings_defaults(struct settings *settings);
int settings_strictest(struct settings *settings);
int settings_copy(struct settings *to, const struct settings *from);

/* Frees and, since some are secrets, wipes every value. */
void settings_free(struct settings *settings);

/* Parses `text` for one key and stores its canonical form; for a list the items are separated by
 * newlines. 0, -EINVAL with the reason appended to `why` (may be NULL), or -ENOMEM; the value
 * stays as it was then. A reason never quotes a secret. */
int settings_put(struct settings *settings, enum setting_key key, const char *text,
                 struct buf *why);

/* Appends one item to a list; errors as settings_put(). */
int settings_add(struct settings *settings, enum setting_key key, const char *item,
                 struct buf *why);

const char *settings_text(const struct settings *settings, enum setting_key key);
bool settings_bool(const struct settings *settings, enum setting_key key);
unsigned settings_uint(const struct settings *settings, enum setting_key key);

/* Walks a list's items: `cursor` begins as 0; copies the next item into `item` and returns true. */
enum { SETTING_ITEM_SIZE = 512 };
bool settings_item(const struct settings *settings, enum setting_key key, size_t *cursor,
                   char item[SETTING_ITEM_SIZE]);
size_t settings_count(const struct settings *settings, enum setting_key key);

/* Rules across settings (rules.h): each broken one is a line "KEY: why" appended to `faults`. The
 * number of faults. */
size_t settings_check(const struct settings *settings, struct buf *faults);

/* True where both hold the same values. */
bool settings_equal(const struct settings *a, const struct settings *b);

/* True where the value satisfies the guide. Conditions look at the other settings. */
bool setting_is_secure(const struct settings *settings, enum setting_key key);

/* The guide's value in words, for a report's `desired`: "yes", "1 or more", "any". */
void setting_secure_text(enum setting_key key, struct buf *out);

/* The value that the guide itself suggests, which the strictest policy has and `holdfast diff`
 * shows; NULL where it leaves the choice to a person. */
const char *setting_suggested(enum setting_key key);

bool setting_condition_holds(const struct settings *settings,
                             const struct setting_condition *condition);

/* Appends what may be shown of a value, on one line: list items between commas, "(not set)" for an
 * empty one, "(set)" in place of a secret. A secret that stands at its default is none. */
void setting_show(const struct settings *settings, enum setting_key key, struct buf *out);

/* True where the value holds a secret, so that an export without secrets leaves it out. */
bool setting_is_secret(const struct settings *settings, enum setting_key key);

/* Why a stored value counts for nothing (masked by FIPS mode, question 19 where 18 is yes), or
 * NULL. */
const char *setting_inactive(const struct settings *settings, enum setting_key key);

#endif
