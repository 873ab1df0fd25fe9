"""A node's state disk seen from outside: the writes that qemu logged, and the files on it.

A power cut loses what a disk had not flushed, in any order. qemu's blklogwrites driver records
every write and flush (the format of the kernel's dm-log-writes); `cuts` makes from one recorded
run the disk as any cut could have left it.
"""
import os
import random
import struct
import subprocess

MAGIC = 0x6a736677736872
FLUSH, FUA, DISCARD = 1, 2, 4
SECTOR = 512


def logged(path):
    """Each entry of a log as (offset, data, flushes); data is None for a discard."""
    with open(path, 'rb') as log:
        magic, version, count, size = struct.unpack('<QQQL', log.read(28))
        if (magic, version) != (MAGIC, 1):
            raise ValueError('%s is no write log' % path)
        position = size
        for _ in range(count):
            log.seek(position)
            sector, sectors, flags, _ = struct.unpack('<QQQQ', log.read(32))
            log.seek(position + size)
            data = None if flags & DISCARD else log.read(sectors * SECTOR)
            yield sector * SECTOR, data, bool(flags & (FLUSH | FUA))
            position += size + (0 if data is None else sectors * SECTOR)


def cuts(base, log, first, path, seed, several=3):
    """Yields (number, path) for the disk image `base` after a cut at every flush from entry `first`
    on: all that was flushed before, and of the writes since a random part, several times."""
    chance = random.Random(seed)
    entries = list(logged(log))
    with open(base, 'rb') as image:
        stable = bytearray(image.read())
    pending = []
    for number, (offset, data, flushes) in enumerate(entries):
        if data:
            pending.append((offset, data))
        if not flushes:
            continue
        if number >= first:
            for _ in range(several if pending else 0):
                image = bytearray(stable)
                for kept in chance.sample(pending, chance.randint(0, len(pending))):
                    image[kept[0]:kept[0] + len(kept[1])] = kept[1]
                with open(path, 'wb') as out:
                    out.write(image)
                yield number, path
        for kept in pending:
            stable[kept[0]:kept[0] + len(kept[1])] = kept[1]
        pending = []
    with open(path, 'wb') as out:
        out.write(stable)
    yield len(entries), path


def repair(image):
    """What the next boot does first. True when the file system is sound or was made so."""
    return subprocess.run(['/sbin/e2fsck', '-p', image], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, check=False).returncode < 4


def debugfs(image, *requests, write=False):
    script = '\n'.join(requests) + '\n'
    done = subprocess.run(['/sbin/debugfs', *(['-w'] if write else []), '-f', '/dev/stdin', image],
                          input=script, capture_output=True, text=True, check=True)
    return done.stdout


def names(image):
    """The names in the state disk's top folder."""
    return [line.split('/')[5] for line in debugfs(image, 'ls -p /').splitlines()
            if line.startswith('/')]


def take_out(image, folder):
    """Copies every file of the top folder into `folder`."""
    os.makedirs(folder, exist_ok=True)
    found = [name for name in names(image) if name not in ('.', '..', 'lost+found')]
    debugfs(image, *('dump /%s %s' % (name, os.path.join(folder, name)) for name in found))
    return found


def put_in(image, name, path):
    """Replaces a file on the disk."""
    debugfs(image, 'rm /' + name, 'write %s %s' % (path, name), write=True)
