//! Processes as the kernel lists them in `/proc`.

use std::fs;

/// What is read of one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    pub pid: u32,
    pub parent: u32,
    /// Somebody may sit before it.
    pub has_terminal: bool,
    /// In clock ticks since the machine was started; with the pid it names one process.
    pub started: u64,
    /// Dead, and not yet taken notice of by its parent.
    pub is_zombie: bool,
}

/// Parents on the way up at most: a loop cannot be, a process that vanishes can.
const DEPTH_MAX: usize = 64;

/// `None` when there is no such process.
pub fn find(pid: u32) -> Option<Process> {
    parse(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn parse(pid: u32, stat: &str) -> Option<Process> {
    // The name, in parentheses, may contain anything; behind it stand state and numbers.
    let mut fields = stat[stat.rfind(')')? + 1..].split_ascii_whitespace();
    let is_zombie = fields.next()? == "Z";
    let parent = fields.next()?.parse().ok()?;
    // The parent is field 4 of proc_pid_stat(5), `tty_nr` field 7, `starttime` field 22.
    let has_terminal = fields.nth(2)? != "0";
    let started = fields.nth(14)?.parse().ok()?;
    Some(Process { pid, parent, has_terminal, started, is_zombie })
}

pub fn all() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(find)
        .collect()
}

/// `root` and everything below it.
pub fn tree(root: u32) -> Vec<Process> {
    let all = all();
    let mut tree: Vec<_> = all.iter().copied().filter(|process| process.pid == root).collect();
    let mut at = 0;
    while at < tree.len() {
        let parent = tree[at].pid;
        tree.extend(all.iter().filter(|process| process.parent == parent));
        at += 1;
    }
    tree
}

/// Is `pid` `root`, or somewhere below it?
pub fn is_below(pid: u32, root: u32) -> bool {
    let mut at = pid;
    for _ in 0..DEPTH_MAX {
        if at == root {
            return true;
        }
        match find(at) {
            Some(process) if process.parent > 1 => at = process.parent,
            _ => return false,
        }
    }
    false
}

/// What the process calls itself; empty when it is gone.
pub fn name(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_line_is_read_whatever_a_process_calls_itself() {
        let stat = "7 (a) Z (b) S 3 7 7 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 9876 1 1";
        let expected =
            Process { pid: 7, parent: 3, has_terminal: false, started: 9876, is_zombie: false };
        assert_eq!(parse(7, stat), Some(expected));
        assert_eq!(parse(7, "7 (a"), None);
    }

    #[test]
    fn a_child_is_below_its_parent_and_not_above() {
        let (ours, parent) = (std::process::id(), std::os::unix::process::parent_id());
        assert!(is_below(ours, ours) && is_below(ours, parent) && !is_below(parent, ours));
        assert!(tree(ours).iter().any(|process| process.pid == ours));
    }
}
