//! How parts of the engine's state are written into a snapshot where deriving does not say it.

use colibri_standard::ConnectorManifest;

/// Maps whose keys are no text, as pairs: JSON has text as keys only.
pub(crate) mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub(crate) fn deserialize<'de, K, V, D>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        let pairs: Vec<(K, V)> = Vec::deserialize(deserializer)?;
        Ok(pairs.into_iter().collect())
    }
}

/// Price levels as numbers, one after the other: the plain values of the boundary know no serde.
pub(crate) mod levels {
    use colibri_abi::Level;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(levels: &[Level], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(levels.iter().flat_map(|level| [level.price, level.quantity]))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Level>, D::Error> {
        let numbers: Vec<i64> = Vec::deserialize(deserializer)?;
        let level = |pair: &[i64]| Level {
            price: pair[0],
            quantity: pair[1],
        };
        Ok(numbers.chunks_exact(2).map(level).collect())
    }
}

/// Best bid and ask as numbers.
pub(crate) mod top_of_book {
    use colibri_abi::{Level, TopOfBook};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Kept {
        instrument: u32,
        flags: u32,
        update_id: u64,
        exchange_ns: i64,
        exponents: (i32, i32),
        bid: (i64, i64),
        ask: (i64, i64),
        ext: [u64; 4],
    }

    pub(crate) fn serialize<S: Serializer>(top: &Option<TopOfBook>, serializer: S) -> Result<S::Ok, S::Error> {
        let kept = top.as_ref().map(|top| Kept {
            instrument: top.instrument,
            flags: top.flags,
            update_id: top.update_id,
            exchange_ns: top.exchange_ns,
            exponents: (top.price_exponent, top.quantity_exponent),
            bid: (top.bid.price, top.bid.quantity),
            ask: (top.ask.price, top.ask.quantity),
            ext: top.ext,
        });
        kept.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<TopOfBook>, D::Error> {
        let level = |(price, quantity)| Level { price, quantity };
        let kept: Option<Kept> = Option::deserialize(deserializer)?;
        Ok(kept.map(|kept| TopOfBook {
            instrument: kept.instrument,
            flags: kept.flags,
            update_id: kept.update_id,
            exchange_ns: kept.exchange_ns,
            price_exponent: kept.exponents.0,
            quantity_exponent: kept.exponents.1,
            bid: level(kept.bid),
            ask: level(kept.ask),
            ext: kept.ext,
        }))
    }
}

/// What stands in the place of a venue's manifest until that of the engine which is restored is put there: a snapshot does
/// not hold what a run was made from.
pub(crate) fn no_manifest() -> ConnectorManifest {
    const EMPTY: &str = r#"{
        "name": "", "standard": "", "documentation": "", "environments": {}, "endpoints": {},
        "orders": {"place": "", "cancel": ""}, "book": {"rule": "overlap", "snapshot_by_request": true, "snapshot_depth": 0}, "client_id": {"max_length": 0}
    }"#;
    serde_json::from_str(EMPTY).expect("it has every member that a manifest must have; a test reads it")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_empty_manifest_is_one() {
        assert!(super::no_manifest().environments.is_empty());
    }
}
