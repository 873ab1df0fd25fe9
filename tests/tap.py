"""The Test Anything Protocol for tests in Python, as tap.sh is for those in shell."""
import os
import signal
import sys


class Tap:
    """Counts and prints assertions. What is raised inside `with` is a failed test, and its end is
    done()."""

    def __init__(self):
        self.count = self.failed = 0
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is ended too

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind and not issubclass(kind, Exception):
            return  # interrupted or ended: no plan, no success
        if kind:
            while trace.tb_next:
                trace = trace.tb_next
            file = os.path.basename(trace.tb_frame.f_code.co_filename)
            self.ok(False, 'the test ran to its end',
                    f'{kind.__name__}: {error} ({file}:{trace.tb_lineno})')
        self.done()

    def ok(self, true, name, *details):
        self.count += 1
        self.failed += not true
        print(f"{'ok' if true else 'not ok'} {self.count} - {name}", flush=True)
        if not true:
            self.explain(details)
        return true

    def same(self, got, wanted, name):
        return self.ok(got == wanted, name, f'got    {got!r}', f'wanted {wanted!r}')

    def explain(self, details):
        for detail in details:
            for line in str(detail).splitlines():
                print(f'# {line}', flush=True)

    def done(self):
        """Prints the plan and ends the test."""
        print(f'1..{self.count}', flush=True)
        sys.exit(1 if self.failed else 0)
