#
# SPDX-License-Identifier: Apache-2.0
#
"""A booted node: units, names on the bus, slots, where state lives. What the twin's boot tests ask too."""

from oeqa.core.decorator.depends import OETestDepends
from oeqa.runtime.case import OERuntimeTestCase

DAEMONS = ("Camera1", "Detector1", "Enrolment1", "Gateway1", "Metrics1", "Updater1")


class ViglaBootTest(OERuntimeTestCase):
    def says(self, command):
        status, output = self.target.run(command)
        self.assertEqual(status, 0, msg="`%s`: %s" % (command, output))
        return output

    @OETestDepends(["ssh.SSHTest.test_ssh"])
    def test_no_unit_has_failed(self):
        self.assertEqual(self.says("systemctl --failed --plain --no-legend"), "")

    @OETestDepends(["ssh.SSHTest.test_ssh"])
    def test_every_daemon_has_its_name(self):
        names = self.says("busctl --system --acquired --no-legend --no-pager list")
        for daemon in DAEMONS:
            self.assertIn("org.vigla." + daemon, names)

    @OETestDepends(["ssh.SSHTest.test_ssh"])
    def test_only_presets_are_enabled(self):
        for unit in ("k3s-agent.service", "containerd.service", "getty@tty1.service"):
            status, _ = self.target.run("systemctl is-active --quiet " + unit)
            self.assertNotEqual(status, 0, msg=unit + " runs")

    @OETestDepends(["ssh.SSHTest.test_ssh"])
    def test_the_slot_is_read_only(self):
        status, _ = self.target.run("touch /usr/written")
        self.assertNotEqual(status, 0)

    @OETestDepends(["ssh.SSHTest.test_ssh"])
    def test_state_is_where_the_table_says(self):
        kinds = {"memory": "tmpfs", "kept": "ext4", "over": "overlay"}
        table = self.says("grep -v '^#' /usr/lib/vigla/state.tab")
        for row in table.splitlines():
            path, kind = row.split()[:2] if row.strip() else (None, None)
            if kind in kinds:
                found = self.says("findmnt --noheadings --output FSTYPE --target " + path)
                self.assertEqual(found.strip(), kinds[kind], msg=path)

    @OETestDepends(["ssh.SSHTest.test_ssh"])
    def test_the_kernel_has_what_k3s_needs(self):
        controllers = self.says("cat /sys/fs/cgroup/cgroup.controllers").split()
        for controller in ("cpu", "cpuset", "memory", "pids"):
            self.assertIn(controller, controllers)

    @OETestDepends(["ssh.SSHTest.test_ssh"])
    def test_the_page_answers(self):
        self.says("wget -q -O /dev/null http://127.0.0.1:8080/")

    @OETestDepends(["ssh.SSHTest.test_ssh"])
    def test_the_firewall_is_on(self):
        self.says("systemctl is-active nftables.service")
        self.assertIn("policy drop", self.says("nft list table inet vigla"))
