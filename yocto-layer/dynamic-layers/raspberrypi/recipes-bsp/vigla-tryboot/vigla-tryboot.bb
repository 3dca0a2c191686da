SUMMARY = "Slots of a Pi 5: RAUC's side of the firmware's trial boot"
DESCRIPTION = "The script behind RAUC's bootloader=custom, and what the firmware reads of the card at first."
SECTION = "bootloaders"

SRC_URI = "\
    file://vigla-tryboot \
    file://config.txt \
    file://cmdline.in \
    file://services/site/dist/usr/share/vigla/vigla.toml \
"

inherit vigla_tree deploy

COMPATIBLE_MACHINE = "^raspberrypi5$"
PACKAGE_ARCH = "${MACHINE_ARCH}"
INHIBIT_DEFAULT_DEPS = "1"

do_configure[noexec] = "1"

do_compile() {
    sed -e 's#{arguments}#${VIGLA_CMDLINE}#' ${UNPACKDIR}/cmdline.in > ${B}/cmdline.txt
    sed -e 's#{slot}#a#' -e 's#{rauc}#A#' ${B}/cmdline.txt > ${B}/cmdline-a.txt
}

do_install() {
    install -D -m 0755 ${UNPACKDIR}/vigla-tryboot ${D}${libexecdir}/vigla/vigla-tryboot
    # In the slot: the script fills in which one it is.
    install -D -m 0644 ${B}/cmdline.txt ${D}/boot/cmdline.txt
}

do_deploy() {
    install -d ${DEPLOYDIR}/vigla-tryboot
    install -m 0644 ${UNPACKDIR}/config.txt ${B}/cmdline-a.txt ${DEPLOYDIR}/vigla-tryboot/
    install -m 0644 ${S}/services/site/dist/usr/share/vigla/vigla.toml ${DEPLOYDIR}/vigla-tryboot/
}

addtask deploy after do_compile before do_build

FILES:${PN} = "${libexecdir}/vigla /boot"
RDEPENDS:${PN} = "kernel-devicetree util-linux-mount"
