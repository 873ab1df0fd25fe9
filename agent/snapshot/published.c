/* The published report: facts, settings, policy, ruleset and checks, in this order. */
#include "snapshot/published.h"

#include "base/str.h"
#include "base/wire.h"
#include "firewall/compile.h"

#include <errno.h>

#define FORMAT "holdfast published " HOLDFAST_VERSION

/* --- writing --- */

#define WRITE_TEXT(out, value)   wire_put_text(out, value)
#define WRITE_ROLE(out, value)   wire_put_number(out, (uint64_t)(value))
#define WRITE_NUMBER(out, value) wire_put_number(out, value)
#define WRITE_TIME(out, value)   wire_put_number(out, (uint64_t)(value))
#define WRITE_FLAG(out, value)   wire_put_number(out, value)

static void write_facts(const struct facts *facts, struct buf *out)
{
#define FACT(kind, name, ...) WRITE_##kind(out, facts->name);
#include "report/facts.def"
#undef FACT
}

/* A value that holds a secret is left out: it stands at its default for the reader. */
static void write_settings(const struct settings *settings, struct buf *out)
{
    wire_put_number(out, SETTING_COUNT);
    for (int i = 0; i < SETTING_COUNT; i++) {
        enum setting_key key = (enum setting_key)i;
        wire_put_text(out, setting_is_secret(settings, key) ? NULL : settings_text(settings, key));
    }
}

static void write_ruleset(const struct policy *policy, struct buf *out)
{
    struct firewall_ruleset ruleset;
    struct buf text = {0};
    int error = firewall_compile(&ruleset, policy);
    if (error == 0)
        firewall_ruleset_print(&ruleset, &text);
    wire_put_text(out, error == 0 ? buf_text(&text) : NULL);
    out->failed |= error == -ENOMEM || buf_error(&text);
    firewall_ruleset_free(&ruleset);
    buf_free(&text);
}

static void write_check(const struct check *check, struct buf *out)
{
    wire_put_text(out, check->id);
    wire_put_text(out, check->title);
    wire_put_text(out, check->section);
    wire_put_number(out, check->setting);
    wire_put_text(out, check->expected);
    wire_put_text(out, check->observed);
    wire_put_text(out, check->reason);
    wire_put_number(out, check->verdict);
    wire_put_number(out, check->advised);
}

static void write_checks(const struct results *results, struct buf *out)
{
    wire_put_number(out, DOMAIN_COUNT);
    for (size_t d = 0; d < DOMAIN_COUNT; d++) {
        const struct checks *checks = &results->domain[d];
        wire_put_number(out, checks->failed);
        wire_put_number(out, checks->count);
        for (size_t i = 0; i < checks->count; i++)
            write_check(&checks->list[i], out);
    }
}

void published_write(const struct report *report, const struct node *node, struct buf *out)
{
    wire_put_text(out, FORMAT);
    write_facts(&report->facts, out);
    write_settings(&node->settings, out);
    wire_put_number(out, node->policy.fail_closed);
    wire_put_number(out, node->admin_latched);
    write_ruleset(&node->policy, out);
    write_checks(report->results, out);
}

/* --- reading --- */

#define READ_TEXT(from)   wire_take_text(from)
#define READ_ROLE(from)   (enum role) wire_take_number(from)
#define READ_NUMBER(from) wire_take_number(from)
#define READ_TIME(from)   (int64_t) wire_take_number(from)
#define READ_FLAG(from)   (wire_take_number(from) != 0)

static void read_facts(struct cursor *from, struct facts *facts)
{
#define FACT(kind, name, ...) facts->name = READ_##kind(from);
#include "report/facts.def"
#undef FACT
}

static int read_settings(struct cursor *from, struct settings *settings)
{
    int error = settings_defaults(settings);
    if (wire_take_number(from) != SETTING_COUNT)
        return -EBADMSG;
    for (int i = 0; i < SETTING_COUNT && error == 0; i++) {
        const char *text = wire_take_text(from);
        if (text)
            error = settings_put(settings, (enum setting_key)i, text, NULL);
    }
    return error == -EINVAL || from->bad ? -EBADMSG : error;
}

static int read_check(struct cursor *from, struct checks *checks)
{
    struct check check = {.id = wire_take_text(from)};
    check.title = wire_take_text(from);
    check.section = wire_take_text(from);
    check.setting = (enum setting_key)wire_take_number(from);
    check.expected = wire_take_text(from);
    const char *observed = wire_take_text(from);
    const char *reason = wire_take_text(from);
    uint64_t verdict = wire_take_number(from);
    check.advised = wire_take_number(from) != 0;
    if (from->bad || !check.id || !check.title || !check.expected || check.setting > SETTING_NONE ||
        verdict >= VERDICT_COUNT)
        return -EBADMSG;
    struct check *added = checks_add(checks, check);
    if (!added)
        return -ENOMEM;
    added->observed = observed;
    added->reason = reason;
    added->verdict = (enum verdict)verdict;
    return 0;
}

static int read_checks(struct cursor *from, struct results *results)
{
    int error = wire_take_number(from) == DOMAIN_COUNT ? 0 : -EBADMSG;
    for (size_t d = 0; d < DOMAIN_COUNT && error == 0; d++) {
        bool failed = wire_take_number(from) != 0;
        uint64_t count = wire_take_number(from);
        for (uint64_t i = 0; i < count && error == 0; i++)
            error = read_check(from, &results->domain[d]);
        results->domain[d].failed |= failed;
    }
    return from->bad ? -EBADMSG : error;
}

static int read_node(struct cursor *from, const struct facts *facts, struct node *node,
                     const char *root)
{
    *node = (struct node){.purpose = NODE_LOOK, .role = facts->role, .revision = facts->revision};
    node_system(&node->system, root);
    node->evidence.fips = &node->fips;
    int error = read_settings(from, &node->settings);
    bool fail_closed = wire_take_number(from) != 0;
    node->admin_latched = wire_take_number(from) != 0;
    if (facts->reason)
        buf_puts(&node->reason, facts->reason);
    if (error == 0)
        error = from->bad ? -EBADMSG : buf_error(&node->reason);
    if (error)
        return error;
    struct policy_input input = {
        .role = node->role,
        .settings = &node->settings,
        .revision = node->revision,
        .admin_latched = node->admin_latched,
        .fail_closed = fail_closed,
    };
    policy_make(&node->policy, &input);
    node->policy.admin_disabled = facts->admin_disabled;
    return 0;
}

int published_read(struct published *published, struct node *node, const char *root)
{
    const struct buf *bytes = &published->bytes;
    struct cursor from = {(const unsigned char *)buf_text(bytes), bytes->length, false};
    const char *format = wire_take_text(&from);
    *node = (struct node){.purpose = NODE_LOOK};
    if (!format || !str_equal(format, FORMAT))
        return -EPROTO;
    read_facts(&from, &published->facts);
    bool whole =
        !from.bad && published->facts.version && published->facts.hostname &&
        (published->facts.role == ROLE_MANAGEMENT || published->facts.role == ROLE_CONFERENCING);
    int error = whole ? read_node(&from, &published->facts, node, root) : -EBADMSG;
    if (error)
        return error;
    published->firewall = wire_take_text(&from);
    error = read_checks(&from, &published->results);
    return error == 0 && from.left ? -EBADMSG : error;
}

void published_free(struct published *published)
{
    results_free(&published->results);
    buf_free(&published->bytes);
    *published = (struct published){.firewall = NULL};
}
