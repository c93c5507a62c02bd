//! WebSocket frames as a server sends them: unmasked (RFC 6455, 5.2 "Base Framing Protocol").

/// A text frame that is whole.
const WHOLE_TEXT: u8 = 0x81;
/// A binary frame that is whole.
const WHOLE_BINARY: u8 = 0x82;

/// Takes the first whole frame, its header with it, from bytes that came.
#[must_use]
pub fn take(inbox: &mut Vec<u8>) -> Option<Vec<u8>> {
    let length = length(inbox)?;
    (inbox.len() >= length).then(|| inbox.drain(..length).collect())
}

/// Whether a frame is a whole message, which can be missed or come twice. Control frames and parts are not.
#[must_use]
pub fn is_message(frame: &[u8]) -> bool {
    matches!(frame.first(), Some(&(WHOLE_TEXT | WHOLE_BINARY)))
}

/// The length of the first frame with its header, in bytes.
fn length(bytes: &[u8]) -> Option<usize> {
    let short = usize::from(bytes.get(1)? & 0x7f);
    let (header, payload) = match short {
        126 => (4, usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
        127 => {
            let long = u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?);
            (10, usize::try_from(long).ok()?)
        }
        _ => (2, short),
    };
    Some(header + payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_every_length_are_taken_one_by_one() {
        let of = |payload: usize| {
            let mut frame = vec![WHOLE_TEXT];
            match u16::try_from(payload) {
                Ok(short @ 0..126) => frame.push(short.to_le_bytes()[0]),
                Ok(middle) => {
                    frame.push(126);
                    frame.extend(middle.to_be_bytes());
                }
                Err(_) => {
                    frame.push(127);
                    frame.extend((payload as u64).to_be_bytes());
                }
            }
            frame.resize(frame.len() + payload, b'x');
            frame
        };
        let frames: Vec<Vec<u8>> = [0, 125, 126, 65_535, 65_536].map(of).into();
        let mut inbox = Vec::new();
        let mut taken = Vec::new();
        for byte in frames.concat() {
            inbox.push(byte);
            taken.extend(take(&mut inbox));
        }
        assert_eq!(taken, frames);
        assert!(taken.iter().all(|frame| is_message(frame)) && !is_message(&[0x89, 0]));
    }
}
