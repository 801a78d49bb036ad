//! Where bytes are kept outside the memory of this process. A tier knows keys and values as bytes;
//! types, deadlines, and what a value rests on are known above.

pub(crate) mod redis;
