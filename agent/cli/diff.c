/* holdfast diff: where stored settings differ from the defaults and fail of the guide. */
#include "base/str.h"
#include "cli/commands.h"
#include "cli/stored.h"

enum column { COLUMN_KEY, COLUMN_STORED, COLUMN_DEFAULT, COLUMN_GUIDE, COLUMN_REMARK, COLUMNS };

/* A cell that is longer does not widen its column. */
enum { WIDTH_MAX = 32 };

struct table {
    struct stored stored;
    struct settings defaults;
    size_t width[COLUMNS];
    size_t short_count; /* failed checks of the guide */
};

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

static void fill(const struct table *table, enum setting_key key, struct buf cell[COLUMNS])
{
    const struct settings *settings = &table->stored.settings;
    const char *inactive = setting_inactive(settings, key);
    buf_puts(&cell[COLUMN_KEY], setting_table[key].name);
    setting_show(settings, key, &cell[COLUMN_STORED]);
    setting_show(&table->defaults, key, &cell[COLUMN_DEFAULT]);
    setting_secure_text(key, &cell[COLUMN_GUIDE]);
    if (inactive)
        buf_puts(&cell[COLUMN_REMARK], inactive);
    else if (falls_short(&table->stored, key))
        buf_puts(&cell[COLUMN_REMARK], "non-compliant");
}

/* Writes a row's cells, or widens the columns to them where `out` is NULL. Empties the cells. */
static void lay(struct table *table, struct buf cell[COLUMNS], struct buf *out)
{
    for (size_t c = 0; c < COLUMNS; c++) {
        size_t length = cell[c].length < WIDTH_MAX ? cell[c].length : WIDTH_MAX;
        if (!out && length > table->width[c])
            table->width[c] = length;
        else if (out && c + 1 < COLUMNS && cell[c + 1].length)
            buf_printf(out, "%-*s  ", (int)table->width[c], buf_text(&cell[c]));
        else if (out)
            buf_puts(out, buf_text(&cell[c]));
        buf_free(&cell[c]);
    }
    if (out)
        buf_putc(out, '\n');
}

static void walk(struct table *table, struct buf *out)
{
    static const char *const titles[COLUMN_REMARK] = {"KEY", "STORED", "DEFAULT", "GUIDE"};
    struct buf cell[COLUMNS] = {0};
    for (size_t c = 0; c < countof(titles); c++)
        buf_puts(&cell[c], titles[c]);
    lay(table, cell, out);
    table->short_count = 0;
    for (int i = 0; i < SETTING_COUNT; i++) {
        enum setting_key key = (enum setting_key)i;
        if (!is_shown(&table->stored, key))
            continue;
        table->short_count += falls_short(&table->stored, key);
        fill(table, key, cell);
        lay(table, cell, out);
    }
}

int cli_diff(const struct invocation *invocation)
{
    struct table table = {0};
    struct buf out = {0};
    if (stored_open(&table.stored, invocation) < 0)
        return EXIT_COULD_NOT;
    if (settings_defaults(&table.defaults) < 0)
        out.failed = true;
    walk(&table, NULL);
    walk(&table, &out);
    buf_printf(&out, "%zu settings of this node do not comply with the guide.\n",
               table.short_count);
    int code = stored_print(invocation, &out, table.short_count ? EXIT_FALLS_SHORT : EXIT_HOLDS);
    buf_free(&out);
    settings_free(&table.defaults);
    stored_close(&table.stored);
    return code;
}
