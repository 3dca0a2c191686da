//! The fixed user table, read from the `sysusers.d` files that the device gets too.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use anyhow::Context as _;

/// Names and numbers of our users and groups, and who is a member of what.
#[derive(Debug, Default, Clone)]
pub struct Users {
    /// User id by name.
    pub users: BTreeMap<String, u32>,
    /// Group id by name; each user has a group of the same name and number.
    pub groups: BTreeMap<String, u32>,
    /// `(user, group)` memberships.
    pub members: Vec<(String, String)>,
}

impl Users {
    /// Reads every `services/*/dist/usr/lib/sysusers.d/*.conf` below `repository`.
    pub fn read(repository: &Path) -> anyhow::Result<Self> {
        let mut users = Self::default();
        for file in crate::dist::files(repository, "usr/lib/sysusers.d", "conf")? {
            let text = std::fs::read_to_string(&file)
                .with_context(|| format!("read users from `{}`", file.display()))?;
            users
                .add(&text)
                .with_context(|| format!("users in `{}`", file.display()))?;
        }
        Ok(users)
    }

    /// The user's supplementary group numbers, for groups that we define.
    #[must_use]
    pub fn groups_of(&self, user: &str) -> Vec<u32> {
        let mine = self.members.iter().filter(|(member, _)| member == user);
        mine.filter_map(|(_, group)| self.groups.get(group).copied())
            .collect()
    }

    /// `passwd` and `group` files with the machine's entries, ours, and `more` (name, number).
    pub(crate) fn files(&self, more: &[(&str, u32)]) -> anyhow::Result<(String, String)> {
        let mut passwd = std::fs::read_to_string("/etc/passwd").context("read `/etc/passwd`")?;
        let mut group = std::fs::read_to_string("/etc/group").context("read `/etc/group`")?;
        let ours = self.users.iter().map(|(name, uid)| (name.as_str(), *uid));
        for (name, uid) in ours.chain(more.iter().copied()) {
            // A machine that has our users already keeps its own line first: it wins.
            let _ = writeln!(
                passwd,
                "{name}:x:{uid}:{uid}::/nonexistent:/usr/sbin/nologin"
            );
        }
        let groups = self.groups.iter().map(|(name, gid)| (name.as_str(), *gid));
        for (name, gid) in groups.chain(more.iter().copied()) {
            let members = self
                .members
                .iter()
                .filter(|(_, of)| of == name)
                .map(|(user, _)| user.as_str());
            let _ = writeln!(
                group,
                "{name}:x:{gid}:{}",
                members.collect::<Vec<_>>().join(",")
            );
        }
        Ok((passwd, group))
    }

    /// The same for groups of the system that runs us (`video`), as far as it has them.
    pub(crate) fn system_groups_of(&self, user: &str) -> Vec<u32> {
        let mine = self.members.iter().filter(|(member, _)| member == user);
        mine.filter(|(_, group)| !self.groups.contains_key(group))
            .filter_map(|(_, group)| nix::unistd::Group::from_name(group).ok().flatten())
            .map(|group| group.gid.as_raw())
            .collect()
    }

    fn add(&mut self, text: &str) -> anyhow::Result<()> {
        for line in text
            .lines()
            .map(str::trim)
            .filter(|l| !l.is_empty() && !l.starts_with('#'))
        {
            let fields: Vec<_> = line.split_whitespace().collect();
            let number = || fields.get(2).and_then(|id| id.parse().ok());
            match (fields.first().copied(), fields.get(1)) {
                (Some("u" | "u!"), Some(name)) => {
                    let uid = number().with_context(|| format!("no fixed number in `{line}`"))?;
                    self.users.insert((*name).to_owned(), uid);
                    self.groups.insert((*name).to_owned(), uid);
                }
                (Some("g"), Some(name)) => {
                    // `-` is a group of the system (video): it has no number of ours.
                    if let Some(gid) = number() {
                        self.groups.insert((*name).to_owned(), gid);
                    }
                }
                (Some("m"), Some(name)) => {
                    let group = fields
                        .get(2)
                        .with_context(|| format!("no group in `{line}`"))?;
                    self.members.push(((*name).to_owned(), (*group).to_owned()));
                }
                _ => anyhow::bail!("cannot read `{line}`"),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_users_groups_and_members() {
        let mut users = Users::default();
        users.add("# a comment\nu vigla-x 961 \"X of Vigla\" / -\ng vigla-y 960\nm vigla-x vigla-y\nm vigla-x video\n").unwrap();
        assert_eq!(users.users["vigla-x"], 961);
        assert_eq!(users.groups_of("vigla-x"), [960]);
    }

    #[test]
    fn finds_groups_of_the_system() {
        let mut users = Users::default();
        users
            .add("u vigla-x 961 \"X of Vigla\" / -\nm vigla-x root\nm vigla-x no-such-group\n")
            .unwrap();
        assert_eq!(users.system_groups_of("vigla-x"), [0]);
    }

    #[test]
    fn a_user_without_a_fixed_number_is_refused() {
        assert!(Users::default().add("u vigla-x - \"X\"").is_err());
    }
}
