"""The ground of the virtual machines' tests: the paths that they share, and assertions that show the
console when they fail."""
import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HOLDFAST = os.path.abspath(os.environ.get('HOLDFAST', os.path.join(TOP, 'build', 'holdfast')))
sys.path[:0] = [os.path.join(TOP, 'firmware'), os.path.join(TOP, 'tests')]
import tap  # noqa: E402


class Tap(tap.Tap):
    """With the end of a machine's console."""

    def __init__(self):
        super().__init__()
        self.machine = None

    def on(self, machine):
        """The machine whose console explains a failure from here on."""
        self.machine = machine
        return machine

    def explain(self, details):
        console = ("The console's end:", self.machine.tail(30)) if self.machine else ()
        super().explain((*details, *console))
