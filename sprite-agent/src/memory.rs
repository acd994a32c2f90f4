//! How much memory a process has in use.

/// Bytes of the process `pid` that are in memory; `None` when it is gone.
pub fn resident_bytes(pid: u32) -> Option<u64> {
    resident(&std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_line_is_read() {
        let status = "Name:\tx\nVmHWM:\t  9000 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(resident(status), Some(1 << 20));
        assert_eq!(resident("Name:\tzombie\n"), None);
        assert!(resident_bytes(std::process::id()).is_some());
    }
}
