FILESEXTRAPATHS:prepend:vigla := "${THISDIR}/../../../../recipes-kernel/linux/files:"
SRC_URI:append:vigla = " file://vigla.cfg file://vigla-rpi.cfg"
