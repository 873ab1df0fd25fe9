/* The settings last known, in a text file beside the database: what a node that fails closed is
 * reached by. */
#include "node/load.h"

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "settings/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* The settings without which a node that fails closed could not be reached by its stations; and the
 * ports that the health port must differ from (settings/rules.h), since it may stand on a default
 * of theirs. */
static const enum setting_key known_keys[] = {
    NODE_HOSTNAME,
    NODE_DOMAIN,
    NODE_ADDRESS,
    NODE_ADDRESS6,
    NODE_GATEWAY,
    NODE_GATEWAY6,
    HEALTH_PORT,
    HEALTH_ADDRESS,
    HEALTH_STATIONS,
    SIP_UDP_PORT,
    SIP_TCP_PORT,
    SIP_TLS_PORT,
    GLOBAL_SIGNALING_PORT_START,
    GLOBAL_SIGNALING_PORT_END,
    GLOBAL_MEDIA_PORT_START,
    GLOBAL_MEDIA_PORT_END,
};

static int known_path(const struct node *node, char *path, size_t size)
{
    int length = snprintf(path, size, "%s.known", node->state_path);
    return length < 0 || (size_t)length >= size ? -ENAMETOOLONG : 0;
}

void node_known_keep(const struct node *node)
{
    char path[PATH_MAX];
    struct buf now = {0}, before = {0};
    for (size_t i = 0; i < countof(known_keys); i++)
        setting_export(&node->settings, known_keys[i], false, &now);
    int error = buf_error(&now) ? buf_error(&now) : known_path(node, path, sizeof(path));
    if (error == 0 && (file_read_own(path, SETTINGS_TEXT_MAX, &before) < 0 ||
                       !str_equal(buf_text(&before), buf_text(&now))))
        error = file_replace(path, now.data, now.length, 0600);
    if (error)
        log_error("cannot write %s.known: %s", node->state_path, strerror(-error));
    buf_free(&now);
    buf_free(&before);
}

int node_known_restore(struct node *node)
{
    char path[PATH_MAX];
    struct buf text = {0}, faults = {0};
    settings_free(&node->settings);
    int error = settings_strictest(&node->settings);
    if (error)
        return error;
    if (known_path(node, path, sizeof(path)) == 0 &&
        file_read_own(path, SETTINGS_TEXT_MAX, &text) == 0 &&
        settings_import(&node->settings, path, text.data, text.length, &faults) < 0)
        log_error("the last known settings cannot be used: %s", buf_text(&faults));
    buf_free(&text);
    buf_free(&faults);
    return 0;
}

bool node_known_stands(const struct node *node)
{
    char path[PATH_MAX];
    struct stat status;
    return known_path(node, path, sizeof(path)) == 0 && lstat(path, &status) == 0;
}
