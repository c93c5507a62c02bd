//! Published signatures, reproduced through recipes as a connector would write them.
#![allow(clippy::unwrap_used)]

use colibri_abi::{PreimagePart, RSlice, Sign, encoding, key_encoding, scheme, transform};
use colibri_standard::KeyKind;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    UnparsedPublicKey,
};

use super::*;

/// A recipe's signature, filled into a text.
fn signed(
    kind: KeyKind,
    secret: &str,
    (scheme, encoding, key_encoding): (u32, u32, u32),
    parts: &[(u32, &str)],
) -> Result<String, SigningError> {
    let mut keyring = Keyring::new(Credentials::none().with_secret("secret", kind, Secret::from_text(secret.into())));
    let parts: Vec<PreimagePart<'_>> = parts
        .iter()
        .map(|(transform, text)| PreimagePart {
            transform: *transform,
            reserved: 0,
            bytes: text.as_bytes().into(),
        })
        .collect();
    let recipe = Sign {
        name: "sig".into(),
        slot: "secret".into(),
        scheme,
        encoding,
        key_encoding,
        reserved: 0,
        preimage: RSlice::from_slice(&parts),
    };
    let filled = keyring.resolve(&[recipe])?;
    let text = keyring.fill(&filled, Context::Url, b"<${sig}>")?.into_owned();
    let text = String::from_utf8(text).unwrap();
    Ok(text[1..text.len() - 1].to_owned())
}

const PLAIN: u32 = transform::NONE;

/// github.com/binance/binance-spot-api-docs, rest-api.md, "SIGNED request example (HMAC)".
#[test]
fn binance_documents_these_two() {
    let secret = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";
    let rest = "side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559";
    for (symbol, expected) in [
        (
            "LTCBTC",
            "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71",
        ),
        (
            "%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96",
            "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3",
        ),
    ] {
        let payload = format!("symbol={symbol}&{rest}");
        let how = (scheme::OF_THE_KEY, encoding::OF_THE_KEY_PERCENT, key_encoding::RAW);
        assert_eq!(
            signed(KeyKind::HmacSha256, secret, how, &[(PLAIN, &payload)]).as_deref(),
            Ok(expected)
        );
    }
}

