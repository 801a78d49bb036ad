//! Tells systemd how the service is, where it has asked for that (`Type=notify`): a datagram to the
//! socket that `NOTIFY_SOCKET` names. Elsewhere it does nothing, and a failure is no fault of the
//! service.

/// How it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum State {
    Ready,
    Stopping,
}

impl State {
    fn text(self) -> &'static str {
        match self {
            State::Ready => "READY=1",
            State::Stopping => "STOPPING=1",
        }
    }
}

/// Tells it.
#[cfg(target_os = "linux")]
pub(crate) fn tell(state: State) {
    if let Some(place) = std::env::var_os("NOTIFY_SOCKET")
        && let Err(error) = send(&place, state.text())
    {
        tracing::warn!(%error, "systemd cannot be told how the service is");
    }
}

#[cfg(target_os = "linux")]
fn send(place: &std::ffi::OsStr, text: &str) -> std::io::Result<()> {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::net::{SocketAddr, UnixDatagram};

    // A name that begins with @ is of the kernel's own, and no file.
    let address = match place.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(place)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.send_to_addr(text.as_bytes(), &address).map(|_| ())
}

/// Tells it.
#[cfg(not(target_os = "linux"))]
pub(crate) fn tell(state: State) {
    let _ = state.text();
}
