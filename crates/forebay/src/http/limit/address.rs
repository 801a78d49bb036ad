//! The address of a client, behind proxies that are trusted. Whatever a client says of itself is
//! believed nobody but such a proxy.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName, header};

use crate::error::{Error, Result};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Hops that are looked at, from the nearest on.
const HOPS_MAX: usize = 32;

/// Bytes of forwarding headers that are looked at; a longer list is one that somebody made up.
const BYTES_MAX: usize = 8 * 1024;

/// A network, such as `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Net {
    address: IpAddr,
    bits: u32,
}

/// Which header the proxies write. The other one is the client's own word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Header {
    #[default]
    XForwardedFor,
    Forwarded,
}

/// The proxies that are trusted.
#[derive(Clone, Debug)]
pub(super) struct Proxies {
    nets: Vec<Net>,
    header: Header,
}

impl Net {
    fn parse(text: &str) -> Option<Net> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        (bits <= most).then_some(Net { address, bits })
    }

    fn has(self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(net), IpAddr::V4(one)) => {
                let differ = u32::from(net) ^ u32::from(one);
                differ.leading_zeros() >= self.bits
            }
            (IpAddr::V6(net), IpAddr::V6(one)) => {
                let differ = u128::from(net) ^ u128::from(one);
                differ.leading_zeros() >= self.bits
            }
            _ => false,
        }
    }
}

impl Proxies {
    /// None yet, of those that write this header.
    pub(super) fn writing(header: Header) -> Proxies {
        Proxies { nets: Vec::new(), header }
    }

    pub(super) fn add(&mut self, text: &str) -> Result<()> {
        let net = Net::parse(text.trim()).ok_or_else(|| {
            Error::usage(format!(
                "trusted_proxies: {text:?} is no address and no network; write 10.0.0.1, \
                 10.0.0.0/8 or fd00::/8"
            ))
        })?;
        self.nets.push(net);
        Ok(())
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.nets.iter().any(|net| net.has(address))
    }

    /// The nearest address that is not of a trusted proxy: from `peer` on, along what the proxies
    /// have written, from the last to the first. What cannot be read ends the way: then it is the
    /// proxy who has written it that counts.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        if !self.trusts(client) {
            return client;
        }
        for hop in self.hops(headers).take(HOPS_MAX) {
            let Some(address) = hop else { return client };
            client = address.to_canonical();
            if !self.trusts(client) {
                return client;
            }
        }
        client
    }

    /// The addresses that proxies have written, the nearest first; `None` for what is none.
    fn hops(&self, headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
        let name = match self.header {
            Header::XForwardedFor => X_FORWARDED_FOR,
            Header::Forwarded => header::FORWARDED,
        };
        let lines: Vec<&[u8]> =
            headers.get_all(name).iter().map(|value| value.as_bytes()).collect();
        let bytes: usize = lines.iter().map(|line| line.len()).sum();
        let lines = if bytes > BYTES_MAX { Vec::new() } else { lines };
        let read = match self.header {
            Header::XForwardedFor => address,
            Header::Forwarded => forwarded_for,
        };
        let mut hops: Vec<Option<IpAddr>> = Vec::new();
        for line in lines {
            match str::from_utf8(line) {
                Ok(line) => hops.extend(line.split(',').map(|hop| read(hop.trim()))),
                Err(_) => hops.push(None),
            }
        }
        hops.into_iter().rev()
    }
}

