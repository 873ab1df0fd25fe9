"""A node of the image in qemu: its console, its power, and the ports that it forwards.

Shared by firmware/demo.py, tests/vm and tests/bench. Software emulation, user-mode network, no
root: the guest is 10.0.2.15 and sees this machine as 10.0.2.2. Nothing here sleeps and hopes;
every wait is for something that the console says, with a limit.
"""
import contextlib
import json
import os
import re
import select
import shutil
import socket
import struct
import subprocess
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
IMAGES = os.path.join(os.environ.get('BUILD', os.path.join(TOP, 'build')), 'image')

ADDRESS = '10.0.2.15'
MAC = '52:54:00:12:34:56'
PATIENCE = 180  # seconds for anything that emulation on a busy machine may take
PROMPT = re.compile(rb'admin@\S+:\S*\$ (?:\x1b\[6n)?$')  # ash asks the terminal where it is
ASKED = re.compile(rb'(?i)password[^\r\n]*: ?$')
ENDED = re.compile(rb'(?m)^exit=(\d+)\r*\n')
QUESTION = re.compile(rb'(?m)^(?:\r)?([^\r\n]+?) \(([^\r\n]*)\): $')


class NodeError(Exception):
    """What went wrong, in words; the console's end is added by whoever tells it."""


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def cpio_entry(name, content, mode, number):
    """One file of a newc archive (Documentation/driver-api/early-userspace/buffer-format)."""
    fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
    head = '070701' + ''.join('%08x' % field for field in fields) + name + '\0'
    head = head.encode() + b'\0' * (-len(head) % 4)
    return head + content + b'\0' * (-len(content) % 4)


def boot_entry(disk):
    """The kernel's arguments from the state disk's boot entry, a GRUB environment block: what a
    boot loader does with `load_env --file (hd0)/bootenv fips`. One variable is taken, no text."""
    if not disk:
        return ''
    block = subprocess.run(['/sbin/debugfs', '-R', 'cat /bootenv', disk], capture_output=True,
                           check=False).stdout
    lines = block.split(b'\n')
    known = lines[0] == b'# GRUB Environment Block' and b'fips=1' in lines[1:]
    return ' fips=1' if known else ''


def overlay(initramfs, files, path):
    """Writes `initramfs` with `files` (name to content and mode) over it: later archives win."""
    with open(initramfs, 'rb') as base:
        data = base.read()
    data += b'\0' * (-len(data) % 512)
    for number, (name, (content, mode)) in enumerate(files.items(), start=1000):
        data += cpio_entry(name, content, 0o100000 | mode, number)
    data += cpio_entry('TRAILER!!!', b'', 0, 0)
    with open(path, 'wb') as out:
        out.write(data)
    return path


