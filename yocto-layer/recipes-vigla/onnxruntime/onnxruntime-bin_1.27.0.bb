SUMMARY = "ONNX Runtime, the shared library of the published wheel"
DESCRIPTION = "The same file as in the twin image and on laptops: it takes the inference engine out of \
the question when a picture is judged differently somewhere."
HOMEPAGE = "https://onnxruntime.ai/"
SECTION = "libs"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://onnxruntime/LICENSE;md5=0f7e3b1308cb5c00b372a6e78835732d"

COMPATIBLE_HOST = "aarch64.*-linux"

# ci/pins/onnxruntime-aarch64.txt has the same sum. A wheel is a zip file.
SRC_URI = "https://files.pythonhosted.org/packages/84/86/c3b6b17745a1997d784dadc9bd88d713d2e6721139a5a0e885b28cfb79b1/onnxruntime-1.27.0-cp312-cp312-manylinux_2_27_aarch64.manylinux_2_28_aarch64.whl;downloadfilename=${BP}.zip"
SRC_URI[sha256sum] = "c6fddce0539a4898c7bef35b052ffd37935b2190e35488eab99ce91887743ea1"

S = "${UNPACKDIR}"

do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    install -d ${D}${nonarch_libdir}/vigla
    install -m 0755 ${S}/onnxruntime/capi/libonnxruntime.so.${PV} ${D}${nonarch_libdir}/vigla/
}

FILES:${PN} = "${nonarch_libdir}/vigla"

# Not for others to link: our detector loads it by its path.
PRIVATE_LIBS = "libonnxruntime.so.1"
INHIBIT_PACKAGE_STRIP = "1"
INHIBIT_PACKAGE_DEBUG_SPLIT = "1"
INHIBIT_SYSROOT_STRIP = "1"
