/* holdfast set: KEY=VALUE pairs, stored in one transaction. */
#include "base/log.h"
#include "base/str.h"
#include "cli/commands.h"
#include "cli/stored.h"
#include "settings/text.h"

#include <errno.h>
#include <string.h>

/* Every process may read the arguments of every other. */
static bool is_secret(enum setting_key key, const char *value)
{
    const struct setting_info *info = &setting_table[key];
    if (!info->secret || value[0] == '\0' || str_equal(value, info->initial))
        return false;
    return info->type != TYPE_NTP_LIST || strstr(value, "secret=");
}

/* Appends the line for the operand with this number; it is not shown, since it may hold a secret.
 * 0 or -EINVAL, with the message logged. */
static int add_pair(const char *operand, size_t number, struct buf *text)
{
    char name[64];
    const char *equals = strchr(operand, '=');
    size_t length = equals ? (size_t)(equals - operand) : 0;
    if (length == 0 || length >= sizeof(name)) {
        log_error("set: operand %zu is not KEY=VALUE", number);
        return -EINVAL;
    }
    memcpy(name, operand, length);
    name[length] = '\0';
    int key = setting_find(name);
    if (key < 0) {
        struct buf why = {0};
        setting_unknown(name, &why);
        log_error("set: %s: %s", name, buf_text(&why));
        buf_free(&why);
        return -EINVAL;
    }
    if (strpbrk(equals, "\n\r")) {
        log_error("set: %s: a value has one line", name);
        return -EINVAL;
    }
    if (is_secret((enum setting_key)key, equals + 1)) {
        log_error("set: %s: a secret among a process's arguments can be seen by others; "
                  "'holdfast import -' reads it from standard input",
                  name);
        return -EINVAL;
    }
    settings_line(name, equals + 1, text);
    return 0;
}

int cli_set(const struct invocation *invocation)
{
    struct stored stored;
    struct buf text = {0};
    int error = 0, code = EXIT_COULD_NOT;
    for (size_t i = 0; i < invocation->operand_count; i++) {
        int refused = add_pair(invocation->operands[i], i + 1, &text);
        error = error ? error : refused;
    }
    if (error == 0 && stored_open(&stored, invocation) == 0) {
        code = stored_apply(&stored, invocation, CONTROL_APPLY_SET, "operand", &text);
        stored_close(&stored);
    }
    buf_free(&text);
    return code;
}
