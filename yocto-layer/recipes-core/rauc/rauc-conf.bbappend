# RAUC's settings are those of the twin (image/rauc/system.conf), for this board. The keyring says whose
# devices these are: it has no default, so that no demonstration key reaches a release.
FILESEXTRAPATHS:prepend:vigla := "${VIGLA_TREE}/image/rauc:"

RAUC_KEYRING_URI:vigla = "${@oe.utils.conditional('RAUC_KEYRING_FILE', '', '', 'file://${RAUC_KEYRING_FILE}', d)}"

do_install:vigla() {
    if [ -z "${RAUC_KEYRING_FILE}" ]; then
        bbfatal "set RAUC_KEYRING_FILE to the file of the authorities whose bundles a device takes (yocto-layer/README.md)"
    fi
    install -d ${D}${nonarch_libdir}/rauc
    sed -e 's#{compatible}#${VIGLA_COMPATIBLE}#' \
        -e 's#/etc/rauc/#${nonarch_libdir}/rauc/#' \
        ${UNPACKDIR}/system.conf > ${D}${nonarch_libdir}/rauc/system.conf
    if [ "${VIGLA_RAUC_BOOTLOADER}" = "custom" ]; then
        sed -i -e 's#^bootloader=uboot#bootloader=custom#' ${D}${nonarch_libdir}/rauc/system.conf
        printf '\n[handlers]\nbootloader-custom-backend=%s\n' ${libexecdir}/vigla/vigla-tryboot \
            >> ${D}${nonarch_libdir}/rauc/system.conf
    fi
    install -m 0644 ${UNPACKDIR}/$(basename "${RAUC_KEYRING_FILE}") ${D}${nonarch_libdir}/rauc/keyring.pem
}
