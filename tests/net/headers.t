#!/usr/bin/env python3
"""The headers that every answer of the web server must have, on a running node: nginx lets a block
with an add_header of its own drop them (ngx_http_headers_module), so that the daemon asks the real
listener for a page and for an error, and a row says what came."""
import os
import subprocess

import harness
from listeners import PATIENCE_S, make_pair, wait_for

ROW = 'tls.https.headers'
OWN = 'add_header X-Own 1;'
HTTP = '''daemon off; master_process off; pid {root}/nginx.pid; error_log {root}/nginx.log;
events {{}}
http {{
    access_log off;
    include {root}/include.conf;
    server {{
        listen 443 ssl;
        listen [::]:443 ssl;
        ssl_certificate {root}/web.crt; ssl_certificate_key {root}/web.key;
        root {root}/www;
        {block}
    }}
}}
'''
NONE = 'Strict-Transport-Security: none'
BLOCKS = [  # of the server block; what the row says of "/" and of the page that is not there
    ('no header of its own', 'server_name any;', None, None),
    ('a header of its own', OWN, NONE, NONE),
    ('a location with a header of its own', f'location = / {{ {OWN} return 200 x; }}', NONE, None),
    ('an error page with a header of its own',
     f'error_page 404 /error; location = /error {{ {OWN} return 404 x; }}', None, NONE),
    ('a location with headers of its own that has the same ones',
     f'location = / {{ {OWN} add_header Strict-Transport-Security "max-age=31536000; includeSubDomains" always;'
     ' add_header Referrer-Policy no-referrer always; return 200 x; }', None, None),
    ('a location that is left to another policy',
     'location = / { add_header Strict-Transport-Security max-age=31536000 always;'
     ' add_header Referrer-Policy unsafe-url always; return 200 x; }', 'Referrer-Policy: unsafe-url', None),
    ('headers without "always"',
     'add_header Strict-Transport-Security max-age=31536000; add_header Referrer-Policy same-origin;',
     None, NONE),
    ('a second policy in front of the first',
     'location = / { add_header Strict-Transport-Security "max-age=0" always;'
     ' add_header Strict-Transport-Security max-age=31536000 always;'
     ' add_header Referrer-Policy same-origin always; return 200 x; }',
     'Strict-Transport-Security: max-age=0', None),
    ('an answer of another protocol', 'location = / { add_header "a b" 1; return 200 x; }',
     'no valid HTTP response', None),
]


def row(node):
    return node.rows('tls.https.*')[ROW]


def make_site(node):
    make_pair(node)
    os.makedirs(f'{node.root}/www')
    os.chmod(node.root, 0o755)
    with open(f'{node.root}/www/index.html', 'w') as file:
        file.write('<html></html>\n')


def serve(node, block):
    """nginx with the node's own file and this server block."""
    with open(f'{node.root}/run/holdfast/crypto/nginx.conf') as file:
        text = file.read().replace('/run/holdfast/', f'{node.root}/run/holdfast/')
    with open(f'{node.root}/include.conf', 'w') as file:
        file.write(text)
    with open(f'{node.root}/nginx.conf', 'w') as file:
        file.write(HTTP.format(root=node.root, block=block))
    server = subprocess.Popen(['ip', 'netns', 'exec', node.name, 'nginx', '-p', node.root, '-c',
                               f'{node.root}/nginx.conf'], stderr=subprocess.PIPE, text=True)
    ready = wait_for(lambda: node.try_run('ss', '-Hltn', 'sport = :443').stdout or server.poll() is not None)
    if not ready or server.poll() is not None:
        raise RuntimeError(f'nginx does not listen: {server.stderr.read()}')
    return server


def stop(process):
    process.terminate()
    process.wait(PATIENCE_S)
    if process.stderr:
        process.stderr.close()


def says(found, page, error):
    """Each of the two answers is named where it is at fault; both where the row passes."""
    named = ['HEAD /: ' in (found['observed'] or ''), 'HEAD /holdfast-probe: ' in (found['observed'] or '')]
    if not page and not error:
        return found['verdict'] == 'pass' and named == [True, True]
    return found['verdict'] == 'fail' and named == [bool(page), bool(error)] \
        and all(text in found['observed'] for text in (page, error) if text)


def judge_blocks(t, node):
    """What one block leads to differs from what the block before it does. Any change of the settings
    is followed by a probe."""
    for number, (name, block, page, error) in enumerate(BLOCKS):
        server = serve(node, block)
        node.store(f'global.dscp_management={number + 1}')
        faults = [f'HEAD {path}: ' for path, text in (('/', page), ('/holdfast-probe', error)) if text]
        t.ok(wait_for(lambda: says(row(node), page, error)),
             f"{name}: {'fails by what is missing' if faults else 'passes'}", row(node))
        seen = node.holdfast('probe', '127.0.0.1:443', '--surface', 'https-in', '--timeout', '60')
        t.ok(all(f'note: {fault}' in seen.stdout for fault in faults) and ('HEAD' in seen.stdout) == bool(faults),
             f'{name}: `holdfast probe` says the same', seen.stdout, seen.stderr)
        stop(server)


def main():
    t = harness.Tap()
    node = harness.Node('management')
    node.settings('health.port = 9443\nhealth.stations = 127.0.0.0/8\n')
    node.boot()
    make_site(node)
    daemon = subprocess.Popen(['ip', 'netns', 'exec', node.name, harness.HOLDFAST, '--root',
                               node.root, 'run'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        t.ok(wait_for(lambda: os.path.exists(f'{node.root}/run/holdfast/probe')),
             'the daemon probes the listeners of the node')
        health = node.rows('tls.health.*')['tls.health.headers']
        t.ok(health['verdict'] == 'pass' and 'HEAD /: 200' in health['observed']
             and 'HEAD /holdfast-probe: 404' in health['observed'],
             "the node's own endpoint has its headers on pages and errors", health)
        t.same(row(node)['verdict'], 'not_applicable', 'where no web server listens no row applies')
        judge_blocks(t, node)
    finally:
        stop(daemon)
    t.done()


main()
