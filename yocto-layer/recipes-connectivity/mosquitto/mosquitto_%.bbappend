# The broker of the node, for its own programs only.
FILESEXTRAPATHS:prepend:vigla := "${VIGLA_TREE}/image/root/etc/mosquitto:"
SRC_URI:append:vigla = " file://mosquitto.conf"

do_install:append:vigla() {
    install -m 0644 ${UNPACKDIR}/mosquitto.conf ${D}${sysconfdir}/mosquitto/mosquitto.conf
}
