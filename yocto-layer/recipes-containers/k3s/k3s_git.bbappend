# The agent of a cluster: installed, not started. Enrolment writes where the cluster is and the token, with
# the rights of a secret; a role from the kernel's command line would have the token readable by all.
FILESEXTRAPATHS:prepend:vigla := "${THISDIR}/${BPN}:"
SRC_URI:append:vigla = " file://10-vigla.yaml file://10-vigla.conf"

# Where the twin has it.
BIN_PREFIX:vigla = "${prefix}"

SYSTEMD_SERVICE:${PN}:vigla = ""

do_install:append:vigla() {
    rm ${D}${systemd_system_unitdir}/k3s-role-setup.service ${D}${BIN_PREFIX}/bin/k3s-role-setup.sh
    # It would put the token into a file that everybody may read.
    rm ${D}${BIN_PREFIX}/bin/k3s-agent
    install -D -m 0644 ${UNPACKDIR}/10-vigla.yaml ${D}${sysconfdir}/rancher/k3s/config.yaml.d/10-vigla.yaml
    install -D -m 0644 ${UNPACKDIR}/10-vigla.conf ${D}${systemd_system_unitdir}/k3s-agent.service.d/10-vigla.conf
}

FILES:${PN}-agent:append:vigla = " ${systemd_system_unitdir}/k3s-agent.service.d"
