//! The bus policies are code, and this is their lint: deny by default, only our own users, only
//! what exists. At the end a real dbus-daemon reads them all.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::Context as _;
use vigla_testkit::{Rig, Users};

use super::Verdict;
use super::tags::{Tag, tags};
use crate::{dist, places};

/// Interfaces that every object has, and what a stranger may call of them.
const STANDARD: &[(&str, &[&str])] = &[
    ("org.freedesktop.DBus.Peer", &["Ping", "GetMachineId"]),
    ("org.freedesktop.DBus.Introspectable", &["Introspect"]),
    ("org.freedesktop.DBus.Properties", &["Get", "GetAll"]),
    ("org.freedesktop.DBus.ObjectManager", &["GetManagedObjects"]),
    ("org.freedesktop.LogControl1", &[]),
];

/// Methods by interface, from the golden XML.
type Interfaces = BTreeMap<String, BTreeSet<String>>;

pub(super) fn check() -> anyhow::Result<Verdict> {
    let users = Users::read(places::repository())?;
    let interfaces = interfaces()?;
    let mut wrong = Vec::new();
    let daemons = dist::daemons()?;
    for daemon in &daemons {
        let (name, file) = daemon.policy()?;
        let text =
            fs::read_to_string(&file).with_context(|| format!("read `{}`", file.display()))?;
        let tags = tags(&text).with_context(|| format!("read `{}`", file.display()))?;
        let lint = Lint {
            name: &name,
            user: format!("vigla-{}", daemon.noun),
            users: &users,
            interfaces: &interfaces,
        };
        let file = file
            .strip_prefix(places::repository())
            .unwrap_or(&file)
            .display()
            .to_string();
        wrong.extend(
            lint.wrong(&tags)
                .into_iter()
                .map(|what| format!("{file}: {what}")),
        );
    }
    anyhow::ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    drop(Rig::start_for(places::repository()).context("start a bus with the policies")?);
    Ok(Verdict::Good(format!(
        "{} policies, each denies by default",
        daemons.len()
    )))
}

/// What may be called at all.
fn interfaces() -> anyhow::Result<Interfaces> {
    let folder = places::repository().join("services/bus/interfaces");
    let mut interfaces = Interfaces::new();
    let entries = fs::read_dir(&folder)
        .with_context(|| format!("list `{}`: run `cargo xtask bus` first", folder.display()))?;
    for entry in entries {
        let text = fs::read_to_string(entry?.path())?;
        let mut current = String::new();
        for tag in tags(&text)? {
            match (tag.name.as_str(), tag.get("name")) {
                ("interface", Some(name)) => {
                    name.clone_into(&mut current);
                    interfaces.entry(current.clone()).or_default();
                }
                ("method", Some(name)) => {
                    interfaces
                        .entry(current.clone())
                        .or_default()
                        .insert(name.to_owned());
                }
                _ => {}
            }
        }
    }
    Ok(interfaces)
}

/// One policy file.
struct Lint<'a> {
    name: &'a str,
    user: String,
    users: &'a Users,
    interfaces: &'a Interfaces,
}

/// For whom a block speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Whom {
    Everybody,
    User(String),
    Group(String),
}

