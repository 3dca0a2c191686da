# The initial RAM disk mounts what is mounted (image/root/usr/lib/vigla/state.tab); the slot has no table.
do_install:append:vigla() {
    : > ${D}${sysconfdir}/fstab
}
