//! BitBake's language, as far as our own recipes use it: assignments, functions, the rest. For what is to be
//! asked of the text itself, such as whether an append does nothing under another distro.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::folder;
use crate::image::files_below;

/// A statement of a file, with its first line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) line: usize,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `NAME:override[flag] = "value"`
    Set {
        name: String,
        flag: Option<String>,
        value: String,
    },
    /// `do_install:append() { ... }`
    Function { name: String, body: String },
    /// `inherit`, `require`, `addtask` and their like.
    Other(String),
}

/// The statements of a recipe, an append, a class or a configuration.
pub(crate) fn statements(text: &str) -> Vec<Statement> {
    let mut found = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((at, first)) = lines.next() {
        let line = at + 1;
        if first.trim().is_empty() || first.starts_with('#') {
            continue;
        }
        if let Some(name) = function(first) {
            let body = lines.by_ref().map(|(_, line)| line);
            let body: Vec<_> = body.take_while(|line| *line != "}").collect();
            let kind = Kind::Function {
                name: name.to_owned(),
                body: body.join("\n"),
            };
            found.push(Statement { line, kind });
            continue;
        }
        let mut whole = first.to_owned();
        while let Some(open) = whole.strip_suffix('\\') {
            let next = lines.next().map_or("", |(_, line)| line);
            whole = format!("{open} {}", next.trim());
        }
        let kind = assignment(&whole).unwrap_or_else(|| Kind::Other(whole.trim().to_owned()));
        found.push(Statement { line, kind });
    }
    found
}

/// The name of the function that a line begins.
fn function(line: &str) -> Option<&str> {
    let head = line.strip_suffix('{')?.trim_end().strip_suffix("()")?;
    let head = head.strip_prefix("python ").unwrap_or(head);
    let head = head.strip_prefix("fakeroot ").unwrap_or(head).trim_end();
    (!head.contains(' ')).then_some(head)
}

/// Longest first: `=` is in all of them.
const OPERATORS: &[&str] = &["??=", "?=", ":=", "+=", "=+", ".=", "=.", "="];

fn assignment(line: &str) -> Option<Kind> {
    let quote = line.find(['"', '\''])?;
    let (head, value) = (line[..quote].trim_end(), &line[quote + 1..]);
    let operator = OPERATORS
        .iter()
        .find(|operator| head.ends_with(**operator))?;
    let name = head.strip_suffix(operator)?.trim_end();
    let name = name.strip_prefix("export ").unwrap_or(name);
    let (name, flag) = match name.split_once('[') {
        Some((name, flag)) => (name, Some(flag.strip_suffix(']')?.to_owned())),
        None => (name, None),
    };
    if name.contains(' ') {
        return None;
    }
    let value = value.trim_end();
    let value = value.strip_suffix(['"', '\'']).unwrap_or(value);
    Some(Kind::Set {
        name: name.to_owned(),
        flag,
        value: value.split_whitespace().collect::<Vec<_>>().join(" "),
    })
}

/// The words of a variable, by the last statement that sets it just so.
pub(crate) fn words(statements: &[Statement], wanted: &str) -> Vec<String> {
    let value = statements
        .iter()
        .rev()
        .find_map(|statement| match &statement.kind {
            Kind::Set {
                name,
                flag: None,
                value,
            } if name == wanted => Some(value),
            _ => None,
        });
    let value = value.map(String::as_str).unwrap_or_default();
    value.split_whitespace().map(ToOwned::to_owned).collect()
}

/// A file of the layer, by its path below it.
pub(crate) fn read(path: &str) -> anyhow::Result<Vec<Statement>> {
    let file = folder().join(path);
    let text = fs::read_to_string(&file).with_context(|| format!("read `{}`", file.display()))?;
    Ok(statements(&text))
}

/// All files of the layer with one of these extensions, as paths below it.
pub(crate) fn files(extensions: &[&str]) -> anyhow::Result<Vec<PathBuf>> {
    let is_one = |path: &Path| {
        let extension = path.extension().unwrap_or_default();
        extensions.iter().any(|one| extension == *one)
    };
    let mut paths = files_below(&folder())?;
    paths.retain(|path| is_one(path));
    let inside = |path: PathBuf| Some(path.strip_prefix(folder()).ok()?.to_owned());
    Ok(paths.into_iter().filter_map(inside).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_told_apart() {
        let text = "# no\nA:append:b = \" x \\\n    y \\\n\"\nF[x] ?= '1'\ndo_it:append:b() {\n    C=\"1\"\n}\ninherit z\nSRC[a.b] = \"c\"\n";
        let found = statements(text);
        let set = |name: &str, flag: Option<&str>, value: &str| Kind::Set {
            name: name.into(),
            flag: flag.map(Into::into),
            value: value.into(),
        };
        let kinds: Vec<_> = found.iter().map(|found| found.kind.clone()).collect();
        assert_eq!(
            kinds,
            [
                set("A:append:b", None, "x y"),
                set("F", Some("x"), "1"),
                Kind::Function {
                    name: "do_it:append:b".into(),
                    body: "    C=\"1\"".into()
                },
                Kind::Other("inherit z".into()),
                set("SRC", Some("a.b"), "c"),
            ]
        );
        assert_eq!(found[2].line, 6);
        assert_eq!(words(&found, "A:append:b"), ["x", "y"]);
    }
}
