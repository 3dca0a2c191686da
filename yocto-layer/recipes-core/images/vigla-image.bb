SUMMARY ?= "The slot of a Vigla node and the card around it"
DESCRIPTION ?= "Read-only, with nobody's password and no console; what a device in use has."
LICENSE = "Apache-2.0"

inherit core-image

IMAGE_FEATURES += "read-only-rootfs"
IMAGE_INSTALL = "packagegroup-core-boot packagegroup-vigla"
IMAGE_LINGUAS = ""

# In KiB: what a slot has (image/partitions.toml; `cargo xtask layer` compares).
IMAGE_OVERHEAD_FACTOR = "1.1"
IMAGE_ROOTFS_MAXSIZE = "393216"

inherit vigla_slot
# nooelint: oelint.var.inherit.inherit - it must come after what the class of images defers
inherit_defer vigla_no_sdk
