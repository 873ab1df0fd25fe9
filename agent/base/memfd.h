/*
 * Memory with a descriptor, immutable once it is sealed: passes bytes to a process that trusts
 * neither their stability nor their size (memfd_create(2); fcntl(2), "File sealing").
 */
#ifndef HOLDFAST_BASE_MEMFD_H
#define HOLDFAST_BASE_MEMFD_H

#include <stdbool.h>

/* An empty one, closed by execve(2) and never executable where the kernel knows that; `name` shows
 * in /proc alone. The descriptor, which the caller closes, or a negative errno. */
int memfd_open(const char *name);

/* Forbids every later change of content and size, and goes back to the beginning. 0 or a negative
 * errno. */
int memfd_seal(int fd);

/* Forbids every later change of size; the content may change. 0 or a negative errno. */
int memfd_fix_size(int fd);

/* Whether it can no longer change: to be asked before its size is read. */
bool memfd_is_sealed(int fd);

#endif
