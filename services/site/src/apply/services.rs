//! The settings of our services: a file `50-site.toml` for each that the owner's file speaks of, and
//! what they must keep secret in files that they alone can read.

use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, Version};
use ring::rand::{SecureRandom as _, SystemRandom};
use toml::{Table, Value};

use super::item::Item;
use super::plan::Error;
use crate::site::{Camera, Login, Mqtt, Site};

const MARK: &str = "# Made from vigla.toml on the card: change it there, or in a file that is read after this one.\n";

/// What the gateway takes of a password (`vigla-gateway`, `login/password.rs`).
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;

pub(super) fn items(site: &Site) -> Result<Vec<Item>, Error> {
    let mut items = Vec::new();
    cameras(site, &mut items)?;
    if let Some(mqtt) = &site.mqtt {
        metrics(mqtt, &mut items)?;
    }
    gateway(&site.login, &mut items)?;
    Ok(items)
}

fn settings(noun: &str, table: &Table, user: &'static str) -> Result<Item, Error> {
    let text = format!("{MARK}{}", toml::to_string(table)?);
    Ok(Item::own(
        format!("etc/vigla/{noun}.d/50-site.toml"),
        text,
        user,
    ))
}

fn cameras(site: &Site, items: &mut Vec<Item>) -> Result<(), Error> {
    if site.cameras.is_empty() {
        return Ok(());
    }
    let mut cameras = Table::new();
    for (name, camera) in &site.cameras {
        let mut table = camera_table(camera);
        if let Some((user, password)) = &camera.credentials {
            let path = format!("etc/vigla/camera.credentials/{name}");
            table.insert("credentials".into(), format!("/{path}").into());
            let line = format!("{user}:{}\n", password.reveal());
            items.push(Item::own(path, line, "vigla-camera"));
        }
        cameras.insert(name.clone(), table.into());
    }
    let mut table = Table::new();
    table.insert("camera".into(), cameras.into());
    items.push(settings("camera", &table, "vigla-camera")?);
    Ok(())
}

fn camera_table(camera: &Camera) -> Table {
    let mut table = Table::new();
    let source = camera.source.reveal().to_owned();
    table.insert("source".into(), source.into());
    if let Some(label) = &camera.label {
        table.insert("label".into(), label.clone().into());
    }
    if let Some(size) = &camera.size {
        table.insert("size".into(), size.clone().into());
    }
    if let Some(rate) = camera.rate {
        table.insert("rate".into(), rate.into());
    }
    table
}

fn metrics(mqtt: &Mqtt, items: &mut Vec<Item>) -> Result<(), Error> {
    let mut table = Table::new();
    let broker = format!("{}:{}", mqtt.host, mqtt.port);
    table.insert("broker".into(), broker.into());
    if let Some(user) = &mqtt.user {
        table.insert("user".into(), user.clone().into());
    }
    if let Some(password) = &mqtt.password {
        let path = "etc/vigla/secrets/mqtt.password";
        table.insert("password_file".into(), format!("/{path}").into());
        let line = format!("{}\n", password.reveal());
        items.push(Item::own(path, line, "vigla-metrics"));
    }
    let tls = Table::from_iter([("enabled".to_owned(), Value::from(mqtt.tls))]);
    table.insert("tls".into(), tls.into());
    items.push(settings("metrics", &table, "vigla-metrics")?);
    Ok(())
}

fn gateway(login: &Login, items: &mut Vec<Item>) -> Result<(), Error> {
    let mut table = Table::new();
    if let Some(open) = login.open {
        table.insert("open".into(), open.into());
    }
    if let Some(password) = &login.password {
        let path = "etc/vigla/gateway.owner";
        let file = Value::from(format!("/{path}"));
        let inner = Table::from_iter([("owner_file".to_owned(), file)]);
        table.insert("login".into(), inner.into());
        // The password itself is on the card, where its owner put it, and nowhere else.
        let line = format!("{}\n", hash(password.reveal())?);
        items.push(Item::own(path, line, "vigla-gateway"));
    }
    if !table.is_empty() {
        items.push(settings("gateway", &table, "vigla-gateway")?);
    }
    Ok(())
}

fn hash(password: &str) -> Result<String, Error> {
    let mut salt = [0; 16];
    let drawn = SystemRandom::new().fill(&mut salt);
    drawn.map_err(|_| Error::Hash("the kernel gives no random numbers".into()))?;
    let params = Params::new(MEMORY_KIB, PASSES, 1, None);
    let params = params.map_err(|error| Error::Hash(error.to_string()))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon2.hash_password_with_salt(password.as_bytes(), &salt);
    let hash = hash.map_err(|error| Error::Hash(error.to_string()))?;
    Ok(hash.to_string())
}
