/*
 * The node as it is loaded: where it lies, its role, its state, its policy.
 *
 * Fail closed: whatever keeps the state from being read leaves the strictest settings, with the
 * addresses and stations last known, which stand in a text file beside the database.
 */
#include "node/node.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "node/boot_record.h"
#include "process/users.h"
#include "report/report.h"
#include "settings/text.h"

#include <errno.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* The inode of the machine's first pid namespace (linux/proc_ns.h, PROC_PID_INIT_INO). */
#define INITIAL_PID_NAMESPACE 0xeffffffcU

enum { ROLE_SIZE_MAX = 64 };

/* The settings without which a node that fails closed could not be reached by its stations; and the
 * ports that the health port must differ from (settings/rules.h), since it may stand on a default
 * of theirs. */
static const enum setting_key known_keys[] = {
    NODE_HOSTNAME,
    NODE_DOMAIN,
    NODE_ADDRESS,
    NODE_ADDRESS6,
    NODE_GATEWAY,
    NODE_GATEWAY6,
    HEALTH_PORT,
    HEALTH_ADDRESS,
    HEALTH_STATIONS,
    SIP_UDP_PORT,
    SIP_TCP_PORT,
    SIP_TLS_PORT,
    GLOBAL_SIGNALING_PORT_START,
    GLOBAL_SIGNALING_PORT_END,
    GLOBAL_MEDIA_PORT_START,
    GLOBAL_MEDIA_PORT_END,
};

/* The kernel has this key for its first network namespace alone (net/core/sysctl_net_core.c), and
 * the other for each. Unlike /proc/1/ns/net they can be asked without any capability. */
#define INIT_OF_IMAGE        "/bin/busybox" /* init(8): reboots on SIGTERM */
#define KEY_OF_FIRST_NETWORK "/proc/sys/net/core/netdev_max_backlog"
#define KEY_OF_EVERY_NETWORK "/proc/sys/net/core/somaxconn"

static bool in_first_network(void)
{
    return access(KEY_OF_FIRST_NETWORK, F_OK) == 0;
}

static bool in_another_network(void)
{
    return !in_first_network() && access(KEY_OF_EVERY_NETWORK, F_OK) == 0;
}

static bool in_first_pid_namespace(void)
{
    struct stat pids;
    return stat("/proc/self/ns/pid", &pids) == 0 && pids.st_ino == INITIAL_PID_NAMESPACE;
}

