#!/usr/bin/env python3
"""The records that `holdfast tls` shows: as JSON judged by its schema, by what OpenSSL says of each
suite's number and names, and by the hello that OpenSSL makes of its groups and signatures."""
import json
import re
import socket
import subprocess
import threading

import jsonschema

from harness import Node, Tap

SCHEMA = 'agent/report/policy.schema.json'
ALL_OLD = ('tls.legacy=yes', 'https.legacy_inbound=yes', 'tls.aes128_sha=yes',
           'sip_tls.anonymous_dh_outbound=yes', 'h323.dh_2048=yes')
SURFACES = ['https-in', 'https-out', 'sip-in', 'sip-out', 'srtp', 'h323']


def record(node, *words):
    return json.loads(node.run('tls', *words, '--format', 'json').stdout)


def judge_schema(t, node, name):
    with open(SCHEMA) as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    faults = [f'{fault.json_path}: {fault.message}' for fault in
              jsonschema.Draft202012Validator(schema).iter_errors(record(node))]
    t.same(faults, [], f'{name}: the JSON is as its schema says')


def known_to_openssl():
    """OpenSSL's name by number and IANA name, of all that it knows."""
    said = subprocess.run(['openssl', 'ciphers', '-V', '-stdname', 'ALL:COMPLEMENTOFALL:@SECLEVEL=0'],
                          capture_output=True, text=True, check=True).stdout
    found = re.findall(r'0x(\w\w),0x(\w\w) - (\S+)\s+- (\S+)', said)
    return {(f'0x{high}{low}'.lower(), name): own for high, low, name, own in found}


def judge_suites(t, surfaces):
    known = known_to_openssl()
    seen = {}
    for name in SURFACES[:4]:
        for suite in surfaces[name]['suites']:
            seen[suite['code'], suite['name']] = suite['openssl']
    t.same(len(seen), 26, 'with all that is old switched on, every suite of the table is seen')
    t.same({key: known.get(key) for key in seen}, seen,
           "each suite's number and names are what OpenSSL says")


def hello_of(groups, signatures):
    """What OpenSSL's trace says of a hello with these."""
    listener = socket.create_server(('127.0.0.1', 0))

    def answer():
        listener.settimeout(20)
        peer = listener.accept()[0]
        peer.recv(65536)
        peer.close()
    thread = threading.Thread(target=answer)
    thread.start()
    said = subprocess.run(['openssl', 's_client', '-trace', '-groups', groups, '-sigalgs',
                           signatures, '-connect', '127.0.0.1:%d' % listener.getsockname()[1]],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60, check=False).stdout
    thread.join()
    listener.close()
    return said


def judge_codes(t, surface):
    lists = [':'.join(item['openssl'] for item in surface[what]) for what in ('groups', 'signatures')]
    said = hello_of(*lists)
    groups = said.partition('supported_groups')[2].partition('extension_type')[0]
    t.same([(name, f'0x{int(code):04x}') for name, code in
            re.findall(r'^\s+(\S+)(?: \(P-\d+\))? \((\d+)\)$', groups, re.M)],
           [({'x25519': 'ecdh_x25519'}.get(item['name'], item['name']), item['code'])
            for item in surface['groups']], "each group's number is what OpenSSL says")
    signatures = said.partition('signature_algorithms')[2].partition('extension_type')[0]
    t.same([(name, code) for name, code in re.findall(r'(\S+) \((0x\w+)\)', signatures)],
           [(item['name'], item['code']) for item in surface['signatures']],
           "each signature's number and name are what OpenSSL says")


def judge_settings(t, surfaces):
    suites = {suite['name']: suite['setting'] for suite in surfaces['sip-out']['suites']}
    t.same({suites[name] for name in suites if '_DH_anon_' in name},
           {'sip_tls.anonymous_dh_outbound'}, 'a suite names the setting that it is there by')
    t.same(suites['TLS_AES_256_GCM_SHA384'], None, 'or none where it always is')
    t.same([version['setting'] for version in surfaces['https-in']['versions']],
           ['https.legacy_inbound', 'https.legacy_inbound', None, None], 'so does a version')
    t.same(surfaces['h323']['dh'], [{'bits': 2048, 'setting': 'h323.dh_2048'},
                                    {'bits': 1024, 'setting': None}], 'and a group of H.235')


def text(t, node):
    whole = node.run('tls').stdout
    t.same(re.findall(r'^(\S+): ', whole, re.M), SURFACES, 'as text: every surface in its order')
    t.same(''.join(node.run('tls', name).stdout for name in SURFACES), whole,
           'one surface by its name is its part of the whole')
    t.ok(re.search(r'^    TLS_DH_anon_WITH_AES_256_GCM_SHA384 +sip_tls.anonymous_dh_outbound$', whole,
                   re.M), 'a suite stands beside the setting that it is there by', whole)
    t.ok('(not on this node)' in node.run('tls', 'sip-in').stdout
         and '(not on this node)' not in node.run('tls', 'https-in').stdout,
         'a surface that the role has not is marked')
    for name in SURFACES:
        t.same(record(node, name), record(node)['surfaces'][name], f'{name} alone as JSON')


def refusals(t, node):
    unknown, form = node.run('tls', 'sip'), node.run('tls', '--format', 'xml')
    t.ok(unknown.returncode == 2 and 'https-in' in unknown.stderr and not unknown.stdout,
         'an unknown surface is 2 and tells those there are', unknown)
    t.same(form.returncode, 2, 'an unknown format is 2')
    t.same(node.run('tls', 'srtp', 'h323').returncode, 2, 'two surfaces are 2')
    t.ok('SURFACE' in node.run('tls', '--help').stdout, '--help tells of the surface')
    with open('/dev/full', 'w') as full:
        result = subprocess.run(node.argv('tls'), stdout=full, stderr=subprocess.PIPE, text=True,
                                check=False)
    t.ok(result.returncode == 2 and 'No space left' in result.stderr,
         'records that cannot be written are 2 and say why', result.stderr)


def fips(t, node):
    node.run('set', 'security.fips=yes')
    result = node.run('tls')
    t.ok(result.stdout.startswith('FIPS-approved algorithms only\n'), 'FIPS mode is said first')
    t.ok(not re.search('CHACHA20|x25519|anon|_SHA |TLS 1.[01]', result.stdout),
         'and what it masks is not there, whatever is stored', result.stdout)
    t.ok(record(node)['fips'] is True and record(node)['revision'] == 2,
         'the JSON has the mode and the revision', record(node))
    judge_schema(t, node, 'FIPS')


with Tap() as t:
    node = Node()
    judge_schema(t, node, 'defaults')
    t.same(node.run('set', *ALL_OLD).returncode, 0, 'all that is old is switched on')
    judge_schema(t, node, 'all old')
    surfaces = record(node)['surfaces']
    judge_suites(t, surfaces)
    judge_codes(t, surfaces['sip-out'])
    judge_settings(t, surfaces)
    text(t, node)
    refusals(t, node)
    fips(t, node)
