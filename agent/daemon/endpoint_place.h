/* Where the endpoint listens, by the settings. */
#ifndef HOLDFAST_DAEMON_ENDPOINT_PLACE_H
#define HOLDFAST_DAEMON_ENDPOINT_PLACE_H

#include "settings/settings.h"

#include <stdbool.h>
#include <stdint.h>

struct endpoint_place {
    char address[SETTING_ITEM_SIZE];
    uint16_t port;
};

/* health.address and health.port. 0 or a negative errno. */
int endpoint_place_read(struct endpoint_place *place, const struct settings *settings);

bool endpoint_place_equals(const struct endpoint_place *one, const struct endpoint_place *other);

#endif
