//! Whether the way to a server is encrypted, and how it shows who it is.

use std::error::Error as StdError;
use std::io;
use std::path::PathBuf;

use orm_core::driver::{DriverError, DriverErrorKind};
use sqlx_core::error::Error;

/// Whether the way to a server is encrypted with TLS, and what the server has to prove.
///
/// All but [`Off`](Self::Off) and [`Preferred`](Self::Preferred) need the feature `tls-rustls`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TlsMode {
    /// Not encrypted.
    Off,
    /// Encrypted if both sides can; the default of URLs that say nothing.
    Preferred,
    /// Encrypted, whoever the server is.
    Required,
    /// Encrypted, and the server's certificate is signed by an authority that is known.
    VerifyCa,
    /// Encrypted, and the server's certificate is signed by an authority that is known, for the host of the URL.
    VerifyFull,
}

/// What is set of TLS; what is not follows from the URL.
#[derive(Clone, Debug, Default)]
pub(in crate::driver) struct TlsSettings {
    pub(in crate::driver) mode: Option<TlsMode>,
    pub(in crate::driver) root_certificate: Option<PathBuf>,
}

impl TlsSettings {
    /// Refuses what this program was built without.
    pub(in crate::driver) fn check(&self) -> Result<(), DriverError> {
        match self.mode {
            Some(TlsMode::Required | TlsMode::VerifyCa | TlsMode::VerifyFull) if !is_built_in() => {
                Err(is_off())
            }
            Some(_) | None => Ok(()),
        }
    }
}

fn is_built_in() -> bool {
    cfg!(feature = "tls-rustls")
}

fn is_off() -> DriverError {
    let message = "TLS is asked for and not built in; switch on the feature `tls-rustls` of orm-sqlx";
    DriverError::new(DriverErrorKind::Unsupported, message)
}

/// Why the database of this name can't be reached, where it is for the network or for TLS.
pub(in crate::driver) fn cannot_reach(name: &str, error: Error) -> Result<DriverError, Error> {
    match error {
        // What rustls says of a certificate.
        Error::Io(cause) if cause.kind() == io::ErrorKind::InvalidData => {
            Ok(not_encrypted(name, &cause).with_source(cause))
        }
        Error::Io(cause) => {
            let message = format!("no server for the database {name}: {cause}");
            Ok(DriverError::new(DriverErrorKind::ConnectionLost, message).with_source(cause))
        }
        Error::Tls(_) if !is_built_in() => Ok(is_off()),
        Error::Tls(cause) => Ok(not_encrypted(name, &*cause).with_source(cause)),
        other => Err(other),
    }
}

fn not_encrypted(name: &str, cause: &dyn StdError) -> DriverError {
    let message = format!("the way to the database {name} can't be encrypted as it is asked for: {cause}");
    DriverError::new(DriverErrorKind::Other, message)
}

/// What can be set of TLS; `self.tls` has the settings.
macro_rules! tls_settings {
    () => {
        /// Whether the way to the server is encrypted, and what the server has to prove. Goes over what the URL says.
        ///
        /// The authorities that are known are those of this machine, and that of
        /// [`root_certificate`](Self::root_certificate).
        pub fn tls(mut self, mode: $crate::TlsMode) -> Self {
            self.tls.mode = Some(mode);
            self
        }

        /// An authority that is known besides those of this machine: a file of certificates in PEM.
        pub fn root_certificate(mut self, path: impl Into<std::path::PathBuf>) -> Self {
            self.tls.root_certificate = Some(path.into());
            self
        }
    };
}

pub(super) use tls_settings;
