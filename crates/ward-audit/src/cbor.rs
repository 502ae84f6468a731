//! Maps with small integer keys in deterministic CBOR (RFC 8949 §4.2.1).
//!
//! One [`table!`] says which field has which key, for writing and reading alike. What is absent,
//! empty or false has no pair.

use crate::error::Malformed;
use minicbor::{Decoder, Encoder};
use std::convert::Infallible;

/// What encoding into memory returns.
type Encoded = Result<(), minicbor::encode::Error<Infallible>>;

/// A value of a map.
pub trait Value: Sized {
    /// Has no pair in the map.
    fn is_absent(&self) -> bool {
        false
    }

    /// What stands for it where the map has no pair, if it may be absent.
    fn absent() -> Option<Self> {
        None
    }

    /// Writes the value.
    fn write(&self, to: &mut Encoder<Vec<u8>>) -> Encoded;

    /// Reads a value.
    fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed>;
}

/// A map that is being written. Keys must be put in ascending order.
pub struct Writer {
    pairs: u64,
    out: Encoder<Vec<u8>>,
}

impl Writer {
    /// An empty map.
    pub fn new() -> Self {
        Self {
            pairs: 0,
            out: Encoder::new(Vec::with_capacity(192)),
        }
    }

    /// Adds a pair, unless the value is absent.
    pub fn put<T: Value>(&mut self, key: u8, value: &T) {
        if !value.is_absent() {
            self.pairs += 1;
            // Writing to memory cannot fail.
            let _ = self.out.u8(key);
            let _ = value.write(&mut self.out);
        }
    }

    /// The map's bytes.
    pub fn finish(self) -> Vec<u8> {
        let pairs = self.out.into_writer();
        let mut map = Encoder::new(Vec::with_capacity(pairs.len() + 2));
        let _ = map.map(self.pairs);
        let mut map = map.into_writer();
        map.extend_from_slice(&pairs);
        map
    }
}

/// A map that is being read, in the order of its keys.
pub struct Reader<'a, 'b> {
    left: u64,
    next: Option<u8>,
    from: &'a mut Decoder<'b>,
}

impl<'a, 'b> Reader<'a, 'b> {
    /// Begins a map.
    pub fn new(from: &'a mut Decoder<'b>) -> Result<Self, Malformed> {
        let left = from.map().map_err(wrong)?;
        let left = left.ok_or(Malformed("a map without a length"))?;
        let mut reader = Self {
            left,
            next: None,
            from,
        };
        reader.advance()?;
        Ok(reader)
    }

    fn advance(&mut self) -> Result<(), Malformed> {
        self.next = match self.left.checked_sub(1) {
            None => None,
            Some(left) => {
                self.left = left;
                Some(self.from.u8().map_err(wrong)?)
            }
        };
        Ok(())
    }

    /// The value of the key that is next in the table.
    pub fn take<T: Value>(&mut self, key: u8) -> Result<T, Malformed> {
        if self.next != Some(key) {
            return T::absent().ok_or(Malformed("a field is missing, unknown or out of order"));
        }
        let value = T::read(self.from)?;
        self.advance()?;
        Ok(value)
    }

    /// Ends the map.
    pub fn finish(self) -> Result<(), Malformed> {
        match self.next {
            None => Ok(()),
            Some(_) => Err(Malformed("a field is unknown or out of order")),
        }
    }
}

/// Declares how a struct, or a variant of an enum, is written and read:
/// `table!(put, take: Type, Path { key field, … })`.
macro_rules! table {
    ($put:ident, $take:ident: $type:ty, $($path:ident)::+ { $($key:literal $field:ident),+ $(,)? }) => {
        #[allow(irrefutable_let_patterns, reason = "a struct has one shape, an enum several")]
        fn $put(to: &mut $crate::cbor::Writer, value: &$type) {
            if let $($path)::+ { $($field),+ } = value {
                $(to.put($key, $field);)+
            }
        }

        fn $take(
            from: &mut $crate::cbor::Reader<'_, '_>,
        ) -> Result<$type, $crate::error::Malformed> {
            Ok($($path)::+ { $($field: from.take($key)?),+ })
        }
    };
}
pub(crate) use table;

/// Makes a struct with such a table a value in another map.
macro_rules! nested {
    ($type:ty, $put:ident, $take:ident) => {
        impl $crate::cbor::Value for $type {
            fn write(
                &self,
                to: &mut minicbor::Encoder<Vec<u8>>,
            ) -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
                let mut map = $crate::cbor::Writer::new();
                $put(&mut map, self);
                to.writer_mut().extend_from_slice(&map.finish());
                Ok(())
            }

            fn read(from: &mut minicbor::Decoder<'_>) -> Result<Self, $crate::error::Malformed> {
                let mut map = $crate::cbor::Reader::new(from)?;
                let value = $take(&mut map)?;
                map.finish()?;
                Ok(value)
            }
        }
    };
}
pub(crate) use nested;

/// What a decoder says, without the detail: a reader of logs cannot do anything with it.
#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
pub fn wrong(_: minicbor::decode::Error) -> Malformed {
    Malformed("a value is cut off or has the wrong type")
}

macro_rules! number {
    ($($type:ident)*) => {$(
        impl Value for $type {
            fn write(&self, to: &mut Encoder<Vec<u8>>) -> Encoded {
                to.$type(*self)?;
                Ok(())
            }

            fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
                from.$type().map_err(wrong)
            }
        }
    )*};
}
number!(u8 u16 u32 u64 i64);

impl Value for bool {
    fn is_absent(&self) -> bool {
        !self
    }

    fn absent() -> Option<Self> {
        Some(false)
    }

    fn write(&self, to: &mut Encoder<Vec<u8>>) -> Encoded {
        to.bool(*self)?;
        Ok(())
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        from.bool().map_err(wrong)
    }
}

impl Value for String {
    fn write(&self, to: &mut Encoder<Vec<u8>>) -> Encoded {
        to.str(self)?;
        Ok(())
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        from.str().map(str::to_owned).map_err(wrong)
    }
}

impl<const N: usize> Value for [u8; N] {
    fn write(&self, to: &mut Encoder<Vec<u8>>) -> Encoded {
        to.bytes(self)?;
        Ok(())
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let bytes = from.bytes().map_err(wrong)?;
        bytes
            .try_into()
            .map_err(|_| Malformed("a hash of the wrong length"))
    }
}

impl<T: Value> Value for Option<T> {
    fn is_absent(&self) -> bool {
        self.is_none()
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn write(&self, to: &mut Encoder<Vec<u8>>) -> Encoded {
        self.as_ref().map_or(Ok(()), |value| value.write(to))
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        T::read(from).map(Some)
    }
}

impl<T: Value> Value for Vec<T> {
    fn is_absent(&self) -> bool {
        self.is_empty()
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }

    fn write(&self, to: &mut Encoder<Vec<u8>>) -> Encoded {
        to.array(self.len() as u64)?;
        self.iter().try_for_each(|value| value.write(to))
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let length = from.array().map_err(wrong)?;
        let length = length.ok_or(Malformed("a list without a length"))?;
        // The claimed length is not trusted with memory.
        let mut list = Self::new();
        for _ in 0..length {
            list.push(T::read(from)?);
        }
        Ok(list)
    }
}
