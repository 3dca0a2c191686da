SUMMARY = "What a Vigla node is, beside its services"
DESCRIPTION = "The tree image/root of the repository: presets, where state lives, network, journal, \
watchdog, firewall. The twin image lays the same tree over Debian's packages."
SECTION = "base"

require ${BPN}-files.inc

SRC_URI += "\
    file://image/root \
    file://image/boot/fw_env.config \
    file://nftables.conf \
    file://nftables.service \
"

inherit vigla_tree allarch

do_configure[noexec] = "1"
do_compile[noexec] = "1"

# Folders that the initial RAM disk and mount units lay something over.
VIGLA_FOLDERS = "/boot/firmware /data"

# Units and generators that have nothing to do on a slot that is read only, or that would start what the
# presets leave out. The twin has the same list (ci/xtask/src/image/tree.rs); a test compares them.
VIGLA_MASKED = "\
    ldconfig.service \
    systemd-hwdb-update.service \
    systemd-journal-catalog-update.service \
    systemd-sysusers.service \
    systemd-firstboot.service \
    systemd-remount-fs.service \
    systemd-networkd-wait-online.service \
    systemd-update-done.service \
    fstrim.timer \
"
VIGLA_SILENCED = "systemd-getty-generator systemd-ssh-generator systemd-gpt-auto-generator"

do_install() {
    cp -R --no-preserve=all --no-dereference ${S}/image/root/. ${D}/
    # These replace a file of another recipe, and are put there by its append.
    for file in ${VIGLA_ELSEWHERE}; do
        rm ${D}/$file
    done
    find ${D} -type d -empty -delete
    install -D -m 0644 ${S}/image/boot/fw_env.config ${D}${sysconfdir}/fw_env.config
    install -D -m 0644 ${UNPACKDIR}/nftables.conf ${D}${sysconfdir}/nftables.conf
    # Debian's package of nft brings this unit, OpenEmbedded's brings none; in /etc it is before any that may come.
    install -D -m 0644 ${UNPACKDIR}/nftables.service ${D}${sysconfdir}/systemd/system/nftables.service
    # systemd takes its time for the earliest possible one.
    : > ${D}${nonarch_libdir}/clock-epoch
    for folder in ${VIGLA_FOLDERS}; do
        install -d ${D}$folder
    done
    install -d ${D}${sysconfdir}/systemd/system-generators
    for unit in ${VIGLA_MASKED}; do
        ln -s /dev/null ${D}${sysconfdir}/systemd/system/$unit
    done
    for generator in ${VIGLA_SILENCED}; do
        ln -s /dev/null ${D}${sysconfdir}/systemd/system-generators/$generator
    done
}

FILES:${PN} += "\
    ${VIGLA_FOLDERS} \
    ${nonarch_libdir}/clock-epoch \
    ${sysconfdir}/fw_env.config \
    ${sysconfdir}/nftables.conf \
    ${sysconfdir}/systemd/system \
    ${sysconfdir}/systemd/system-generators \
"

RDEPENDS:${PN} = "nftables"
