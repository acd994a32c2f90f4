//! Numbers and addresses as text, for what is written with every request: a formatter
//! costs several times as much.

use std::io::Write as _;
use std::net::IpAddr;

pub(crate) fn append_number(number: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// The last digits of `number`, as many as `into` has room for.
pub(crate) fn write_digits(number: u64, into: &mut [u8]) {
    let mut rest = number;
    for digit in into.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
}

pub(crate) fn append_address(address: IpAddr, out: &mut Vec<u8>) {
    let IpAddr::V4(address) = address else {
        return write!(out, "{address}").expect("writing to memory");
    };
    for (at, octet) in address.octets().into_iter().enumerate() {
        if at > 0 {
            out.push(b'.');
        }
        append_number(u64::from(octet), out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_what_a_formatter_writes(number in any::<u64>(), address in any::<IpAddr>()) {
            let mut out = Vec::new();
            append_number(number, &mut out);
            out.push(b' ');
            append_address(address, &mut out);
            prop_assert_eq!(String::from_utf8(out).unwrap(), format!("{number} {address}"));
            let mut six = [0; 6];
            write_digits(number, &mut six);
            let expected = format!("{:06}", number % 1_000_000);
            prop_assert_eq!(&six[..], expected.as_bytes());
        }
    }
}
