/* Latches, for opening the database. Private to agent/state. */
#ifndef HOLDFAST_STATE_LATCHES_H
#define HOLDFAST_STATE_LATCHES_H

#include "state/database.h"

/* Makes the file of each latch in the database that has none. */
int latches_restore_files(struct state *state);

#endif
