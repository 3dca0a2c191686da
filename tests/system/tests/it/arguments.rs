//! Every method of every daemon with arguments that nobody should send: each call is answered, an
//! error says what is wrong, and nobody falls.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use vigla_bus::names::{CAMERA, DETECTOR, GATEWAY, METRICS, Service, UPDATER, camera_path};
use vigla_bus::zbus::Variant;
use vigla_system_tests::{Scene, Site};

use super::caller::{Caller, Method};
use super::values;

/// Longest error that still is one: a caller's megabyte must not come back.
const LONGEST: usize = 1000;

/// What may be wrong with a call, as its answer says it. `Internal` is missing on purpose.
const CLEAR: [&str; 12] = [
    "org.vigla.Error.Busy",
    "org.vigla.Error.NotReady",
    "org.vigla.Error.InvalidArgument",
    "org.vigla.Error.NotFound",
    "org.freedesktop.DBus.Error.AccessDenied",
    "org.freedesktop.DBus.Error.InvalidArgs",
    "org.freedesktop.DBus.Error.InvalidSignature",
    "org.freedesktop.DBus.Error.PropertyReadOnly",
    "org.freedesktop.DBus.Error.UnknownInterface",
    "org.freedesktop.DBus.Error.UnknownMethod",
    "org.freedesktop.DBus.Error.UnknownObject",
    "org.freedesktop.DBus.Error.UnknownProperty",
];

/// A node, somebody who calls it, and all that can be called.
struct Scenery {
    site: Site,
    caller: Caller,
    methods: Vec<Method>,
}

impl Scenery {
    fn set() -> Self {
        let mut site = Site::start(Scene::Synthetic).unwrap();
        site.whole().unwrap();
        site.bring("updater").unwrap();
        site.bring("enrolment").unwrap();
        let caller = Caller::on(&site.rig.address());
        let objects = [CAMERA, DETECTOR, METRICS, GATEWAY, UPDATER]
            .map(|service| (service, service.path.to_owned()))
            .into_iter()
            .chain([CAMERA, DETECTOR, METRICS, GATEWAY, UPDATER].map(log_control))
            .chain([(CAMERA, camera_path("street"))])
            .chain([(UPDATER, format!("{}/job/0", UPDATER.path))]);
        let methods: Vec<_> = objects
            .flat_map(|(service, path)| caller.methods(service, &path))
            .collect();
        assert!(methods.len() > 40, "{methods:?}");
        Self {
            site,
            caller,
            methods,
        }
    }

    /// Calls, and complains of an answer that helps nobody.
    fn complaint(&self, method: &Method, arguments: &[Variant<'_>]) -> Option<String> {
        let (name, text) = self.caller.call(method, arguments).err()?;
        let said = format!("{method}: {name}: {text:.200}");
        if !CLEAR.contains(&name.as_str()) {
            return Some(format!("not clear: {said}"));
        }
        if text.len() > LONGEST {
            return Some(format!("{} bytes long: {said}", text.len()));
        }
        text.is_empty().then(|| format!("without a word: {said}"))
    }

    /// All daemons live, nobody panicked, and the node is whole.
    fn stands(mut self) {
        assert_eq!(self.site.fallen(), Vec::<String>::new());
        let logs = self.site.logs();
        assert!(!logs.contains("panicked"), "{logs}");
        self.site.whole().unwrap();
    }
}

fn log_control(service: Service) -> (Service, String) {
    (service, "/org/freedesktop/LogControl1".to_owned())
}

#[test]
fn wrong_arguments_are_answered_with_a_clear_error() {
    let scenery = Scenery::set();
    let mut wrong = Vec::new();
    let mut calls = 0;
    for method in &scenery.methods {
        for arguments in values::hostile(&method.arguments) {
            calls += 1;
            wrong.extend(scenery.complaint(method, &arguments));
        }
    }
    println!("{calls} calls of {} methods", scenery.methods.len());
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    scenery.stands();
}

#[test]
fn a_call_that_does_not_fit_is_never_obeyed() {
    let scenery = Scenery::set();
    // A method without arguments is served whatever comes with the call: zbus does not look at it.
    let taking = scenery.methods.iter();
    for method in taking.filter(|method| !method.arguments.is_empty()) {
        for arguments in values::misfits(&method.arguments) {
            let answer = scenery.caller.call(method, &arguments);
            assert!(answer.is_err(), "{method} took {arguments:?}");
        }
    }
    scenery.stands();
}

#[test]
fn any_arguments_at_all_are_answered() {
    let scenery = Scenery::set();
    let count = scenery.methods.len();
    let calls = (0..count, prop::collection::vec(values::any(), 0..4));
    let config = Config {
        failure_persistence: None,
        ..Config::with_cases(512)
    };
    TestRunner::new(config)
        .run(&calls, |(which, arguments)| {
            let complaint = scenery.complaint(&scenery.methods[which], &arguments);
            prop_assert_eq!(complaint, None);
            Ok(())
        })
        .unwrap();
    scenery.stands();
}

#[test]
fn objects_interfaces_and_members_that_are_not_there_are_said() {
    let scenery = Scenery::set();
    for service in [CAMERA, DETECTOR, METRICS, GATEWAY, UPDATER] {
        let root = service.path.to_owned();
        for (path, interface, member) in [
            ("/".to_owned(), service.name, "Open"),
            (format!("{root}/nothing"), service.name, "Open"),
            (camera_path("nobody"), "org.vigla.Camera1.Camera", "Open"),
            (root.clone(), "org.vigla.Nothing1", "Open"),
            (root, service.name, "Explode"),
        ] {
            let method = Method::new(service, &path, interface, member);
            let (name, text) = scenery.caller.call(&method, &[]).unwrap_err();
            assert!(CLEAR.contains(&name.as_str()), "{method}: {name}: {text}");
        }
    }
    scenery.stands();
}
