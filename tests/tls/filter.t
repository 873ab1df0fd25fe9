#!/usr/bin/python3
"""The system call filters of the helper processes, with the numbers of x86-64: every call
that is not in the tables here, and every one that is with each argument that the filter checks
spoiled bit by bit. The tables here are held against the product's own, row by row, so that a call
or an argument that is permitted there and not tried here is a failure."""
import errno
import fcntl
import mmap
import os
import re
import signal
import socket
import subprocess
import sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from endpoint import BUILD, Tap  # noqa: E402

DRIVER = os.path.join(BUILD, 'tests', 'filter_driver')
NO_FD = 2**64 - 1
LAST_CALL, X32, GETPID = 470, 0x40000000, 39
UPROBES = {335, 336}  # of the kernel's own trampoline: no filter sees them (Linux 6.14), SIGILL
NOSIGNAL, DONTWAIT, MORE = socket.MSG_NOSIGNAL, socket.MSG_DONTWAIT, 0x8000
FASTOPEN, CMSG_CLOEXEC = 0x20000000, 0x40000000
NEW = socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
ACCEPTED = socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
DATA, PRIVATE, ANONYMOUS, FIXED = 3, mmap.MAP_PRIVATE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, 0x10
MAYMOVE, MADV_FREE, GET_SEALS = 1, 8, 1034
INET, INET6, UNIX = socket.AF_INET, socket.AF_INET6, socket.AF_UNIX
TCP, INT = socket.IPPROTO_TCP, 4  # a level, and the length of its options
PAGE = 1 << 46  # where no page is

# Number: name, then the permitted forms. A form is the arguments, and which of them are checked.
ALL = {
    1: ('write', [((NO_FD,), ())]),
    9: ('mmap', [((0, 4096, DATA, ANONYMOUS, NO_FD), (2, 3)), ((0, 4096, 0, ANONYMOUS), (2, 3)),
                 ((PAGE, 4096, 0, ANONYMOUS | FIXED), (2, 3))]),
    10: ('mprotect', [((PAGE, 4096, DATA), (2,))]),
    11: ('munmap', [((PAGE, 4096), ())]),
    12: ('brk', [((0,), ())]),
    25: ('mremap', [((PAGE, 4096, 8192, MAYMOVE), (3,))]),
    28: ('madvise', [((PAGE, 4096, MADV_FREE), (2,))]),
    231: ('exit_group', [((0,), ())]),
}
BOTH = {
    3: ('close', [((NO_FD,), ())]),
    44: ('sendto', [((NO_FD, 0, 0, NOSIGNAL), (3, 4)),
                    ((NO_FD, 0, 0, NOSIGNAL | DONTWAIT), (3, 4))]),
    228: ('clock_gettime', [((clock,), (0,)) for clock in range(8)]),
    318: ('getrandom', [((0, 0, 0), (2,))]),
}
ENDPOINT = {
    0: ('read', [((NO_FD,), ())]),
    5: ('fstat', [((NO_FD,), ())]),
    9: ('mmap', [((0, 4096, mmap.PROT_READ, PRIVATE, NO_FD), (2, 3))]),
    44: ('sendto', [((NO_FD, 0, 0, NOSIGNAL | MORE), (3, 4))]),
    45: ('recvfrom', [((NO_FD, 0, 0, 0), (3, 4))]),
    47: ('recvmsg', [((NO_FD, 0, CMSG_CLOEXEC), (2,))]),
    48: ('shutdown', [((NO_FD, socket.SHUT_WR), (1,))]),
    51: ('getsockname', [((NO_FD,), ())]),
    53: ('socketpair', [((UNIX, NEW, 0), (0, 1, 2))]),
    54: ('setsockopt', [((NO_FD, TCP, socket.TCP_NODELAY, 0, INT), (1, 2, 4)),
                        ((NO_FD, TCP, socket.TCP_CORK, 0, INT), (1, 2, 4))]),
    72: ('fcntl', [((NO_FD, fcntl.F_GETFL), (1,)), ((NO_FD, GET_SEALS), (1,))]),
    233: ('epoll_ctl', [((NO_FD, operation), (1,)) for operation in range(4)]),
    281: ('epoll_pwait', [((NO_FD, 0, 1, 0, 0, 8), (4,))]),
    288: ('accept4', [((NO_FD, 0, 0, ACCEPTED), (3,))]),
}
PROBER = {
    7: ('poll', [((0, 0, 0), ())]),
    8: ('lseek', [((NO_FD, 0, os.SEEK_SET), (1, 2))]),
    35: ('nanosleep', [((0,), ())]),
    42: ('connect', [((NO_FD, 0, 16), (2,)), ((NO_FD, 0, 28), (2,))]),
    45: ('recvfrom', [((NO_FD, 0, 0, NOSIGNAL), (3, 4)), ((NO_FD, 0, 0, DONTWAIT), (3, 4))]),
    54: ('setsockopt', [((NO_FD, TCP, socket.TCP_NODELAY, 0, INT), (1, 2, 4))]),
    55: ('getsockopt', [((NO_FD, socket.SOL_SOCKET, socket.SO_ERROR), (1, 2))]),
    219: ('restart_syscall', [((), ())]),
}
# What is not permitted and has an errno of its own in any mode.
ANSWERED = {('endpoint', 54): errno.ENOPROTOOPT}
# Permitted with any argument: none makes the call do more than its name says.
UNCHECKED = {'read', 'write', 'close', 'fstat', 'munmap', 'brk', 'exit_group',
             'getsockname', 'poll', 'nanosleep', 'restart_syscall'}