class Node:
    """One virtual machine; a context manager that leaves no process and no file behind."""

    def __init__(self, role='management', state='fresh', files=None, log_writes=False):
        """`state`: 'fresh', None for no disk at all, or the path of a disk image to copy.
        `files`: what to lay over the image. `log_writes`: record each write to the state disk."""
        self.image = os.path.join(IMAGES, role)
        if not os.path.exists(os.path.join(self.image, 'initramfs')):
            raise NodeError('no image in %s: run make image' % self.image)
        self.folder = tempfile.mkdtemp(prefix='holdfast-vm-')
        self.initramfs = os.path.join(self.image, 'initramfs')
        if files:
            self.initramfs = overlay(self.initramfs, files, self.path('initramfs'))
        self.state = None
        if state:
            self.state = self.path('state.ext4')
            source = os.path.join(self.image, 'state.ext4') if state == 'fresh' else state
            subprocess.run(['cp', '--sparse=always', source, self.state], check=True)
        self.log_writes = log_writes
        self.port, self.ssh_port = free_port(), free_port()
        self.console, self.read_to = b'', 0
        self.process = self.serial = self.monitor = None
        self.detached = False
        self.append, self.heard = '', b''
        self.fw_cfg = {}  # what the machine's firmware tells: name to text, docs/specs/fw_cfg.rst

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if not self.detached:
            self.kill()
            shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    # Power

    def arguments(self):
        """The kernel's, as the image has them."""
        with open(os.path.join(self.image, 'cmdline'), encoding='ascii') as file:
            return file.read()

    def disk_arguments(self):
        if not self.state:
            return []
        disk = {'node-name': 'state', 'driver': 'raw',
                'file': {'driver': 'file', 'filename': self.state}}
        if self.log_writes:
            open(self.path('writes'), 'wb').close()
            disk = {'node-name': 'state', 'driver': 'blklogwrites', 'file': disk,
                    'log': {'driver': 'file', 'filename': self.path('writes')}}
            del disk['file']['node-name']
        return ['-blockdev', json.dumps(disk), '-device', 'virtio-blk-pci,drive=state']

    def start(self, append=''):
        """Power on: qemu is the loader of kernel and initramfs, and this program reads the boot
        entry for it. A reboot therefore ends qemu, and read_console() starts the next; but for a
        machine whose writes are logged, which goes on with the arguments that it had."""
        self.append, self.heard = append, b''
        listeners = [self.listen(name) for name in ('serial', 'qmp')]
        forwards = ''.join(',hostfwd=tcp:127.0.0.1:%d-%s:%d' % (port, ADDRESS, inside)
                           for port, inside in ((self.port, 9443), (self.ssh_port, 22)))
        command = [
            'qemu-system-x86_64', '-machine', 'q35', '-accel', 'tcg', '-cpu', 'max', '-m', '256',
            '-nodefaults', '-display', 'none',
            '-chardev', 'socket,id=console,path=' + self.path('serial'),
            '-serial', 'chardev:console',
            '-chardev', 'socket,id=qmp,path=' + self.path('qmp'), '-mon', 'qmp,mode=control',
            '-kernel', os.path.join(self.image, 'vmlinuz'), '-initrd', self.initramfs,
            '-append', ' '.join((self.arguments(), append)) + boot_entry(self.state),
            '-action', 'reboot=' + ('reset' if self.log_writes else 'shutdown'),
            '-netdev', 'user,id=net' + forwards, '-device', 'virtio-net-pci,netdev=net,romfile=,mac=' + MAC,
            '-object', 'filter-dump,id=frames,netdev=net,file=' + self.path('frames'),
            '-device', 'virtio-rng-pci', *self.disk_arguments(),
            *(word for name, text in self.fw_cfg.items()
              for word in ('-fw_cfg', 'name=%s,string=%s' % (name, text)))]
        with open(self.path('qemu.log'), 'ab') as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, start_new_session=True)
        self.serial, self.monitor = [self.accept(listener) for listener in listeners]
        self.monitor_answer()
        self.qmp('qmp_capabilities')
        return self

    def listen(self, name):
        listener = socket.socket(socket.AF_UNIX)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path(name))
        listener.bind(self.path(name))
        listener.listen(1)
        listener.settimeout(30)
        return listener

    def accept(self, listener):
        with listener:
            try:
                connection = listener.accept()[0]
            except socket.timeout:
                with open(self.path('qemu.log'), encoding='utf-8', errors='replace') as log:
                    raise NodeError('qemu does not start: ' + log.read().strip()) from None
        connection.settimeout(None)
        return connection

    def monitor_answer(self):
        text = b''
        while not text.endswith(b'\n'):
            chunk = self.monitor.recv(65536)
            if not chunk:
                raise NodeError('qemu is gone')
            text += chunk
            self.heard += chunk
        return [json.loads(line) for line in text.splitlines()]

    def qmp(self, command):
        self.monitor.sendall(json.dumps({'execute': command}).encode() + b'\n')
        while not any('return' in answer for answer in self.monitor_answer()):
            pass

    def boot_again(self):
        """What a reboot does once qemu has ended: False where the node was powered off."""
        with contextlib.suppress(ConnectionError):
            while chunk := self.monitor.recv(65536):
                self.heard += chunk
        if b'"guest-reset"' not in self.heard:
            return False
        self.reap()
        self.start(self.append)
        return True

    def kill(self):
        """The power is cut: what the node had not flushed to its disk is lost."""
        if self.process and self.process.poll() is None:
            self.process.kill()
        self.reap()

    def reap(self):
        if self.process:
            self.process.wait()
            self.process = None
            self.serial.close()
            self.monitor.close()

    def detach(self):
        """Lets the machine run on when this process ends: how to stop it, as a command."""
        self.detached = True
        return 'kill %d; rm -r %s' % (self.process.pid, self.folder)

    def power_off(self):
        """Presses the power button and waits until the node has shut itself down."""
        self.qmp('system_powerdown')
        self.wait_off()

    def wait_off(self, patience=PATIENCE):
        limit = time.monotonic() + patience
        while self.read_console(0.5):
            if time.monotonic() > limit:
                raise NodeError('the node does not power off')
        self.reap()

    def frames_sent(self):
        """How many frames the node has sent since its start, as qemu recorded them (pcap)."""
        with open(self.path('frames'), 'rb') as dump:
            data = dump.read()
        at, count = 24, 0
        while at + 16 <= len(data):
            size = struct.unpack_from('<I', data, at + 8)[0]
            count += data[at + 22:at + 28] == bytes.fromhex(MAC.replace(':', ''))
            at += 16 + size
        return count

    # Console

    def read_console(self, wait):
        """Takes in what comes within `wait` seconds. False once the machine is gone."""
        if select.select([self.serial], [], [], wait)[0]:
            chunk = self.serial.recv(65536)
            self.console += chunk
            return bool(chunk) or self.boot_again()
        return self.process.poll() is None

    def expect(self, *patterns, patience=PATIENCE, advance=True):
        """Waits for the first of the patterns in what was not read yet: its number and match.
        Reading goes on behind the match, or stays with `advance` False."""
        limit = time.monotonic() + patience
        wanted = [re.compile(p.encode() if isinstance(p, str) else p) if isinstance(p, (str, bytes))
                  else p for p in patterns]
        alive = True
        while True:
            for number, pattern in enumerate(wanted):
                match = pattern.search(self.console, self.read_to)
                if match:
                    if advance:
                        self.read_to = match.end()
                    return number, match
            if not alive:
                raise NodeError('the machine is gone while waiting for ' + shown(patterns))
            if time.monotonic() > limit:
                raise NodeError('the console does not say ' + shown(patterns))
            alive = self.read_console(0.5)

    def listen_for(self, seconds):
        """The whole console after so many seconds more: for what must not be said."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit and self.read_console(0.5):
            pass
        return self.console

    def send(self, text=''):
        self.send_raw(text.encode() + b'\n')

    def send_raw(self, keys):
        self.serial.sendall(keys)

    def tail(self, lines=20):
        text = self.console.decode('utf-8', 'replace').replace('\r', '')
        return '\n'.join(text.splitlines()[-lines:])

    # What an administrator does

    def first_password(self, password):
        self.expect(r'New password for admin[^\n]*: ')
        self.send(password)
        self.expect(r'same password again: ')
        self.send(password)
        self.expect(r'The password is set')

    def log_in(self, password):
        self.expect(r'login: $')
        self.send('admin')
        self.expect(r'Password: $')
        time.sleep(0.3)  # login asks before it stops the echo; only the console's looks gain by it
        self.send(password)
        self.expect(PROMPT)

    def run(self, command, password=None, tries=1):
        """Runs one command at the shell's prompt, and answers it when it asks for the password,
        `tries` times: its exit code and output."""
        self.send(command + '; echo "exit"=$?')
        self.expect(r'echo "exit"=\$\?\r*\n')
        begin = self.read_to
        number, match = self.expect(ENDED, *([ASKED] if password else []))
        while number and tries:
            tries -= 1
            self.send(password)
            self.expect(r'\n')
            begin = self.read_to
            number, match = self.expect(ENDED, ASKED)
        output = self.console[begin:match.start()].decode('utf-8', 'replace').replace('\r', '')
        self.expect(PROMPT)
        return int(match[1]), output

    def offers_login(self):
        """Whether a getty or login answers on the console."""
        seen = len(self.console)
        self.send()
        self.send('admin')
        said = self.listen_for(5)[seen:]
        return b'login' in said or b'assword' in said

    def answers_on_ssh(self):
        """qemu itself accepts the connection; only the node can say something on it."""
        with socket.create_connection(('127.0.0.1', self.ssh_port), timeout=5) as connection:
            try:
                return connection.recv(64) != b''
            except (socket.timeout, ConnectionError):
                return False

    def upload(self, name, text):
        """Writes a file of the administrator's by typing it."""
        self.send('echo "type" now; cat >' + name)
        self.expect(r'(?m)^type now\r*\n')
        for line in text.splitlines():
            self.send(line)
            self.expect(re.escape(line) + r'\r*\n')
        self.send_raw(b'\x04')
        self.expect(PROMPT)

    def wizard(self, password, answers, confirm='yes'):
        """Runs the security wizard: gives each question whose prompt is in `answers` that answer,
        the others Enter; how many were asked. Returns when the answer to apply was sent, or is
        asked for where `confirm` is None."""
        self.send('securitywizard')
        self.expect(ASKED)
        self.send(password)
        asked = 0
        while True:
            number, match = self.expect(r'Apply these settings and reboot\?[^\r\n]*$', QUESTION,
                                        PROMPT)
            if number == 0:
                if confirm:
                    self.send(confirm)
                return asked
            if number == 2:
                raise NodeError('the wizard ended after %d questions' % asked)
            asked += 1
            prompt = match[1].decode()
            self.send(answers.get(prompt, ''))


def shown(patterns):
    return ' or '.join('"%s"' % (p if isinstance(p, str) else
                                 (p if isinstance(p, bytes) else p.pattern).decode())
                       for p in patterns)
