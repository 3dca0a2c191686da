SUMMARY = "The services of a Vigla node"
DESCRIPTION = "The workspace, compiled once; a package per service with its units, users, bus policy \
and settings, which are those of its dist/ folder."
SECTION = "console/network"

DEPENDS = "libjpeg-turbo"

require ${BPN}-crates.inc
require ${BPN}-packages.inc

# What cargo reads to know the workspace; only the programs below are compiled.
SRC_URI += "file://Cargo.toml \
    file://Cargo.lock \
    file://ci/xtask \
    file://services \
    file://tests \
"

inherit vigla_tree cargo pkgconfig systemd useradd

# OE's standard library unwinds.
export CARGO_PROFILE_RELEASE_PANIC = "unwind"

CARGO_BUILD_FLAGS += "--bins ${VIGLA_CRATES}"

do_install:append() {
    for tree in ${S}/services/*/dist; do
        cp -R --no-preserve=all --no-dereference $tree/. ${D}/
    done
    # cargo.bbclass puts every program where people look; only one is for people.
    install -d ${D}${libexecdir}/vigla
    for program in ${D}${bindir}/vigla-*; do
        mv $program ${D}${libexecdir}/vigla/
    done
}

PACKAGES =+ "${VIGLA_PACKAGES} viglactl"
FILES:viglactl = "${bindir}/viglactl"

SYSTEMD_PACKAGES = "${VIGLA_PACKAGES}"
USERADD_PACKAGES = "${VIGLA_USERS}"

# All of them, for the image.
ALLOW_EMPTY:${PN} = "1"
RDEPENDS:${PN} = "${VIGLA_PACKAGES} viglactl"
# Loaded by its name, which packaging cannot see.
RDEPENDS:vigla-detector = "onnxruntime-bin vigla-models"
RDEPENDS:vigla-updater = "rauc"
RRECOMMENDS:vigla-metrics = "mosquitto"