# By name too, what an attacker would want: number and arguments.
WANTED = {
    'open': (2,), 'openat': (257,), 'openat2': (437,), 'execve': (59,), 'execveat': (322,),
    'fork': (57,), 'vfork': (58,), 'clone': (56,), 'clone3': (435,), 'ptrace': (101,),
    'kill': (62, 1, 0), 'tgkill': (234,), 'pidfd_send_signal': (424,), 'rt_sigprocmask': (14,),
    'rt_sigaction': (13,), 'alarm': (37,), 'prlimit64': (302,), 'setuid': (105,),
    'memfd_create': (319,), 'io_uring_setup': (425, 1), 'sendmmsg': (307,), 'listen': (50,),
    'sendto with TCP Fast Open': (44, NO_FD, 0, 0, NOSIGNAL | FASTOPEN),
    'sendto to an address': (44, NO_FD, 0, 0, NOSIGNAL, PAGE, 16),
    'sendmsg': (46, NO_FD, 0, NOSIGNAL),
    'sendmsg with TCP Fast Open': (46, NO_FD, 0, NOSIGNAL | FASTOPEN),
    'mmap of code': (9, 0, 4096, 5, ANONYMOUS), 'mprotect to code': (10, PAGE, 4096, 4),
    'mmap of shared data': (9, 0, 4096, DATA, mmap.MAP_SHARED | mmap.MAP_ANONYMOUS),
    'fcntl F_SETOWN': (72, NO_FD, 8), 'fcntl F_SETSIG': (72, NO_FD, 10),
    'fcntl F_SETFL': (72, NO_FD, fcntl.F_SETFL, 0x2000), 'fcntl F_NOTIFY': (72, NO_FD, 1026),
    'fcntl F_SETLEASE': (72, NO_FD, 1024), 'fcntl F_DUPFD': (72, NO_FD, 0),
    'ioctl TIOCSTI': (16, NO_FD, 0x5412),
    'socketpair of datagrams': (53, UNIX, socket.SOCK_DGRAM, 0),
    'socket of TCP': (41, INET, NEW, 0), 'socket of TCP and IPv6': (41, INET6, NEW, 0),
    'setsockopt of TCP Fast Open': (54, NO_FD, TCP, 23, 0, INT),
    'setsockopt of a longer value': (54, NO_FD, TCP, socket.TCP_NODELAY, 0, 8),
    'setsockopt SO_BINDTODEVICE': (54, NO_FD, socket.SOL_SOCKET, 25, 0, INT),
    'socket of UNIX': (41, UNIX, NEW, 0), 'socket of netlink': (41, 16, NEW, 0),
    'socket of datagrams': (41, INET, socket.SOCK_DGRAM, 0), 'socket of MPTCP': (41, INET, NEW, 262),
    'bind': (49, NO_FD, 0, 16), 'clock of another process': (228, 2**32 - 8 * 4 - 6),
}

