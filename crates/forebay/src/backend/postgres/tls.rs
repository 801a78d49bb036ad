//! TLS to the server: which certificates are believed, and what binds a login to the channel. When
//! TLS is asked for is decided in `startup`.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    SupportedCipherSuite,
};
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;

use super::config::{Config, Host, SslMode};
use super::socket::Socket;
use crate::error::{Error, Kind, Result};

/// What is believed, read from disk once for all connections of one [`Config`].
#[derive(Default)]
pub(super) struct Roots(OnceCell<Arc<ClientConfig>>);

/// A socket inside of TLS.
pub(super) struct Secured {
    pub(super) socket: Socket,
    /// What RFC 5929 calls tls-server-end-point, if the certificate has one.
    pub(super) binding: Option<Vec<u8>>,
}

/// Speaks TLS on the socket from here on. Nothing may have been read beyond the server's consent.
pub(super) async fn secure(config: &Config, socket: Socket) -> Result<Secured> {
    let client = config.roots.0.get_or_try_init(|| load(config)).await?.clone();
    let Host::Tcp(host) = &config.host else {
        return Err(Error::usage("the server speaks no TLS on its socket in the file system"));
    };
    let name = ServerName::try_from(host.clone())
        .map_err(|error| refused(config, "its name is none that a certificate can have", error))?;
    let stream = TlsConnector::from(client)
        .connect(name, socket)
        .await
        .map_err(|error| refused(config, &error.to_string(), error))?;
    let certificates = stream.get_ref().1.peer_certificates();
    let binding = certificates.and_then(|all| all.first()).and_then(|first| end_point(first));
    Ok(Secured { socket: Box::new(stream), binding })
}

fn refused(
    config: &Config,
    why: &str,
    error: impl std::error::Error + Send + Sync + 'static,
) -> Error {
    let message = format!(
        "no TLS with PostgreSQL at {}: {why}; name the file of its authority with sslrootcert, or \
         choose another sslmode",
        config.place()
    );
    Error::new(Kind::Open, message).with_cause(error)
}

async fn load(config: &Config) -> Result<Arc<ClientConfig>> {
    let (mode, file) = (config.ssl_mode, config.ssl_root_cert.clone());
    tokio::task::spawn_blocking(move || client(mode, file.as_deref())).await.unwrap_or_else(
        |error| Err(Error::new(Kind::Open, "reading certificates panicked").with_cause(error)),
    )
}

fn client(mode: SslMode, file: Option<&Path>) -> Result<Arc<ClientConfig>> {
    // Named, not the process's default: another part of the application may have chosen that.
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable("the TLS versions", error))?;
    let client = match mode {
        SslMode::Disable | SslMode::Require => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
            .with_no_client_auth(),
        SslMode::VerifyCa => {
            let inner = WebPkiServerVerifier::builder_with_provider(roots(file)?.into(), provider)
                .build()
                .map_err(|error| unusable("the trusted certificates", error))?;
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(AnyName(inner)))
                .with_no_client_auth()
        }
        SslMode::VerifyFull => builder.with_root_certificates(roots(file)?).with_no_client_auth(),
    };
    Ok(Arc::new(client))
}

/// The certificates in the file, else those that the system trusts.
fn roots(file: Option<&Path>) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let Some(file) = file else {
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            return Err(Error::new(
                Kind::Open,
                "the system has no trusted certificates; install them (the package is often called \
                 ca-certificates), or name a file with sslrootcert",
            ));
        }
        return Ok(roots);
    };
    let what = format!("the certificates in {}", file.display());
    let certificates =
        CertificateDer::pem_file_iter(file).map_err(|error| unusable(&what, error))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| unusable(&what, error))?;
        roots.add(certificate).map_err(|error| unusable(&what, error))?;
    }
    if roots.is_empty() {
        return Err(Error::new(Kind::Open, format!("{what} are none: it has to be PEM")));
    }
    Ok(roots)
}

fn unusable(what: &str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(Kind::Open, format!("{what} cannot be used: {error}")).with_cause(error)
}

/// Believes whoever answers, but still wants proof that he has the key of the certificate.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Believes certificates of a trusted authority, whatever name they are for.
#[derive(Debug)]
struct AnyName(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        use CertificateError::{NotValidForName, NotValidForNameContext};
        match self.0.verify_server_cert(certificate, others, name, ocsp, now) {
            // The name is looked at last, so everything else holds.
            Err(rustls::Error::InvalidCertificate(
                NotValidForName | NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// The certificate's digest under the hash of its own signature; SHA-256 where that is a broken
/// one.
fn end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let suite = match signature_algorithm(certificate)? {
        // md5, sha1 and sha256 with RSA; sha1 and sha256 with ECDSA.
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 4 | 5 | 11]
        | [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1]
        | [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2] => ring::cipher_suite::TLS13_AES_128_GCM_SHA256,
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 12]
        | [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3] => ring::cipher_suite::TLS13_AES_256_GCM_SHA384,
        _ => return None,
    };
    // A cipher suite is the one way to a hash that rustls has.
    let SupportedCipherSuite::Tls13(suite) = suite else { return None };
    Some(suite.common.hash_provider.hash(certificate).as_ref().to_vec())
}

/// The object identifier in the second part of a certificate.
fn signature_algorithm(certificate: &[u8]) -> Option<&[u8]> {
    const SEQUENCE: u8 = 0x30;
    const OBJECT_IDENTIFIER: u8 = 0x06;
    let (certificate, _) = element(certificate, SEQUENCE)?;
    let (_, rest) = element(certificate, SEQUENCE)?;
    let (algorithm, _) = element(rest, SEQUENCE)?;
    Some(element(algorithm, OBJECT_IDENTIFIER)?.0)
}

/// What one DER element of that tag holds, and what follows it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&[first, length], rest) = bytes.split_first_chunk()?;
    if first != tag {
        return None;
    }
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn der() {
        let certificate = [
            &[0x30, 0x15][..],
            &[0x30, 2, 5, 0],
            &[0x30, 0x0d, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11, 5, 0],
            &[3, 0],
        ]
        .concat();
        assert_eq!(signature_algorithm(&certificate).map(<[u8]>::len), Some(9));
        assert_eq!(end_point(&certificate).map(|digest| digest.len()), Some(32));
        for length in 0..certificate.len() - 2 {
            assert_eq!(signature_algorithm(&certificate[..length]), None, "{length}");
        }
        for garbage in [&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff][..], &[0x30, 0x83, 0xff, 0xff, 0xff]]
        {
            assert_eq!(signature_algorithm(garbage), None);
        }
    }
}
