//! The history beside the journal: projected while the seed runs, lost and built again, compared in the end.

use std::collections::BTreeMap;

use colibri_engine::Recovered;
use colibri_model::{Fill, FillKey, Millis, MonoNs, OrderState};
use colibri_store::history::{History, HistoryError};
use colibri_store::journal::{JournalReader, MemoryDisk};
use colibri_store::query::Filter;

/// How often it takes in what the journal has.
const EVERY: Millis = Millis(5_000);

/// A history in memory that follows a journal.
pub struct Projection {
    history: Option<History>,
    next: MonoNs,
    /// Somebody else holds it until then.
    locked: Option<MonoNs>,
}

/// Everything that a history answers.
#[derive(PartialEq)]
struct Everything {
    orders: Vec<colibri_store::query::Order>,
    trades: Vec<colibri_store::query::Trade>,
    balances: Vec<colibri_store::query::AccountBalance>,
    runs: Vec<colibri_store::query::Run>,
}

fn everything(history: &History) -> Result<Everything, HistoryError> {
    let all = Filter::default();
    Ok(Everything {
        orders: history.orders(&all)?,
        trades: history.trades(&all)?,
        balances: history.balances()?,
        runs: history.runs(None, u32::MAX)?,
    })
}

impl Projection {
    /// An empty one.
    ///
    /// # Errors
    /// SQLite refuses.
    pub fn new(now: MonoNs) -> Result<Projection, String> {
        Ok(Projection {
            history: Some(empty()?),
            next: now,
            locked: None,
        })
    }

    /// It is gone: the next time it is begun anew.
    pub fn lose(&mut self) {
        self.history = None;
    }

    /// It takes nothing in until then.
    pub const fn lock(&mut self, until: MonoNs) {
        self.locked = Some(until);
    }

    /// Nobody holds it any more.
    pub const fn unlock(&mut self) {
        self.locked = None;
    }

    /// Takes in what the journal has and the history has not, now and then, where nobody holds it.
    ///
    /// # Errors
    /// The journal is damaged, or SQLite refuses.
    pub fn follow_if_due(&mut self, disk: &MemoryDisk, now: MonoNs) -> Result<(), String> {
        if now < self.next || self.locked.is_some_and(|until| now < until) {
            return Ok(());
        }
        self.next = now.plus(EVERY);
        self.locked = None;
        let history = match self.history.take() {
            Some(history) => history,
            None => empty()?,
        };
        follow(self.history.insert(history), disk)
    }

    /// What is not as the journal has it, or not as a history that is built anew from the journal.
    #[must_use]
    pub fn differences(&mut self, disk: &MemoryDisk, journal: &Recovered) -> Vec<String> {
        let history = self.history.take().map_or_else(empty, Ok);
        history
            .and_then(|history| compare(history, disk, journal))
            .unwrap_or_else(|why| vec![format!("the history cannot be read: {why}")])
    }
}

fn empty() -> Result<History, String> {
    History::in_memory().map_err(|e| e.to_string())
}

fn follow(history: &mut History, disk: &MemoryDisk) -> Result<(), String> {
    let mut reader = JournalReader::on(disk.clone()).map_err(|e| e.to_string())?;
    history.catch_up(&mut reader).map_err(|e| e.to_string())?;
    Ok(())
}

fn compare(mut history: History, disk: &MemoryDisk, journal: &Recovered) -> Result<Vec<String>, String> {
    follow(&mut history, disk)?;
    let mut anew = empty()?;
    follow(&mut anew, disk)?;
    let here = everything(&history).map_err(|e| e.to_string())?;
    let mut broken = Vec::new();
    if here != everything(&anew).map_err(|e| e.to_string())? {
        broken.push("a history that is built anew from the journal is another".to_owned());
    }
    let told: BTreeMap<&str, OrderState> = here
        .orders
        .iter()
        .map(|order| (order.intent.client_id.as_str(), order.state))
        .collect();
    for (id, order) in &journal.orders {
        if told.get(id.as_str()) != Some(&order.state) {
            let state = told.get(id.as_str());
            broken.push(format!(
                "{id} is {:?} in the journal, {state:?} in the history",
                order.state
            ));
        }
    }
    if told.len() != journal.orders.len() {
        broken.push("the history has orders that the journal has not".to_owned());
    }
    let trades: BTreeMap<&FillKey, &Fill> = here.trades.iter().map(|t| (&t.fill.key, &t.fill)).collect();
    let mut count = 0;
    for (_, fill) in &journal.fills {
        count += 1;
        let same = trades
            .get(&fill.key)
            .is_some_and(|trade| (trade.price, trade.quantity, &trade.fee) == (fill.price, fill.quantity, &fill.fee));
        if !same {
            broken.push(format!("the history has the trade {:?} otherwise", fill.key));
        }
    }
    if count != trades.len() {
        broken.push(format!("{count} fills in the journal, {} in the history", trades.len()));
    }
    Ok(broken)
}
