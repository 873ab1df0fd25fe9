"""Listeners of a node's that the daemon probes, and the process that does."""
import json
import os
import subprocess
import time

PATIENCE_S = 120


def rows(node):
    report = json.loads(node.holdfast('check', '--format', 'json', '--id', 'tls.*').stdout)
    return {row['id']: row for row in report['checks']}


def wait_for(found):
    """True when it came to hold, None when it never did."""
    until = time.monotonic() + PATIENCE_S
    while not found():
        if time.monotonic() > until:
            return None
        time.sleep(0.05)
    return True


def probers(parent):
    """Process numbers of the daemon's children that probe."""
    found = []
    for number in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{number}/cmdline', 'rb') as file:
                words = file.read()
            with open(f'/proc/{number}/stat') as file:
                if words == b'holdfast\0prober\0' and int(file.read().split()[3]) == parent:
                    found.append(number)
        except OSError:
            pass
    return found


def make_pair(node):
    """The paths of a certificate and its key, below the node's folder."""
    pair = [f'{node.root}/web.crt', f'{node.root}/web.key']
    subprocess.run(['openssl', 'req', '-x509', '-nodes', '-newkey', 'rsa:2048', '-days', '9', '-subj',
                    '/CN=localhost', '-out', pair[0], '-keyout', pair[1]], check=True,
                   capture_output=True)
    return pair


def web_server(node, port=443):
    """One that takes TLS 1.0 and static RSA."""
    pair = make_pair(node)
    return subprocess.Popen(['ip', 'netns', 'exec', node.name, 'openssl', 's_server', '-accept',
                             f'0.0.0.0:{port}', '-cert', pair[0], '-key', pair[1], '-quiet',
                             '-serverpref', '-cipher',
                             'RSA+AESGCM:RSA+AES:ECDHE+AESGCM:@SECLEVEL=0'],
                            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)
