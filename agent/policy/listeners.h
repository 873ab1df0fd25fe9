/*
 * The listeners: which ports a role opens, and by which setting. One table, after spec/network.md;
 * used by policy_make alone.
 */
#ifndef HOLDFAST_POLICY_LISTENERS_H
#define HOLDFAST_POLICY_LISTENERS_H

#include "policy/policy.h"

/* Fills policy->listeners from its role, settings and flags. */
void listeners_make(struct policy *policy);

#endif
