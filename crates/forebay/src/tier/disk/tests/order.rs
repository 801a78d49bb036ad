//! What is asked for between two steps of the writer.

use super::scene::Scene;
use crate::tier::disk::queue::Queue;
use crate::tier::disk::state::{Open, Shared, State};
use crate::tier::disk::task::Task;
use crate::tier::disk::worker::{KeyHasher, open, perform};

/// Everything is removed after the writer has found that it needs another segment, and before it
/// asks for one: the file is as one that was never written to, without a hole.
#[test]
fn a_segment_that_is_asked_for_after_a_clear_is_the_first() {
    let scene = Scene::new();
    let (settings, hasher) = (scene.builder(), KeyHasher::default());
    let geometry = settings.geometry().unwrap();
    let (mut volume, recovered) = open(&settings, geometry, &hasher).unwrap();
    let mut state = State::new(Queue::new(1_000, 10), settings.bytes_max);
    state.opened(Open { handle: volume.handle.clone(), index: recovered.index });
    let shared = Shared::new(state);
    let mut run = |tasks: &[Task]| {
        tasks.iter().for_each(|task| perform(&shared, &mut volume, task).unwrap());
    };
    run(&[Task::Begin, Task::Begin, Task::Begin]);
    run(&[Task::Clear, Task::Begin]);
    assert!(volume.close().is_ok());
    drop((volume, shared));
    let (volume, recovered) = open(&settings, geometry, &hasher).unwrap();
    assert_eq!((recovered.dropped, recovered.damaged), (None, 0));
    assert_eq!(volume.tail.map(|tail| tail.segment), Some(0));
}
