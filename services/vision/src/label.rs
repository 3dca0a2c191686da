//! Labels: the words of a model, one per class.

use std::sync::Arc;

use crate::near::nearest;

/// A class without a word in the label file.
const UNUSED: &str = "-";

/// The words of a model in the order of its score columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels(Vec<Option<Arc<str>>>);

/// A label file is not usable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LabelsError {
    /// The same word stands for two classes.
    #[error("`{label}` stands on lines {first} and {second}")]
    Twice {
        /// The word.
        label: String,
        /// Line of the first, from 1.
        first: usize,
        /// Line of the second.
        second: usize,
    },
    /// No class has a word.
    #[error("the label file names no class")]
    Empty,
}

/// A label that the model does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the model has no label `{label}`{}", hint(near, *known))]
pub struct UnknownLabel {
    /// What was asked for.
    pub label: String,
    /// The model's labels that look like it, nearest first; at most five.
    pub near: Vec<String>,
    /// How many labels the model has.
    pub known: usize,
}

fn hint(near: &[String], known: usize) -> String {
    if near.is_empty() {
        return format!("; none of its {known} labels is close");
    }
    let names: Vec<_> = near.iter().map(|name| format!("`{name}`")).collect();
    format!("; close names: {}", names.join(", "))
}

impl Labels {
    /// Reads a label file: one label per line in the order of the score columns, `-` for a
    /// column that stands for nothing. Empty lines at the end do not count.
    pub fn parse(text: &str) -> Result<Self, LabelsError> {
        let mut labels: Vec<Option<Arc<str>>> = Vec::new();
        for (index, line) in text.trim_end().lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line == UNUSED {
                labels.push(None);
                continue;
            }
            if let Some(first) = labels
                .iter()
                .position(|known| known.as_deref() == Some(line))
            {
                return Err(LabelsError::Twice {
                    label: line.to_owned(),
                    first: first + 1,
                    second: index + 1,
                });
            }
            labels.push(Some(line.into()));
        }
        if labels.iter().all(Option::is_none) {
            return Err(LabelsError::Empty);
        }
        Ok(Self(labels))
    }

    /// Number of classes, unused ones included: the width of the model's scores.
    pub fn classes(&self) -> usize {
        self.0.len()
    }

    /// The label of a class; `None` for an unused class or one the model does not have.
    pub fn of(&self, class: usize) -> Option<&Arc<str>> {
        self.0.get(class)?.as_ref()
    }

    /// All words, in the order of the classes.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flatten().map(AsRef::as_ref)
    }

    /// The class of a label.
    pub fn class(&self, label: &str) -> Result<u16, UnknownLabel> {
        let found = (0_u16..)
            .zip(&self.0)
            .find(|(_, known)| known.as_deref() == Some(label));
        found.map(|(class, _)| class).ok_or_else(|| UnknownLabel {
            label: label.to_owned(),
            near: nearest(label, self.names()),
            known: self.names().count(),
        })
    }

    /// The shared text of a label, or an error that lists close names: how a configuration is
    /// checked.
    pub fn check(&self, label: &str) -> Result<Arc<str>, UnknownLabel> {
        let class = self.class(label)?;
        Ok(self.0[usize::from(class)].clone().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels() -> Labels {
        Labels::parse("person\nbicycle\ncar\nmotorcycle\n-\ntruck\n\n").unwrap()
    }

    #[test]
    fn keeps_the_column_of_each_label() {
        let labels = labels();
        assert_eq!(labels.classes(), 6);
        assert_eq!(labels.class("truck"), Ok(5));
        assert_eq!(labels.of(4), None);
        assert_eq!(labels.of(900), None);
        assert_eq!(labels.names().count(), 5);
    }

    #[test]
    fn an_unknown_label_lists_close_names() {
        let error = labels().class("motorbike").unwrap_err();
        assert_eq!(error.near[0], "motorcycle");
        assert!(error.to_string().contains("close names: `motorcycle`"));
        assert_eq!(labels().class("People").unwrap_err().near, ["person"]);
        assert_eq!(labels().class("cars").unwrap_err().near[0], "car");
        assert_eq!(labels().class("cra").unwrap_err().near[0], "car");
        let error = labels().class("zzz").unwrap_err();
        assert!(error.to_string().contains("none of its 5 labels is close"));
    }

    #[test]
    fn refuses_a_file_without_labels_or_with_one_twice() {
        assert_eq!(Labels::parse("-\n\n"), Err(LabelsError::Empty));
        assert_eq!(
            Labels::parse("car\nbus\ncar"),
            Err(LabelsError::Twice {
                label: "car".into(),
                first: 1,
                second: 3
            })
        );
    }

    #[test]
    fn any_damage_to_a_label_file_is_survived() {
        vigla_testkit::fuzz(env!("CARGO_MANIFEST_DIR"), "labels", |bytes| {
            if let Ok(labels) = Labels::parse(&String::from_utf8_lossy(bytes)) {
                assert!(labels.names().count() <= labels.classes());
                let _ = labels.class("motorbike");
            }
        });
    }
}
