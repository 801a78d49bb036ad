//! As whom the server runs. It refuses to run as root, so root hands everything to `postgres` or
//! `nobody`; anybody else runs it as themselves.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

/// Whom root becomes, the first that exists.
const UNPRIVILEGED: [&str; 2] = ["postgres", "nobody"];

/// The account of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Account {
    /// That of this process.
    Own,
    /// Another one, by the numbers of its user and group.
    Other { user: u32, group: u32 },
}

impl Account {
    pub(crate) fn choose() -> Result<Account> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Account::Own);
        }
        let users = std::fs::read_to_string("/etc/passwd").context("cannot read /etc/passwd")?;
        UNPRIVILEGED.iter().find_map(|name| find(&users, name)).context(
            "PostgreSQL does not run as root, and there is neither a user postgres nor nobody: \
             run the tests as another user",
        )
    }

    /// A command that runs under this account, in a folder that it may enter, and does not know
    /// which server the user of this process works with.
    pub(crate) fn command(self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(folder).env("LC_ALL", "C");
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PG") {
                command.env_remove(name);
            }
        }
        if let Account::Other { user, group } = self {
            command.uid(user).gid(group);
        }
        command
    }

    /// Gives a file or a folder, not what is in it, to this account.
    pub(crate) fn own(self, path: &Path) -> Result<()> {
        if let Account::Other { user, group } = self {
            chown(path, Some(user), Some(group))
                .with_context(|| format!("cannot give {} to user {user}", path.display()))?;
        }
        Ok(())
    }
}

/// The account called `name` in the text of /etc/passwd.
fn find(users: &str, name: &str) -> Option<Account> {
    let mut lines = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let line = lines.find(|fields| fields.first() == Some(&name))?;
    Some(Account::Other { user: line.get(2)?.parse().ok()?, group: line.get(3)?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_found_by_their_whole_name() {
        let users = "root:x:0:0:root:/root:/bin/bash\npostgres2:x:7:8::/:\npostgres:x:101:104:\n";
        let check = |name: &str, expect: Option<(u32, u32)>| {
            let expect = expect.map(|(user, group)| Account::Other { user, group });
            assert_eq!(find(users, name), expect, "{name}");
        };
        check("postgres", Some((101, 104)));
        check("postgres2", Some((7, 8)));
        check("nobody", None);
        check("x", None);
    }
}
