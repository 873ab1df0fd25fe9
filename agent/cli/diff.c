/* holdfast diff: where stored settings differ from the defaults and fall short of the guide. */
#include "base/str.h"
#include "cli/commands.h"
#include "cli/stored.h"

#include <string.h>

enum column { COLUMN_KEY, COLUMN_STORED, COLUMN_DEFAULT, COLUMN_GUIDE, COLUMN_REMARK, COLUMNS };

/* A cell that is longer does not widen its column. */
enum { WIDTH_MAX = 32 };

/* List items stand one a line: here they share one. */
static void put_value(const char *value, struct buf *cell)
{
    if (value[0] == '\0')
        buf_puts(cell, "\"\"");
    for (; *value != '\0'; value++) {
        if (*value == '\n')
            buf_puts(cell, ", ");
        else
            buf_putc(cell, *value);
    }
}

static bool falls_short(const struct stored *stored, enum setting_key key)
{
    return (setting_table[key].roles & stored->role) && !setting_inactive(&stored->settings, key) &&
           !setting_is_secure(&stored->settings, key);
}

static bool is_shown(const struct stored *stored, enum setting_key key)
{
    return falls_short(stored, key) ||
           !str_equal(settings_text(&stored->settings, key), setting_table[key].initial);
}

static void fill(const struct stored *stored, enum setting_key key, struct buf cell[COLUMNS])
{
    const char *inactive = setting_inactive(&stored->settings, key);
    buf_puts(&cell[COLUMN_KEY], setting_table[key].name);
    put_value(setting_shown(&stored->settings, key), &cell[COLUMN_STORED]);
    put_value(setting_table[key].initial, &cell[COLUMN_DEFAULT]);
    setting_secure_text(key, &cell[COLUMN_GUIDE]);
    if (inactive)
        buf_puts(&cell[COLUMN_REMARK], inactive);
    else if (falls_short(stored, key))
        buf_puts(&cell[COLUMN_REMARK], "falls short");
}

/* Widens the columns to the cells, or, with `out`, writes the cells. */
static void lay(const struct buf cell[COLUMNS], size_t width[COLUMNS], struct buf *out)
{
    for (size_t c = 0; c < COLUMNS; c++) {
        size_t length = cell[c].length;
        if (!out && length > width[c])
            width[c] = length < WIDTH_MAX ? length : WIDTH_MAX;
        else if (out && c + 1 < COLUMNS && cell[c + 1].length)
            buf_printf(out, "%-*s  ", (int)width[c], buf_text(&cell[c]));
        else if (out)
            buf_puts(out, buf_text(&cell[c]));
    }
    if (out)
        buf_putc(out, '\n');
}

static void lay_title(size_t width[COLUMNS], struct buf *out)
{
    static const char *const titles[COLUMN_REMARK] = {"KEY", "STORED", "DEFAULT", "GUIDE"};
    struct buf cell[COLUMNS] = {0};
    for (size_t c = 0; c < countof(titles); c++)
        buf_puts(&cell[c], titles[c]);
    lay(cell, width, out);
    for (size_t c = 0; c < COLUMNS; c++)
        buf_free(&cell[c]);
}

/* All rows once; the number that fall short. */
static size_t walk(const struct stored *stored, size_t width[COLUMNS], struct buf *out)
{
    size_t short_count = 0;
    lay_title(width, out);
    for (int i = 0; i < SETTING_COUNT; i++) {
        enum setting_key key = (enum setting_key)i;
        struct buf cell[COLUMNS] = {0};
        if (!is_shown(stored, key))
            continue;
        short_count += falls_short(stored, key);
        fill(stored, key, cell);
        lay(cell, width, out);
        for (size_t c = 0; c < COLUMNS; c++)
            buf_free(&cell[c]);
    }
    return short_count;
}

int cli_diff(const struct invocation *invocation)
{
    struct stored stored;
    struct buf out = {0};
    size_t width[COLUMNS] = {0};
    if (stored_open(&stored, invocation) < 0)
        return EXIT_COULD_NOT;
    (void)walk(&stored, width, NULL);
    size_t short_count = walk(&stored, width, &out);
    buf_printf(&out, "%zu of the settings of this node fall short of the guide.\n", short_count);
    int code = stored_print(invocation, &out, short_count ? EXIT_FALLS_SHORT : EXIT_HOLDS);
    buf_free(&out);
    stored_close(&stored);
    return code;
}
