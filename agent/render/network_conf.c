/* network.conf: lines as of holdfast.conf(5), those that have a value. What brings the network up
 * needs the last known ones too, where the stored settings are lost. */
#include "render/render.h"

#include "base/str.h"
#include "render/openssl_names.h"
#include "settings/text.h"

static const enum setting_key keys[] = {NODE_HOSTNAME, NODE_ADDRESS, NODE_ADDRESS6, NODE_GATEWAY,
                                        NODE_GATEWAY6};

void render_network_conf(const struct policy *policy, struct buf *out)
{
    openssl_names_stamp(policy, out);
    for (size_t i = 0; i < countof(keys); i++)
        if (settings_text(policy->settings, keys[i])[0] != '\0')
            setting_export(policy->settings, keys[i], false, out);
}
