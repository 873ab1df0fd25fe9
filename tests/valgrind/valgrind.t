#!/bin/sh
# The unit tests once more, without sanitizers, under valgrind: for memory that is read before it is
# written. Leaks are the sanitizers' part; a child that a test lets crash frees nothing.
UNIT_VARIANT=plain
UNIT_WRAPPER='valgrind --quiet --error-exitcode=99'
export UNIT_VARIANT UNIT_WRAPPER
exec perl tests/unit/unit.t
