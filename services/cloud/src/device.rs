//! What the operator says about a device. The registrar does the rest.

use kube::Client;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};
use vigla_fleet::crd::{Device, DevicePhase};

/// A person has looked at it: it may join.
///
/// # Errors
///
/// There is no such device, or the API server refuses.
pub async fn approve(client: &Client, name: &str) -> anyhow::Result<()> {
    change(client, name, json!({ "approved": true })).await
}

/// It gets nothing any more, and what can be taken back is; until it is released.
///
/// # Errors
///
/// There is no such device, or the API server refuses.
pub async fn suspend(client: &Client, name: &str) -> anyhow::Result<()> {
    change(client, name, json!({ "suspended": true })).await
}

/// It may join again. After a copy was suspected `board` says which of the two it is: its own when the
/// operator names none.
///
/// # Errors
///
/// There is no such device, two boards and none was named, or the API server refuses.
pub async fn release(client: &Client, name: &str, board: Option<Which>) -> anyhow::Result<()> {
    let device = get(client, name).await?;
    let status = device.status.unwrap_or_default();
    let boards = status.board;
    if status.phase == DevicePhase::CloneSuspected && boards.other.is_empty() {
        anyhow::bail!(
            "the boards that use the key of `{name}` have no numbers to choose by: reset the copy, then `suspend` and `release`"
        );
    }
    let mut spec = json!({ "suspended": false });
    if !boards.other.is_empty() {
        let chosen = match board {
            Some(Which::Known) => boards.known,
            Some(Which::Other) => boards.other,
            None => anyhow::bail!(
                "two boards use the key of `{name}`: `{}` that joined, and `{}` that came later; say `--board known` or `--board other`",
                boards.known,
                boards.other
            ),
        };
        spec["board"] = json!(chosen);
    }
    change(client, name, spec).await
}

/// Which of two boards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The one that joined.
    Known,
    /// The one that came later.
    Other,
}

/// As suspended, for good: it needs a new claim.
///
/// # Errors
///
/// There is no such device, or the API server refuses.
pub async fn forget(client: &Client, name: &str) -> anyhow::Result<()> {
    change(client, name, json!({ "forgotten": true })).await
}

async fn get(client: &Client, name: &str) -> anyhow::Result<Device> {
    let devices: Api<Device> = Api::all(client.clone());
    devices
        .get(name)
        .await
        .map_err(|error| told(error, name, "read"))
}

/// What a person does about it.
fn told(error: kube::Error, name: &str, doing: &str) -> anyhow::Error {
    let missing = matches!(&error, kube::Error::Api(status) if status.code == 404);
    anyhow::Error::new(error).context(if missing {
        format!("no device `{name}`: `kubectl get devices` lists them")
    } else {
        format!("{doing} the device `{name}`")
    })
}

async fn change(client: &Client, name: &str, spec: Value) -> anyhow::Result<()> {
    let devices: Api<Device> = Api::all(client.clone());
    let patch = Patch::Merge(json!({ "spec": spec }));
    devices
        .patch(name, &PatchParams::default(), &patch)
        .await
        .map(drop)
        .map_err(|error| told(error, name, "write to"))
}
