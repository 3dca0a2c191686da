//! Two mistakes of the language that BitBake does not see: an append that changes recipes of others also under
//! another distro, and an override that nobody ever sets.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::text::{Kind, Statement, files, read, statements, words};
use super::{Machine, closure, folder};

/// Words after a colon that change a value, and the overrides that exist here.
const OPERATIONS: &[&str] = &["append", "prepend", "remove"];
const DISTRO: &str = "vigla";
/// What boards and classes of files are called beside the machines: the Pi's family, a file system.
const OTHERS: &[&str] = &["rpi", "ext4", "class-target", "class-native"];
/// Statements that an append may have, since they only set what is gated by its name.
const FREE: &[&str] = &[];

/// Looks at all recipes, appends, classes and configurations of the layer; gives how many.
pub(crate) fn check() -> anyhow::Result<usize> {
    let names = Names::read()?;
    let files = files(KINDS)?;
    let mut wrong = Vec::new();
    for path in &files {
        let text = fs::read_to_string(folder().join(path))?;
        wrong.extend(look(path, &text, &names));
    }
    anyhow::ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(files.len())
}

/// What is found in a file of the layer with `from` in it written as `to`.
pub(crate) fn planted(path: &str, from: &str, to: &str) -> anyhow::Result<String> {
    let text = fs::read_to_string(folder().join(path))?;
    anyhow::ensure!(text.contains(from), "`{path}` has no `{from}`");
    let wrong = look(Path::new(path), &text.replace(from, to), &Names::read()?);
    Ok(wrong.join("\n"))
}

/// Files in BitBake's language.
const KINDS: &[&str] = &["bb", "bbappend", "bbclass", "inc", "conf"];

/// Names that are overrides too.
#[derive(Debug, Default)]
struct Names {
    /// Our recipes and packages, as in `FILES:vigla-camera`.
    packages: BTreeSet<String>,
    /// Recipes, as in `DEPENDS:append:pn-systemd`.
    recipes: BTreeSet<String>,
}

impl Names {
    fn read() -> anyhow::Result<Self> {
        let recipe = |path: &Path| Some(path.file_stem()?.to_str()?.split('_').next()?.to_owned());
        let ours = files(&["bb"])?;
        let mut packages: BTreeSet<_> = ours.iter().filter_map(|path| recipe(path)).collect();
        let mut recipes: BTreeSet<_> = closure::needed()?
            .iter()
            .filter_map(|path| recipe(Path::new(path)))
            .collect();
        recipes.extend(packages.iter().cloned());
        let made = read("recipes-vigla/services/vigla-services-packages.inc")?;
        packages.extend(words(&made, "VIGLA_PACKAGES"));
        packages.insert("viglactl".to_owned());
        Ok(Self { packages, recipes })
    }
}

fn look(path: &Path, text: &str, names: &Names) -> Vec<String> {
    let append = path
        .extension()
        .is_some_and(|extension| extension == "bbappend");
    let mut wrong = Vec::new();
    for Statement { line, kind } in statements(text) {
        let place = format!("`yocto-layer/{}` line {line}", path.display());
        let name = match &kind {
            Kind::Set { name, .. } | Kind::Function { name, .. } => name,
            Kind::Other(text) => {
                if append && !FREE.contains(&text.as_str()) {
                    wrong.push(format!("{place}: `{text}` works under every distro; an append may only set what ends with `:{DISTRO}`"));
                }
                continue;
            }
        };
        let mut parts = name.split(':');
        let variable = parts.next().unwrap_or_default();
        let parts: Vec<_> = parts.collect();
        if append && !parts.contains(&DISTRO) {
            wrong.push(format!(
                "{place}: `{name}` works under every distro; write `{name}:{DISTRO}`"
            ));
        }
        for old in ["_append", "_prepend", "_remove"] {
            if variable.ends_with(old) {
                wrong.push(format!(
                    "{place}: `{name}` is a variable of its own; write `:{}`",
                    &old[1..]
                ));
            }
        }
        for part in parts.iter().filter(|part| !known(part, names)) {
            wrong.push(format!(
                "{place}: nothing sets the override `{part}` of `{name}`"
            ));
        }
    }
    wrong
}

/// An operation, an override, or a package.
fn known(part: &str, names: &Names) -> bool {
    if let Some(recipe) = part.strip_prefix("pn-") {
        return names.recipes.contains(recipe);
    }
    OPERATIONS.contains(&part)
        || part == DISTRO
        || OTHERS.contains(&part)
        || Machine::ALL.iter().any(|machine| machine.name() == part)
        || part.starts_with("${PN}")
        || names.packages.contains(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(file: &str, text: &str) -> String {
        look(Path::new(file), text, &Names::read().unwrap()).join("\n")
    }

    #[test]
    fn an_append_that_is_not_gated_is_found() {
        assert_eq!(wrong("a_%.bbappend", "X:append:vigla = \" y\"\n"), "");
        let text = wrong("a_%.bbappend", "X:append = \" y\"\n");
        assert!(
            text.contains("`X:append` works under every distro"),
            "{text}"
        );
        let text = wrong("a_%.bbappend", "do_install:append() {\n    :\n}\n");
        assert!(text.contains("line 1"), "{text}");
        assert!(wrong("a_%.bbappend", "inherit systemd\n").contains("every distro"));
    }

    #[test]
    fn an_override_that_nobody_sets_is_found() {
        assert_eq!(wrong("a.conf", "X:raspberrypi5 = \"y\"\n"), "");
        let text = wrong("a.conf", "X:raspberrypi4 = \"y\"\n");
        assert!(
            text.contains("nothing sets the override `raspberrypi4`"),
            "{text}"
        );
        let text = wrong(
            "a.bb",
            "FILES:vigla-camrea = \"y\"\nFILES:vigla-camera = \"y\"\n",
        );
        assert!(text.contains("`vigla-camrea` of"), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
        let text = wrong("a.conf", "X:pn-sytemd = \"y\"\nX:pn-systemd = \"y\"\n");
        assert!(text.contains("`pn-sytemd` of"), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
        let text = wrong("a.bb", "SRC_URI_append = \" y\"\n");
        assert!(text.contains("write `:append`"), "{text}");
    }

    #[test]
    fn the_layer_has_neither() {
        check().unwrap();
    }
}
