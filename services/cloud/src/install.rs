//! Puts the registrar into a cluster, or a newer one over it.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use kube::{Client, ResourceExt as _};
use serde_json::{Value, json};
use vigla_fleet::crd::{NAMESPACE, definitions};

use crate::chart;

/// Who owns what is written here.
const MANAGER: &str = "kubectl-vigla";
/// New kinds are there after a moment.
const PATIENCE: Duration = Duration::from_secs(30);

/// Kinds of the chart that are of no namespace.
const CLUSTER_WIDE: [&str; 4] = [
    "ClusterRole",
    "ClusterRoleBinding",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
];

/// What is to be written, in order: definitions, namespace, the objects of the chart.
///
/// # Errors
///
/// A value that the chart does not have.
pub fn objects(set: &BTreeMap<String, String>) -> anyhow::Result<Vec<Value>> {
    let mut all = ground()?;
    all.extend(chart::render(set)?);
    Ok(all)
}

/// The definitions and the namespace.
fn ground() -> anyhow::Result<Vec<Value>> {
    let mut all = Vec::new();
    for definition in definitions() {
        all.push(serde_json::to_value(definition)?);
    }
    all.push(json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": { "name": NAMESPACE },
    }));
    Ok(all)
}

/// Writes what everything else needs, and waits until the new kinds are there.
pub(crate) async fn kinds(client: &Client) -> anyhow::Result<()> {
    for object in ground()? {
        apply(client, &object).await?;
    }
    served(client).await
}

/// Writes everything; what is there already is brought up to date. Gives how many objects.
///
/// # Errors
///
/// The API server refuses one, or is not there.
pub async fn install(client: &Client, set: &BTreeMap<String, String>) -> anyhow::Result<usize> {
    let objects = objects(set)?;
    for object in &objects {
        apply(client, object).await?;
    }
    served(client).await?;
    Ok(objects.len())
}

async fn apply(client: &Client, object: &Value) -> anyhow::Result<()> {
    let text = |at: &Value| at.as_str().unwrap_or_default().to_owned();
    let (kind, name) = (text(&object["kind"]), text(&object["metadata"]["name"]));
    let version = text(&object["apiVersion"]);
    let (group, version) = version.split_once('/').unwrap_or(("", &version));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &kind));
    let namespace = object["metadata"]["namespace"].as_str();
    let api: Api<DynamicObject> = match namespace {
        Some(namespace) if !CLUSTER_WIDE.contains(&kind.as_str()) => {
            Api::namespaced_with(client.clone(), namespace, &resource)
        }
        _ => Api::all_with(client.clone(), &resource),
    };
    let how = PatchParams::apply(MANAGER).force();
    api.patch(&name, &how, &Patch::Apply(object))
        .await
        .with_context(|| format!("write the {kind} `{name}`"))?;
    Ok(())
}

/// Until the API server knows the new kinds.
async fn served(client: &Client) -> anyhow::Result<()> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    let there = async {
        loop {
            let mut waits = false;
            for definition in definitions() {
                let now = api.get(&definition.name_any()).await?;
                let conditions = now.status.and_then(|status| status.conditions);
                let established = conditions.is_some_and(|all| {
                    all.iter()
                        .any(|c| c.type_ == "Established" && c.status == "True")
                });
                waits |= !established;
            }
            if !waits {
                return Ok::<(), anyhow::Error>(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, there)
        .await
        .context("the API server does not serve the new kinds")?
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Helm takes the definitions from files. `VIGLA_BLESS=1` writes them anew.
    #[test]
    #[allow(
        clippy::disallowed_methods,
        reason = "a switch of a test, and what it blesses"
    )]
    fn the_definitions_of_the_chart_are_ours() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../image/cloud/chart/crds");
        for definition in definitions() {
            let plural = &definition.spec.names.plural;
            let path = format!("{folder}/{plural}.yaml");
            // JSON is YAML.
            let text = serde_json::to_string_pretty(&definition).unwrap() + "\n";
            if std::env::var("VIGLA_BLESS").is_ok() {
                std::fs::create_dir_all(folder).unwrap();
                std::fs::write(&path, &text).unwrap();
            }
            let there = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(there == text, "`{path}`: VIGLA_BLESS=1 writes it anew");
        }
    }
}
