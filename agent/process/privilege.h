/*
 * What the daemon keeps of root: the capabilities that its domains and the endpoint's start use,
 * and no others, for itself and for whatever it may start (capabilities(7)).
 */
#ifndef HOLDFAST_PROCESS_PRIVILEGE_H
#define HOLDFAST_PROCESS_PRIVILEGE_H

/* Gives up the rest for good. A process that is not root has nothing to give up. 0 or a negative
 * errno, logged. */
int privilege_reduce(void);

#endif