tap = Tap()


def merged(*tables):
    """A filter's permitted calls: number to name and forms."""
    calls = {}
    for table in tables:
        for number, (name, forms) in table.items():
            calls.setdefault(number, (name, []))[1].extend(forms)
    return calls


def killed(process, call):
    """The end of a process that makes the call: an errno, or a signal as a negative number."""
    pid = os.posix_spawn(DRIVER, [DRIVER, process, 'kill', *map(str, call)], os.environ)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def denied(process, calls):
    """The errno of each."""
    lines = ''.join(' '.join(map(str, call)) + '\n' for call in calls)
    result = subprocess.run([DRIVER, process, 'deny'], input=lines, check=True,
                            capture_output=True, text=True)
    return [int(line) for line in result.stdout.split()]


def complete(arguments):
    return tuple(arguments) + (0,) * (6 - len(arguments))


def spoiled(forms):
    """Each form with one bit of a checked argument flipped, but what is another form by that."""
    permitted = {complete(arguments) for arguments, _ in forms}
    alike = {tuple(form[i] for i in checked) for form in permitted for _, checked in forms}
    for arguments, checked in forms:
        for index in checked:
            for bit in range(64):
                wrong = list(complete(arguments))
                wrong[index] ^= 1 << bit
                if tuple(wrong[i] for i in checked) not in alike:
                    yield tuple(wrong)


def product(process):
    """The product's table: number, errno, and what it checks, a row a value."""
    rows = set()
    lines = subprocess.run([DRIVER, process, 'rules'], check=True, capture_output=True,
                           text=True).stdout.splitlines()
    for number, error, *checks in map(str.split, lines):
        values = [[]]
        for index, test, value in (re.fullmatch(r'(\d+)(<?=)(\d+)', check).groups()
                                   for check in checks):
            several = range(int(value) + 1) if test == '<=' else [int(value)]
            values = [[*before, (int(index), one)] for before in values for one in several]
        rows |= {(int(number), int(error), tuple(sorted(checked))) for checked in values}
    return rows


def tried(process, calls):
    """The tables here, in the same form."""
    return {(number, ANSWERED.get((process, number), 0),
             tuple((index, complete(arguments)[index]) for index in sorted(checked)))
            for number, (_, forms) in calls.items() for arguments, checked in forms}


for process, calls in (('endpoint', merged(ALL, BOTH, ENDPOINT)),
                       ('prober', merged(ALL, BOTH, PROBER)), ('password', merged(ALL))):
    tap.same(sorted(product(process) ^ tried(process, calls)), [],
             f'{process}: every row of the filter is tried here, with all that it checks')
    tap.same({name for name, forms in calls.values() if not all(checked for _, checked in forms)}
             - UNCHECKED, set(), f'{process}: a call with any argument has a reason to be')
    others = [number for number in range(LAST_CALL + 1) if number not in calls.keys() | UPROBES]
    tap.same([n for n in others if killed(process, (n,)) != -signal.SIGSYS], [],
             f'{process}: {len(others)} other calls are the end of the process')
    answers = denied(process, [(n,) for n in others])
    tap.same([n for n, answer in zip(others, answers, strict=True) if answer != errno.EPERM], [],
             f'{process}: they are denied in the other mode')
    for number, (name, forms) in calls.items():
        ends = [killed(process, (number, *arguments)) for arguments, _ in forms]
        answered = ANSWERED.get((process, number))
        tap.ok(all(end == answered if answered else end >= 0 and end != errno.EPERM for end in ends),
               f'{process}: {name} is ' + ('answered' if answered else 'allowed'), ends)
        wrong = [(number, *arguments) for arguments in spoiled(forms)]
        answers = denied(process, wrong)
        tap.same([call for call, answer in zip(wrong, answers, strict=True)
                  if answer != errno.EPERM], [],
                 f'{process}: {name} with another argument is not: {len(wrong)} of them')
    for name, call in WANTED.items():
        tap.same((killed(process, call), *denied(process, [call])), (-signal.SIGSYS, errno.EPERM),
                 f'{process}: {name} ends the process, or is denied')
    tap.same(killed(process, (X32 | GETPID,)), -signal.SIGSYS,
             f"{process}: x86's other numbering ends the process")
tap.done()
