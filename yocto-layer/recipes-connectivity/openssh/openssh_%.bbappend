# Only keys of the owner open anything. The unit is called as in Debian, so that presets, drop-in and
# vigla-site name one unit in both images.
FILESEXTRAPATHS:prepend:vigla := "${VIGLA_TREE}/image/root/etc/ssh:"

SYSTEMD_SERVICE:${PN}-sshd:vigla = "ssh.service"

do_install:append:vigla() {
    install -m 0600 ${UNPACKDIR}/sshd_config ${D}${sysconfdir}/ssh/sshd_config
    sed -i -e 's#/usr/lib/openssh/sftp-server#${libexecdir}/sftp-server#' ${D}${sysconfdir}/ssh/sshd_config
    mv ${D}${systemd_system_unitdir}/sshd.service ${D}${systemd_system_unitdir}/ssh.service
}