/// The published examples of other exchanges, where the file with them is at hand.
#[test]
fn the_published_vectors_of_other_exchanges() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/fixtures/signatures.json");
    let Ok(text) = std::fs::read_to_string(path) else {
        println!("skipped: ../shared/fixtures/signatures.json is not here");
        return;
    };
    let file: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut reproduced = 0;
    for vector in file["vectors"].as_array().unwrap() {
        let input = |name: &str| match &vector["inputs"][name] {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Null => String::new(),
            other => other.to_string(),
        };
        let id = format!(
            "{} {}",
            vector["exchange"].as_str().unwrap(),
            vector["id"].as_str().unwrap()
        );
        let raw = |scheme, encoding| (scheme, encoding, key_encoding::RAW);
        let base64 = |scheme, encoding| (scheme, encoding, key_encoding::BASE64);
        let plain = |texts: &[&str]| vec![(PLAIN, texts.concat())];
        let (secret, how, parts) = match id.as_str() {
            "binance rest-hmac-ascii" | "binance ws-api-hmac-ascii" => (
                input("secret"),
                raw(scheme::HMAC_SHA256, encoding::HEX),
                plain(&[&input("payload")]),
            ),
            "kraken spot-rest-api-sign" => (
                input("secret_base64"),
                base64(scheme::HMAC_SHA512, encoding::BASE64),
                vec![
                    (PLAIN, input("path")),
                    (transform::SHA256, input("nonce") + &input("body")),
                ],
            ),
            "krakenfutures ws-challenge" => (
                input("api_secret"),
                base64(scheme::HMAC_SHA512, encoding::BASE64),
                vec![(transform::SHA256, input("challenge"))],
            ),
            "okx rest-post" | "okx rest-get" => (
                input("secret"),
                raw(scheme::HMAC_SHA256, encoding::BASE64),
                plain(&[
                    &input("timestamp"),
                    &input("method"),
                    &input("request_path"),
                    &input("body"),
                ]),
            ),
            "kucoin rest-post" => (
                input("secret"),
                raw(scheme::HMAC_SHA256, encoding::BASE64),
                plain(&[
                    &input("timestamp"),
                    &input("method"),
                    &input("endpoint"),
                    &input("body"),
                ]),
            ),
            "gate rest-get" => (
                input("secret"),
                raw(scheme::HMAC_SHA512, encoding::HEX),
                vec![
                    (
                        PLAIN,
                        format!("{}\n{}\n{}\n", input("method"), input("path"), input("query")),
                    ),
                    (transform::SHA512_HEX, input("body")),
                    (PLAIN, format!("\n{}", input("timestamp"))),
                ],
            ),
            "gate ws-channel" => (
                input("secret"),
                raw(scheme::HMAC_SHA512, encoding::HEX),
                plain(&[&format!(
                    "channel={}&event={}&time={}",
                    input("channel"),
                    input("event"),
                    input("time")
                )]),
            ),
            "bybit rest-get" | "bybit rest-post" => (
                input("secret"),
                raw(scheme::HMAC_SHA256, encoding::HEX),
                plain(&[
                    &input("timestamp"),
                    &input("api_key"),
                    &input("recv_window"),
                    &input("payload"),
                ]),
            ),
            "bybit ws-auth" => (
                input("secret"),
                raw(scheme::HMAC_SHA256, encoding::HEX),
                plain(&[&input("payload")]),
            ),
            "bitget rest-get" => (
                input("secret"),
                raw(scheme::HMAC_SHA256, encoding::BASE64),
                plain(&[
                    &input("timestamp"),
                    &input("method"),
                    &input("request_path"),
                    "?",
                    &input("query"),
                    &input("body"),
                ]),
            ),
            "bitget ws-login" => (
                input("secret"),
                raw(scheme::HMAC_SHA256, encoding::BASE64),
                plain(&[&input("timestamp"), "GET/user/verify"]),
            ),
            // Keccak and EIP-712 are not among the schemes; ES256 is checked below.
            other => {
                println!("not expressible: {other}");
                continue;
            }
        };
        let parts: Vec<(u32, &str)> = parts.iter().map(|(t, text)| (*t, text.as_str())).collect();
        let signature = signed(KeyKind::HmacSha256, &secret, how, &parts).unwrap();
        let expected = vector["expected"].as_str().unwrap();
        assert!(
            signature == expected || (how.1 == encoding::HEX && signature.eq_ignore_ascii_case(expected)),
            "{id}"
        );
        reproduced += 1;
    }
    println!("{reproduced} published signatures reproduced");
    assert!(reproduced >= 14);
}

