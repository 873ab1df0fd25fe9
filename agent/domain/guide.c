/*
 * The guide domain: each stored setting held against the value that the deployment guide asks for.
 * It only looks: what is stored is the administrator's decision.
 */
#include "domain/domain.h"

static const char *secure_text(struct rows *rows, enum setting_key key)
{
    struct buf text = {0};
    setting_secure_text(key, &text);
    return rows_take(rows, &text);
}

static const char *shown_text(struct rows *rows, const struct settings *settings,
                              enum setting_key key)
{
    struct buf text = {0};
    setting_show(settings, key, &text);
    return rows_take(rows, &text);
}

static void guide_plan(const struct policy *policy, struct rows *rows)
{
    for (enum setting_key key = 0; key < SETTING_COUNT; key++) {
        const struct setting_info *info = &setting_table[key];
        if (!(info->roles & policy->role) || !info->section)
            continue;
        rows_add(rows, (struct row){.id = rows_text(rows, "guide.%s", info->name),
                                    .title = info->prompt ? info->prompt : info->help,
                                    .section = info->section,
                                    .setting = key,
                                    .desired = secure_text(rows, key)});
    }
}

static void judge(const struct policy *policy, struct row *row)
{
    const char *inactive = setting_inactive(policy->settings, row->setting);
    if (setting_table[row->setting].rule == SECURE_ANY)
        row_verdict(row, VERDICT_NOT_CHECKED, "to be reviewed by a person");
    else if (setting_is_secure(policy->settings, row->setting))
        row_verdict(row, VERDICT_PASS, inactive);
    else
        row_verdict(row, inactive ? VERDICT_PASS : VERDICT_FAIL, inactive);
}

static void guide_observe(const struct system *system, const struct policy *policy,
                          struct rows *rows)
{
    (void)system;
    for (size_t i = 0; i < rows->count; i++) {
        struct row *row = &rows->list[i];
        row->actual = shown_text(rows, policy->settings, row->setting);
        judge(policy, row);
    }
}

const struct domain domain_guide = {
    .name = "guide",
    .title = "Settings held against the guide",
    .weight = WEIGHT_ADVISED,
    .plan = guide_plan,
    .observe = guide_observe,
};
