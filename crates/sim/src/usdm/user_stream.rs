//! Listen keys: one of an account, which its user streams live by. Source: Binance, USD-M futures, "User Data Streams".

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::exchange::Exchange;
use super::rejection;
use super::socket::Door;
use crate::identity::AccountId;
use crate::time::{Span, Timestamp};
use crate::wire::error::ApiError;
use crate::wire::transport::Outgoing;

/// Characters of a listen key.
const LENGTH: usize = 64;

#[derive(Debug, Clone)]
struct ListenKey {
    text: String,
    expires: Timestamp,
}

/// Every listen key that lives.
#[derive(Debug, Default)]
pub struct ListenKeys {
    by_account: BTreeMap<AccountId, ListenKey>,
}

impl ListenKeys {
    /// The key of an account.
    pub fn of(&self, account: AccountId) -> Option<&str> {
        self.by_account.get(&account).map(|key| key.text.as_str())
    }

    /// Makes the key of an account run out at `at`. Whether there is one.
    pub fn expire(&mut self, account: AccountId, at: Timestamp) -> bool {
        let key = self.by_account.get_mut(&account);
        key.map(|key| key.expires = at).is_some()
    }
}

impl Exchange {
    fn life_of_listen_keys(&self) -> Span {
        Span::from_secs(i64::from(self.contracts.listen_key_seconds))
    }

    /// A key; the one that lives already, which lives on from now, where there is one.
    pub(super) fn create_listen_key(&mut self, account: AccountId) -> Value {
        let expires = self.now.after(self.life_of_listen_keys());
        let names = &mut self.names;
        let key = self.listen_keys.by_account.entry(account).or_insert_with(|| ListenKey {
            text: names.name(LENGTH),
            expires,
        });
        key.expires = expires;
        json!({ "listenKey": key.text })
    }

    pub(super) fn keep_listen_key(&mut self, account: AccountId) -> Result<Value, ApiError> {
        let expires = self.now.after(self.life_of_listen_keys());
        let key = self
            .listen_keys
            .by_account
            .get_mut(&account)
            .ok_or_else(rejection::no_listen_key)?;
        key.expires = expires;
        Ok(json!({ "listenKey": key.text }))
    }

    /// Ends a key, for everybody who listens by it.
    pub(super) fn close_listen_key(&mut self, account: AccountId) -> Result<Value, ApiError> {
        match self.listen_keys.by_account.remove(&account) {
            Some(_) => Ok(json!({})),
            None => Err(rejection::no_listen_key()),
        }
    }

    /// Tells of keys that nobody kept alive; their connections stay open and silent.
    pub(super) fn expire_listen_keys(&mut self, now: Timestamp) {
        let over = self.listen_keys.by_account.iter().filter(|(_, key)| key.expires <= now);
        for account in over.map(|(account, _)| *account).collect::<Vec<_>>() {
            let Some(key) = self.listen_keys.by_account.get(&account).map(|key| key.text.clone()) else {
                continue;
            };
            self.send_to_account(
                account,
                "listenKeyExpired",
                &json!({ "e": "listenKeyExpired", "E": now.millis(), "listenKey": key }),
            );
            self.listen_keys.by_account.remove(&account);
        }
    }

    /// Sends an event to every connection of an account's user stream that wants it.
    pub(super) fn send_to_account(&mut self, account: AccountId, name: &str, event: &Value) {
        let Some(key) = self.listen_keys.of(account) else {
            return;
        };
        let data = event.to_string();
        for (id, connection) in &self.connections {
            if let Door::User(stream) = &connection.door
                && stream.listens_by(key)
                && stream.wants(name)
            {
                self.outgoing.push((*id, Outgoing::Text(stream.wrap(&data))));
            }
        }
    }
}
