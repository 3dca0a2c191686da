SUMMARY = "First program of a Vigla node"
DESCRIPTION = "image/initramfs/init of the repository: finds slot and data, lays one over the other."
SECTION = "base"

SRC_URI = "file://image/initramfs/init"

inherit vigla_tree allarch

do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    install -m 0755 ${S}/image/initramfs/init ${D}/init
    # No modules: the kernel has what the slot needs built in (recipes-kernel/linux/files).
    : > ${D}/modules.list
    install -d ${D}/dev ${D}/proc ${D}/sys ${D}/run ${D}/newroot
}

FILES:${PN} = "/init /modules.list /dev /proc /sys /run /newroot"
RDEPENDS:${PN} = "busybox"
