//! Rendering the shipped bus policy for a bus where our users exist only as numbers.

use crate::Users;

/// Replaces the names of our users and groups by numbers: those of the table, or, where only one
/// user is to be had, everybody's by `single` (user id, group id). Other names stay.
pub(crate) fn render(policy: &str, users: &Users, single: Option<(u32, u32)>) -> String {
    let mut text = policy.to_owned();
    for (name, uid) in &users.users {
        let uid = single.map_or(*uid, |(uid, _)| uid);
        text = text.replace(&format!("user=\"{name}\""), &format!("user=\"{uid}\""));
    }
    for (name, gid) in &users.groups {
        let gid = single.map_or(*gid, |(_, gid)| gid);
        text = text.replace(&format!("group=\"{name}\""), &format!("group=\"{gid}\""));
    }
    text
}

/// The bus configuration around the policies: the rules of a stock system bus.
pub(crate) fn bus(socket: &str, policies: &str) -> String {
    format!(
        r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Introspectable"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Properties"/>
    <deny send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus" send_member="UpdateActivationEnvironment"/>
  </policy>
  <policy user="root">
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Monitoring"/>
  </policy>
  <includedir>{policies}</includedir>
</busconfig>
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users() -> Users {
        let mut users = Users::default();
        users.users.insert("vigla-camera".into(), 961);
        users.groups.insert("vigla-operator".into(), 960);
        users
    }

    const POLICY: &str =
        r#"<policy user="vigla-camera"/><policy group="vigla-operator"/><policy user="root"/>"#;

    #[test]
    fn names_become_numbers() {
        let text = render(POLICY, &users(), None);
        assert_eq!(
            text,
            r#"<policy user="961"/><policy group="960"/><policy user="root"/>"#
        );
    }

    #[test]
    fn with_a_single_user_all_are_it() {
        let text = render(POLICY, &users(), Some((1000, 100)));
        assert_eq!(
            text,
            r#"<policy user="1000"/><policy group="100"/><policy user="root"/>"#
        );
    }
}
