//! What the code of an artifact does, from its syntax.
//!
//! What comes in: the bytes of one artifact. What goes out: [`ArtifactFacts`](bifocal_core::ArtifactFacts) with signals, each with a place in a
//! file. The way between: unpack (bounded), parse each source once into a small common tree, follow names and data
//! through it, peel encodings, find out what runs when, and let detectors judge *trigger x capability x destination*.
//! Nothing of the artifact is run. The same bytes give the same facts.
//!
//! It is meant to run in a confined child process; it tries never to need that.

mod analysis;
mod api;
mod contents;
mod detector;
mod difference;
mod facts;
mod hash;
mod ir;
mod layout;
mod link;
mod model;
mod nested;
mod package;
mod parse;
mod peel;
mod place;
mod reach;
mod setuptools;
mod shape;
mod trace;
mod unpacked;
mod unread;
mod used;

pub use analysis::{ANALYSER, ArtifactInput, Measures, analyse, analyse_and_measure, analyse_tree};
pub use detector::{Detector, detectors, signal_ids};
pub use difference::{Change, ChangeKind, Difference, Subject, compare};
pub use facts::{Capability, Fact, FileFacts, HiddenText, Language, OtherFile, PackageFacts, Shape, StartedProgram, Taint, Trigger};
pub use model::{Acting, Feature, Model, ModelError, Thresholds, features, shipped};
pub use place::{Destination, HostKind, PathKind};
