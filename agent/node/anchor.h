/*
 * What the platform knows of the node outside its state disk: that it was deployed, and which event
 * its log had then. It reveals a state disk that is blank, older or of another node. The sources
 * stand in one table (anchor.c); the agent never writes them.
 */
#ifndef HOLDFAST_NODE_ANCHOR_H
#define HOLDFAST_NODE_ANCHOR_H

#include "state/state.h"

struct anchor {
    const char *source; /* in words; NULL: no platform says that the node was deployed */
    uint64_t sequence;  /* of an event that the log must hold; 0: any log will do */
    char hash[STATE_HASH_TEXT_SIZE];
};

/* Reads the first anchor below `root` that says anything but no. One that says more than "yes" and
 * is no event counts as "yes"; one that is there and cannot be read does, too. */
void anchor_read(const char *root, struct anchor *anchor);

#endif
