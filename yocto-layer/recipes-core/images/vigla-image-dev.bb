SUMMARY = "The same with a root shell, for a desk and for QEMU; never for a device in use"
DESCRIPTION = "Whoever reaches it is root. What it has more stands here and nowhere else."

require vigla-image.bb

# nooelint: oelint.var.badimagefeature - that is what it is for
IMAGE_FEATURES += "allow-empty-password allow-root-login empty-root-password post-install-logging tools-debug"
# The runtime tests ask findmnt.
IMAGE_INSTALL += "k3s-contrib util-linux-findmnt"

ROOTFS_POSTPROCESS_COMMAND += "vigla_dev_ssh"
# It is open on purpose.
IMAGE_PREPROCESS_COMMAND:remove = "vigla_audit"

# The runtime tests log in as root, with nothing.
vigla_dev_ssh[doc] = "Root without a password or key"
vigla_dev_ssh() {
    install -d ${IMAGE_ROOTFS}${sysconfdir}/ssh/sshd_config.d ${IMAGE_ROOTFS}${sysconfdir}/vigla/ssh
    printf '%s\n' 'AuthenticationMethods any' 'PasswordAuthentication yes' 'PermitEmptyPasswords yes' \
        'PermitRootLogin yes' > ${IMAGE_ROOTFS}${sysconfdir}/ssh/sshd_config.d/dev.conf
    : > ${IMAGE_ROOTFS}${sysconfdir}/vigla/ssh/authorized_keys
}
