# The runtime tests as testimage would load them: arguments are the folder of the upstream layers, ours, and the suites.
# Every suite is there and has tests, and every test that another one depends on.
import importlib
import sys
import unittest

layers, ours, *suites = sys.argv[1:]
sys.path[:0] = [layers + "/openembedded-core/meta/lib", layers + "/bitbake/lib", ours + "/lib"]



def depends(test):
    """A decorator is kept in the closure of the function that it made."""
    for cell in getattr(test, "__closure__", None) or ():
        yield from getattr(cell.cell_contents, "depends", ())
    if hasattr(test, "__wrapped__"):
        yield from depends(test.__wrapped__)


tests, wanted = set(), set()
for suite in suites:
    module = importlib.import_module("oeqa.runtime.cases." + suite)
    found = set()
    for case in vars(module).values():
        if not (isinstance(case, type) and issubclass(case, unittest.TestCase) and case.__module__ == module.__name__):
            continue
        for name in unittest.TestLoader().getTestCaseNames(case):
            found.add("%s.%s.%s" % (suite, case.__name__, name))
            wanted.update(depends(getattr(case, name)))
    if not found:
        sys.exit("the suite `%s` has no test" % suite)
    tests |= found
lacking = wanted - tests
if lacking:
    sys.exit("no suite of kas/dev.yml has `%s`, which a test depends on" % "`, `".join(sorted(lacking)))
print(len(tests))
