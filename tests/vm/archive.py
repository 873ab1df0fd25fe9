"""Reads the image: a newc archive, compressed with zstd."""
import os
import subprocess

import harness  # noqa: F401 (makes firmware/ importable)
import node


def entries(role):
    """Name, mode, owner and content of each file of a role's initramfs."""
    initramfs = os.path.join(node.IMAGES, role, 'initramfs')
    data = subprocess.run(['zstd', '-dqc', initramfs], capture_output=True, check=True).stdout
    at = 0
    while True:
        fields = [int(data[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(13)]
        mode, owner, size, length = fields[1], fields[2:4], fields[6], fields[11]
        name = data[at + 110:at + 110 + length - 1].decode()
        body = (at + 110 + length + 3) & ~3
        if name == 'TRAILER!!!':
            return
        yield name, mode, owner, data[body:body + size]
        at = (body + size + 3) & ~3
