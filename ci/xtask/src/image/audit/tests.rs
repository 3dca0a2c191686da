use std::os::unix::fs::symlink;

use super::super::put;
use super::*;
use crate::layer::tracked;
use crate::places;

fn wrong(change: impl FnOnce(&Path)) -> String {
    let root = tempfile::tempdir().unwrap();
    for folder in ["etc/ssh", "usr/bin", "tmp"] {
        fs::create_dir_all(root.path().join(folder)).unwrap();
    }
    put(root.path().join("etc/machine-id"), "").unwrap();
    put(
        root.path().join("etc/shadow"),
        "root:*:::::::\nvigla:!*:::::::\n",
    )
    .unwrap();
    mode(root.path(), "etc/shadow", 0o600);
    mode(root.path(), "tmp", 0o1777);
    symlink("/nowhere", root.path().join("etc/link")).unwrap();
    assert_eq!(check(root.path()).unwrap(), 7);
    change(root.path());
    check(root.path()).unwrap_err().to_string()
}

fn mode(root: &Path, name: &str, mode: u32) {
    fs::set_permissions(root.join(name), fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_must_not_be_in_an_image_is_found() {
    let put = |name: &'static str, text: &'static str| {
        wrong(move |root| {
            fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
            put(root.join(name), text).unwrap();
        })
    };
    assert!(put("etc/x.pem", "-----BEGIN EC PRIVATE KEY-----").contains("`etc/x.pem` has"));
    assert!(put("etc/token", "K10ab::node:cd").contains("`etc/token`"));
    assert!(put("etc/machine-id", "0123\n").contains("machine-id"));
    assert!(put("etc/shadow", "root::::::::\n").contains("`root` is not locked"));
    assert!(put("etc/shadow", "me:$y$ab:::::::\n").contains("`me` is not locked"));
    assert!(put("etc/ssh/ssh_host_rsa_key", "x").contains("host_rsa_key"));
    assert!(put("root/.ssh/authorized_keys", "x").contains("authorized_keys"));
}

#[test]
fn rights_that_somebody_could_use_are_found() {
    let with = |name: &'static str, bits: u32| {
        wrong(move |root| {
            if !root.join(name).exists() {
                put(root.join(name), "x").unwrap();
            }
            mode(root, name, bits);
        })
    };
    for (name, bits, words) in [
        ("usr/bin/su", 0o4755, "gives rights"),
        ("usr/bin/wall", 0o2755, "gives rights"),
        ("usr/bin/x", 0o775, "written by its group"),
        ("etc/x", 0o646, "written by everybody"),
        ("tmp", 0o777, "written by everybody"),
        ("etc/shadow", 0o644, "read by everybody"),
    ] {
        let said = with(name, bits);
        assert!(said.contains(&format!("`{name}`")), "{said}");
        assert!(said.contains(words), "{said}");
    }
    let pipe = wrong(|root| {
        nix::unistd::mkfifo(&root.join("etc/pipe"), nix::sys::stat::Mode::S_IRUSR).unwrap();
    });
    assert!(pipe.contains("`etc/pipe` is no file"), "{pipe}");
}

/// What both builders put into an image, as it stands in the repository.
#[test]
fn no_secret_is_in_what_goes_into_an_image() {
    let mut looked = 0;
    for path in tracked(&["services", "image", "yocto-layer", "ci/pins"]).unwrap() {
        // Passwords and keys of tests are there to be found by tests.
        let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
        let shipped = parts[0] != "services"
            || parts
                .iter()
                .any(|part| *part == "dist" || *part == "models");
        let Ok(bytes) = fs::read(places::repository().join(&path)) else {
            continue;
        };
        if shipped {
            looked += 1;
            assert_eq!(secret(&path, &bytes), None, "{}", path.display());
        }
    }
    assert!(looked > 150, "{looked}");
}
