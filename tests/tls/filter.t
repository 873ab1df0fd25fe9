#!/usr/bin/python3
"""The front's system call filter, call by call, with the numbers of x86-64."""
import errno
import mmap
import os
import signal
import subprocess
import sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from endpoint import BUILD, Tap

DRIVER = os.path.join(BUILD, 'tests', 'filter_driver')
AF_UNIX, AF_INET, SOCK_STREAM, TIOCSTI = 1, 2, 1, 0x5412
PRIVATE = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
NO_FD = 2**64 - 1

# name: number and arguments
DENIED = {
    'open': (2,), 'openat': (257, 0), 'execve': (59,), 'execveat': (322,), 'fork': (57,),
    'clone': (56,), 'clone3': (435,), 'ptrace': (101,), 'kill': (62, 1, 0), 'setuid': (105, 0),
    'mount': (165,), 'chroot': (161,), 'bpf': (321,), 'io_uring_setup': (425, 1),
    'memfd_create': (319,), 'socket of IPv4': (41, AF_INET, SOCK_STREAM),
    'socket of UNIX': (41, AF_UNIX, SOCK_STREAM), 'socketpair of IPv4': (53, AF_INET, SOCK_STREAM),
    'connect': (42,), 'bind': (49,), 'listen': (50,), 'ioctl TIOCSTI': (16, 0, TIOCSTI),
    'mmap of code': (9, 0, 4096, mmap.PROT_READ | mmap.PROT_EXEC, PRIVATE, NO_FD),
    'mprotect to code': (10, 0, 4096, mmap.PROT_EXEC), 'unlink': (87,), 'process_vm_readv': (310,),
}
ALLOWED = {
    'mmap of data': (9, 0, 4096, mmap.PROT_READ | mmap.PROT_WRITE, PRIVATE, NO_FD),
    'close': (3, 2), 'getrandom of nothing': (318, 0, 0), 'munmap': (11, 0, 4096),
}
SETSOCKOPT, GETPID, X32 = 54, 39, 0x40000000

tap = Tap()


def ends(mode, call):
    return subprocess.run([DRIVER, mode, *map(str, call)], check=False).returncode


for name, call in DENIED.items():
    tap.same((ends('deny', call), ends('kill', call)), (errno.EPERM, -signal.SIGSYS),
             f'{name}: EPERM, or the end of the process')
for name, call in ALLOWED.items():
    tap.same(ends('kill', call), 0, f'{name}: allowed')
for mode in 'deny', 'kill':
    tap.same(ends(mode, (SETSOCKOPT,)), errno.ENOPROTOOPT, f'no socket option exists: {mode}')
    tap.same(ends(mode, (X32 | GETPID,)), -signal.SIGSYS, f"x86's other numbering: {mode}")
tap.done()