/// `192.0.2.1`, `2001:db8::1`, and both with a port, as some proxies write it.
fn address(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    if let Ok(socket) = text.parse::<SocketAddr>() {
        return Some(socket.ip());
    }
    text.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

/// The `for` of an element of `Forwarded`. Names that hide an address (`_gateway`, `unknown`) are
/// none. A quoted comma would have been cut before: that cannot be read either.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut found = None;
    for pair in element.split(';') {
        let (name, value) = pair.trim().split_once('=')?;
        if !name.trim().eq_ignore_ascii_case("for") {
            continue;
        }
        let value = value.trim();
        let bare = value.strip_prefix('"').map_or(Some(value), |rest| rest.strip_suffix('"'))?;
        if found.replace(address(bare)?).is_some() {
            return None;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: Header, peer: &str, lines: &[&str], expect: &str) {
        let mut proxies = Proxies::writing(header);
        for net in ["10.0.0.0/8", "fd00::/8", "192.0.2.7"] {
            proxies.add(net).unwrap();
        }
        let mut headers = HeaderMap::new();
        // The other header is a client's own word.
        headers.append(X_FORWARDED_FOR, "203.0.113.66".parse().unwrap());
        headers.append(header::FORWARDED, "for=203.0.113.66".parse().unwrap());
        let name = match header {
            Header::XForwardedFor => X_FORWARDED_FOR,
            Header::Forwarded => header::FORWARDED,
        };
        headers.remove(&name);
        for line in lines {
            headers.append(&name, http::HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        let found = proxies.client(peer.parse().unwrap(), &headers);
        assert_eq!(found, expect.parse::<IpAddr>().unwrap(), "{peer} {lines:?}");
    }

    #[test]
    fn forwarded_addresses_are_read_from_the_right() {
        let check = |peer, lines: &[&str], expect| {
            check(Header::XForwardedFor, peer, lines, expect);
        };
        check("10.0.0.1", &["198.51.100.1"], "198.51.100.1");
        check("192.0.2.7", &["198.51.100.1"], "198.51.100.1");
        check("192.0.2.8", &["198.51.100.1"], "192.0.2.8");
        check("198.51.100.9", &["1.1.1.1"], "198.51.100.9");
        // What a client has made up stands to the left of what the proxy has seen.
        check("10.0.0.1", &["1.1.1.1, 198.51.100.1"], "198.51.100.1");
        check("10.0.0.1", &["1.1.1.1", "198.51.100.1, 10.0.0.2"], "198.51.100.1");
        check("10.0.0.1", &["10.0.0.9,10.0.0.8"], "10.0.0.9");
        check("10.0.0.1", &[], "10.0.0.1");
        check("10.0.0.1", &["nonsense"], "10.0.0.1");
        check("10.0.0.1", &["198.51.100.1, nonsense"], "10.0.0.1");
        check("10.0.0.1", &["198.51.100.1, ü, 10.0.0.2"], "10.0.0.2");
        check("10.0.0.1", &["198.51.100.1:4711"], "198.51.100.1");
        check("10.0.0.1", &["[2001:db8::1]:80, [fd00::1]"], "2001:db8::1");
        check("::ffff:10.0.0.1", &["::ffff:198.51.100.1"], "198.51.100.1");
        check("fd00::1", &["2001:db8::1"], "2001:db8::1");
        check("10.0.0.1", &["198.51.100.1,".repeat(1_000).as_str()], "10.0.0.1");
    }

    #[test]
    fn the_standard_header_is_read_alike() {
        let check = |lines: &[&str], expect| {
            check(Header::Forwarded, "10.0.0.1", lines, expect);
        };
        check(&["for=198.51.100.1"], "198.51.100.1");
        check(&["For=\"[2001:db8::1]:4711\";proto=https;by=10.0.0.1"], "2001:db8::1");
        check(&["for=1.1.1.1, proto=http;for=\"198.51.100.1:80\""], "198.51.100.1");
        check(&["for=198.51.100.1, for=10.0.0.3"], "198.51.100.1");
        check(&["for=198.51.100.1, for=_hidden"], "10.0.0.1");
        check(&["for=unknown"], "10.0.0.1");
        check(&["for=198.51.100.1;for=1.1.1.1"], "10.0.0.1");
        check(&["for=\"198.51.100.1"], "10.0.0.1");
        check(&["proto=https"], "10.0.0.1");
        check(&[";;;,=,\"\""], "10.0.0.1");
    }

    #[test]
    fn networks_are_checked() {
        for (text, expect) in [
            ("10.0.0.0/8", true),
            ("0.0.0.0/0", true),
            ("::/0", true),
            ("fd00::/129", false),
            ("10.0.0.0/33", false),
            ("10.0.0/8", false),
            ("localhost", false),
            ("", false),
        ] {
            assert_eq!(Proxies::writing(Header::default()).add(text).is_ok(), expect, "{text}");
        }
    }
}
