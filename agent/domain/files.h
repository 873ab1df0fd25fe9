/*
 * One check of the files domain, for a row of render/files.def.
 */
#ifndef HOLDFAST_DOMAIN_FILES_H
#define HOLDFAST_DOMAIN_FILES_H

#include "domain/domain.h"
#include "render/render.h"

/* Looks at the file and judges its check. */
void files_observe_one(const struct rendered_file *file, const struct system *system,
                       const struct policy *policy, struct checks *checks, struct check *check);

/* Writes the file, or removes it where it must be absent; on failure the check becomes an error. */
void files_converge_one(const struct rendered_file *file, const struct system *system,
                        const struct policy *policy, struct checks *checks, struct check *check);

#endif
