# The tests of yocto-check-layer that need no build: argument 1 is the folder of the upstream layers, 2 ours.
import sys
import types
import unittest

layers, ours = sys.argv[1:3]
core = layers + "/openembedded-core"
sys.path[:0] = [core + "/scripts/lib", core + "/meta/lib", layers + "/bitbake/lib"]

import checklayer
from checklayer.cases.common import CommonCheckLayer

found = checklayer.detect_layers([ours], True)
if len(found) != 1 or found[0]["type"] != checklayer.LayerType.DISTRO:
    sys.exit("`%s` is no layer with a distro: %s" % (ours, found))

CommonCheckLayer.tc = types.SimpleNamespace(layer=found[0])
CommonCheckLayer.td = {}
NAMES = ("test_readme", "test_security", "test_patches_upstream_status", "test_layerseries_compat")


class Quiet(CommonCheckLayer):
    # OETestCase's own set-up wants a registry of tests.
    setUpClass = classmethod(lambda cls: None)
    tearDownClass = classmethod(lambda cls: None)
    setUp = tearDown = _oeSetUp = _oeTearDown = lambda self: None


done = unittest.TextTestRunner(stream=sys.stderr).run(unittest.TestSuite(map(Quiet, NAMES)))
sys.exit(not done.wasSuccessful() or done.testsRun != len(NAMES))