fn as_pem(label: &str, der: &[u8]) -> String {
    use base64::Engine;
    let body = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> = body
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// RFC 8032, section 7.1, test 2.
#[test]
fn ed25519_from_a_seed_in_each_form_and_from_pem() {
    let seed = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
    let expected = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                    085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
    let bytes: Vec<u8> = (0..32)
        .map(|i| u8::from_str_radix(&seed[2 * i..2 * i + 2], 16).unwrap())
        .collect();
    let mut pkcs8 = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    pkcs8.extend_from_slice(&bytes);
    let hex_of = |secret: Secret, key_encoding| {
        let signature = sign(scheme::OF_THE_KEY, key_encoding, KeyKind::Ed25519, &secret, &[0x72]).unwrap();
        encode(encoding::HEX, KeyClass::Asymmetric, &signature).unwrap()
    };
    let pem = as_pem("PRIVATE KEY", &pkcs8);
    let one_line = pem.trim_end().replace('\n', "\\n");
    for secret in [
        Secret::from_text(seed.into()),
        Secret::from_text(pem),
        Secret::from_text(one_line),
        Secret::new(bytes.clone()),
    ] {
        assert_eq!(hex_of(secret, key_encoding::RAW), expected);
    }
    use base64::Engine;
    let base64 = base64::engine::general_purpose::STANDARD.encode(&bytes);
    assert_eq!(hex_of(Secret::from_text(base64.clone()), key_encoding::RAW), expected);
    assert_eq!(hex_of(Secret::from_text(base64), key_encoding::BASE64), expected);
}

#[test]
fn generated_keys_sign_what_their_public_halves_verify() {
    let random = SystemRandom::new();
    let document = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
    let public = Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap();
    let secret = Secret::from_text(as_pem("PRIVATE KEY", document.as_ref()));
    let signature = sign(scheme::ED25519, 0, KeyKind::Ed25519, &secret, b"text").unwrap();
    let verifier = UnparsedPublicKey::new(&ED25519, public.public_key().as_ref().to_vec());
    assert!(verifier.verify(b"text", &signature).is_ok());

    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
    let public = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap();
    let secret = Secret::from_text(as_pem("PRIVATE KEY", document.as_ref()));
    let signature = sign(scheme::ES256, 0, KeyKind::Es256, &secret, b"text").unwrap();
    let verifier = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public.public_key().as_ref().to_vec());
    assert!(verifier.verify(b"text", &signature).is_ok());

    // RFC 5915, as `openssl ecparam -genkey` writes it: the same halves. Without the public one it cannot be used.
    let inner = document.as_ref();
    let at = inner.windows(2).position(|w| w == [0x04, 0x20]).unwrap();
    let private = &inner[at + 2..at + 34];
    let bit_string = [&[0xa1, 0x44, 0x03, 0x42, 0x00], public.public_key().as_ref()].concat();
    let curve = [0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    for (optional, usable) in [([&curve[..], &bit_string].concat(), true), (curve.to_vec(), false)] {
        let mut body = vec![0x02, 0x01, 0x01, 0x04, 0x20];
        body.extend_from_slice(private);
        body.extend_from_slice(&optional);
        let mut der = vec![0x30, u8::try_from(body.len()).unwrap()];
        der.extend_from_slice(&body);
        let secret = Secret::from_text(as_pem("EC PRIVATE KEY", &der));
        let signature = sign(scheme::OF_THE_KEY, 0, KeyKind::Es256, &secret, b"text");
        assert_eq!(signature.is_ok(), usable);
        if let Ok(signature) = signature {
            assert!(verifier.verify(b"text", &signature).is_ok());
        }
    }
}

/// A JSON web token as Coinbase takes it (RFC 7515, RFC 7518 section 3.4): the connector writes header and claims, the host
/// signs. ES256 differs each time, so it is verified and not compared.
#[test]
fn a_token_of_es256_is_made_by_a_recipe() {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
    let public = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap();
    let header =
        URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256","kid":"organizations/1/apiKeys/2","nonce":"00","typ":"JWT"}"#);
    let claims = URL_SAFE_NO_PAD.encode(r#"{"iss":"cdp","nbf":1,"exp":121,"uri":"GET api.coinbase.com/api"}"#);
    let signed_text = format!("{header}.{claims}");
    let signature = signed(
        KeyKind::Es256,
        &as_pem("PRIVATE KEY", document.as_ref()),
        (scheme::ES256, encoding::BASE64_URL, key_encoding::RAW),
        &[(PLAIN, &signed_text)],
    )
    .unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    assert_eq!(signature.len(), 64);
    let verifier = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public.public_key().as_ref().to_vec());
    assert!(verifier.verify(signed_text.as_bytes(), &signature).is_ok());
}

/// An RSA key cannot be made here: `openssl` makes one, where it is installed.
fn rsa_pem() -> Option<Vec<u8>> {
    let made = std::process::Command::new("openssl")
        .args([
            "genpkey",
            "-quiet",
            "-algorithm",
            "RSA",
            "-pkeyopt",
            "rsa_keygen_bits:2048",
        ])
        .output();
    let pem = made.ok().filter(|out| out.status.success()).map(|out| out.stdout);
    if pem.is_none() {
        println!("skipped: openssl is not here, or is too old");
    }
    pem
}

/// A request signed by RSA leaves the thread that decides with a mark; the signature is put where that stands, percent-encoded
/// as Binance asks (rest-api.md, "SIGNED request example (RSA)"), and verifies. What another recipe needs is computed at once.
#[test]
fn an_rsa_signature_is_computed_on_its_way_out() {
    let Some(pem) = rsa_pem() else { return };
    let secret = Secret::new(pem);
    let SigningKey::Rsa(pair) = SigningKey::read(scheme::OF_THE_KEY, 0, KeyKind::Rsa, &secret).unwrap() else {
        panic!("not an RSA key");
    };
    let mut keyring = Keyring::new(Credentials::none().with_secret("secret", KeyKind::Rsa, secret));
    let text = "symbol=BTCUSDT&timestamp=1";
    let part = |text: &'static str| {
        [PreimagePart {
            transform: PLAIN,
            reserved: 0,
            bytes: text.as_bytes().into(),
        }]
    };
    fn recipe<'a>(name: &'static str, parts: &'a [PreimagePart<'a>]) -> Sign<'a> {
        Sign {
            name: name.into(),
            slot: "secret".into(),
            scheme: scheme::OF_THE_KEY,
            encoding: encoding::OF_THE_KEY_PERCENT,
            key_encoding: key_encoding::RAW,
            reserved: 0,
            preimage: RSlice::from_slice(parts),
        }
    }
    let parts = part(text);
    let (filled, late) = keyring.resolve_quick(&[recipe("sig", &parts)]).unwrap();
    assert_eq!(late.len(), 1);
    let fill = |text: &str| {
        String::from_utf8(
            keyring
                .fill(&filled, Context::Url, text.as_bytes())
                .unwrap()
                .into_owned(),
        )
    };
    let request = crate::HttpRequest {
        id: crate::RequestId(1),
        method: "GET".into(),
        url: fill(&format!("https://x/order?{text}&signature=${{sig}}")).unwrap(),
        headers: vec![("x-sig".into(), fill("${sig}").unwrap())],
        body: fill("{\"s\":\"${sig}\"}").unwrap().into_bytes(),
        max_response: 1,
        late,
    };
    let request = request.complete().unwrap();
    let written = request.url.rsplit("signature=").next().unwrap();
    assert_eq!(request.headers[0].1, written);
    assert_eq!(request.body, format!("{{\"s\":\"{written}\"}}").into_bytes());
    use base64::Engine;
    let plain = written.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
    let signature = base64::engine::general_purpose::STANDARD.decode(plain).unwrap();
    let verifier = UnparsedPublicKey::new(
        &ring::signature::RSA_PKCS1_2048_8192_SHA256,
        pair.public().as_ref().to_vec(),
    );
    assert!(verifier.verify(text.as_bytes(), &signature).is_ok());

    let second = part("${sig}");
    let (_, late) = keyring
        .resolve_quick(&[recipe("sig", &parts), recipe("again", &second)])
        .unwrap();
    assert_eq!(late.len(), 1, "only the one that nobody else needs");
}

