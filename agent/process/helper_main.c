/* A helper's beginning. The table alone knows the main functions, which stand above this folder:
 * whoever adds a helper names its function there, and nowhere else. */
#include "process/helper.h"

#include "base/log.h"
#include "base/str.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { WORDS = 2, NO_HELPER = -1, NOT_SPAWNED_STATUS = 2 };

static int (*const mains[HELPERS])(const struct helper_self *self) = {
#define HELPER(ID, NAME, MAIN, ...) [HELPER_##ID] = MAIN,
#include "process/helpers.def"
#undef HELPER
};

static int find_helper(int count, char *const *words)
{
    for (int id = 0; count == WORDS && id < HELPERS; id++)
        if (str_equal(words[1], helper_row((enum helper_id)id)->name))
            return id;
    return NO_HELPER;
}

/* execve(2) makes a process dumpable again: before a secret is read it is not. What was executed by
 * a descriptor has the number of that for a name (Linux before 6.14). */
static int begin(const struct helper *row)
{
    int keep[HELPER_DESCRIPTORS_MAX];
    const struct rlimit processor = {row->processor_s, row->processor_s};
    for (unsigned i = 0; i < row->descriptors; i++)
        keep[i] = HELPER_FD + (int)i;
    (void)alarm(row->life_s);
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_NAME, "holdfast", 0, 0, 0) < 0 ||
        (row->processor_s && setrlimit(RLIMIT_CPU, &processor) < 0))
        return -errno;
    return sandbox_close(keep, row->descriptors);
}

int helper_main(int count, char *const *words)
{
    int id = find_helper(count, words);
    if (id == NO_HELPER)
        return NO_HELPER;
    const struct helper_self self = {helper_row((enum helper_id)id), getppid()};
    if (self.row->logs)
        log_setup("", LOG_LEVEL_NOTICE); /* the daemon writes the name */
    int error = begin(self.row);
    if (error)
        log_error("%s: cannot begin: %s", self.row->name, strerror(-error));
    else
        error = mains[id](&self);
    if (error != HELPER_NOT_SPAWNED)
        return error ? EXIT_FAILURE : EXIT_SUCCESS;
    log_error("%s: is started by \"holdfast run\" alone", self.row->name);
    return NOT_SPAWNED_STATUS;
}
