//! Tokens: who somebody is, signed, as a JSON Web Token.

mod hs256;

use std::fmt;
use std::time::{Duration, SystemTime};

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};

use crate::error::{ApiError, Result};

/// How long a token is good.
const LIFETIME: Duration = Duration::from_hours(24 * 30);

/// Signs tokens, and knows its own again.
#[derive(Clone)]
pub struct Tokens {
    signing: EncodingKey,
    checking: DecodingKey,
}

/// What a token says.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    /// The user.
    sub: String,
    /// When it ends, in seconds since 1970.
    exp: u64,
}

impl Tokens {
    /// Signed with `secret`.
    ///
    /// # Errors
    ///
    /// A secret that is too short to be one.
    pub fn new(secret: &[u8]) -> std::result::Result<Self, String> {
        if secret.len() < 16 {
            return Err("the secret that tokens are signed with must have 16 bytes or more".to_owned());
        }
        // Fails where an earlier one has installed it.
        let _ = hs256::PROVIDER.install_default();
        let keys = EncodingKey::from_secret(secret)
            .and_then(|signing| DecodingKey::from_secret(secret).map(|checking| Self { signing, checking }));
        keys.map_err(|error| error.to_string())
    }

    /// Signed with a secret that nobody knows: they end with the program.
    ///
    /// # Errors
    ///
    /// When the operating system has no random numbers.
    pub fn random() -> std::result::Result<Self, String> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|error| error.to_string())?;
        Self::new(&secret)
    }

    /// A token of a user.
    pub(crate) fn issue(&self, user: i64) -> Result<String> {
        let now = SystemTime::UNIX_EPOCH.elapsed().map_err(ApiError::internal)?;
        let claims = Claims { sub: user.to_string(), exp: (now + LIFETIME).as_secs() };
        encode(&Header::new(Algorithm::HS256), &claims, &self.signing).map_err(ApiError::internal)
    }

    /// Whose token it is, if it is one of these and has not ended.
    pub(crate) fn user_of(&self, token: &str) -> Option<i64> {
        let claims = decode::<Claims>(token, &self.checking, &Validation::new(Algorithm::HS256));
        claims.ok()?.claims.sub.parse().ok()
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens(..)")
    }
}
