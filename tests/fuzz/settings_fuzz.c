/* Any bytes as an import: taken whole, and then an export reads back the same, or refused with
 * reasons that a terminal can show, and then nothing has changed. */
#include "base/str.h"
#include "settings/text.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool condition)
{
    if (!condition)
        abort();
}

static void demand_round_trip(const struct settings *settings)
{
    struct settings again = {0};
    struct buf text = {0}, faults = {0};
    demand(settings_defaults(&again) == 0);
    settings_export(settings, EXPORT_CHANGED, true, &text);
    demand(settings_import(&again, "export", buf_text(&text), text.length, &faults) == 0);
    demand(settings_equal(settings, &again));
    buf_free(&text);
    buf_free(&faults);
    settings_free(&again);
}

/* Every value is one that settings_put() takes, and it is canonical already. */
static void demand_canonical(struct settings *settings)
{
    struct settings again = {0};
    for (int i = 0; i < SETTING_COUNT; i++) {
        enum setting_key key = (enum setting_key)i;
        demand(settings_put(&again, key, settings_text(settings, key), NULL) == 0);
    }
    demand(settings_equal(settings, &again));
    settings_free(&again);
}

static void demand_printable(const struct buf *faults)
{
    demand(faults->length > 0);
    for (size_t i = 0; i < faults->length; i++)
        demand(faults->data[i] == '\n' || (faults->data[i] >= ' ' && faults->data[i] <= '~'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct settings settings = {0}, defaults = {0};
    struct buf faults = {0};
    demand(settings_defaults(&settings) == 0 && settings_defaults(&defaults) == 0);
    int error = settings_import(&settings, "fuzz", (const char *)data, size, &faults);
    if (error == 0) {
        demand(settings_check(&settings, &faults) == 0);
        demand_canonical(&settings);
        demand_round_trip(&settings);
    } else {
        demand(error == -EINVAL || error == -EFBIG);
        demand(settings_equal(&settings, &defaults));
        demand_printable(&faults);
    }
    buf_free(&faults);
    settings_free(&settings);
    settings_free(&defaults);
    return 0;
}
