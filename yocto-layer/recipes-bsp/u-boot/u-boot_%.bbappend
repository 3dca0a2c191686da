# The environment is ours alone (image/boot/boot.cmd reads and writes it): one on FAT could be torn.
FILESEXTRAPATHS:prepend:vigla := "${THISDIR}/files:"
SRC_URI:append:vigla = " file://vigla.cfg"
