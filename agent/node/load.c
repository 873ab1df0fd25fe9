/*
 * The node as it is loaded: its state, its policy.
 *
 * Fail closed: whatever keeps the state from being read leaves the strictest settings, with the
 * addresses and stations last known.
 */
#include "node/load.h"

#include "base/log.h"
#include "base/str.h"
#include "process/users.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void node_set_closed(struct node *node, const char *what, const char *why)
{
    if (node->reason.length)
        return;
    buf_printf(&node->reason, "%s: %s", what, why);
    if (node->reason.data)
        str_clean(node->reason.data, "");
}

bool node_may_not_look(const struct node *node, int error)
{
    return node->purpose == NODE_LOOK && (error == -EACCES || error == -EPERM);
}

bool node_is_frozen(const struct node *node)
{
    return access(node->state_path, W_OK) < 0 && errno == EROFS;
}

/* A database that is gone though the node once had one is as lost as a damaged one. Either of the
 * files beside it says so. */
static bool database_went_missing(const struct node *node)
{
    uint64_t revision = 0;
    if (access(node->state_path, F_OK) == 0 || errno != ENOENT)
        return false;
    return node_known_stands(node) ||
           (state_recorded_revision(node->state_path, &revision) == 0 && revision > 0);
}

/* So is one that holds no settings any more: blank, or without its journal. */
static bool database_was_emptied(const struct node *node)
{
    return node->revision == 0 && node_known_stands(node);
}

/* Before a new database is there: were the power to fail in between, it would pass for the node's
 * own. */
static void note_lost(const struct node *node)
{
    if (node->purpose != NODE_LOOK && !node_is_frozen(node))
        (void)state_latch_file_set(node->state_path, NODE_LATCH_LOST);
}

static void begin_anew(struct node *node)
{
    if (state_latch_file_set(node->state_path, NODE_LATCH_LOST) < 0 ||
        state_set_aside(node->state_path) < 0)
        return;
    if (state_open(&node->state, node->state_path, STATE_WRITE, NULL) == 0) {
        node->writable = true;
        node_event(node, "lost", "%s", buf_text(&node->reason));
    }
}

/* Opens as the purpose asks; beside others who use the database, as they leave room for; on a disk
 * that takes nothing, to read. */
static int open_state(struct node *node, struct buf *why)
{
    static const enum state_mode first[] = {
        [NODE_LOOK] = STATE_READ, [NODE_BOOT] = STATE_ALONE, [NODE_RUN] = STATE_WRITE};
    static const enum state_mode next[] = {
        [STATE_ALONE] = STATE_WRITE, [STATE_WRITE] = STATE_READ, [STATE_READ] = STATE_READ};
    enum state_mode mode = first[node->purpose];
    int error = state_open(&node->state, node->state_path, mode, why);
    node->frozen = node_is_frozen(node);
    while (error && (error == -EBUSY || node->frozen) && mode != STATE_READ) {
        buf_clear(why);
        mode = node->frozen ? STATE_READ : next[mode];
        error = state_open(&node->state, node->state_path, mode, why);
    }
    node->writable = error == 0 && mode != STATE_READ;
    return error;
}

static int open_and_read(struct node *node, struct buf *why)
{
    enum { TRIES = 3 }; /* a writer beside us is seldom killed twice in that time */
    int error = -ESTALE;
    for (unsigned i = 0; i < TRIES && error == -ESTALE; i++) {
        state_close(node->state);
        node->state = NULL;
        buf_clear(why);
        error = open_state(node, why);
        if (error)
            continue;
        settings_free(&node->settings);
        error = state_settings_load(node->state, &node->settings, &node->revision);
    }
    return error;
}

/* Whether a boot could make the database that is not there: the nearest folder above it that exists
 * is asked, as a boot would find it. 0, -EROFS or -ENOTDIR; another user's rights do not count. */
static int could_be_made(const struct node *node)
{
    char folder[PATH_MAX];
    struct stat st;
    int error = str_copy(folder, sizeof(folder), node->state_path);
    for (char *slash = strrchr(folder, '/'); error == 0 && slash && slash > folder;
         slash = strrchr(folder, '/')) {
        *slash = '\0';
        if (stat(folder, &st) == 0)
            return !S_ISDIR(st.st_mode)                         ? -ENOTDIR
                   : access(folder, W_OK) < 0 && errno == EROFS ? -EROFS
                                                                : 0;
    }
    return error;
}

/* Nothing was stored yet: the defaults hold, unless a boot could not even begin. */
static void look_at_nothing(struct node *node)
{
    int error = could_be_made(node);
    if (error)
        node_set_closed(node,
                        "the settings cannot be read: there is no database, and none can be made",
                        strerror(-error));
}

/* What the platform says of a node outlives its disk: a blank one, or one that never held what was
 * seen on this node, is not the node's own. Nothing is latched on that disk: it may be another's.
 */
