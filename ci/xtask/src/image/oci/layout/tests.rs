use std::path::PathBuf;

use super::*;

/// Like the head of a program: ELF, 64 bits, for this processor, with one segment of this kind.
fn program(platform: Platform, segment: u8) -> Vec<u8> {
    let mut bytes = vec![0; 64 + 56];
    bytes[..4].copy_from_slice(b"\x7fELF");
    bytes[18] = platform.machine();
    bytes[32] = 64;
    bytes[54] = 56;
    bytes[56] = 1;
    bytes[64] = segment;
    bytes
}

fn tree(folder: &Path, platform: Platform, segment: u8) -> (Platform, PathBuf) {
    let source = folder.join(format!("program-{}", platform.name()));
    put(source.clone(), program(platform, segment)).unwrap();
    let tree = folder.join(platform.name());
    crate::image::oci::lay_out(&tree, &source).unwrap();
    (platform, tree)
}

#[test]
fn a_layout_is_whole_and_the_same_twice() {
    let folder = tempfile::tempdir().unwrap();
    let both = [Platform::Amd64, Platform::Arm64];
    let trees = both.map(|platform| tree(folder.path(), platform, 1));
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    write(&one, &trees).unwrap();
    write(&two, &trees).unwrap();
    assert_eq!(check(&one).unwrap(), ["amd64", "arm64"]);
    let index = |out: &Path| fs::read(out.join("index.json")).unwrap();
    assert_eq!(index(&one), index(&two));
    let config: Vec<_> = fs::read_dir(one.join("blobs/sha256"))
        .unwrap()
        .filter_map(|entry| fs::read_to_string(entry.unwrap().path()).ok())
        .filter(|text| text.contains("Entrypoint"))
        .collect();
    assert_eq!(config.len(), 2);
    assert!(config.iter().all(|text| text.contains("65532:65532")));
}

#[test]
fn what_is_damaged_or_not_fit_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let found = |out: &Path| check(out).unwrap_err().to_string();

    write(&out, &[tree(folder.path(), Platform::Amd64, 3)]).unwrap();
    assert!(found(&out).contains("needs libraries"), "{}", found(&out));

    let (_, other) = tree(folder.path(), Platform::Arm64, 1);
    write(&out, &[(Platform::Amd64, other)]).unwrap();
    assert!(found(&out).contains("not for `amd64`"), "{}", found(&out));

    let with_shell = tree(folder.path(), Platform::Amd64, 1);
    put(with_shell.1.join("usr/bin/sh"), "#").unwrap();
    write(&out, &[with_shell]).unwrap();
    assert!(found(&out).contains("a shell"), "{}", found(&out));

    write(&out, &[tree(folder.path(), Platform::Amd64, 1)]).unwrap();
    check(&out).unwrap();
    for entry in fs::read_dir(out.join("blobs/sha256")).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        put(path.clone(), &bytes).unwrap();
        assert!(found(&out).contains("damaged"), "{}", found(&out));
        bytes[last] ^= 1;
        put(path, &bytes).unwrap();
    }
    check(&out).unwrap();
}
