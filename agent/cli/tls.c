/* holdfast tls: the record of each surface, and the settings that it follows from. */
#include "cli/commands.h"

#include "base/log.h"
#include "base/str.h"
#include "cli/format.h"
#include "cli/look.h"
#include "cli/stored.h"
#include "render/render.h"

enum { NAME_WIDTH = 46 };

static const char *setting_name(enum setting_key key)
{
    return key == SETTING_NONE ? "" : setting_table[key].name;
}

/* A line without blanks at its end. */
static void put_decided(struct buf *out, const char *text, enum setting_key key)
{
    if (key == SETTING_NONE)
        buf_printf(out, "    %s\n", text);
    else
        buf_printf(out, "    %-*s  %s\n", NAME_WIDTH, text, setting_name(key));
}

static void put_versions(enum surface surface, const struct surface_record *record, struct buf *out)
{
    buf_puts(out, "  versions\n");
    for (enum tls_version version = record->last; version >= record->first; version--)
        put_decided(out, tls_version_text(version), surface_version_setting(surface, version));
}

static void put_suites(const struct surface_record *record, struct buf *out)
{
    buf_puts(out, "  suites\n");
    for (size_t i = 0; i < record->suite_count; i++)
        put_decided(out, record->suites[i]->name, record->suite_settings[i]);
}

static void put_names(const char *what, const struct named_code *const *list, size_t count,
                      struct buf *out)
{
    buf_printf(out, "  %s\n", what);
    for (size_t i = 0; i < count; i++)
        buf_printf(out, "    %s\n", list[i]->name);
}

static void put_tls(const struct policy *policy, enum surface surface, struct buf *out)
{
    const struct surface_record *record = &policy->crypto.surface[surface];
    buf_printf(out, "%s: %s%s\n", surface_table[surface].name, surface_table[surface].title,
               surface_table[surface].roles & policy->role ? "" : " (not on this node)");
    put_versions(surface, record, out);
    put_suites(record, out);
    put_names("groups", record->groups, record->group_count, out);
    put_names("signatures", record->signatures, record->signature_count, out);
}

static const char *elsewhere(const struct policy *policy)
{
    return policy->role == ROLE_CONFERENCING ? "" : " (not on this node)";
}

static void put_srtp(const struct policy *policy, struct buf *out)
{
    const struct crypto *crypto = &policy->crypto;
    buf_printf(out, "srtp: Media%s\n  encryption\n", elsewhere(policy));
    put_decided(out, crypto->media_encryption, GLOBAL_MEDIA_ENCRYPTION);
    buf_puts(out, "  profiles\n");
    for (size_t i = 0; i < crypto->srtp_count; i++)
        put_decided(out, crypto->srtp[i], srtp_setting(crypto->srtp[i]));
}

static void put_h323(const struct policy *policy, struct buf *out)
{
    const struct crypto *crypto = &policy->crypto;
    buf_printf(out, "h323: H.323%s\n  Diffie-Hellman groups of H.235\n", elsewhere(policy));
    for (size_t i = 0; i < crypto->h235_count; i++) {
        const char *bits = crypto->h235_bits[i] == 2048 ? "2048 bits" : "1024 bits";
        put_decided(out, bits, h235_setting(crypto->h235_bits[i]));
    }
}

/* One surface, or all of them where `name` is NULL; false where there is none of that name. */
static bool write_text(const struct policy *policy, const char *name, struct buf *out)
{
    size_t before = out->length;
    for (enum surface surface = 0; surface < SURFACE_COUNT; surface++)
        if (!name || str_equal(name, surface_table[surface].name))
            put_tls(policy, surface, out);
    if (!name || str_equal(name, SURFACE_SRTP))
        put_srtp(policy, out);
    if (!name || str_equal(name, SURFACE_H323))
        put_h323(policy, out);
    return out->length > before;
}

static bool write_json(const struct policy *policy, const char *name, struct buf *out)
{
    if (name)
        return render_surface_json(policy, name, out);
    render_policy_json(policy, out);
    return true;
}

static const struct format {
    const char *name;
    bool (*write)(const struct policy *policy, const char *name, struct buf *out);
    const char *fips; /* the first line in FIPS mode */
} formats[] = {
    {"text", write_text, "FIPS-approved algorithms only\n"},
    {"json", write_json, ""},
};

static int print_records(const struct invocation *invocation, const struct policy *policy,
                         const struct format *format)
{
    const char *name = invocation->operand_count ? invocation->operands[0] : NULL;
    struct buf out = {0};
    int code = EXIT_COULD_NOT;
    if (policy->crypto.fips)
        buf_puts(&out, format->fips);
    if (format->write(policy, name, &out))
        code = stored_print(invocation, &out, EXIT_HOLDS);
    else
        log_error("tls: no surface %s: https-in, https-out, sip-in, sip-out, srtp or h323", name);
    buf_free(&out);
    return code;
}

int cli_tls(const struct invocation *invocation)
{
    const struct format *format = FORMAT_FIND(invocation, formats);
    struct look look;
    if (!format || look_open(&look, invocation) < 0)
        return EXIT_COULD_NOT;
    if (look.node.reason.length)
        log_warning("tls: the strictest policy stands: %s", buf_text(&look.node.reason));
    int code = print_records(invocation, &look.node.policy, format);
    look_close(&look);
    return code;
}