#[test]
fn an_rsa_key_signs_what_its_public_half_verifies() {
    let Some(pem) = rsa_pem() else { return };
    let key = SigningKey::read(scheme::OF_THE_KEY, 0, KeyKind::Rsa, &Secret::new(pem)).unwrap();
    let SigningKey::Rsa(pair) = &key else {
        panic!("not an RSA key");
    };
    let verifier = UnparsedPublicKey::new(
        &ring::signature::RSA_PKCS1_2048_8192_SHA256,
        pair.public().as_ref().to_vec(),
    );
    assert!(verifier.verify(b"text", &key.sign(b"text").unwrap()).is_ok());
}

#[test]
fn keys_that_cannot_sign_say_why_without_saying_the_key() {
    let secret = |text: &str| Secret::from_text(text.into());
    let cases = [
        (scheme::OF_THE_KEY, KeyKind::Text, "hunter2"),
        (scheme::HMAC_SHA256, KeyKind::Ed25519, "hunter2"),
        (scheme::ED25519, KeyKind::HmacSha256, "hunter2"),
        (scheme::ED25519, KeyKind::Ed25519, "hunter2"),
        (scheme::RSA_PKCS1_SHA256, KeyKind::Ed25519, "hunter2"),
        (scheme::RSA_PKCS1_SHA256, KeyKind::Rsa, "hunter2"),
        (scheme::OF_THE_KEY, KeyKind::Es256, "hunter2"),
        (
            scheme::OF_THE_KEY,
            KeyKind::Rsa,
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nhunter2\n-----END RSA PRIVATE KEY-----",
        ),
        (
            scheme::ES256,
            KeyKind::Es256,
            "-----BEGIN EC PRIVATE KEY-----\nhunter2\n-----END EC PRIVATE KEY-----",
        ),
        (
            scheme::ED25519,
            KeyKind::Ed25519,
            "-----BEGIN PUBLIC KEY-----\nhunter2\n-----END PUBLIC KEY-----",
        ),
        (
            scheme::ED25519,
            KeyKind::Ed25519,
            "-----BEGIN PRIVATE KEY-----\nhunter2",
        ),
        // secp256k1 has no number yet.
        (7, KeyKind::Ed25519, "hunter2"),
    ];
    for (scheme, kind, text) in cases {
        let error = sign(scheme, key_encoding::RAW, kind, &secret(text), b"x").unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    assert!(
        sign(
            scheme::HMAC_SHA256,
            key_encoding::BASE64,
            KeyKind::HmacSha256,
            &secret("%%"),
            b"x"
        )
        .is_err()
    );
    assert!(matches!(
        sign(scheme::OF_THE_KEY, 9, KeyKind::HmacSha256, &secret("x"), b"x"),
        Err(SigningError::Unsupported { .. })
    ));
}
