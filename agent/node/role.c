/* The role, a word in a file of the image's. */
#include "node/load.h"

#include "base/file.h"
#include "base/str.h"

#include <string.h>

enum { ROLE_SIZE_MAX = 64 };

int node_load_role(struct node *node)
{
    static const struct {
        const char *word;
        enum role role;
    } roles[] = {{"management", ROLE_MANAGEMENT}, {"conferencing", ROLE_CONFERENCING}};
    char path[PATH_MAX];
    struct buf text = {0};
    node->role = ROLE_MANAGEMENT;
    int error = file_target(path, sizeof(path), node->system.root, NODE_ROLE_PATH);
    if (error == 0)
        error = file_read(path, ROLE_SIZE_MAX, &text);
    const char *word = error ? "" : str_trim(text.data ? text.data : (char[]){""});
    for (size_t i = 0; i < countof(roles); i++) {
        if (str_equal(word, roles[i].word)) {
            node->role = roles[i].role;
            buf_free(&text);
            return 0;
        }
    }
    buf_free(&text);
    if (node_may_not_look(node, error))
        return error;
    node_set_closed(node, "the node's role in " NODE_ROLE_PATH " cannot be read",
                    error ? strerror(-error) : "neither management nor conferencing");
    return 0;
}
