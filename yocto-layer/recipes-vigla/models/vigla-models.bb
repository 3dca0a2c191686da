SUMMARY = "Models that a Vigla detector finds objects with"
DESCRIPTION = "services/detector/models of the repository, each with its licence and where it is from."
SECTION = "libs"

SRC_URI = "file://services/detector/models"

inherit vigla_tree allarch

do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    install -d ${D}${datadir}/vigla/models
    cp -R --no-preserve=all ${S}/services/detector/models/. ${D}${datadir}/vigla/models/
}

FILES:${PN} = "${datadir}/vigla/models"
