//! Every key of a daemon's settings, fed with what is wrong: values out of range and of another
//! type. Each answer must name the file, the line, and what would be right.

use std::path::Path;

/// A key (`gate.area`), wrong values for it as they would stand in a file, and the words for what
/// is right.
pub type Wrong<'a> = (&'a str, &'a [&'a str], &'a str);

/// Writes each wrong value of each key to `<noun>.d/50-site.toml` in a new folder and has `load`
/// read that: it gives the whole error, or `None` when it was content.
///
/// The answer is what is amiss, a line each: wrong values that were accepted, errors that do not
/// say enough, and keys of `defaults` (the settings as TOML, as `--check` shows them) that
/// `wrongs` forgets.
pub fn refusals(
    noun: &str,
    defaults: &str,
    wrongs: &[Wrong<'_>],
    load: impl Fn(&Path) -> Option<String>,
) -> anyhow::Result<Vec<String>> {
    let known = |key: &String| wrongs.iter().any(|(wrong, ..)| key == wrong);
    let forgotten = keys(defaults).into_iter().filter(|key| !known(key));
    let mut amiss: Vec<String> = forgotten.map(|key| format!("{key}: not tried")).collect();
    for (key, values, right) in wrongs {
        for value in *values {
            let said = ask(noun, &fragment(key, value), &load)?;
            let place = format!("{noun}.d/50-site.toml` line 3");
            match said {
                None => amiss.push(format!("{key} = {value}: accepted")),
                Some(said) if said.contains(&place) && said.contains(right) => {}
                Some(said) => amiss.push(format!("{key} = {value}: {said}")),
            }
        }
    }
    Ok(amiss)
}

fn ask(
    noun: &str,
    text: &str,
    load: impl Fn(&Path) -> Option<String>,
) -> anyhow::Result<Option<String>> {
    let root = tempfile::tempdir()?;
    let folder = root.path().join(format!("{noun}.d"));
    std::fs::create_dir(&folder)?;
    #[allow(
        clippy::disallowed_methods,
        reason = "nobody reads it before it is whole"
    )]
    std::fs::write(folder.join("50-site.toml"), text)?;
    Ok(load(root.path()))
}

/// The value on line 3.
fn fragment(key: &str, value: &str) -> String {
    match key.rsplit_once('.') {
        Some((table, key)) => format!("\n[{table}]\n{key} = {value}\n"),
        None => format!("\n\n{key} = {value}\n"),
    }
}

/// The keys of pretty TOML, with dots.
fn keys(shown: &str) -> Vec<String> {
    let mut table = String::new();
    let mut keys = Vec::new();
    for line in shown.lines() {
        let header = line.strip_prefix('[').and_then(|l| l.strip_suffix(']'));
        if let Some(name) = header {
            table = format!("{name}.");
        } else if let Some((key, _)) = line.split_once(" = ") {
            keys.push(format!("{table}{key}"));
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_was_accepted_forgotten_or_badly_told() {
        let defaults = "rate = 1\nlabels = [\n    \"a\",\n]\n\n[gate]\narea = 0.1\n";
        let wrongs: [Wrong<'_>; 2] = [
            ("rate", &["0", "9"], "1 to 8"),
            ("gate.area", &["2"], "0.0 to 1.0"),
        ];
        let amiss = refusals("x", defaults, &wrongs, |root| {
            let text = std::fs::read_to_string(root.join("x.d/50-site.toml")).unwrap();
            let said = format!("`{}/x.d/50-site.toml` line 3: 1 to 8", root.display());
            (!text.contains("rate = 9")).then_some(said)
        });
        let amiss = amiss.unwrap();
        assert_eq!(amiss[..2], ["labels: not tried", "rate = 9: accepted"]);
        assert!(amiss[2].starts_with("gate.area = 2: `"), "{}", amiss[2]);
        assert_eq!(amiss.len(), 3);
    }
}
