SUMMARY = "Everything that makes a device a Vigla node"
DESCRIPTION = "Our services and policy, and the programs of others that they use."

inherit packagegroup

# The kernel's modules and device trees depend on the board.
PACKAGE_ARCH = "${MACHINE_ARCH}"

RDEPENDS:${PN} = "\
    ca-certificates \
    dosfstools \
    e2fsprogs-e2fsck \
    e2fsprogs-mke2fs \
    ffmpeg \
    iproute2 \
    k3s-agent \
    kernel-image \
    kernel-modules \
    mosquitto \
    nftables \
    openssh-keygen \
    openssh-sftp-server \
    openssh-sshd \
    rauc \
    rauc-service \
    tzdata \
    util-linux-mount \
    util-linux-umount \
    vigla-policy \
    vigla-services \
    wireless-regdb-static \
    wpa-supplicant \
    zstd \
"
# RAUC turns U-Boot's slots with it.
RDEPENDS:${PN}:append:qemuarm64 = " u-boot-fw-utils"
# nooelint: oelint.vars.specific - a machine of meta-raspberrypi
RDEPENDS:${PN}:append:raspberrypi4-64 = " u-boot-fw-utils"
# nooelint: oelint.vars.specific - the family of meta-raspberrypi; firmware of its radio
RDEPENDS:${PN}:append:rpi = " linux-firmware-rpidistro-bcm43455 udev-rules-rpi"
# nooelint: oelint.vars.specific - a machine of meta-raspberrypi
RDEPENDS:${PN}:append:raspberrypi5 = " vigla-tryboot"
