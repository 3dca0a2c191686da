//! It comes up, forgets nothing when the API server goes away, and leaves nothing.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]
#![allow(missing_docs, reason = "a test binary")]

use std::path::Path;
use std::process::Command;

use vigla_testkit_kube::ControlPlane;

fn kubectl(plane: &ControlPlane, arguments: &[&str]) -> String {
    let mut command = Command::new(plane.kubectl());
    command.env("KUBECONFIG", plane.kubeconfig());
    command.env("HOME", plane.folder()).args(arguments);
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].map(|b| String::from_utf8_lossy(&b).into_owned());
    assert!(output.status.success(), "{}", said[1]);
    said[0].clone()
}

#[test]
fn comes_up_remembers_and_leaves_nothing() {
    // It does not end with the thread that started it.
    let Some(plane) = std::thread::spawn(ControlPlane::own).join().unwrap() else {
        return;
    };
    let (folder, pids) = (plane.folder().to_owned(), plane.pids());
    assert_eq!(pids.len(), 3);
    assert!(kubectl(&plane, &["version"]).contains("Server Version: v1.35.2"));
    kubectl(&plane, &["create", "namespace", "kept"]);
    plane.go_away().unwrap();
    assert_eq!(plane.pids().len(), 2);
    plane.come_back().unwrap();
    assert!(kubectl(&plane, &["get", "namespaces"]).contains("kept"));
    drop(plane);
    assert!(!folder.exists());
    for pid in pids {
        assert!(!Path::new(&format!("/proc/{pid}")).exists(), "{pid}");
    }
}
