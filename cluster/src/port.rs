//! Ports that two clusters never share, be they of one process or of several.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};

use anyhow::{Result, bail};

/// Above the ports that services use, below those that the kernel gives to outgoing connections: a
/// server that is restarted finds its port free.
const FIRST: u16 = 12_000;
const LAST: u16 = 32_000;

const TRIES_MAX: u32 = 1_000;

/// A TCP port of 127.0.0.1. Holding the UDP port of the same number reserves it among clusters:
/// nobody else uses it, it does not disturb the server, and the kernel frees it when we are killed.
pub(crate) struct Port {
    pub(crate) number: u16,
    _reservation: UdpSocket,
}

impl Port {
    /// Takes one that is free.
    pub(crate) fn reserve() -> Result<Port> {
        let span = u32::from(LAST - FIRST);
        let start = std::process::id().wrapping_mul(7_919) % span;
        for step in 0..TRIES_MAX {
            let offset = u16::try_from((start + step) % span).expect("the span is a u16");
            if let Some(port) = Port::take(FIRST + offset) {
                return Ok(port);
            }
        }
        bail!("{TRIES_MAX} ports from {FIRST} up are in use: stop what listens there")
    }

    fn take(number: u16) -> Option<Port> {
        let reservation = UdpSocket::bind((Ipv4Addr::LOCALHOST, number)).ok()?;
        TcpListener::bind((Ipv4Addr::LOCALHOST, number)).ok()?;
        Some(Port { number, _reservation: reservation })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_different_and_free() {
        let ports: Vec<Port> = (0..50).map(|_| Port::reserve().unwrap()).collect();
        let mut numbers: Vec<u16> = ports.iter().map(|port| port.number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 50);
        let listeners: Vec<_> =
            numbers.iter().map(|&n| TcpListener::bind(("127.0.0.1", n))).collect();
        assert!(listeners.iter().all(std::result::Result::is_ok));
    }

    #[test]
    fn a_port_in_use_is_not_taken() {
        let port = Port::reserve().unwrap();
        assert!(Port::take(port.number).is_none());
        let number = port.number;
        drop(port);
        let listener = TcpListener::bind(("127.0.0.1", number)).unwrap();
        assert!(Port::take(number).is_none());
        drop(listener);
    }
}
