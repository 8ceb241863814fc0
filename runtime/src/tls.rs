//! Encryption: `sslmode` and the certificates, as libpq has them, by rustls.

use std::fmt;

use crate::address::Address;

/// `sslmode`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Disable,
    /// Encrypted where the server can. Nobody is checked: it guards against those who only listen.
    Prefer,
    Require,
    /// The server's certificate is signed by somebody trusted.
    VerifyCa,
    /// And it is for this host.
    VerifyFull,
}

impl Mode {
    fn of(address: &Address) -> Result<Self, String> {
        if address.is_local() {
            // A server never encrypts there.
            return Ok(Self::Disable);
        }
        let mode = match address.get("sslmode") {
            None | Some("prefer" | "allow") => Self::Prefer,
            Some("disable") => Self::Disable,
            Some("require") => Self::Require,
            Some("verify-ca") => Self::VerifyCa,
            Some("verify-full") => Self::VerifyFull,
            Some(_) => {
                return Err(
                    "`sslmode` is none of disable, prefer, require, verify-ca and verify-full"
                        .to_owned(),
                );
            }
        };
        // Whoever gives a certificate means it, says libpq.
        match mode {
            Self::Require if address.get("sslrootcert").is_some() => Ok(Self::VerifyCa),
            Self::Disable | Self::Prefer | Self::Require | Self::VerifyCa | Self::VerifyFull => {
                Ok(mode)
            }
        }
    }

    /// As tokio-postgres names it; what is verified is not its business.
    fn name(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require | Self::VerifyCa | Self::VerifyFull => "require",
        }
    }
}

/// How connections are encrypted.
#[derive(Clone)]
pub(crate) enum Tls {
    None,
    #[cfg(feature = "tls")]
    Rustls(tokio_postgres_rustls::MakeRustlsConnect),
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            #[cfg(feature = "tls")]
            Self::Rustls(_) => "Rustls",
        })
    }
}

impl Tls {
    pub(crate) fn encrypts(&self) -> bool {
        match self {
            Self::None => false,
            #[cfg(feature = "tls")]
            Self::Rustls(_) => true,
        }
    }

    /// Takes the parameters about encryption out of the address, but for a `sslmode` that tokio-postgres knows.
    pub(crate) fn of(address: &mut Address) -> Result<Self, String> {
        let mode = Mode::of(address)?;
        let files = Files {
            roots: address.take("sslrootcert"),
            certificate: address.take("sslcert"),
            key: address.take("sslkey"),
        };
        address.set("sslmode", mode.name().to_owned());
        Self::new(mode, &files)
    }

    #[cfg(not(feature = "tls"))]
    fn new(mode: Mode, _: &Files) -> Result<Self, String> {
        match mode {
            Mode::Disable | Mode::Prefer => Ok(Self::None),
            Mode::Require | Mode::VerifyCa | Mode::VerifyFull => Err(
                "this `sslmode` encrypts, which needs the feature `tls` of the crate sqlmill-runtime"
                    .to_owned(),
            ),
        }
    }

    #[cfg(feature = "tls")]
    fn new(mode: Mode, files: &Files) -> Result<Self, String> {
        match mode {
            Mode::Disable => Ok(Self::None),
            Mode::Prefer | Mode::Require | Mode::VerifyCa | Mode::VerifyFull => {
                let config = verify::config(mode, files)?;
                Ok(Self::Rustls(tokio_postgres_rustls::MakeRustlsConnect::new(
                    config,
                )))
            }
        }
    }
}

#[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "nobody reads them"))]
struct Files {
    roots: Option<String>,
    certificate: Option<String>,
    key: Option<String>,
}

#[cfg(feature = "tls")]
mod verify {
    use std::sync::Arc;

    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
    use rustls::{
        CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore,
        SignatureScheme,
    };

    use super::{Files, Mode};

