# For recipes of what lies in the repository beside the layer: file:// is looked for from its root, and
# BitBake hashes what it finds, so that a change there builds anew what is made of it.

# nooelint: oelint.vars.homepageprefix - who ships sets it
HOMEPAGE = "${VIGLA_HOMEPAGE}"
LICENSE = "Apache-2.0"
# nooelint: oelint.var.licenseremotefile - the text is that of the base
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/Apache-2.0;md5=89aea4e17d99a7cacdbeed46a0096b10"

PV = "${VIGLA_VERSION}"
S = "${UNPACKDIR}"

# nooelint: oelint.vars.outofcontext,oelint.vars.fileextrapaths - here once, not in each recipe
FILESEXTRAPATHS:prepend := "${VIGLA_TREE}:"
