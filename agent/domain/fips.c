/* The fips domain's checks. The file that services look for, /etc/fips/enabled, is no part of
 * it. */
#include "domain/fips.h"

#include "base/file.h"
#include "base/str.h"
#include "domain/domain.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define KERNELS   "/proc/sys/kernel"
#define SIGNATURE "# GRUB Environment Block\n"

enum { ENTRY_SIZE = 1024 /* of every block */, MODE_SIZE_MAX = 16 };

enum check_tag {
    ROW_MBEDTLS,
    ROW_BEARSSL,
    ROW_RANDOM,
    ROW_KEY,
    ROW_SUITES,
    ROW_KERNEL,
    ROW_BOOT_ENTRY,
    ROW_COUNT
};

/* What stands outside FIPS mode of a check that is of it alone. */
#define NOTHING "not asked for"

static const struct rule {
    const char *id, *title, *on, *off; /* what it should be in FIPS mode, and outside it */
} rules[ROW_COUNT] = {
    {"fips.selftest.mbedtls", "Power-on self-tests of mbedTLS", "passed", NOTHING},
    {"fips.selftest.bearssl", "Power-on self-tests of BearSSL", "passed", NOTHING},
    {"fips.selftest.random", "Self-test of the random numbers", "passed", NOTHING},
    {"fips.key", "The endpoint's private key", "approved", NOTHING},
    {"fips.suites", "What TLS offers and accepts", "FIPS-approved algorithms only", NOTHING},
    {"fips.kernel", "The kernel's own FIPS mode", "1", "0"},
    {"fips.boot_entry", "The kernel argument of the next boot", "fips=1", "fips=0"},
};

static bool is_on(const struct policy *policy)
{
    return settings_bool(policy->settings, SECURITY_FIPS);
}

/* --- the boot entry --- */

/* What a boot loader takes from the block: a line of its own. 0, a negative errno, or -ENOENT,
 * which is a no. */
static int entry_read(const char *root, bool *on)
{
    char path[PATH_MAX];
    struct buf text = {0};
    *on = false;
    int error = file_target(path, sizeof(path), root, FIPS_BOOT_ENTRY);
    if (error == 0)
        error = file_read(path, ENTRY_SIZE, &text);
    if (error == 0)
        *on = strncmp(buf_text(&text), SIGNATURE, strlen(SIGNATURE)) == 0 &&
              strstr(buf_text(&text), "\nfips=1\n") != NULL;
    buf_free(&text);
    return error;
}

int fips_boot_entry_write(const char *root, bool on)
{
    char path[PATH_MAX], block[ENTRY_SIZE + 1];
    bool is;
    int error = entry_read(root, &is);
    if (error == -ENOENT)
        error = 0;
    if (error == 0 && is == on)
        return 0;
    error = file_path(path, sizeof(path), root, FIPS_BOOT_ENTRY);
    if (error)
        return error;
    memset(block, '#', sizeof(block));
    int length = snprintf(block, sizeof(block), SIGNATURE "fips=%d\n", on);
    block[length] = '#';
    return file_replace(path, block, ENTRY_SIZE, 0600);
}

static void observe_entry(const struct system *system, struct checks *checks, struct check *check,
                          bool wanted)
{
    bool on;
    int error = entry_read(system->root, &on);
    if (error == -ENOENT)
        check_judge(check, "no " FIPS_BOOT_ENTRY ", which means fips=0", !wanted);
    else if (error)
        check_verdict(check, VERDICT_ERROR,
                      checks_text(checks, "cannot read %s: %s", FIPS_BOOT_ENTRY, strerror(-error)));
    else
        check_judge(check, checks_text(checks, "fips=%d in " FIPS_BOOT_ENTRY, on), on == wanted);
}

/* --- the kernel --- */

static bool exists(const struct system *system, const char *name)
{
    char path[PATH_MAX];
    return file_target(path, sizeof(path), system->root, name) == 0 && access(path, F_OK) == 0;
}

/* Why there is nothing to read. */
static void observe_no_mode(const struct system *system, struct check *check, bool wanted)
{
    if (!exists(system, KERNELS))
        check_verdict(check, VERDICT_NOT_APPLICABLE, "there is no kernel below --root");
    else if (wanted)
        check_verdict(check, VERDICT_FAIL,
                      "this kernel was built without FIPS mode (CONFIG_CRYPTO_FIPS)");
    else
        check_verdict(check, VERDICT_NOT_APPLICABLE, "this kernel has no FIPS mode");
}

int fips_kernel_mode(const char *root)
{
    char path[PATH_MAX];
    struct buf text = {0};
    int error = file_target(path, sizeof(path), root, FIPS_KERNEL_MODE);
    if (error == 0)
        error = file_read(path, MODE_SIZE_MAX, &text);
    if (error == 0)
        error = str_equal(buf_text(&text), "1\n");
    buf_free(&text);
    return error;
}

static void observe_kernel(const struct system *system, struct checks *checks, struct check *check,
                           bool wanted)
{
    int mode = fips_kernel_mode(system->root);
    if (mode == -ENOENT)
        observe_no_mode(system, check, wanted);
    else if (mode < 0)
        check_verdict(check, VERDICT_ERROR,
                      checks_text(checks, "cannot read %s: %s", FIPS_KERNEL_MODE, strerror(-mode)));
    else
        check_judge(check, checks_text(checks, "%d in " FIPS_KERNEL_MODE, mode),
                    (mode != 0) == wanted);
    if (mode >= 0 && check->verdict == VERDICT_FAIL)
        check->reason = checks_text(
            checks, "the kernel argument fips=%d takes effect at the next boot", wanted);
}

