//! The account the gateway runs under.

use std::path::PathBuf;

/// Of a user in `/etc/passwd`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub uid: u32,
    pub gid: u32,
    pub home: PathBuf,
}

impl Account {
    /// The account of `name`, when we may change to it (we are root) and it exists.
    pub fn available(name: &str) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        find(&std::fs::read_to_string("/etc/passwd").ok()?, name)
    }
}

fn find(passwd: &str, name: &str) -> Option<Account> {
    let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
    let fields: Vec<_> = line.split(':').collect();
    let [_, _, uid, gid, _, home, _] = fields[..] else { return None };
    Some(Account { uid: uid.parse().ok()?, gid: gid.parse().ok()?, home: home.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nopenclaw2:x:7:7::/x:/bin/sh\n\
                      openclaw:x:1001:1002:,,,:/home/openclaw:/bin/bash\nbroken:x:1\n";
        let expected = Account { uid: 1001, gid: 1002, home: "/home/openclaw".into() };
        assert_eq!(find(passwd, "openclaw"), Some(expected));
        for name in ["claw", "", "broken", "nobody"] {
            assert_eq!(find(passwd, name), None, "{name}");
        }
    }
}
