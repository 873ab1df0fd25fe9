"""What the product's own tables hold, for tests that walk them."""
import os
import re

AGENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, 'agent')


def domains():
    """The names of the domains, in the order of the walk."""
    with open(os.path.join(AGENT, 'domain/domains.def')) as table:
        return re.findall(r'^DOMAIN\(\w+, *(\w+)', table.read(), re.M)
