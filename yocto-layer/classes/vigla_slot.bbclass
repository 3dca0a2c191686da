# What an image of ours has that packages do not bring: kernel and initial RAM disk where U-Boot's script
# looks for them, nobody's password, and a look at what must not be there.

do_rootfs[depends] += "vigla-initramfs:do_image_complete"
# nooelint: oelint.vars.mispell.unknown - a task of image_types_wic
do_image_wic[depends] += "${VIGLA_BOOT_RECIPE}:do_deploy vigla-initramfs:do_image_complete"

ROOTFS_POSTPROCESS_COMMAND += "vigla_start vigla_identity"
# After all that others do, passwords too.
IMAGE_PREPROCESS_COMMAND += "vigla_audit"

vigla_start[doc] = "Kernel and initial RAM disk under the names that the boot script knows"
vigla_start() {
    install -d ${IMAGE_ROOTFS}/boot
    install -m 0644 ${DEPLOY_DIR_IMAGE}/vigla-initramfs-${MACHINE}.cpio.gz ${IMAGE_ROOTFS}/boot/initrd
    ln -sf ${KERNEL_IMAGETYPE} ${IMAGE_ROOTFS}/boot/vmlinuz
}

vigla_identity[doc] = "The board in os-release, and no set-user-id"
vigla_identity() {
    printf 'VIGLA_MACHINE=%s\n' "${VIGLA_BOARD}" >> ${IMAGE_ROOTFS}${nonarch_libdir}/os-release
    # Nothing gives rights to whoever starts it.
    find ${IMAGE_ROOTFS} -type f -perm /6000 -exec chmod a-s {} +
}

vigla_audit[doc] = "No key, no identity, no account that is open, nothing that everybody may write"
vigla_audit() {
    cd ${IMAGE_ROOTFS}
    {
        # A key has a body, which a program that reads keys has not. GnuTLS tests itself with published ones.
        grep -rlazE -e 'PRIVATE KE[Y]-----[[:space:]]+[A-Za-z0-9+/=]{40}' . | grep -v '/libgnutls[.]so' || true
        find . -xdev ! -type l -perm -0002 ! -perm -1000
        find . -xdev -type f -perm /6000
        ls -d etc/ssh/ssh_host_*_key root/.ssh/authorized_keys etc/vigla/ssh/authorized_keys 2> /dev/null || true
        grep -v -E -e '^[^:]*:[!*]' etc/shadow || true
    } > ${WORKDIR}/vigla-audit.txt
    if [ -s ${WORKDIR}/vigla-audit.txt ]; then
        bbfatal "this must not be in an image: $(cat ${WORKDIR}/vigla-audit.txt)"
    fi
}
