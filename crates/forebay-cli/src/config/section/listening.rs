//! Where the service listens beside its address: TLS, and sockets of the file system.

use std::path::PathBuf;

use crate::config::setting::section;
use crate::config::value::Mode;

section! {
    /// HTTP over TLS, beside `server.listen`.
    struct Tls {
        /// An address to listen on with TLS.
        listen: Vec<String> = Vec::new(), flag "listen-tls";
        /// The file with the certificate in PEM, that of the server first, then those of its
        /// issuers. It is read again when it changes.
        cert: Option<PathBuf> = None, flag "tls-cert";
        /// The file with its private key in PEM.
        key: Option<PathBuf> = None, flag "tls-key";
    }
}

section! {
    /// Sockets of the file system, beside `server.listen`.
    struct Unix {
        /// A socket to listen on; it is made, and removed at the end.
        listen: Vec<String> = Vec::new(), flag "listen-unix";
        /// Who may open it: its permissions in octal.
        mode: Mode = Mode(0o660), flag "unix-mode";
    }
}
