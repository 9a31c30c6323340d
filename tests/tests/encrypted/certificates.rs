//! Authorities, and what they sign: made anew for every run.

use std::io;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// The only name that the certificate of a server is for.
pub(crate) const HOST: &str = "localhost";

/// Writes into `folder`: `known.pem`, an authority; `other.pem`, another one; `server.pem` and `server.key`, what the
/// first one has signed for [`HOST`].
pub(crate) fn write(folder: &Path) -> io::Result<()> {
    let known = authority("known").map_err(io::Error::other)?;
    let other = authority("other").map_err(io::Error::other)?;
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let params = CertificateParams::new(vec![HOST.to_owned()]).map_err(io::Error::other)?;
    let server = params.signed_by(&key, &known).map_err(io::Error::other)?;
    std::fs::write(folder.join("known.pem"), known.pem())?;
    std::fs::write(folder.join("other.pem"), other.pem())?;
    std::fs::write(folder.join("server.pem"), server.pem())?;
    std::fs::write(folder.join("server.key"), key.serialize_pem())
}

fn authority(name: &str) -> Result<CertifiedIssuer<'static, KeyPair>, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}
