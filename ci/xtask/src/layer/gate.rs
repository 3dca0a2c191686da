//! Two mistakes of the language that BitBake does not see: an append that changes recipes of others also under
//! another distro, and an override that nobody ever sets.

use std::fs;
use std::path::Path;

use super::text::{Kind, Statement, files, statements};
use super::{Machine, folder};

/// Words after a colon that change a value, and the overrides that exist here.
const OPERATIONS: &[&str] = &["append", "prepend", "remove"];
const DISTRO: &str = "vigla";
/// What boards and classes of files are called beside the machines: the Pi's family, a file system.
const OTHERS: &[&str] = &["rpi", "ext4", "class-target", "class-native"];
/// Statements that an append may have, since they only set what is gated by its name.
const FREE: &[&str] = &[];

/// Looks at all recipes, appends, classes and configurations of the layer; gives how many.
pub(crate) fn check() -> anyhow::Result<usize> {
    let files = files(&["bb", "bbappend", "bbclass", "inc", "conf"])?;
    let recipes = recipes(&files);
    let mut wrong = Vec::new();
    for path in &files {
        let text = fs::read_to_string(folder().join(path))?;
        wrong.extend(look(path, &text, &recipes));
    }
    anyhow::ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(files.len())
}

/// The names of our recipes, which are names of packages too.
fn recipes(files: &[std::path::PathBuf]) -> Vec<String> {
    files
        .iter()
        .filter_map(|path| {
            let name = path.file_stem()?.to_str()?;
            Some(name.split('_').next()?.to_owned())
        })
        .collect()
}

fn look(path: &Path, text: &str, recipes: &[String]) -> Vec<String> {
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
        for part in parts.iter().filter(|part| !known(part, recipes)) {
            wrong.push(format!(
                "{place}: nothing sets the override `{part}` of `{name}`"
            ));
        }
    }
    wrong
}

/// An operation, an override, or a package.
fn known(part: &str, recipes: &[String]) -> bool {
    let package = |name: &str| recipes.iter().any(|recipe| name == recipe);
    OPERATIONS.contains(&part)
        || part == DISTRO
        || OTHERS.contains(&part)
        || Machine::ALL.iter().any(|machine| machine.name() == part)
        || part.starts_with("${PN}")
        || part.starts_with("pn-")
        || part.starts_with("vigla-")
        || part == "viglactl"
        || package(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(file: &str, text: &str) -> String {
        look(Path::new(file), text, &[]).join("\n")
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
        let text = wrong("a.bb", "SRC_URI_append = \" y\"\n");
        assert!(text.contains("write `:append`"), "{text}");
    }

    #[test]
    fn the_layer_has_neither() {
        check().unwrap();
    }
}
