//! Decisions are numbered 1, 2, 3, ... without a gap or a twin: two branches that each wrote the
//! next one must notice.

use anyhow::Context as _;

use super::Verdict;
use crate::places;

pub(super) fn check() -> anyhow::Result<Verdict> {
    let folder = places::repository().join("docs/adr");
    let entries =
        std::fs::read_dir(&folder).with_context(|| format!("list `{}`", folder.display()))?;
    let mut names: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .collect();
    names.sort();
    let wrong = wrong(&names);
    anyhow::ensure!(wrong.is_empty(), "docs/adr: {}", wrong.join("; "));
    Ok(Verdict::Good(format!("{} in a row", names.len())))
}

/// What is wrong with sorted file names.
fn wrong(names: &[String]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, expected) in names.iter().zip(1..) {
        let number = name.split_once('-').and_then(|(number, _)| {
            (number.len() == 4)
                .then(|| number.parse::<usize>().ok())
                .flatten()
        });
        match number {
            None => wrong.push(format!("`{name}` is not named `NNNN-title.md`")),
            Some(number) if number != expected => {
                wrong.push(format!("`{name}` should have the number {expected:04}"));
                break;
            }
            Some(_) => {}
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::wrong;

    #[test]
    fn gaps_and_twins_are_found() {
        let wrong = |names: &[&str]| {
            wrong(&names.iter().map(ToString::to_string).collect::<Vec<_>>()).len()
        };
        assert_eq!(wrong(&["0001-a.md", "0002-b.md"]), 0);
        assert_eq!(wrong(&["0001-a.md", "0003-b.md"]), 1);
        assert_eq!(wrong(&["0001-a.md", "0001-b.md"]), 1);
        assert_eq!(wrong(&["README.md"]), 1);
    }
}
