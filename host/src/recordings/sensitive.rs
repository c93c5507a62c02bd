//! What in an answer of an exchange is nobody else's business, by name.
//!
//! The one place for these lists. A name is compared in lower case, without `_` and `-`: `listenKey` is `listen_key`. What an
//! exchange calls otherwise is not found: whoever gives a recording away reads through it first.

/// Headers of an answer whose values are sessions.
const HEADERS: &[&str] = &[
    "authorization",
    "cookie",
    "setcookie",
    "xcsrftoken",
    "xauthtoken",
    "xsessionid",
];

/// Members of JSON whose values open a session, where they are at least [`TOKEN_LENGTH`] long: at some exchanges, `token` is
/// a coin.
const TOKENS: &[&str] = &[
    "accesskey",
    "accesstoken",
    "apikey",
    "apitoken",
    "authorization",
    "authtoken",
    "cookie",
    "idtoken",
    "jwt",
    "listenkey",
    "listentoken",
    "refreshtoken",
    "sessionid",
    "sessionkey",
    "sessiontoken",
    "sign",
    "signature",
    "subscriptiontoken",
    "token",
    "websocketstoken",
];

/// Members of JSON that say whose account it is, however short their values are.
const IDENTITIES: &[&str] = &[
    "accountalias",
    "accountid",
    "accountno",
    "accountnumber",
    "customerid",
    "email",
    "ip",
    "ipaddress",
    "mainuid",
    "masteruid",
    "memberid",
    "mobile",
    "nickname",
    "parentuid",
    "phone",
    "portfolioid",
    "profileid",
    "subaccountid",
    "subuid",
    "uid",
    "userid",
    "username",
];

/// What is shorter is no token.
const TOKEN_LENGTH: usize = 16;

fn normal(name: &str) -> String {
    let letters = name.chars().filter(|c| !matches!(c, '_' | '-'));
    letters.map(|c| c.to_ascii_lowercase()).collect()
}

/// Whether a header's value is replaced.
pub fn is_header(name: &str) -> bool {
    HEADERS.contains(&normal(name).as_str())
}

/// Whether the value of a member of JSON is replaced.
pub fn is_member(name: &str, value: &[u8]) -> bool {
    let name = normal(name);
    let empty = value.is_empty() || value == b"0";
    !empty && (IDENTITIES.contains(&name.as_str()) || TOKENS.contains(&name.as_str()) && value.len() >= TOKEN_LENGTH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_counts_however_it_is_written() {
        for name in ["listenKey", "listen_key", "LISTENKEY"] {
            assert!(is_member(name, b"pqia91ma19a5s61cv6a81va65sdf19v8"), "{name}");
        }
        assert!(is_member("uid", b"7"));
        assert!(is_header("Set-Cookie"));
        assert!(!is_header("x-mbx-used-weight"));
    }

    #[test]
    fn a_coin_is_no_token_and_nobody_is_nobody() {
        assert!(!is_member("token", b"BTC"));
        assert!(!is_member("uid", b"0"));
        assert!(!is_member("accountType", b"SPOT"));
    }
}
