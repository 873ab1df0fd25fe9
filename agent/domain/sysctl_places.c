/* Opening and listing the folders of kernel parameters. */
#include "domain/sysctl_places.h"

#include "base/file.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int sysctl_place_rank(const char *place)
{
    return str_equal(place, "all") ? 0 : str_equal(place, "default") ? 1 : 2;
}

static int compare_names(const void *a, const void *b)
{
    const char *left = *(const char *const *)a, *right = *(const char *const *)b;
    int order = sysctl_place_rank(left) - sysctl_place_rank(right);
    return order ? order : strcmp(left, right);
}

/* Names, each with its NUL, in the order of reports: all, default, and the interfaces by name. */
static int sort_names(const struct buf *names, struct buf *sorted)
{
    size_t count = 0;
    const char **list = calloc(names->length + 1, sizeof(*list));
    if (!list)
        return -ENOMEM;
    for (size_t at = 0; at < names->length; at += strlen(names->data + at) + 1)
        list[count++] = names->data + at;
    qsort(list, count, sizeof(*list), compare_names);
    for (size_t i = 0; i < count; i++)
        buf_append(sorted, list[i], strlen(list[i]) + 1);
    free(list);
    return buf_error(sorted);
}

static int read_folder(int descriptor, struct buf *names)
{
    int copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    DIR *folder = copy < 0 ? NULL : fdopendir(copy);
    if (!folder) {
        int error = -errno;
        if (copy >= 0)
            close(copy);
        return error;
    }
    for (const struct dirent *entry; (entry = readdir(folder));)
        if (!str_equal(entry->d_name, ".") && !str_equal(entry->d_name, ".."))
            buf_append(names, entry->d_name, strlen(entry->d_name) + 1);
    closedir(folder);
    return buf_error(names);
}

static int list_interfaces(int conf, struct buf *sorted)
{
    struct buf names = {0};
    int error = read_folder(conf, &names);
    if (error == 0)
        error = sort_names(&names, sorted);
    buf_free(&names);
    return error;
}

void sysctl_places_open(struct sysctl_places *places, const struct system *system)
{
    static const char *const folders[SYSCTL_FAMILIES] = {"net/ipv4/conf", "net/ipv6/conf"};
    char path[PATH_MAX];
    *places = (struct sysctl_places){.sys = -1, .conf = {-1, -1}};
    places->error = file_target(path, sizeof(path), system->root, "/proc/sys");
    if (places->error)
        return;
    places->sys = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (places->sys < 0) {
        places->error = -errno;
        return;
    }
    for (size_t i = 0; i < SYSCTL_FAMILIES; i++) {
        places->conf[i] = file_open_below(places->sys, folders[i], O_RDONLY | O_DIRECTORY);
        if (places->conf[i] < 0 && places->conf[i] != -ENOENT)
            places->why[i] = places->conf[i];
        else if (places->conf[i] >= 0 && places->error == 0)
            places->error = list_interfaces(places->conf[i], &places->interfaces[i]);
    }
}

void sysctl_places_close(struct sysctl_places *places)
{
    const int fds[] = {places->sys, places->conf[SYSCTL_IPV4], places->conf[SYSCTL_IPV6]};
    for (size_t i = 0; i < countof(fds); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    for (size_t i = 0; i < SYSCTL_FAMILIES; i++)
        buf_free(&places->interfaces[i]);
}
