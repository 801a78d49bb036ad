//! Bytes of chance after a login, cut anywhere: whatever comes, the caller has an answer soon, and
//! nothing panics. What is stopped by chance alone is in `stop`.

use std::time::Duration;

use super::fake::{Fake, answered, described, error, message, ready, row};
use super::server::read;

#[tokio::test]
async fn bytes_of_chance() {
    let mut random = fastrand::Rng::with_seed(7);
    for round in 0..300 {
        let fake = Fake::new().await;
        let (connection, mut client) = fake.pair().await;
        let asked = tokio::spawn(async move { read(&connection, "a", &[]).await.is_ok() });
        let mut bytes = Vec::new();
        for _ in 0..random.usize(1..12) {
            bytes.extend(match random.u8(0..8) {
                0 => described(),
                1 => answered(b"1"),
                2 => error("ERROR", "22012"),
                3 => row(b"5"),
                4 => ready(),
                5 => message(random.u8(..), &vec![random.u8(..); random.usize(0..20)]),
                6 => message(b'G', &[0, 0, 0]),
                _ => (0..random.usize(0..9)).map(|_| random.u8(..)).collect(),
            });
        }
        if random.bool() {
            let at = random.usize(0..bytes.len().max(1));
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.u8(0..8);
            }
        }
        assert_eq!(client.request().await, "PDS");
        client.send(&bytes).await;
        // The server has nothing more to say.
        tokio::io::AsyncWriteExt::shutdown(&mut client.stream).await.unwrap();
        let answered = tokio::time::timeout(Duration::from_secs(20), asked).await;
        answered.unwrap_or_else(|_| panic!("round {round} hangs")).unwrap();
    }
}