/* --- what the process found out about itself --- */

static void observe_selftest(const struct fips_evidence *evidence, enum selftest_library library,
                             struct checks *checks, struct check *check)
{
    if (!evidence || !evidence->tested) {
        check_verdict(check, VERDICT_NOT_CHECKED,
                      "this process uses no cryptography but the state's");
        return;
    }
    const struct selftest_result *result = &evidence->selftests.library[library];
    if (result->failed) {
        check->observed = checks_text(checks, "failed: %s", result->first_failed);
        check_verdict(check, VERDICT_FAIL, "nothing that uses it runs");
        return;
    }
    check_judge(check, checks_text(checks, "passed: %u in all", result->ran), true);
    check->reason =
        checks_text(checks, "those of all libraries together took %u ms", evidence->took_ms);
}

static void observe_key(const struct fips_evidence *evidence, struct checks *checks,
                        struct check *check)
{
    if (!evidence || evidence->key == FIPS_KEY_UNKNOWN) {
        check_verdict(check, VERDICT_NOT_CHECKED, "this process has not seen it");
        return;
    }
    bool approved = evidence->key == FIPS_KEY_APPROVED;
    check_judge(check,
                approved ? checks_text(checks, "approved: %s", evidence->key_kind) : "rejected",
                approved);
    if (!approved)
        check->reason = checks_text(checks, "%s", evidence->key_reason);
}

/* --- what the policy makes of the settings --- */

static const char *unapproved_suite(const struct crypto *crypto)
{
    for (size_t s = 0; s < SURFACE_COUNT; s++)
        for (size_t i = 0; i < crypto->surface[s].suite_count; i++)
            if (!crypto->surface[s].suites[i]->approved)
                return crypto->surface[s].suites[i]->name;
    return NULL;
}

/* "40 suites of 4 surfaces, each approved" */
static const char *approved_text(const struct crypto *crypto, struct checks *checks)
{
    size_t suites = 0;
    for (size_t s = 0; s < SURFACE_COUNT; s++)
        suites += crypto->surface[s].suite_count;
    return checks_text(checks, "%zu suites of %d surfaces, each approved", suites, SURFACE_COUNT);
}

static void observe_suites(const struct policy *policy, struct checks *checks, struct check *check)
{
    struct buf masked = {0};
    const char *suite = unapproved_suite(&policy->crypto);
    for (enum setting_key key = 0; key < SETTING_COUNT; key++)
        if (setting_table[key].masked_by_fips && settings_bool(policy->settings, key))
            buf_printf(&masked, "%s%s", masked.length ? ", " : "", setting_table[key].name);
    check_judge(check, suite ? suite : approved_text(&policy->crypto, checks), !suite);
    if (masked.length)
        check->reason = checks_text(checks, "stored as yes, without effect: %s", buf_text(&masked));
    checks->failed |= masked.failed;
    buf_free(&masked);
}

/* --- the domain --- */

static void fips_plan(const struct policy *policy, struct checks *checks)
{
    bool on = is_on(policy);
    for (size_t i = 0; i < ROW_COUNT; i++)
        checks_add(checks, (struct check){.id = rules[i].id,
                                          .title = rules[i].title,
                                          .section = setting_table[SECURITY_FIPS].section,
                                          .setting = SECURITY_FIPS,
                                          .expected = on ? rules[i].on : rules[i].off,
                                          .tag = i});
}

static void observe_own(const struct evidence *evidence, const struct policy *policy,
                        struct checks *checks, struct check *check)
{
    switch ((enum check_tag)check->tag) {
    case ROW_MBEDTLS:
        observe_selftest(evidence->fips, SELFTEST_MBEDTLS, checks, check);
        break;
    case ROW_BEARSSL:
        observe_selftest(evidence->fips, SELFTEST_BEARSSL, checks, check);
        break;
    case ROW_RANDOM:
        observe_selftest(evidence->fips, SELFTEST_KERNEL, checks, check);
        break;
    case ROW_KEY:
        observe_key(evidence->fips, checks, check);
        break;
    case ROW_SUITES:
        observe_suites(policy, checks, check);
        break;
    case ROW_KERNEL:
    case ROW_BOOT_ENTRY:
    case ROW_COUNT:
        break;
    }
}

static void fips_observe(const struct system *system, const struct evidence *evidence,
                         const struct policy *policy, struct checks *checks)
{
    bool on = is_on(policy);
    for (size_t i = 0; i < checks->count; i++) {
        struct check *check = &checks->list[i];
        if (check->tag == ROW_KERNEL)
            observe_kernel(system, checks, check, on);
        else if (check->tag == ROW_BOOT_ENTRY)
            observe_entry(system, checks, check, on);
        else if (!on)
            check_verdict(check, VERDICT_NOT_APPLICABLE, "FIPS mode is off");
        else
            observe_own(evidence, policy, checks, check);
    }
}

static void fips_converge(const struct system *system, const struct policy *policy,
                          struct checks *checks)
{
    struct check *check = checks->count > ROW_BOOT_ENTRY ? &checks->list[ROW_BOOT_ENTRY] : NULL;
    if (!check || check->verdict < VERDICT_FAIL)
        return;
    int error = fips_boot_entry_write(system->root, is_on(policy));
    if (error)
        check_verdict(
            check, VERDICT_ERROR,
            checks_text(checks, "cannot write %s: %s", FIPS_BOOT_ENTRY, strerror(-error)));
}

const struct domain domain_fips = {
    .name = "fips",
    .title = "FIPS mode",
    .weight = WEIGHT_ENFORCED,
    .plan = fips_plan,
    .observe = fips_observe,
    .converge = fips_converge,
};
