#!/bin/sh
# The unit tests once more, without sanitizers, under valgrind.
UNIT_VARIANT=plain
UNIT_WRAPPER='valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite'
export UNIT_VARIANT UNIT_WRAPPER
exec perl tests/unit/unit.t