    pub(super) fn config(mode: Mode, files: &Files) -> Result<ClientConfig, String> {
        let provider = Arc::new(ring::default_provider());
        let chain = match mode {
            Mode::VerifyFull | Mode::VerifyCa => {
                let roots = Arc::new(roots(files.roots.as_deref())?);
                let verifier =
                    WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider))
                        .build()
                        .map_err(|error| format!("`sslrootcert` cannot be used: {error}"))?;
                Some(verifier)
            }
            Mode::Disable | Mode::Prefer | Mode::Require => None,
        };
        let verifier = Arc::new(Verifier {
            chain,
            name: mode == Mode::VerifyFull,
            provider: Arc::clone(&provider),
        });
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match (&files.certificate, &files.key) {
            (Some(certificate), Some(key)) => {
                let chain = certificates("sslcert", certificate)?;
                let key = PrivateKeyDer::from_pem_file(key)
                    .map_err(|error| format!("`sslkey` cannot be read: {error}"))?;
                config
                    .with_client_auth_cert(chain, key)
                    .map_err(|error| format!("`sslcert` and `sslkey` cannot be used: {error}"))?
            }
            (None, None) => config.with_no_client_auth(),
            (Some(_), None) => return Err("`sslcert` is there without `sslkey`".to_owned()),
            (None, Some(_)) => return Err("`sslkey` is there without `sslcert`".to_owned()),
        };
        // Asked for by servers from 17 on where no plain text precedes the handshake.
        config.alpn_protocols = vec![b"postgresql".to_vec()];
        Ok(config)
    }

    /// Those of the file; without one, or for `system`, those that the operating system trusts.
    fn roots(file: Option<&str>) -> Result<RootCertStore, String> {
        let mut roots = RootCertStore::empty();
        match file {
            None | Some("system") => {
                let found = rustls_native_certs::load_native_certs();
                roots.add_parsable_certificates(found.certs);
            }
            Some(file) => {
                for certificate in certificates("sslrootcert", file)? {
                    roots
                        .add(certificate)
                        .map_err(|error| format!("`sslrootcert` cannot be used: {error}"))?;
                }
            }
        }
        if roots.is_empty() {
            return Err(
                "there are no certificates to trust: name a file in `sslrootcert`".to_owned(),
            );
        }
        Ok(roots)
    }

    fn certificates(key: &str, file: &str) -> Result<Vec<CertificateDer<'static>>, String> {
        CertificateDer::pem_file_iter(file)
            .and_then(Iterator::collect)
            .map_err(|error| format!("`{key}` cannot be read: {error}"))
    }

    /// Checks as much of the server's certificate as `sslmode` asks for.
    #[derive(Debug)]
    struct Verifier {
        /// `None` where any certificate will do.
        chain: Option<Arc<WebPkiServerVerifier>>,
        name: bool,
        provider: Arc<CryptoProvider>,
    }

    impl ServerCertVerifier for Verifier {
        fn verify_server_cert(
            &self,
            end_entity: &CertificateDer<'_>,
            intermediates: &[CertificateDer<'_>],
            server_name: &ServerName<'_>,
            ocsp_response: &[u8],
            now: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            let Some(chain) = &self.chain else {
                return Ok(ServerCertVerified::assertion());
            };
            let verified = chain.verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                now,
            );
            match verified {
                // The name is looked at last, when all else is found to be right.
                Err(Error::InvalidCertificate(
                    CertificateError::NotValidForName
                    | CertificateError::NotValidForNameContext { .. },
                )) if !self.name => Ok(ServerCertVerified::assertion()),
                verified => verified,
            }
        }

        fn verify_tls12_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            let algorithms = &self.provider.signature_verification_algorithms;
            verify_tls12_signature(message, certificate, signature, algorithms)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            let algorithms = &self.provider.signature_verification_algorithms;
            verify_tls13_signature(message, certificate, signature, algorithms)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.provider
                .signature_verification_algorithms
                .supported_schemes()
        }
    }
}
