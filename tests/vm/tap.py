"""The Test Anything Protocol for tests/vm, and the paths that its scripts share."""
import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HOLDFAST = os.path.abspath(os.environ.get('HOLDFAST', os.path.join(TOP, 'build', 'holdfast')))
sys.path.insert(0, os.path.join(TOP, 'firmware'))


class Tap:
    """A context manager: what is raised inside is a failed test, with the console's end."""

    def __init__(self):
        self.count = self.failed = 0
        self.machine = None

    def __enter__(self):
        return self

    def on(self, machine):
        """The machine whose console explains a failure from here on."""
        self.machine = machine
        return machine

    def ok(self, condition, sentence, why=''):
        self.count += 1
        self.failed += not condition
        print('%sok %d - %s' % ('' if condition else 'not ', self.count, sentence), flush=True)
        if not condition:
            self.explain(why)
        return condition

    def equal(self, got, wanted, sentence):
        return self.ok(got == wanted, sentence, 'got    %r\nwanted %r' % (got, wanted))

    def explain(self, why):
        text = str(why)
        if self.machine:
            text += '\nThe console\'s end:\n' + self.machine.tail(30)
        for line in text.splitlines():
            print('# ' + line, flush=True)

    def __exit__(self, kind, error, trace):
        if kind and issubclass(kind, Exception):
            while trace.tb_next:
                trace = trace.tb_next
            self.ok(False, 'the test ran to its end', '%s: %s (%s:%d)' % (
                kind.__name__, error, os.path.basename(trace.tb_frame.f_code.co_filename),
                trace.tb_lineno))
        print('1..%d' % self.count, flush=True)
        sys.exit(1 if self.failed else 0)
