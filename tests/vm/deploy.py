"""State disks of nodes as they would be some time after deployment, made without booting one."""
import os
import subprocess

import harness

PASSWORD = 'correct horse battery'
DEMO = os.path.join(harness.TOP, 'firmware', 'demo.conf')


def holdfast(root, *arguments, role='management'):
    """Runs the tested program as root of a machine that lives in a folder."""
    for folder in ('etc/holdfast', 'var/lib/holdfast', 'run/holdfast'):
        os.makedirs(os.path.join(root, folder), exist_ok=True)
    with open(os.path.join(root, 'etc/holdfast/role'), 'w', encoding='ascii') as out:
        out.write(role + '\n')
    return subprocess.run([harness.HOLDFAST, *arguments, '--root', root], capture_output=True,
                          text=True, check=False, stdin=subprocess.DEVNULL)


def stored(root, *settings, role='management'):
    """A folder whose database holds the demonstration's settings and those given."""
    done = holdfast(root, 'import', DEMO, role=role)
    if done.returncode == 0 and settings:
        done = holdfast(root, 'set', *settings, role=role)
    if done.returncode:
        raise RuntimeError('holdfast cannot store settings: ' + done.stderr)
    return os.path.join(root, 'var/lib/holdfast')


def state_disk(folder, image):
    """Makes the state disk `image` with the files of `folder` on it, and admin's password."""
    hashed = subprocess.run(['openssl', 'passwd', '-6', '-stdin'], input=PASSWORD + '\n',
                            capture_output=True, text=True, check=True).stdout.strip()
    with open(os.path.join(folder, 'shadow'), 'w', encoding='ascii') as out:
        out.write('admin:%s:20000:0:99999:7:::\n' % hashed)
    with open(image, 'wb') as out:
        out.truncate(32 << 20)
    subprocess.run(['/sbin/mke2fs', '-q', '-F', '-t', 'ext4', '-m', '0', '-E', 'root_owner=0:0',
                    '-d', folder, image], check=True)
    return image
