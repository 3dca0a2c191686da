SUMMARY = "From the kernel to systemd: the initial RAM disk of a slot"
DESCRIPTION = "image/initramfs/init of the repository on busybox. The kernel has built in what it needs, so \
that it holds no module."

LICENSE = "Apache-2.0"

inherit image
# nooelint: oelint.var.inherit.inherit - it must come after what the class of images defers
inherit_defer vigla_no_sdk

IMAGE_FSTYPES = "cpio.gz"
IMAGE_NAME_SUFFIX ?= ""
PACKAGE_INSTALL = "busybox vigla-initramfs-init"
IMAGE_FEATURES = ""
IMAGE_LINGUAS = ""
FEATURE_INSTALL = ""
IMAGE_ROOTFS_SIZE = "8192"
IMAGE_ROOTFS_EXTRA_SPACE = "0"
NO_RECOMMENDATIONS = "1"
