//! The chart in `image/cloud/chart`, embedded, and its rendering.
//!
//! Its templates use nothing but `{{ .Values.a.b }}`, so that what Helm makes of them and what this makes
//! of them is the same.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde_json::Value;

const VALUES: &str = include_str!("../../../image/cloud/chart/values.yaml");
const TEMPLATES: [(&str, &str); 4] = [
    (
        "account.yaml",
        include_str!("../../../image/cloud/chart/templates/account.yaml"),
    ),
    (
        "bootstrap.yaml",
        include_str!("../../../image/cloud/chart/templates/bootstrap.yaml"),
    ),
    (
        "policies.yaml",
        include_str!("../../../image/cloud/chart/templates/policies.yaml"),
    ),
    (
        "registrar.yaml",
        include_str!("../../../image/cloud/chart/templates/registrar.yaml"),
    ),
];
const OPEN: &str = "{{ .Values.";
const CLOSE: &str = " }}";

/// The objects of the chart with these values over its own; keys like `cluster.flavour`.
pub(crate) fn render(set: &BTreeMap<String, String>) -> anyhow::Result<Vec<Value>> {
    let values = values(set)?;
    let mut objects = Vec::new();
    for (name, template) in TEMPLATES {
        let text = fill(template, &values).with_context(|| format!("render `{name}`"))?;
        // A document of its own each: an object.
        for part in text.split("\n---\n") {
            let object = serde_saphyr::from_str(part).with_context(|| format!("read `{name}`"))?;
            objects.push(object);
        }
    }
    Ok(objects)
}

fn values(set: &BTreeMap<String, String>) -> anyhow::Result<BTreeMap<String, String>> {
    let all: Value = serde_saphyr::from_str(VALUES).context("read the values of the chart")?;
    let mut flat = BTreeMap::new();
    flatten("", &all, &mut flat);
    for (key, value) in set {
        let known = flat
            .get_mut(key)
            .with_context(|| format!("the chart has no value `{key}`"))?;
        anyhow::ensure!(
            !value.contains(['"', '\\', '\n', '\r']),
            "`{key}`: a quote, a backslash or a new line cannot be in a value"
        );
        known.clone_from(value);
    }
    Ok(flat)
}

fn flatten(path: &str, value: &Value, flat: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                let dot = if path.is_empty() { "" } else { "." };
                flatten(&format!("{path}{dot}{key}"), value, flat);
            }
        }
        Value::String(text) => drop(flat.insert(path.to_owned(), text.clone())),
        other => drop(flat.insert(path.to_owned(), other.to_string())),
    }
}

fn fill(template: &str, values: &BTreeMap<String, String>) -> anyhow::Result<String> {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        text.push_str(before);
        let whole = format!("{{{{{after}");
        let inner = whole
            .strip_prefix(OPEN)
            .and_then(|inner| inner.split_once(CLOSE));
        let (key, after) =
            inner.context("something else than a plain value between `{{` and `}}`")?;
        let value = values.get(key);
        text.push_str(value.with_context(|| format!("no value `{key}`"))?);
        rest = &rest[rest.len() - after.len()..];
    }
    text.push_str(rest);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_can_be_rendered() {
        let objects = render(&BTreeMap::new()).unwrap();
        assert!(objects.len() > 15, "{}", objects.len());
        for object in &objects {
            assert!(
                object["kind"].is_string() && object["metadata"]["name"].is_string(),
                "{object}"
            );
        }
    }

    #[test]
    fn values_are_set_and_unknown_ones_refused() {
        let set = |key: &str, value: &str| [(key.to_owned(), value.to_owned())].into();
        let text = serde_json::to_string(&render(&set("cluster.flavour", "k3s")).unwrap()).unwrap();
        assert!(text.contains("flavour = \\\"k3s\\\""), "{text}");
        assert!(render(&set("cluster.flavor", "k3s")).is_err());
        assert!(render(&set("host", "a\"\nb")).is_err());
    }
}
