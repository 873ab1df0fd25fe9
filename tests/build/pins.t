#!/usr/bin/python3
"""What is linked is told, and what the archives serve newer is noticed: the bill of materials
against deps.lock and the program's own symbols, the audit against archives made up here, and the
table of vulnerabilities against the tree."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))
from tap import Tap  # noqa: E402

HOLDFAST = os.path.abspath(os.environ.get('HOLDFAST', 'build/holdfast'))
DEPS = 'agent/deps'
STATUSES = ('fixed', 'patched', 'check', 'unaffected', 'open')
# A function of each library that the program cannot do without.
SYMBOLS = {'musl': 'memcpy', 'sqlite3': 'sqlite3_step', 'mbedtls': 'mbedtls_ssl_handshake_step',
           'bearssl': 'br_ssl_engine_recvrec_ack', 'libmicrohttpd': 'MHD_start_daemon'}


def rows(path, separator=None):
    with open(path) as file:
        return [line.rstrip('\n').split(separator) for line in file if not line.startswith('#')]


class Archive:
    """A copy of the scripts with a lock, a table and served versions of their own."""

    def __init__(self, folder, pins, judged=''):
        self.folder = tempfile.mkdtemp(dir=folder)
        for name in ('audit.sh', 'archive.sh'):
            shutil.copy(f'{DEPS}/{name}', self.folder)
        self.write('deps.lock', ''.join(f'{name} {version} file sum linked cpe MIT\n' for name, version in pins))
        self.write('vulnerabilities.tsv', judged)
        self.served = []

    def write(self, name, text):
        path = f'{self.folder}/{name}'
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w') as file:
            file.write(text)

    def serve(self, suite, name, version, *entries):
        """Each entry is a version with its words, the newest first; none: no changelog."""
        self.served.append(f'{suite} {name} {version}\n')
        text = ''.join(f'{name} ({of}) unstable; urgency=medium\n\n  * {words}\n\n' for of, words in entries)
        if entries:
            self.write(f'read/{name}_{version.replace(":", "_")}.changelog', text)

    def audit(self):
        self.write('read/served.txt', ''.join(self.served))
        done = subprocess.run([f'{self.folder}/audit.sh', '--offline', f'{self.folder}/read'],
                              capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr


def audit(tap, folder):
    def expect(archive, code, words, sentence):
        got, said = archive.audit()
        tap.ok(got == code and re.search(words, said), sentence, f'exit {got}, not {code}', said)

    pins = [('tls', '3.6.7-3')]
    here = Archive(folder, pins)
    here.serve('sid', 'tls', '3.6.7-3', ('3.6.7-3', 'New release.'))
    expect(here, 0, 'audit: 1 libraries', 'pins that are the newest pass')
    here.serve('sid', 'tls', '3.6.8-1', ('3.6.8-1', 'New release.'), ('3.6.7-3', 'Old one.'))
    expect(here, 0, r'note tls 3\.6\.8-1 of sid is newer', 'a newer release without security fixes is told and passes')
    for words in ('Fixes CVE-2026-1.', 'Security fix in the parser.', 'Closes a vulnerability.'):
        here = Archive(folder, pins, 'tls\tCVE-2026-1\tfixed\tso\n')
        here.serve('trixie', 'tls', '3.6.8-1', ('3.6.8-1', words), ('3.6.7-3', 'Old one.'))
        expect(here, 1, r'fail tls 3\.6\.8-1 of trixie mends', f'a newer release fails the audit: "{words}"')
    here = Archive(folder, pins)
    here.serve('sid', 'tls', '3.6.8-1', ('3.6.8-1', 'New release.'), ('3.6.7-3', 'A security fix.'))
    expect(here, 0, 'note', 'what the pinned version mended already does not fail it')
    here = Archive(folder, pins)
    here.serve('bookworm', 'tls', '2.28-1', ('2.28-1', 'Backport for CVE-2026-77.'))
    expect(here, 1, 'CVE-2026-77, named by 2.28-1 of bookworm', 'a CVE that the table does not judge fails the audit, an older version\'s too')
    here.write('vulnerabilities.tsv', 'tls\tCVE-2026-77\tunaffected\tnot compiled in\n')
    expect(here, 0, 'judged', 'one that it judges does not')
    here = Archive(folder, pins, 'other\tCVE-2026-77\tunaffected\tso\n')
    here.serve('bookworm', 'tls', '2.28-1', ('2.28-1', 'CVE-2026-77.'))
    expect(here, 1, 'CVE-2026-77', 'a CVE that is judged for another library is not judged for this one')
    here = Archive(folder, pins)
    here.serve('sid', 'tls', '3.6.8-1')
    expect(here, 2, 'unknown tls 3.6.8-1 of sid: its changelog cannot be read', 'a newer release whose changelog cannot be read cannot be judged')
    here = Archive(folder, pins + [('http', '1.0-1')])
    here.serve('sid', 'tls', '3.6.7-3', ('3.6.7-3', 'New release.'))
    expect(here, 2, 'unknown http: no archive serves it', 'a library that no archive serves cannot be judged')
    here = Archive(folder, pins)
    expect(here, 2, 'unknown tls', 'archives that serve nothing cannot be judged')


def table(tap):
    pinned = {row[0] for row in rows(f'{DEPS}/deps.lock')}
    judged = rows(f'{DEPS}/vulnerabilities.tsv', '\t')
    tap.same([row for row in judged if len(row) != 4 or row[0] not in pinned or row[2] not in STATUSES or
              not re.fullmatch(r'CVE-\d{4}-\d{4,}', row[1]) or not row[3]], [],
             'each row of vulnerabilities.tsv names a pinned library, a CVE, a status and a reason')
    tap.same(len({(row[0], row[1]) for row in judged}), len(judged), 'each vulnerability stands there once')
    patches = sorted(f'patches/{name}/{file}' for name in os.listdir(f'{DEPS}/patches')
                     if os.path.isdir(f'{DEPS}/patches/{name}') for file in os.listdir(f'{DEPS}/patches/{name}'))
    named = sorted(word.rstrip(';') for row in judged for word in row[3].split() if word.startswith('patches/'))
    named = sorted(set(named) | {patch for patch in patches if 'CVE' not in patch})
    tap.same(named, patches, 'each security patch of the tree is named there, and each one named is there')
    tap.same([row for row in judged if row[2] == 'patched' and 'patches/' not in row[3]], [],
             'what is "patched" names its patch')
    missing = [word for row in judged for word in re.findall(r'(?:agent|tests)/[\w./-]+\w', row[3]) if not os.path.exists(word)]
    tap.same(missing, [], 'files that reasons name exist')


def bill(tap):
    done = subprocess.run([HOLDFAST, 'version', '--sbom'], capture_output=True, text=True)
    document = json.loads(done.stdout)
    packages = {package['name']: package for package in document['packages']}
    tap.same((document['spdxVersion'], document['dataLicense'], document['SPDXID']),
             ('SPDX-2.3', 'CC0-1.0', 'SPDXRef-DOCUMENT'), 'version --sbom prints an SPDX 2.3 document')
    tap.ok(re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ', document['creationInfo']['created']) and
           document['creationInfo']['creators'][0].startswith('Tool: holdfast-'),
           'it says when and by what it was made', document['creationInfo'])
    tap.ok(re.fullmatch(r'https://[^#\s]+', document['documentNamespace']), 'its namespace is a URI', document['documentNamespace'])
    lock = [row for row in rows(f'{DEPS}/deps.lock') if row[4] == 'linked']
    tap.same(sorted(packages), sorted(['holdfast', 'libgcc'] + [row[0] for row in lock]),
             'it lists the program, each library that deps.lock links into it and what the compiler adds')
    tap.same([(row[0], packages[row[0]]['versionInfo'], packages[row[0]]['packageFileName'],
               packages[row[0]]['checksums'][0]['checksumValue']) for row in lock],
             [tuple(row[:4]) for row in lock], 'with version, tarball and SHA-256 as pinned')
    ids = {package['SPDXID'] for package in document['packages']} | {'SPDXRef-DOCUMENT'}
    tap.ok(len(ids) == len(packages) + 1 and all(re.fullmatch(r'SPDXRef-[A-Za-z0-9.-]+', name) for name in ids), 'ids are unique and lawful', ids)
    linked = {edge['relatedSpdxElement'] for edge in document['relationships'] if edge['relationshipType'] == 'STATIC_LINK'}
    tap.same(linked, {f'SPDXRef-Package-{name}' for name in packages if name != 'holdfast'}, 'each is linked statically into the program')
    purls = {name: [reference['referenceLocator'] for reference in package.get('externalRefs', ())] for name, package in packages.items()}
    tap.ok('pkg:deb/debian/bearssl@0.6%2Bdfsg.1-6?arch=source' in purls['bearssl'] and
           any(re.fullmatch(r'cpe:2\.3:a:arm:mbed_tls:[0-9.]+(:\*){7}', text) for text in purls['mbedtls']),
           'a package URL and a CPE name name each, so that a scanner finds its vulnerabilities', purls)
    symbols = subprocess.run(['nm', '--defined-only', HOLDFAST + '.debug'], capture_output=True, text=True).stdout.split()
    tap.same([name for name, symbol in SYMBOLS.items() if symbol not in symbols], [], 'each listed library is really in the program')
    tap.same(sorted(SYMBOLS), sorted(row[0] for row in lock), 'and no other library is pinned')


work = tempfile.mkdtemp(prefix='holdfast-pins-')
try:
    with Tap() as tap:
        audit(tap, work)
        table(tap)
        bill(tap)
finally:
    shutil.rmtree(work)
