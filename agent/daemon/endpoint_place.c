/* The endpoint's address and port. */
#include "daemon/endpoint_place.h"

#include "base/str.h"

int endpoint_place_read(struct endpoint_place *place, const struct settings *settings)
{
    *place = (struct endpoint_place){.port = (uint16_t)settings_uint(settings, HEALTH_PORT)};
    return str_copy(place->address, sizeof(place->address),
                    settings_text(settings, HEALTH_ADDRESS));
}

bool endpoint_place_equals(const struct endpoint_place *one, const struct endpoint_place *other)
{
    return one->port == other->port && str_equal(one->address, other->address);
}
