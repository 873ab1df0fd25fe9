/*
 * The allocator of commands that end within milliseconds: memory in one run, given back by the end
 * of the process. musl's own allocator maps and unmaps groups of slots all the time, which costs
 * such a command half of its processor time (agent/decisions/48). The daemon and its helper
 * processes keep musl's, with its checks.
 *
 * The product is linked with --wrap for malloc, calloc, realloc and free, so that the libraries'
 * allocations come here as well.
 */
#ifndef HOLDFAST_BASE_ARENA_H
#define HOLDFAST_BASE_ARENA_H

/* From now on every allocation of this process is taken from the arena. Memory that was allocated
 * before may still be freed and reallocated. To be called once, before any thread is started. */
void arena_begin(void);

#endif
