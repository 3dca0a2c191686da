# The initial RAM disk's shell makes its own links and sleeps less than a second.
FILESEXTRAPATHS:prepend:vigla := "${THISDIR}/${BPN}:"
SRC_URI:append:vigla = " file://vigla-initramfs.cfg"
