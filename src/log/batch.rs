//! x
#[derive(Clone, Debug, Hash)]
pub struct Records;
impl Records {
    pub fn size_in_bytes(&self) -> u32 {
        0
    }
}
