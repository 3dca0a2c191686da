# What an image of ours has that packages do not bring: kernel and initial RAM disk where U-Boot's script
# looks for them, and nobody's password.

do_rootfs[depends] += "vigla-initramfs:do_image_complete"
# nooelint: oelint.vars.mispell.unknown - a task of image_types_wic
do_image_wic[depends] += "${VIGLA_BOOT_RECIPE}:do_deploy vigla-initramfs:do_image_complete"

ROOTFS_POSTPROCESS_COMMAND += "vigla_start vigla_identity"

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
