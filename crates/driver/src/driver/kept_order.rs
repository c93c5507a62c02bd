//! Order operations in a snapshot: the plain values of the boundary know no serde.

use colibri_abi::{Grant, OrderOp, Text48};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Serialize, Deserialize)]
struct Kept {
    kind: u32,
    instrument: u32,
    grant: KeptGrant,
    side: u32,
    order_type: u32,
    time_in_force: u32,
    price_exponent: i32,
    quantity_exponent: i32,
    reserved: u32,
    flags: u64,
    price: i64,
    quantity: i64,
    client_id: String,
    exchange_id: String,
    other_client_id: String,
    ext: [u64; 4],
}

#[derive(Serialize, Deserialize)]
struct KeptGrant {
    op: u64,
    nonce: u64,
    entropy: [u8; 16],
    ext: [u64; 2],
}

impl Kept {
    fn of(order: &OrderOp) -> Kept {
        let text = |id: &Text48| id.as_str().to_owned();
        Kept {
            kind: order.kind,
            instrument: order.instrument,
            grant: KeptGrant {
                op: order.grant.op,
                nonce: order.grant.nonce,
                entropy: order.grant.entropy,
                ext: order.grant.ext,
            },
            side: order.side,
            order_type: order.order_type,
            time_in_force: order.time_in_force,
            price_exponent: order.price_exponent,
            quantity_exponent: order.quantity_exponent,
            reserved: order.reserved,
            flags: order.flags,
            price: order.price,
            quantity: order.quantity,
            client_id: text(&order.client_id),
            exchange_id: text(&order.exchange_id),
            other_client_id: text(&order.other_client_id),
            ext: order.ext,
        }
    }

    fn order<E: serde::de::Error>(self) -> Result<OrderOp, E> {
        let text = |id: String| Text48::new(&id).ok_or_else(|| E::custom("an order's id is too long"));
        Ok(OrderOp {
            kind: self.kind,
            instrument: self.instrument,
            grant: Grant {
                op: self.grant.op,
                nonce: self.grant.nonce,
                entropy: self.grant.entropy,
                ext: self.grant.ext,
            },
            side: self.side,
            order_type: self.order_type,
            time_in_force: self.time_in_force,
            price_exponent: self.price_exponent,
            quantity_exponent: self.quantity_exponent,
            reserved: self.reserved,
            flags: self.flags,
            price: self.price,
            quantity: self.quantity,
            client_id: text(self.client_id)?,
            exchange_id: text(self.exchange_id)?,
            other_client_id: text(self.other_client_id)?,
            ext: self.ext,
        })
    }
}

/// The order of an operation.
pub(super) mod boxed {
    use super::{Deserialize, Deserializer, Kept, OrderOp, Serialize, Serializer};

    pub(in crate::driver) fn serialize<S: Serializer>(
        order: &Option<Box<OrderOp>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        order.as_deref().map(Kept::of).serialize(serializer)
    }

    pub(in crate::driver) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Box<OrderOp>>, D::Error> {
        let kept: Option<Kept> = Option::deserialize(deserializer)?;
        kept.map(|kept| kept.order().map(Box::new)).transpose()
    }
}

/// Orders that wait.
pub(super) mod list {
    use super::{Deserialize, Deserializer, Kept, OrderOp, Serializer};

    pub(in crate::driver) fn serialize<S: Serializer>(orders: &[OrderOp], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(orders.iter().map(Kept::of))
    }

    pub(in crate::driver) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<OrderOp>, D::Error> {
        let kept: Vec<Kept> = Vec::deserialize(deserializer)?;
        kept.into_iter().map(Kept::order).collect()
    }
}
