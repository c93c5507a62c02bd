//! What is known of prices beside the journal: those that were given, and the books as the bot told them last.

use std::path::Path;

use colibri_model::profit::{PriceSource, RecordedPrice};
use colibri_model::{Decimal, Price, WallNs};

use crate::cli::PnlArgs;
use crate::exit::{Exit, ExitError};
use crate::status::Found;

/// The prices to value by. The books of now have no say about an earlier time.
pub(super) fn of(folder: &Path, args: &PnlArgs) -> anyhow::Result<Vec<RecordedPrice>> {
    let given = args.price.iter().map(|(pair, price)| RecordedPrice {
        price: *price,
        source: PriceSource::Given { pair: pair.clone() },
    });
    let mut marks: Vec<RecordedPrice> = given.collect();
    if args.until.is_none() {
        let found = Found::read(folder).map_err(|error| ExitError::new(Exit::Storage, error))?;
        marks.extend(found.iter().flat_map(books));
        marks.extend(found.iter().flat_map(mark_prices));
    }
    Ok(marks)
}

/// The middle of each book, of when it was last known to be right.
fn books(found: &Found) -> impl Iterator<Item = RecordedPrice> {
    let snapshot = &found.snapshot;
    snapshot.connectors.iter().flat_map(|connector| {
        connector.books.iter().filter_map(|book| {
            let (bid, ask) = book.top.as_ref()?;
            let (bid, ask): (Decimal, Decimal) = (bid.parse().ok()?, ask.parse().ok()?);
            let age = i64::try_from(book.age_ms).ok()?;
            Some(RecordedPrice {
                price: Price((bid + ask) / Decimal::TWO),
                source: PriceSource::Book {
                    venue: connector.venue.clone(),
                    pair: book.pair.clone(),
                    time: WallNs::from_millis(snapshot.written_ms.checked_sub(age)?),
                },
            })
        })
    })
}

/// The mark price of each contract, as the bot was told it last.
fn mark_prices(found: &Found) -> impl Iterator<Item = RecordedPrice> {
    let snapshot = &found.snapshot;
    snapshot.connectors.iter().flat_map(|connector| {
        let markets = connector.contracts.iter().flat_map(|contracts| &contracts.markets);
        markets.filter_map(|market| {
            Some(RecordedPrice {
                price: Price(market.mark.as_ref()?.parse().ok()?),
                source: PriceSource::Mark {
                    venue: connector.venue.clone(),
                    pair: market.pair.clone(),
                    time: WallNs::from_millis(snapshot.written_ms),
                },
            })
        })
    })
}