/* Where it cannot be known, neither the machine's keys nor its firewall are taken for ours. */
void node_system(struct system *system, const char *root)
{
    char path[PATH_MAX];
    struct statfs fs;
    bool kernel = file_target(path, sizeof(path), root, "/proc/sys") == 0 &&
                  statfs(path, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
    *system = (struct system){
        .root = root,
        .initial_netns = !kernel || (in_first_network() && in_first_pid_namespace()),
        .manages_firewall = root[0] == '\0' || in_another_network(),
    };
}

struct walk node_walk(const struct node *node, enum phase phase)
{
    return (struct walk){phase, &node->policy, &node->system, &node->evidence};
}

/* The first reason stands. */
static void closed(struct node *node, const char *what, const char *why)
{
    if (node->reason.length)
        return;
    buf_printf(&node->reason, "%s: %s", what, why);
    if (node->reason.data)
        str_clean(node->reason.data, "");
}

/* A look that is not permitted says nothing about the node. */
static bool may_not_look(const struct node *node, int error)
{
    return node->purpose == NODE_LOOK && (error == -EACCES || error == -EPERM);
}

static int load_role(struct node *node)
{
    static const struct {
        const char *word;
        enum role role;
    } roles[] = {{"management", ROLE_MANAGEMENT}, {"conferencing", ROLE_CONFERENCING}};
    char path[PATH_MAX];
    struct buf text = {0};
    node->role = ROLE_MANAGEMENT;
    int error = file_target(path, sizeof(path), node->system.root, NODE_ROLE_PATH);
    if (error == 0)
        error = file_read(path, ROLE_SIZE_MAX, &text);
    const char *word = error ? "" : str_trim(text.data ? text.data : (char[]){""});
    for (size_t i = 0; i < countof(roles); i++) {
        if (str_equal(word, roles[i].word)) {
            node->role = roles[i].role;
            buf_free(&text);
            return 0;
        }
    }
    buf_free(&text);
    if (may_not_look(node, error))
        return error;
    closed(node, "the node's role in " NODE_ROLE_PATH " cannot be read",
           error ? strerror(-error) : "neither management nor conferencing");
    return 0;
}

/* A disk that takes nothing any more, from the mount or from an error of its own (ext4(5),
 * errors=): what was stored is still read, and stands. */
static bool is_frozen(const struct node *node)
{
    return access(node->state_path, W_OK) < 0 && errno == EROFS;
}

static int sibling(const struct node *node, char *path, size_t size)
{
    int length = snprintf(path, size, "%s.known", node->state_path);
    return length < 0 || (size_t)length >= size ? -ENAMETOOLONG : 0;
}

/* Remembers what known_keys hold, so that it survives the loss of the database. */
static void keep_known(const struct node *node)
{
    char path[PATH_MAX];
    struct buf now = {0}, before = {0};
    for (size_t i = 0; i < countof(known_keys); i++)
        setting_export(&node->settings, known_keys[i], false, &now);
    int error = buf_error(&now) ? buf_error(&now) : sibling(node, path, sizeof(path));
    if (error == 0 && (file_read_own(path, SETTINGS_TEXT_MAX, &before) < 0 ||
                       !str_equal(buf_text(&before), buf_text(&now))))
        error = file_replace(path, now.data, now.length, 0600);
    if (error)
        log_error("cannot write %s.known: %s", node->state_path, strerror(-error));
    buf_free(&now);
    buf_free(&before);
}

static int strictest_with_known(struct node *node)
{
    char path[PATH_MAX];
    struct buf text = {0}, faults = {0};
    settings_free(&node->settings);
    int error = settings_strictest(&node->settings);
    if (error)
        return error;
    if (sibling(node, path, sizeof(path)) == 0 &&
        file_read_own(path, SETTINGS_TEXT_MAX, &text) == 0 &&
        settings_import(&node->settings, path, text.data, text.length, &faults) < 0)
        log_error("the settings last known are of no use: %s", buf_text(&faults));
    buf_free(&text);
    buf_free(&faults);
    return 0;
}

/* Whether settings were ever stored: keep_known writes its file only then. */
static bool had_settings(const struct node *node)
{
    char path[PATH_MAX];
    struct stat status;
    return sibling(node, path, sizeof(path)) == 0 && lstat(path, &status) == 0;
}

/* A database that is gone though the node once had one is as lost as a damaged one. Either of the
 * files beside it says so. */
static bool database_went_missing(const struct node *node)
{
    uint64_t revision = 0;
    if (access(node->state_path, F_OK) == 0 || errno != ENOENT)
        return false;
    return had_settings(node) ||
           (state_recorded_revision(node->state_path, &revision) == 0 && revision > 0);
}

/* So is one that holds no settings any more: blank, or without its journal. */
static bool database_was_emptied(const struct node *node)
{
    return node->revision == 0 && had_settings(node);
}

/* Before a new database is there: were the power to fail in between, it would pass for the node's
 * own. */
static void note_lost(const struct node *node)
{
    if (node->purpose != NODE_LOOK && !is_frozen(node))
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
    node->frozen = is_frozen(node);
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
        closed(node, "the settings cannot be read: there is no database, and none can be made",
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
        closed(node, "the settings were lost: the state disk is blank, but the node was deployed",
               anchor->source);
    else if (anchor->sequence && state_holds(node->state, anchor->sequence, anchor->hash) < 0)
        closed(node, "the state is not this node's, or older: the event is not in its log",
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
    if (may_not_look(node, error)) {
        buf_free(&why);
        return error;
    }
    if (!lost && error == 0 && database_was_emptied(node)) {
        lost = true;
        how = "the settings were lost: the database holds none";
        note_lost(node);
    }
    if (lost)
        closed(node, how, node->state_path);
    else if (error == -ENOENT && node->purpose == NODE_LOOK)
        look_at_nothing(node);
    else if (error)
        closed(node, "the settings cannot be read", why.length ? buf_text(&why) : strerror(-error));
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
    closed(node, "a self-test failed", "SHA-256 of mbedTLS");
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
        closed(node, "the settings were lost", "the database was damaged or missing");
    bool fail_closed = node->reason.length > 0;
    int error = fail_closed ? strictest_with_known(node) : 0;
    if (error)
        return error;
    if (!fail_closed && node->writable && node->revision > 0)
        keep_known(node); /* before that the defaults are all that could be lost */
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
    error = load_role(node);
    if (error == 0 && state_can_be_read(node))
        error = load_state(node);
    return error ? error : make_policy(node);
}

int node_fail_closed(struct node *node, const char *what, const char *why)
{
    closed(node, what, why);
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
        closed(node, "the settings cannot be read", strerror(-error));
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

static void record_event(struct node *node, const char *kind, const char *text,
                         const struct repeat_verdict *verdict)
{
    struct buf whole = {0};
    buf_puts(&whole, text);
    if (verdict->count > 1)
        buf_printf(&whole, " (repeated %llu times)", (unsigned long long)verdict->count);
    if (verdict->dropped)
        buf_printf(&whole, " (%llu other events of this kind were not recorded)",
                   (unsigned long long)verdict->dropped);
    (void)state_event(node->state, kind, "%s", buf_text(&whole));
    buf_free(&whole);
}

static int seed(void *context, const struct event *event)
{
    repeats_seed(context, event->kind, clock_boot_ms());
    return 0;
}

/* As many of the newest events, and as old, as a budget can tell of. */
static void seed_repeats(struct node *node)
{
    enum { WINDOW_S = EVENTS_BURST * (EVENTS_REFILL_MS / 1000), LIMIT = 4 * EVENTS_BURST };
    if (node->repeats.seeded || !node->state)
        return;
    node->repeats.seeded = true;
    (void)state_events(node->state, clock_now_s() - WINDOW_S, LIMIT, seed, &node->repeats);
}

bool node_event(struct node *node, const char *kind, const char *format, ...)
{
    struct buf text = {0};
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    seed_repeats(node);
    const struct repeat_verdict verdict =
        repeats_note(&node->repeats, kind, buf_text(&text), clock_boot_ms());
    if (verdict.count && node->writable)
        record_event(node, kind, buf_text(&text), &verdict);
    buf_free(&text);
    return verdict.count > 0;
}

static void record_quiet(struct node *node, uint64_t now_ms)
{
    const struct repeat *repeat;
    while (node->writable && (repeat = repeats_take_quiet(&node->repeats, now_ms)))
        record_event(node, repeat->kind, repeat->text,
                     &(struct repeat_verdict){.count = repeat->count});
}

void node_events_settle(struct node *node)
{
    record_quiet(node, clock_boot_ms());
}

/* Another init takes SIGTERM for something else, or for nothing. */
static bool init_reboots(void)
{
    char program[PATH_MAX];
    ssize_t length = readlink("/proc/1/exe", program, sizeof(program) - 1);
    program[length < 0 ? 0 : length] = '\0';
    return str_equal(program, INIT_OF_IMAGE);
}

int node_reboot(struct node *node, const char *who)
{
    if (node->system.root[0])
        return -ENOTSUP;
    if (!init_reboots())
        return -ENOSYS;
    node_event(node, "reboot", "asked for by %s", who);
    return kill(1, SIGTERM) < 0 ? -errno : 0;
}

void node_close(struct node *node)
{
    record_quiet(node, UINT64_MAX);
    state_close(node->state);
    settings_free(&node->settings);
    buf_free(&node->reason);
    *node = (struct node){0};
}

static const char *why_refused(const struct node *node, const struct change *change)
{
    if (!node->state && node->reason.length)
        return buf_text(&node->reason);
    if (node->frozen)
        return NODE_FROZEN;
    if (!node->state || !node->writable)
        return "the database cannot be written";
    if (node->reason.length)
        return "the node fails closed, its stored settings are not known";
    if (change->is_answers && node->role == ROLE_CONFERENCING)
        return "a Conferencing Node takes its settings from its Management Node";
    return NULL;
}

/* At once, since a reboot may be what comes next; the next walk tries again where it fails. */
static void prepare_boot(const struct node *node)
{
    int error =
        fips_boot_entry_write(node->system.root, settings_bool(&node->settings, SECURITY_FIPS));
    if (error)
        log_error("cannot write " FIPS_BOOT_ENTRY ": %s", strerror(-error));
}

/* The settings as the change would leave them. */
static int read_change(const struct node *node, const struct change *change,
                       struct settings *wanted, struct buf *faults)
{
    int error = settings_copy(wanted, &node->settings);
    if (error)
        return error;
    error = change->is_answers
                ? settings_import_answers(wanted, change->name, change->text, change->size, faults)
                : settings_import(wanted, change->name, change->text, change->size, faults);
    const char *refused = error ? NULL : change_refused_to(change, &node->settings, wanted);
    if (!refused)
        return error;
    buf_printf(faults, "%s: %s\n", change->name, refused);
    return -EPERM;
}

static int store_change(struct node *node, const struct change *change,
                        const struct settings *wanted, struct buf *faults)
{
    int error =
        state_settings_store(node->state, wanted, change->who, change->how, &node->revision);
    if (error == -EPERM)
        buf_printf(faults, "%s: the system administrator account was disabled for good\n",
                   change->name);
    return error;
}

int node_apply(struct node *node, const struct change *change, struct buf *faults)
{
    struct settings wanted = {0};
    const char *refused = why_refused(node, change);
    if (refused) {
        buf_printf(faults, "%s: %s\n", change->name, refused);
        return -EPERM;
    }
    int error = read_change(node, change, &wanted, faults);
    if (error == 0)
        error = store_change(node, change, &wanted, faults);
    settings_free(&wanted);
    if (error == -EBADMSG) /* what is stored was damaged meanwhile: it is no policy any more */
        (void)node_reload(node);
    if (error == 0)
        error = node_reload(node);
    if (error == 0)
        prepare_boot(node);
    return error;
}

/* Whether the network was brought up with other values; not known where no boot was recorded. */
static bool network_waits(const struct node *node, const struct boot_record *record)
{
    char now[BOOT_RECORD_DIGEST_SIZE];
    boot_record_digest(&node->settings, now);
    return record->network[0] && now[0] && !str_equal(record->network, now);
}

static bool reboot_required(const struct node *node, const struct boot_record *record)
{
    int mode = fips_kernel_mode(node->system.root);
    return (settings_bool(&node->settings, SECURITY_DISABLE_ADMIN) &&
            !node->policy.admin_disabled) ||
           (mode >= 0 && mode != settings_bool(&node->settings, SECURITY_FIPS)) ||
           network_waits(node, record);
}

void node_facts(const struct node *node, struct facts *facts)
{
    struct boot_record record = {0};
    if (boot_record_read(node->system.root, &record) < 0)
        record = (struct boot_record){0};
    *facts = (struct facts){
        .version = HOLDFAST_VERSION,
        .hostname = settings_text(&node->settings, NODE_HOSTNAME),
        .role = node->role,
        .revision = node->revision,
        .time_s = clock_now_s(),
        .reason = node->reason.length ? buf_text(&node->reason) : NULL,
        .unrecorded = is_frozen(node) ? NODE_FROZEN : NULL,
        .admin_disabled = node->policy.admin_disabled,
        .fips = settings_bool(&node->settings, SECURITY_FIPS),
        .reboot_required = reboot_required(node, &record),
        .boot_started_ms = record.started_ms,
        .boot_finished_ms = record.finished_ms,
    };
    if (node->state)
        facts->head = state_head(node->state, &facts->event);
}
