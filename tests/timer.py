"""What the kernel knows of a process's timers, for tests that must tell a deed on an announcement from
one on a timer, without a clock of their own."""
import os
import re


def left_ns(pid):
    """Until a timerfd of the process expires next: less at each look, and more when it has expired
    since the look before."""
    for fd in os.listdir(f'/proc/{pid}/fdinfo'):
        try:
            with open(f'/proc/{pid}/fdinfo/{fd}', encoding='ascii') as info:
                found = re.search(r'^it_value: \((\d+), (\d+)\)', info.read(), re.M)
        except OSError:
            continue
        if found:
            return int(found[1]) * 10**9 + int(found[2])
    raise LookupError(f'process {pid} has no timerfd')


def done_before_expiry(pid, begin, is_done, wait_for, tries=5):
    """Whether what `begin` undid is done again before the process's timer expires, once in a few
    tries: a busy machine may let it expire meanwhile, and that says nothing."""
    for _ in range(tries):
        left = left_ns(pid)
        begin()
        if wait_for(is_done) is None:
            return False
        if left_ns(pid) < left:
            return True
    return False
