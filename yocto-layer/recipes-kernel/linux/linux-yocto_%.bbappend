FILESEXTRAPATHS:prepend:vigla := "${THISDIR}/files:"
SRC_URI:append:vigla = " file://vigla.cfg"
SRC_URI:append:vigla:qemuarm64 = " file://vigla-qemuarm64.cfg"
