//! How answers and frames are spoiled: cut, mangled, dressed with what nobody has documented.

use colibri_driver::HttpResponse;
use colibri_model::{Decimal, SplitMix64};

/// Members that nobody has documented, behind the first brace of an object.
#[must_use]
pub fn with_unknown_members(text: &str) -> String {
    let unknown = r#""zzFuture":{"deep":[1,"two",null]},"zzFlag":true"#;
    match text.split_once('{') {
        Some((before, after)) if after.trim_start().starts_with('}') => format!("{before}{{{unknown}{after}"),
        Some((before, after)) => format!("{before}{{{unknown},{after}"),
        None => text.to_owned(),
    }
}

/// Enumerations of order events with values that nobody has documented.
#[must_use]
pub fn with_unknown_values(text: &str) -> String {
    let mut spoiled = text.to_owned();
    for member in ["\"x\":\"", "\"X\":\"", "\"o\":\"", "\"f\":\""] {
        spoiled = spoiled.replace(member, &format!("{member}ZZ_"));
    }
    spoiled
}

/// A depth update with a bid one percent above its first ask; `None` for what is no depth update, or only takes asks away.
#[must_use]
pub fn crossed(text: &str) -> Option<String> {
    let mut frame: serde_json::Value = serde_json::from_str(text).ok()?;
    let update = frame.get_mut("data").filter(|data| data["e"] == "depthUpdate")?;
    // One that is there: after a jump, bids above what is taken away cross nothing.
    let mut asks = update["a"].as_array()?.iter().filter_map(|level| {
        let number = |at: usize| level.get(at)?.as_str()?.parse::<Decimal>().ok();
        Some((number(0)?, number(1)?))
    });
    let (ask, _) = asks.find(|(_, quantity)| !quantity.is_zero())?;
    let bid = (ask * Decimal::new(101, 2)).round_dp(2);
    update["b"]
        .as_array_mut()?
        .push(serde_json::json!([bid.to_string(), "1.00000000"]));
    Some(frame.to_string())
}

/// Cut somewhere.
#[must_use]
pub fn cut(text: &str, random: &mut SplitMix64) -> String {
    let length = usize::try_from(random.below(text.len() as u64)).unwrap_or(0);
    text.chars().take(length).collect()
}

/// An event of a kind that nobody has documented, as the stream wraps its events.
#[must_use]
pub fn unknown_event(like: &str) -> String {
    let event = r#"{"e":"zzSomethingNew","E":1,"zz":[{"a":"b"}]}"#;
    if like.starts_with("{\"stream\"") {
        format!(r#"{{"stream":"zz@new","data":{event}}}"#)
    } else {
        format!(r#"{{"subscriptionId":0,"event":{event}}}"#)
    }
}

/// An answer with this status: without a body, as a page for people, or as one of `bodies`.
pub fn answer(status: u16, bodies: &[&str], random: &mut SplitMix64) -> HttpResponse {
    let mut headers = vec![("content-type".to_owned(), "text/html".to_owned())];
    let body = match random.below(3) {
        0 => String::new(),
        1 => format!("<html><head><title>{status}</title></head><body>{status}</body></html>"),
        _ => {
            let index = usize::try_from(random.below(bodies.len() as u64)).unwrap_or(0);
            headers[0].1 = "application/json".to_owned();
            bodies.get(index).copied().unwrap_or_default().to_owned()
        }
    };
    if matches!(status, 418 | 429) && random.below(2) == 0 {
        headers.push(("retry-after".to_owned(), (1 + random.below(8)).to_string()));
    }
    HttpResponse {
        status,
        headers,
        body: body.into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_has_documented_is_still_json() {
        for text in ["{}", r#"{"a":1}"#, r#"[{"a":1}]"#] {
            let spoiled = with_unknown_members(text);
            assert!(serde_json::from_str::<serde_json::Value>(&spoiled).is_ok(), "{spoiled}");
        }
        let depth = r#"{"stream":"x","data":{"e":"depthUpdate","b":[],"a":[["90.00","0.000"],["100.00","1"]]}}"#;
        assert!(crossed(depth).is_some_and(|frame| frame.contains(r#""b":[["101.00","1.00000000"]]"#)));
        assert_eq!(
            crossed(r#"{"stream":"x","data":{"e":"depthUpdate","b":[],"a":[]}}"#),
            None
        );
        let spoiled = with_unknown_values(r#"{"x":"NEW","X":"NEW"}"#);
        assert_eq!(spoiled, r#"{"x":"ZZ_NEW","X":"ZZ_NEW"}"#);
    }
}
