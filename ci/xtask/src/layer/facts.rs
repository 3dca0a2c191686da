//! What BitBake says a variable is in the end (`bitbake -e`), after every layer and override, and whether it is what
//! was wanted. What is wanted stands in `values.rs`.

use std::collections::BTreeMap;

/// The variables of one recipe, expanded.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    recipe: String,
    values: BTreeMap<String, String>,
    /// What was not as wanted, in words.
    pub(crate) wrong: Vec<String>,
    /// Questions asked.
    pub(crate) looked: usize,
}

impl Facts {
    pub(crate) fn parse(recipe: &str, text: &str) -> Self {
        let values = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| {
                let (name, value) = line.split_once("=\"")?;
                let name = name.strip_prefix("export ").unwrap_or(name);
                Some((name.to_owned(), value.strip_suffix('"')?.to_owned()))
            })
            .collect();
        Self {
            recipe: recipe.to_owned(),
            values,
            ..Self::default()
        }
    }

    pub(crate) fn value(&self, name: &str) -> &str {
        self.values
            .get(name)
            .map(String::as_str)
            .unwrap_or_default()
    }

    /// Its words hold all of `wanted`.
    pub(crate) fn has(&mut self, name: &str, wanted: &[&str]) {
        self.each(name, wanted, true);
    }

    /// Its words hold none of `unwanted`.
    pub(crate) fn lacks(&mut self, name: &str, unwanted: &[&str]) {
        self.each(name, unwanted, false);
    }

    fn each(&mut self, name: &str, words: &[&str], wanted: bool) {
        for word in words {
            self.looked += 1;
            let there = self.value(name).split_whitespace().any(|one| one == *word);
            if there != wanted {
                let verb = if wanted { "lacks" } else { "has" };
                self.wrong
                    .push(format!("{}: `{name}` {verb} `{word}`", self.recipe));
            }
        }
    }

    pub(crate) fn is(&mut self, name: &str, wanted: &str) {
        self.holds(name, wanted, |value| value.trim() == wanted);
    }

    pub(crate) fn holds(&mut self, name: &str, wanted: &str, is: impl Fn(&str) -> bool) {
        self.looked += 1;
        let value = self.value(name);
        if !is(value) {
            let found = value.split_whitespace().collect::<Vec<_>>().join(" ");
            let found: String = found.chars().take(200).collect();
            self.wrong.push(format!(
                "{}: `{name}` is `{found}`, not `{wanted}`",
                self.recipe
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_not_what_it_must_be_is_told() {
        let text = "# A=\"old\"\nA=\"x y\"\nexport B=\"z\"\nC:d=\"\"\n";
        let mut facts = Facts::parse("r", text);
        facts.has("A", &["x", "w"]);
        facts.lacks("A", &["y"]);
        facts.is("B", "z");
        facts.is("C:d", "");
        facts.is("B", "q");
        assert_eq!(facts.looked, 6);
        assert_eq!(
            facts.wrong,
            [
                "r: `A` lacks `w`",
                "r: `A` has `y`",
                "r: `B` is `z`, not `q`"
            ]
        );
    }
}
