//! Everything that a registrar keeps, in a file and back: claims and what proves them, their uses, devices, networks,
//! authorities. Nodes and tokens are not of it: devices make them anew with their keys.
//!
//! One JSON object a line, as the API server has it, without what belongs to that API server alone. Who has the file
//! can sign grants.

use std::collections::BTreeMap;

use anyhow::Context as _;
use kube::Client;
use kube::api::{
    Api, ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams, PostParams,
};
use serde_json::{Value, json};
use vigla_fleet::crd::{LABEL_DEVICE, NAMESPACE};
use zeroize::Zeroizing;

use crate::install;

/// Kinds in the order in which they come back: owners before what they own. The last: of which namespace.
const KINDS: [(&str, &str, &str, bool); 4] = [
    ("vigla.org", "v1alpha1", "EnrolmentClaim", true),
    ("vigla.org", "v1alpha1", "Device", false),
    ("", "v1", "Secret", true),
    ("coordination.k8s.io", "v1", "Lease", true),
];
/// Types of our secrets.
const OURS: [&str; 2] = ["vigla.org/authority", "vigla.org/claim-proof"];

/// Everything, as text.
///
/// # Errors
///
/// The API server refuses.
pub async fn save(client: &Client) -> anyhow::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    for (group, version, kind, namespaced) in KINDS {
        let api = api(client, (group, version, kind), namespaced);
        let list = match kind {
            "Lease" => ListParams::default().labels(LABEL_DEVICE),
            _ => ListParams::default(),
        };
        let all = api.list(&list).await;
        for object in all.with_context(|| format!("list every {kind}"))? {
            let mut object = serde_json::to_value(object)?;
            let ours = object["type"]
                .as_str()
                .is_some_and(|kind| OURS.contains(&kind));
            if kind == "Secret" && !ours {
                continue;
            }
            let api_version = if group.is_empty() {
                version.to_owned()
            } else {
                format!("{group}/{version}")
            };
            object["apiVersion"] = json!(api_version);
            object["kind"] = json!(kind);
            bare(&mut object["metadata"]);
            *text += &object.to_string();
            *text += "\n";
        }
    }
    Ok(text)
}

/// Leaves what the next API server makes itself.
fn bare(metadata: &mut Value) {
    if let Some(metadata) = metadata.as_object_mut() {
        for name in [
            "uid",
            "resourceVersion",
            "creationTimestamp",
            "managedFields",
            "generation",
        ] {
            metadata.remove(name);
        }
        if let Some(owners) = metadata
            .get_mut("ownerReferences")
            .and_then(Value::as_array_mut)
        {
            for owner in owners.iter_mut().filter_map(Value::as_object_mut) {
                owner.remove("uid");
            }
        }
    }
}

/// Writes it into a cluster that has no registrar yet; gives how many objects. Begun again after it was interrupted,
/// it goes on.
///
/// # Errors
///
/// It is damaged, or something else of the same name is there: nothing is written over.
pub async fn restore(client: &Client, text: &str) -> anyhow::Result<usize> {
    install::kinds(client).await?;
    let mut owners = BTreeMap::new();
    let mut count = 0;
    for (at, line) in text.lines().enumerate() {
        let place = || format!("line {} of the backup", at + 1);
        let object: Value = serde_json::from_str(line).with_context(place)?;
        let made = write(client, object, &owners).await.with_context(place)?;
        owners.insert(made.0, made.1);
        count += 1;
    }
    Ok(count)
}

/// Kind and name.
type Owner = (String, String);

async fn write(
    client: &Client,
    mut object: Value,
    owners: &BTreeMap<Owner, String>,
) -> anyhow::Result<(Owner, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (kind, name) = (text(&object["kind"]), text(&object["metadata"]["name"]));
    let known = KINDS.iter().find(|known| known.2 == kind);
    let (group, version, of_kind, namespaced) =
        known.with_context(|| format!("a {kind} is not of a backup"))?;
    if let Some(all) = object["metadata"]["ownerReferences"].as_array_mut() {
        for owner in all {
            let key = (text(&owner["kind"]), text(&owner["name"]));
            let uid = owners.get(&key);
            let uid = uid.with_context(|| format!("the {} `{}` is missing", key.0, key.1))?;
            owner["uid"] = json!(uid);
        }
    }
    let api = api(client, (group, version, of_kind), *namespaced);
    let status = object
        .as_object_mut()
        .and_then(|object| object.remove("status"));
    let wanted: DynamicObject = serde_json::from_value(object)?;
    let made = match api.create(&PostParams::default(), &wanted).await {
        Err(kube::Error::Api(refused)) if refused.reason == "AlreadyExists" => {
            let there = api.get(&name).await?;
            anyhow::ensure!(
                same(&there, &wanted),
                "another {kind} `{name}` is there already: restore before the registrar is installed"
            );
            there
        }
        made => made.with_context(|| format!("make the {kind} `{name}`"))?,
    };
    if let Some(status) = status {
        let patch = Patch::Merge(json!({ "status": status }));
        api.patch_status(&name, &PatchParams::default(), &patch)
            .await
            .with_context(|| format!("write the status of the {kind} `{name}`"))?;
    }
    let uid = made.metadata.uid.context("the API server gave no uid")?;
    Ok(((kind, name), uid))
}

/// Whether what is there is what was to be made.
fn same(there: &DynamicObject, wanted: &DynamicObject) -> bool {
    let parts = ["spec", "data", "type"];
    parts
        .iter()
        .all(|part| there.data.get(part) == wanted.data.get(part))
}

fn api(
    client: &Client,
    (group, version, kind): (&str, &str, &str),
    namespaced: bool,
) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    if namespaced {
        Api::namespaced_with(client.clone(), NAMESPACE, &resource)
    } else {
        Api::all_with(client.clone(), &resource)
    }
}
