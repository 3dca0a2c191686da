#
# SPDX-License-Identifier: Apache-2.0
#
"""RAUC on a booted node: it knows both slots, takes only signed bundles, and the environment is whole."""

from oeqa.core.decorator.depends import OETestDepends
from oeqa.runtime.case import OERuntimeTestCase


class ViglaUpdateTest(OERuntimeTestCase):
    @OETestDepends(["vigla_boot.ViglaBootTest.test_no_unit_has_failed"])
    def test_rauc_knows_the_slot(self):
        status, output = self.target.run("rauc status --output-format=shell")
        self.assertEqual(status, 0, msg=output)
        self.assertRegex(output, r"RAUC_SYSTEM_BOOTED_BOOTNAME='?[AB]'?")

    @OETestDepends(["vigla_boot.ViglaBootTest.test_no_unit_has_failed"])
    def test_what_nobody_signed_is_refused(self):
        self.target.run("head -c 65536 /dev/urandom > /tmp/x.raucb")
        status, output = self.target.run("rauc install /tmp/x.raucb")
        self.assertNotEqual(status, 0, msg=output)

    @OETestDepends(["vigla_boot.ViglaBootTest.test_no_unit_has_failed"])
    def test_the_gate_has_marked_the_slot(self):
        status, output = self.target.run("systemctl is-active vigla-gate.service")
        self.assertEqual(status, 0, msg=output)
