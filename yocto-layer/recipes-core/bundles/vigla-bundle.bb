# nooelint: oelint.var.mandatoryvar.SRC_URI - everything is made by other recipes
SUMMARY = "The update that a Vigla node installs into its other slot"
DESCRIPTION = "A slot's file system, signed, in RAUC's verity format; written over D-Bus by vigla-updater."
# nooelint: oelint.vars.homepageprefix - who ships sets it
HOMEPAGE = "${VIGLA_HOMEPAGE}"
SECTION = "base"
LICENSE = "Apache-2.0"

inherit bundle

RAUC_BUNDLE_COMPATIBLE = "${VIGLA_COMPATIBLE}"
RAUC_BUNDLE_VERSION = "${VIGLA_VERSION}"
# Of the commit, as in the twin: two builds of it have the same manifest.
RAUC_BUNDLE_BUILD = "${REPRODUCIBLE_TIMESTAMP_ROOTFS}"
RAUC_BUNDLE_DESCRIPTION = "Vigla for ${VIGLA_BOARD}"
RAUC_BUNDLE_FORMAT = "verity"
RAUC_BUNDLE_SLOTS = "rootfs"
RAUC_SLOT_rootfs = "vigla-image"
RAUC_SLOT_rootfs[fstype] = "ext4"
# Only blocks that the device does not have yet are written.
RAUC_SLOT_rootfs[adaptive] = "block-hash-index"

BUNDLE_ARGS += "--mksquashfs-args='-comp zstd -Xcompression-level 9'"