static void hold_against_anchor(struct node *node)
{
    const struct anchor *anchor = &node->anchor;
    anchor_read(node->system.root, &node->anchor);
    if (!anchor->source || node->reason.length)
        return;
    if (node->revision == 0)
        node_set_closed(
            node, "the settings were lost: the state disk is blank, but the node was deployed",
            anchor->source);
    else if (anchor->sequence && state_holds(node->state, anchor->sequence, anchor->hash) < 0)
        node_set_closed(node, "the state is not this node's, or older: the event is not in its log",
                        anchor->source);
    if (node->reason.length)
        node_event(node, "lost", "%s", buf_text(&node->reason));
}

static int load_database(struct node *node)
{
    struct buf why = {0};
    bool lost = database_went_missing(node);
    const char *how = "the settings were lost: the database is missing";
    if (lost)
        note_lost(node);
    int error = open_and_read(node, &why);
    if (node_may_not_look(node, error)) {
        buf_free(&why);
        return error;
    }
    if (!lost && error == 0 && database_was_emptied(node)) {
        lost = true;
        how = "the settings were lost: the database holds none";
        note_lost(node);
    }
    if (lost)
        node_set_closed(node, how, node->state_path);
    else if (error == -ENOENT && node->purpose == NODE_LOOK)
        look_at_nothing(node);
    else if (error)
        node_set_closed(node, "the settings cannot be read",
                        why.length ? buf_text(&why) : strerror(-error));
    if (error == -EBADMSG && node->purpose != NODE_LOOK) {
        state_close(node->state);
        node->state = NULL;
        begin_anew(node);
    } else if (lost && node->writable) {
        node_event(node, "lost", "%s", buf_text(&node->reason));
    }
    buf_free(&why);
    return 0;
}

static int load_state(struct node *node)
{
    int error = load_database(node);
    if (error)
        return error;
    if (node->writable && node->reason.length == 0 && state_unrecorded(node->state))
        node_event(node, "record", "there was no %s.head: an older database would not be noticed",
                   node->state_path);
    hold_against_anchor(node);
    return 0;
}

/* The settings and the log are read by their hashes, before anybody can say whether FIPS mode is
 * on: SHA-256 is tested always. */
static bool state_can_be_read(struct node *node)
{
    struct selftest_report report;
    selftest_run(SELFTEST_STATE, &report);
    if (selftest_passed(&report))
        return true;
    node_set_closed(node, "a self-test failed", "SHA-256 of mbedTLS");
    return false;
}

static bool latched(const struct node *node, const char *name)
{
    return node->state ? state_latch(node->state, name) : state_latch_file(node->state_path, name);
}

static int make_policy(struct node *node)
{
    node->admin_latched = latched(node, NODE_LATCH_ADMIN);
    if (latched(node, NODE_LATCH_LOST))
        node_set_closed(node, "the settings were lost", "the database was damaged or missing");
    bool fail_closed = node->reason.length > 0;
    int error = fail_closed ? node_known_restore(node) : 0;
    if (error)
        return error;
    if (!fail_closed && node->writable && node->revision > 0)
        node_known_keep(node); /* before that the defaults are all that could be lost */
    struct policy_input input = {
        .role = node->role,
        .settings = &node->settings,
        .revision = node->revision,
        .admin_latched = node->admin_latched,
        .fail_closed = fail_closed,
        .endpoint_uid = users_endpoint(),
    };
    policy_make(&node->policy, &input);
    if (node->purpose != NODE_BOOT && !node->frozen)
        node->policy.admin_disabled = node->admin_latched || fail_closed;
    return 0;
}

int node_load(struct node *node, const char *root, const char *state_path,
              enum node_purpose purpose)
{
    *node = (struct node){.purpose = purpose};
    node_system(&node->system, root);
    int error = str_copy(node->state_path, sizeof(node->state_path), state_path);
    if (error == 0)
        error = settings_defaults(&node->settings);
    if (error)
        return error;
    node->evidence.fips = &node->fips;
    error = node_load_role(node);
    if (error == 0 && state_can_be_read(node))
        error = load_state(node);
    return error ? error : make_policy(node);
}

int node_fail_closed(struct node *node, const char *what, const char *why)
{
    node_set_closed(node, what, why);
    state_close(node->state);
    node->state = NULL;
    node->writable = false;
    return make_policy(node);
}

int node_reload(struct node *node)
{
    if (!node->state || node->reason.length)
        return 0;
    settings_free(&node->settings);
    int error = state_settings_load(node->state, &node->settings, &node->revision);
    if (error)
        node_set_closed(node, "the settings cannot be read", strerror(-error));
    return make_policy(node);
}

int node_adopt(struct node *node, struct settings *settings)
{
    settings_free(&node->settings);
    node->settings = *settings;
    *settings = (struct settings){0};
    return make_policy(node);
}

int node_latch_admin(struct node *node)
{
    if (node->admin_latched)
        return 0;
    int error = node->writable ? state_latch_set(node->state, NODE_LATCH_ADMIN)
                               : state_latch_file_set(node->state_path, NODE_LATCH_ADMIN);
    node->admin_latched = error == 0;
    return error;
}

void node_close(struct node *node)
{
    node_events_record_quiet(node, UINT64_MAX);
    state_close(node->state);
    settings_free(&node->settings);
    buf_free(&node->reason);
    *node = (struct node){0};
}
