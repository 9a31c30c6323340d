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

/// Refuses what this program was built without, before anything is sent.
pub(in crate::driver) fn check(mode: TlsMode) -> Result<(), DriverError> {
    if is_built_in() { Ok(()) } else { check_without(mode) }
}

/// As [`check`], of a program without TLS.
fn check_without(mode: TlsMode) -> Result<(), DriverError> {
    match mode {
        TlsMode::Required | TlsMode::VerifyCa | TlsMode::VerifyFull => Err(is_off()),
        TlsMode::Off | TlsMode::Preferred => Ok(()),
    }
}

fn is_built_in() -> bool {
    cfg!(feature = "tls-rustls")
}

fn is_off() -> DriverError {
    let message = "TLS is asked for and not built in; switch on the feature `tls-rustls` of orm-sqlx";
    DriverError::new(DriverErrorKind::Unsupported, message)
}

/// The way to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::driver) enum Way {
    Network,
    Socket,
}

/// Why the database of this name can't be reached, where it is for the network or for TLS.
pub(in crate::driver) fn cannot_reach(name: &str, way: Way, error: Error) -> Result<DriverError, Error> {
    match error {
        // Over the network no file is looked for but those of certificates.
        Error::Io(cause) if way == Way::Network && cause.kind() == io::ErrorKind::NotFound => {
            let message = format!("a certificate for the way to the database {name} is not there: {cause}");
            Ok(DriverError::new(DriverErrorKind::Other, message).with_source(cause))
        }
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

/// A URL with those parameters alone that are known. Of the others the names are logged and not the values, since one of
/// them may be a password whose name is misspelt.
pub(in crate::driver) fn with_known_parameters(url: &str, is_known: impl Fn(&str) -> bool) -> String {
    let Some((place, parameters)) = url.split_once('?') else { return url.to_owned() };
    let known = parameters.split('&').filter(|parameter| {
        let name = parameter.split_once('=').map_or(*parameter, |(name, _)| name);
        let is_known = is_known(name);
        if !is_known {
            tracing::warn!(target: "orm::driver", parameter = name, "a parameter of the URL is not known, and ignored");
        }
        is_known
    });
    let known: Vec<&str> = known.collect();
    if known.is_empty() { place.to_owned() } else { format!("{place}?{}", known.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_asks_for_tls_is_refused_without_it() {
        for mode in [TlsMode::Required, TlsMode::VerifyCa, TlsMode::VerifyFull] {
            let error = check_without(mode).expect_err("it is not built in");
            assert_eq!(error.kind(), DriverErrorKind::Unsupported);
            assert!(error.to_string().contains("the feature `tls-rustls` of orm-sqlx"), "{error}");
        }
        for mode in [TlsMode::Off, TlsMode::Preferred] {
            assert!(check_without(mode).is_ok(), "{mode:?}");
        }
    }

    #[test]
    fn parameters_that_are_not_known_are_left_out() {
        for (url, kept) in [
            ("mysql://ann@host/library", "mysql://ann@host/library"),
            ("mysql://ann@host/library?", "mysql://ann@host/library"),
            ("mysql://ann@host/library?pasword=s3cret", "mysql://ann@host/library"),
            ("mysql://ann@host/library?a=1&b&known=2&c=3&known", "mysql://ann@host/library?known=2&known"),
        ] {
            assert_eq!(with_known_parameters(url, |name| name == "known"), kept);
        }
    }
}
