//! Embeds `assets/`: a table of name, type and bytes, so that adding a file is all it takes.

use std::{env, error::Error, fmt::Write, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let assets = Path::new(&variable("CARGO_MANIFEST_DIR")?).join("assets");
    println!("cargo::rerun-if-changed={}", assets.display());
    let mut names: Vec<String> = fs::read_dir(&assets)?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    let mut table = String::from("&[\n");
    for name in names {
        let kind = kind(&name).ok_or_else(|| format!("`assets/{name}` is of no known kind"))?;
        let path = assets.join(&name);
        println!("cargo::rerun-if-changed={}", path.display());
        let path = path.to_str().ok_or("a path that is not UTF-8")?;
        writeln!(table, "    ({name:?}, {kind:?}, include_bytes!({path:?})),")?;
    }
    table.push(']');
    #[allow(
        clippy::disallowed_methods,
        reason = "a torn file fails the build, and cargo runs us again"
    )]
    fs::write(Path::new(&variable("OUT_DIR")?).join("assets.rs"), table)?;
    Ok(())
}

#[allow(
    clippy::disallowed_methods,
    reason = "cargo talks to build scripts through the environment"
)]
fn variable(name: &str) -> Result<String, env::VarError> {
    env::var(name)
}

fn kind(name: &str) -> Option<&'static str> {
    Some(match Path::new(name).extension()?.to_str()? {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webmanifest" => "application/manifest+json",
        "woff2" => "font/woff2",
        _ => return None,
    })
}
