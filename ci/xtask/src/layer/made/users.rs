//! Users and groups, from the sysusers.d files that both images ship: for the recipe that makes ours, and
//! the table by which BitBake gives those of others the same numbers.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::tracked;
use crate::places;

/// What a sysusers.d line asks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Line {
    User {
        name: String,
        /// Of the user, and what follows a colon: its group by name.
        id: String,
        group: Option<String>,
        title: String,
        home: String,
    },
    Group {
        name: String,
        /// `-` is whatever the base of the system has.
        id: String,
    },
    Member {
        user: String,
        group: String,
    },
}

/// The lines of a file, in its order.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<Line>> {
    let text = fs::read_to_string(path).with_context(|| format!("read `{}`", path.display()))?;
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            parse(line).with_context(|| format!("in `{}`: what is `{line}`?", path.display()))
        })
        .collect()
}

fn parse(line: &str) -> Option<Line> {
    let words = words(line);
    let word = |at: usize| words.get(at).map(|word| (*word).to_owned());
    match *words.first()? {
        "u" => {
            let (id, group) = match words.get(2)?.split_once(':') {
                Some((id, group)) => (id.to_owned(), Some(group.to_owned())),
                None => (word(2)?, None),
            };
            let home = word(4).unwrap_or_else(|| "/".to_owned());
            let (name, title) = (word(1)?, word(3).unwrap_or_default());
            Some(Line::User {
                name,
                id,
                group,
                title,
                home,
            })
        }
        "g" => Some(Line::Group {
            name: word(1)?,
            id: word(2)?,
        }),
        "m" => Some(Line::Member {
            user: word(1)?,
            group: word(2)?,
        }),
        _ => None,
    }
}

/// Words, of which one may stand in double quotes.
fn words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for (at, part) in line.split('"').enumerate() {
        if at % 2 == 1 {
            words.push(part);
        } else {
            words.extend(part.split_whitespace());
        }
    }
    words
}

/// Every sysusers.d file of the repository.
pub(crate) fn sources() -> anyhow::Result<Vec<PathBuf>> {
    let mut paths = tracked(&["services", "image/root"])?;
    paths.retain(|path| {
        let text = path.to_string_lossy();
        text.contains("/usr/lib/sysusers.d/") && !text.contains("/tests/")
    });
    Ok(paths)
}

/// All lines of all files.
pub(crate) fn everyone() -> anyhow::Result<Vec<Line>> {
    let mut lines = Vec::new();
    for path in sources()? {
        lines.extend(read(&places::repository().join(path))?);
    }
    Ok(lines)
}

const HEAD: &str =
    "# Made of the sysusers.d files of the repository by `cargo xtask layer --write`.\n";

/// The table of users: `name::uid:gid:comment:home:shell`.
pub(crate) fn passwd() -> anyhow::Result<String> {
    let everyone = everyone()?;
    let mut lines = Vec::new();
    for line in &everyone {
        let Line::User {
            name,
            id,
            group,
            title,
            home,
        } = line
        else {
            continue;
        };
        let gid = match group {
            Some(group) => number(&everyone, group)
                .with_context(|| format!("user `{name}`: no number of the group `{group}`"))?,
            None => id.clone(),
        };
        lines.push(format!("{name}::{id}:{gid}:{title}:{home}:/sbin/nologin\n"));
    }
    Ok(sorted(lines))
}

/// The table of groups: `name::gid:`.
pub(crate) fn group() -> anyhow::Result<String> {
    let everyone = everyone()?;
    let names = everyone.iter().filter_map(|line| match line {
        Line::Group { name, .. } | Line::User { name, .. } => Some(name),
        Line::Member { .. } => None,
    });
    let lines = names.filter_map(|name| {
        let id = number(&everyone, name)?;
        Some(format!("{name}::{id}:\n"))
    });
    Ok(sorted(lines.collect()))
}

/// Of a group; that of a user stands for the group of its name.
pub(crate) fn number(everyone: &[Line], wanted: &str) -> Option<String> {
    everyone.iter().find_map(|line| match line {
        Line::Group { name, id } if name == wanted && id != "-" => Some(id.clone()),
        Line::User {
            name,
            id,
            group: None,
            ..
        } if name == wanted => Some(id.clone()),
        _ => None,
    })
}

fn sorted(mut lines: Vec<String>) -> String {
    lines.sort();
    lines.dedup();
    HEAD.to_owned() + &lines.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_understood_or_refused() {
        assert_eq!(
            parse("u sshd 983:sshd \"sshd user\" /run/sshd"),
            Some(Line::User {
                name: "sshd".into(),
                id: "983".into(),
                group: Some("sshd".into()),
                title: "sshd user".into(),
                home: "/run/sshd".into()
            })
        );
        assert_eq!(
            parse("m vigla-camera video"),
            Some(Line::Member {
                user: "vigla-camera".into(),
                group: "video".into()
            })
        );
        assert_eq!(parse("r - 500-900"), None);
    }

    #[test]
    fn no_number_is_given_twice() {
        let mut numbers = std::collections::BTreeMap::new();
        for line in everyone().unwrap() {
            let (Line::User { name, id, .. } | Line::Group { name, id }) = line else {
                continue;
            };
            if id != "-" {
                let other = numbers.insert(id.clone(), name.clone());
                assert!(other.is_none_or(|other| other == name), "{id}: {name}");
            }
        }
    }
}
