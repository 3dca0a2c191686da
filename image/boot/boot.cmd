# U-Boot's part of an update: chooses the slot, counts its tries, and remembers both on the raw
# partition `env`, in two copies of 0x4000 bytes (0x20 blocks). RAUC and fw_setenv read and write
# the same variables. Numbers are hexadecimal. U-Boot says where it
# found this script (devtype: `virtio`, `mmc`, `usb`, `nvme`); {bus} is for one that does not.
setenv vigla_bus ${devtype}
if test "x${devtype}" = "x"; then
  setenv vigla_bus {bus}
fi
setenv vigla_dev ${devnum}

part start ${vigla_bus} ${vigla_dev} env env_start
setexpr env_second ${env_start} + 20

setenv BOOT_ORDER "A B"
setenv BOOT_A_LEFT 3
setenv BOOT_B_LEFT 3
setenv vigla_env none
${vigla_bus} read ${pxefile_addr_r} ${env_start} 20
if env import -c ${pxefile_addr_r} 4000 BOOT_ORDER BOOT_A_LEFT BOOT_B_LEFT; then
  setenv vigla_env first
else
  ${vigla_bus} read ${pxefile_addr_r} ${env_second} 20
  if env import -c ${pxefile_addr_r} 4000 BOOT_ORDER BOOT_A_LEFT BOOT_B_LEFT; then
    setenv vigla_env second
  fi
fi
echo "vigla: environment ${vigla_env}, order ${BOOT_ORDER}, tries A ${BOOT_A_LEFT} B ${BOOT_B_LEFT}"

setenv slot
for name in ${BOOT_ORDER}; do
  if test "x${slot}" = "x"; then
    if test "x${name}" = "xA"; then
      if test ${BOOT_A_LEFT} -gt 0; then
        setexpr BOOT_A_LEFT ${BOOT_A_LEFT} - 1
        setenv slot a
        setenv rauc A
      fi
    fi
    if test "x${name}" = "xB"; then
      if test ${BOOT_B_LEFT} -gt 0; then
        setexpr BOOT_B_LEFT ${BOOT_B_LEFT} - 1
        setenv slot b
        setenv rauc B
      fi
    fi
  fi
done

# All tries spent: from the start, rather than a node that stays dark.
if test "x${slot}" = "x"; then
  echo "vigla: no slot has tries left, all get three again"
  setenv BOOT_A_LEFT 3
  setenv BOOT_B_LEFT 3
  env export -c -s 4000 ${pxefile_addr_r} BOOT_ORDER BOOT_A_LEFT BOOT_B_LEFT
  ${vigla_bus} write ${pxefile_addr_r} ${env_second} 20
  ${vigla_bus} write ${pxefile_addr_r} ${env_start} 20
  reset
fi

# The second copy first: at every moment one of them is whole.
env export -c -s 4000 ${pxefile_addr_r} BOOT_ORDER BOOT_A_LEFT BOOT_B_LEFT
${vigla_bus} write ${pxefile_addr_r} ${env_second} 20
${vigla_bus} write ${pxefile_addr_r} ${env_start} 20

part number ${vigla_bus} ${vigla_dev} root-${slot} vigla_part
setenv bootargs "{arguments} vigla.slot=${slot} rauc.slot=${rauc} panic=5 ro"
load ${vigla_bus} ${vigla_dev}:${vigla_part} ${kernel_addr_r} /boot/vmlinuz
load ${vigla_bus} ${vigla_dev}:${vigla_part} ${ramdisk_addr_r} /boot/initrd
booti ${kernel_addr_r} ${ramdisk_addr_r}:${filesize} {fdt}
echo "vigla: slot ${slot} does not boot"
reset
