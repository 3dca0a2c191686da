//! `viglactl camera ...`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;
use vigla_bus::camera::CameraState;
use vigla_bus::names::CAMERA;
use vigla_frames::Wait;

use crate::cli::Snapshot;
use crate::client::{self, Client};
use crate::fault::Fault;
use crate::out::{Out, safe};

/// A camera that gives no picture for so long is not going to.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) async fn list(client: &Client, out: Out) -> Result<ExitCode, Fault> {
    let cameras = client.cameras().await?;
    if out.json() {
        out.value(&json!({ "cameras": cameras.values().collect::<Vec<_>>() }))?;
    } else if cameras.is_empty() {
        out.line("no camera; plug in a USB camera, or name a video in `/etc/vigla/camera.d`")?;
    } else {
        let row = |camera: &CameraState| {
            let picture = if camera.format.is_empty() {
                String::new()
            } else {
                format!(
                    "{} {}x{} {:.1}/s",
                    camera.format, camera.width, camera.height, camera.frame_rate
                )
            };
            [
                camera.id.clone(),
                camera.state.clone(),
                camera.picture.clone(),
                picture,
                camera.label.clone(),
            ]
            .map(|text| safe(&text))
        };
        let rows: Vec<_> = cameras.values().map(row).collect();
        out.table(["ID", "STATE", "PICTURE", "FORMAT", "LABEL"], &rows)?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn show(client: &Client, id: &str, out: Out) -> Result<ExitCode, Fault> {
    let camera = client.camera(id).await?;
    if out.json() {
        out.value(&camera)?;
        return Ok(ExitCode::SUCCESS);
    }
    let facts = [
        ("id", camera.id),
        ("label", camera.label),
        ("source", camera.source),
        ("location", camera.location),
        ("state", camera.state),
        ("picture", camera.picture),
        ("format", camera.format),
        ("size", format!("{}x{}", camera.width, camera.height)),
        ("frame rate", format!("{:.1}/s", camera.frame_rate)),
        ("privacy masks", camera.masks.to_string()),
    ];
    for (name, text) in facts {
        out.line(format!("{name:14} {}", safe(&text)))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn controls(client: &Client, id: &str, out: Out) -> Result<ExitCode, Fault> {
    client.camera(id).await?;
    let controls = client.camera_proxy(id).await?.list_controls().await;
    let controls =
        controls.map_err(|error| Fault::call(CAMERA.binary, "list the controls", &error))?;
    if out.json() {
        out.value(&json!({ "controls": controls }))?;
    } else if controls.is_empty() {
        out.line(format!("camera `{id}` offers no controls"))?;
    } else {
        let rows: Vec<_> = controls
            .iter()
            .map(|c| {
                let range = format!("{}..={} by {}", c.minimum, c.maximum, c.step);
                [
                    safe(&c.name),
                    c.value.to_string(),
                    c.default.to_string(),
                    range,
                ]
            })
            .collect();
        out.table(["NAME", "VALUE", "DEFAULT", "RANGE"], &rows)?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn set(
    client: &Client,
    id: &str,
    control: &str,
    value: i64,
    out: Out,
) -> Result<ExitCode, Fault> {
    client.camera(id).await?;
    let result = client
        .camera_proxy(id)
        .await?
        .set_control(control, value)
        .await;
    result.map_err(|error| {
        Fault::call(CAMERA.binary, &format!("set `{control}` of `{id}`"), &error)
    })?;
    if out.json() {
        out.value(&json!({ "camera": id, "control": control, "value": value }))?;
    } else {
        out.line(format!("{control} of {id} is {value}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn snapshot(
    client: &Client,
    options: &Snapshot,
    out: Out,
) -> Result<ExitCode, Fault> {
    let id = which(client, options.camera.as_deref()).await?;
    let mut reader = client.pictures(&id).await?;
    let deadline = std::time::Instant::now() + PATIENCE;
    let (frame_id, time_usec, jpeg) = loop {
        if let Some(lease) = reader.peek() {
            let meta = lease.meta();
            break (meta.frame_id, meta.time_usec, lease.bytes().to_vec());
        }
        let left = deadline.saturating_duration_since(std::time::Instant::now());
        let waited = reader
            .wait(left)
            .map_err(|error| Fault::failed("wait for a picture", error))?;
        match waited {
            Wait::Frame => {}
            Wait::Timeout => {
                return Err(Fault::unavailable(format!(
                    "camera `{id}` gives no picture"
                )));
            }
            Wait::WriterGone => return Err(Fault::unavailable(format!("camera `{id}` has gone"))),
        }
    };
    let path = options
        .output
        .clone()
        .unwrap_or_else(|| PathBuf::from(format!("{}-{frame_id}.jpg", file_name(&id))));
    if path.as_os_str() == "-" {
        out.bytes(&jpeg)?;
        return Ok(ExitCode::SUCCESS);
    }
    #[allow(
        clippy::disallowed_methods,
        reason = "a picture that the user asked for, not state"
    )]
    std::fs::write(&path, &jpeg)
        .map_err(|error| Fault::failed(format!("write `{}`", path.display()), error))?;
    if out.json() {
        let bytes = jpeg.len();
        out.value(&json!({ "camera": id, "frame_id": frame_id, "time_usec": time_usec, "file": path, "bytes": bytes }))?;
    } else {
        out.line(format!(
            "frame {frame_id} of {} is in {}",
            safe(&id),
            path.display()
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The camera that was named, or the only one.
async fn which(client: &Client, named: Option<&str>) -> Result<String, Fault> {
    let cameras = client.cameras().await?;
    match (named, cameras.len()) {
        (Some(id), _) if cameras.contains_key(id) => Ok(id.to_owned()),
        (Some(id), _) => Err(client::no_camera(id, cameras.keys())),
        (None, 1) => Ok(cameras.into_keys().next().unwrap_or_default()),
        (None, 0) => Err(Fault::unavailable("there is no camera")),
        (None, _) => {
            let ids: Vec<String> = cameras.into_keys().collect();
            Err(Fault::usage(format!(
                "which camera? There is {}",
                ids.join(", ")
            )))
        }
    }
}

/// An id as a part of a file name.
fn file_name(id: &str) -> String {
    let plain = |c: char| {
        if c.is_alphanumeric() || c == '-' {
            c
        } else {
            '_'
        }
    };
    id.chars().map(plain).collect()
}
