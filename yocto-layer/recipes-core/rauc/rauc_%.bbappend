# Only vigla-updater may call RAUC: our bus policy takes the place of its own.
FILESEXTRAPATHS:prepend:vigla := "${VIGLA_TREE}/image/root/usr/share/dbus-1/system.d:"
SRC_URI:append:vigla = " file://de.pengutronix.rauc.conf"

# What marks a slot good is the mission gate, not having started.
RRECOMMENDS:${PN}:remove:vigla = "${PN}-mark-good"

do_install:append:vigla() {
    install -m 0644 ${UNPACKDIR}/de.pengutronix.rauc.conf ${D}${datadir}/dbus-1/system.d/
}
