#!/usr/bin/python3
"""What the endpoint closes for a reason of its own, a limit of time or a newcomer, it says so to a client
whose handshake is over: close_notify (RFC 8446, 6.1; RFC 5246, 7.2.1), so that the end is none that
somebody on the way has made. Each version of TLS, the client's own keys."""
import os
import sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from endpoint import Front, Tap
from raw import DATA, TLS10, TLS11, TLS12, TLS13, Raw

HOUR = 3600 * 1000
FOREVER = {'handshake_ms': HOUR, 'head_ms': HOUR, 'idle_ms': HOUR}
VERSIONS = {'TLS 1.3': TLS13, 'TLS 1.2': TLS12, 'TLS 1.1': TLS11, 'TLS 1.0': TLS10}
SAID = ('close', 'closed')
tap = Tap()


def front(**limits):
    return Front(settings=('https.legacy_inbound=yes',), **{**FOREVER, **limits})


def ends(act, name):
    try:
        got = act()
    except Exception as error:  # the case fails, and the next one runs
        got = f'{type(error).__name__}: {error}'
    tap.same(got, SAID, name)


def silent(served, version):
    with Raw(served, version) as client:
        return client.shake().end()


def behind_a_request(served, version):
    """It rests by then: what only records on their way need has been given back."""
    with Raw(served, version) as client:
        client.shake().asks()
        return client.end()


def half_a_head(served, version):
    with Raw(served, version) as client:
        client.shake().record(DATA, b'GET /live HTTP')
        return client.end()


def for_another(served, version):
    """The only place is another address's, who has asked nothing for longest."""
    with Raw(served, version, source='127.0.0.2') as client:
        client.shake()
        served.counted('handshakes', served.counts['handshakes'] + 1)
        with Raw(served, TLS13, source='127.0.0.3') as newcomer:
            newcomer.shake().asks()
            return client.end()


with tap:
    for what, act, limits in (('says nothing', silent, {'idle_ms': 300}),
                              ('asks once and then nothing', behind_a_request, {'idle_ms': 1500}),
                              ('sends half a head', half_a_head, {'head_ms': 300}),
                              ('gives way', for_another, {'connections': 1})):
        for title, number in VERSIONS.items():
            each = front(**limits)
            ends(lambda: act(each, number), f'{title}: a client that {what} is told of the end')
            each.stop()