impl Lint<'_> {
    fn wrong(&self, tags: &[Tag]) -> Vec<String> {
        let mut wrong = Vec::new();
        let (mut whom, mut denies, mut owns) = (None, false, false);
        for tag in tags {
            match tag.name.as_str() {
                "policy" => {
                    whom = Self::whom(tag);
                    wrong.extend(self.stranger(whom.as_ref()));
                }
                "allow" if tag.get("own").is_some() => {
                    let ours = whom == Some(Whom::User(self.user.clone()));
                    owns |= ours;
                    if !ours || tag.get("own") != Some(self.name) {
                        wrong.push(format!(
                            "only the user `{}` may own a name, and only `{}`",
                            self.user, self.name
                        ));
                    }
                }
                "allow" => {
                    wrong.extend(self.allow(tag, whom.as_ref()));
                    if whom == Some(Whom::Everybody) && !denies {
                        wrong.push(
                            "in the default context the `deny` comes first: the last rule wins"
                                .into(),
                        );
                    }
                }
                "deny" => denies |= self.denies_all(tag) && whom == Some(Whom::Everybody),
                "busconfig" | "/busconfig" | "/policy" => {}
                other => wrong.push(format!("`<{other}>` has no place in a policy of ours")),
            }
        }
        if !denies {
            wrong.push(format!(
                "the default context does not begin with `<deny send_destination=\"{}\"/>`",
                self.name
            ));
        }
        if !owns {
            wrong.push(format!(
                "the user `{}` may not own `{}`",
                self.user, self.name
            ));
        }
        wrong
    }

    fn denies_all(&self, tag: &Tag) -> bool {
        tag.get("send_destination") == Some(self.name)
            && tag.get("send_interface").is_none()
            && tag.get("send_member").is_none()
    }

    fn whom(tag: &Tag) -> Option<Whom> {
        let named = tag.get("user").map(|user| Whom::User(user.into()));
        let named = named.or_else(|| tag.get("group").map(|group| Whom::Group(group.into())));
        named.or_else(|| (tag.get("context") == Some("default")).then_some(Whom::Everybody))
    }

    fn stranger(&self, whom: Option<&Whom>) -> Option<String> {
        match whom {
            Some(Whom::Everybody) => None,
            Some(Whom::User(user)) if user == "root" || self.users.users.contains_key(user) => None,
            Some(Whom::Group(group)) if self.users.groups.contains_key(group) => None,
            Some(Whom::User(who) | Whom::Group(who)) => {
                Some(format!("`{who}` is in no sysusers.d file"))
            }
            None => Some("a policy is for a user, a group or `context=\"default\"`".into()),
        }
    }

    fn allow(&self, tag: &Tag, whom: Option<&Whom>) -> Option<String> {
        if tag.get("send_destination") != Some(self.name) {
            return Some(format!(
                "an `allow` must have `send_destination=\"{}\"`",
                self.name
            ));
        }
        let (interface, member) = (tag.get("send_interface"), tag.get("send_member"));
        let Some(interface) = interface else {
            let root = whom == Some(&Whom::User("root".into()));
            return (!root).then(|| "only root is allowed everything: name the interface".into());
        };
        let standard = STANDARD
            .iter()
            .find(|(name, _)| *name == interface)
            .map(|(_, members)| *members);
        match (standard, member, self.interfaces.get(interface)) {
            (Some(members), Some(member), _) if members.contains(&member) => None,
            (Some(_), None, _)
                if interface == "org.freedesktop.DBus.Peer"
                    || interface == "org.freedesktop.DBus.Introspectable"
                    || interface == "org.freedesktop.DBus.ObjectManager" =>
            {
                None
            }
            (Some(_), _, _) => Some(format!(
                "`{interface}` is allowed by member only, and `Set` to nobody but root"
            )),
            (None, Some(member), Some(methods)) if !methods.contains(member) => {
                Some(format!("`{interface}` has no method `{member}`"))
            }
            (None, _, Some(_)) if whom == Some(&Whom::Everybody) => {
                Some(format!("a stranger may not call `{interface}`"))
            }
            (None, _, Some(_)) => None,
            (None, _, None) => Some(format!("there is no interface `{interface}`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(policy: &str) -> Vec<String> {
        let mut users = Users::default();
        users.users.insert("vigla-x".into(), 1);
        users.groups.insert("vigla-operator".into(), 2);
        let interfaces = Interfaces::from([("org.vigla.X1".into(), BTreeSet::from(["Go".into()]))]);
        let lint = Lint {
            name: "org.vigla.X1",
            user: "vigla-x".into(),
            users: &users,
            interfaces: &interfaces,
        };
        lint.wrong(&tags(policy).unwrap())
    }

    const GOOD: &str = r#"<busconfig>
        <policy user="vigla-x"><allow own="org.vigla.X1"/></policy>
        <policy context="default">
          <deny send_destination="org.vigla.X1"/>
          <allow send_destination="org.vigla.X1" send_interface="org.freedesktop.DBus.Properties" send_member="Get"/>
        </policy>
        <policy group="vigla-operator">
          <allow send_destination="org.vigla.X1" send_interface="org.vigla.X1" send_member="Go"/>
        </policy>
        <policy user="root"><allow send_destination="org.vigla.X1"/></policy>
        </busconfig>"#;

    #[test]
    fn a_policy_that_denies_by_default_passes() {
        assert_eq!(complaints(GOOD), Vec::<String>::new());
    }

    #[test]
    fn each_hole_is_found() {
        for (from, to) in [
            ("<deny send_destination=\"org.vigla.X1\"/>", ""),
            ("send_member=\"Get\"", "send_member=\"Set\""),
            (" send_member=\"Get\"", ""),
            ("group=\"vigla-operator\"", "group=\"wheel\""),
            ("send_member=\"Go\"", "send_member=\"Gone\""),
            (
                "send_interface=\"org.vigla.X1\" ",
                "send_interface=\"org.vigla.Y1\" ",
            ),
            (" send_interface=\"org.vigla.X1\" send_member=\"Go\"", ""),
            (
                "user=\"root\"><allow",
                "user=\"root\"><allow own=\"org.vigla.X1\"/><allow",
            ),
            ("<allow own=\"org.vigla.X1\"/>", "<allow own=\"*\"/>"),
            ("context=\"default\"", "context=\"mandatory\""),
        ] {
            let hole = GOOD.replace(from, to);
            assert_ne!(hole, GOOD);
            assert!(!complaints(&hole).is_empty(), "{from} -> {to}");
        }
    }
}
