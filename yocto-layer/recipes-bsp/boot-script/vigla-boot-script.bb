SUMMARY = "U-Boot's script: chooses the slot and counts its tries"
DESCRIPTION = "image/boot/boot.cmd of the repository, with this board's words for its three placeholders, \
and the owner's file vigla.toml, which lies beside it on the FAT partition."
SECTION = "bootloaders"

DEPENDS = "u-boot-mkimage-native"
PROVIDES = "${PN} u-boot-default-script"

SRC_URI = "\
    file://image/boot/boot.cmd \
    file://services/site/dist/usr/share/vigla/vigla.toml \
"

inherit vigla_tree kernel-arch deploy nopackages

INHIBIT_DEFAULT_DEPS = "1"
PACKAGE_ARCH = "${MACHINE_ARCH}"

do_compile() {
    sed -e 's#{bus}#${VIGLA_BOOT_BUS}#' \
        -e 's#{arguments}#${VIGLA_CMDLINE}#' \
        -e 's#{fdt}#$''{fdt_addr}#' \
        ${S}/image/boot/boot.cmd > ${B}/boot.cmd
    mkimage -A ${UBOOT_ARCH} -T script -C none -n "Vigla" -d ${B}/boot.cmd ${B}/boot.scr
}

do_deploy() {
    install -d ${DEPLOYDIR}
    install -m 0644 ${B}/boot.scr ${DEPLOYDIR}/
    install -m 0644 ${S}/services/site/dist/usr/share/vigla/vigla.toml ${DEPLOYDIR}/
}

addtask deploy after do_compile before do_build
