//! The data file of the trained model, and its arithmetic.
//!
//! In: `model/risk.json`, written by `lab/model/train.py`, and the features of an artifact. Out: a margin (log-odds), what
//! each feature added to it, and the risk. A tree's nodes carry the mean margin of what the training saw there, so that
//! the path through it tells how much each question moved the result (Saabas' decomposition): the parts add up to the
//! whole, exactly.

use bifocal_core::Ecosystem;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;

/// A node: a leaf is a number, a question is a table.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Written {
    Leaf(f64),
    Question { ask: String, over: f64, mean: f64, no: Box<Written>, yes: Box<Written> },
}

/// Risks from which on a release is noted, held and denied.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// Noted.
    pub annotate: f64,
    /// Held.
    pub hold: f64,
    /// Denied.
    pub deny: f64,
}

/// The file as it is written. Fields that only people read are passed over.
#[derive(Debug, Clone, Deserialize)]
struct File {
    schema_version: u32,
    version: String,
    features: Vec<String>,
    base: f64,
    trees: Vec<Written>,
    calibration: Vec<(f64, f64)>,
    thresholds: BTreeMap<String, Thresholds>,
}

/// Why a model cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelError(String);

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the model cannot be used: {}; train it anew with lab/model/train.py", self.0)
    }
}

impl std::error::Error for ModelError {}

#[derive(Debug, Clone, Copy)]
enum Node {
    Leaf(f64),
    /// Which feature, the bound, the mean margin of the training here, and the two ways on.
    Question {
        feature: usize,
        over: f64,
        mean: f64,
        no: usize,
        yes: usize,
    },
}

/// A model that is ready to score.
#[derive(Debug, Clone)]
pub struct Model {
    version: String,
    base: f64,
    /// Roots and all nodes, in one list.
    roots: Vec<usize>,
    nodes: Vec<Node>,
    /// Margin to log-odds, ascending in both.
    calibration: Vec<(f64, f64)>,
    thresholds: BTreeMap<String, Thresholds>,
    features: usize,
}

/// Most nodes of a model.
const MAX_NODES: usize = 100_000;
/// Deepest tree.
const MAX_DEPTH: usize = 12;

impl Model {
    /// Reads a model whose features are among `known`, which fixes their order.
    pub(super) fn read(text: &str, known: &[String]) -> Result<Model, ModelError> {
        let file: File = serde_json::from_str(text).map_err(|error| ModelError(error.to_string()))?;
        if file.schema_version != 1 {
            return Err(ModelError(format!("its form has version {}, this program reads 1", file.schema_version)));
        }
        if let Some(strange) = file.features.iter().find(|name| !known.contains(name)) {
            return Err(ModelError(format!("it asks for the feature {strange}, which is not measured")));
        }
        let ascending = file.calibration.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1);
        if file.calibration.len() < 2 || !ascending {
            return Err(ModelError("its calibration does not ascend".to_owned()));
        }
        if !file.thresholds.contains_key(OTHER) {
            return Err(ModelError(format!("it has no thresholds for `{OTHER}`")));
        }
        if let Some((name, _)) = file.thresholds.iter().find(|(_, at)| !(at.annotate <= at.hold && at.hold <= at.deny)) {
            return Err(ModelError(format!("its thresholds for {name} do not ascend")));
        }
        let mut model = Model {
            version: file.version,
            base: file.base,
            roots: Vec::with_capacity(file.trees.len()),
            nodes: Vec::new(),
            calibration: file.calibration,
            thresholds: file.thresholds,
            features: known.len(),
        };
        for tree in &file.trees {
            let root = model.lay(tree, known, 0)?;
            model.roots.push(root);
        }
        Ok(model)
    }

    fn lay(&mut self, tree: &Written, known: &[String], depth: usize) -> Result<usize, ModelError> {
        if depth > MAX_DEPTH || self.nodes.len() >= MAX_NODES {
            return Err(ModelError("it is larger than a model may be".to_owned()));
        }
        let node = match tree {
            Written::Leaf(value) => Node::Leaf(*value),
            Written::Question { ask, over, mean, no, yes } => {
                let feature = known.iter().position(|name| name == ask);
                let feature = feature.ok_or_else(|| ModelError(format!("a tree asks for {ask}, which is not measured")))?;
                let (no, yes) = (self.lay(no, known, depth + 1)?, self.lay(yes, known, depth + 1)?);
                Node::Question { feature, over: *over, mean: *mean, no, yes }
            }
        };
        self.nodes.push(node);
        Ok(self.nodes.len() - 1)
    }

    /// The model's version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The margin, and what each feature adds to it.
    pub(super) fn margin(&self, values: &[f64]) -> (f64, Vec<f64>) {
        let mut added = vec![0.0; self.features];
        let mut margin = self.base;
        for root in &self.roots {
            let mut at = *root;
            let mut before: Option<(usize, f64)> = None;
            while let Some(node) = self.nodes.get(at) {
                let mean = match node {
                    Node::Leaf(value) => *value,
                    Node::Question { mean, .. } => *mean,
                };
                match before {
                    Some((feature, above)) => {
                        if let Some(sum) = added.get_mut(feature) {
                            *sum += mean - above;
                        }
                    }
                    None => margin += mean,
                }
                let Node::Question { feature, over, no, yes, .. } = node else { break };
                before = Some((*feature, mean));
                at = if values.get(*feature).copied().unwrap_or_default() > *over { *yes } else { *no };
            }
        }
        // The sum is taken over features, so that what is shown is what counts.
        for part in &added {
            margin += part;
        }
        (margin, added)
    }

    /// The risk that belongs to a margin, in 0..1, to twelve places.
    pub(super) fn risk(&self, margin: f64) -> f64 {
        let knots = &self.calibration;
        let at = knots.partition_point(|knot| knot.0 <= margin).clamp(1, knots.len().max(2) - 1);
        let (Some(low), Some(high)) = (knots.get(at - 1), knots.get(at)) else { return 0.0 };
        let odds = low.1 + (margin - low.0) * (high.1 - low.1) / (high.0 - low.0);
        let risk = 1.0 / (1.0 + (-odds).exp());
        ((risk * 1e12).round() / 1e12).clamp(0.0, 1.0)
    }

    /// The thresholds of an ecosystem; where it has none of its own, the strictest.
    pub fn thresholds(&self, ecosystem: Option<Ecosystem>) -> Thresholds {
        let own = ecosystem.and_then(|ecosystem| self.thresholds.get(ecosystem.as_str()));
        own.or_else(|| self.thresholds.get(OTHER)).copied().unwrap_or(Thresholds { annotate: 1.0, hold: 1.0, deny: 1.0 })
    }
}

/// The thresholds of ecosystems that have none of their own.
const OTHER: &str = "other";

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = r#"{"schema_version":1,"version":"t","features":["a","b"],"base":-1.0,
        "trees":[{"ask":"a","over":0.5,"mean":0.2,"no":-0.5,"yes":{"ask":"b","over":1.5,"mean":1.0,"no":0.8,"yes":2.0}}],
        "calibration":[[-2.0,-4.0],[0.0,0.0],[1.0,4.0]],
        "thresholds":{"other":{"annotate":0.5,"hold":0.6,"deny":0.7}},"card":{"n":1}}"#;

    fn known() -> Vec<String> {
        ["a", "b", "c"].map(str::to_owned).to_vec()
    }

    #[test]
    fn the_parts_add_up_to_the_whole() {
        let model = Model::read(TWO, &known()).unwrap();
        let (margin, added) = model.margin(&[1.0, 2.0, 9.0]);
        assert!((margin - 1.0).abs() < 1e-12, "{margin}");
        assert!((added[0] - 0.8).abs() < 1e-12 && (added[1] - 1.0).abs() < 1e-12 && added[2] == 0.0, "{added:?}");
        assert!((model.margin(&[0.0, 2.0, 0.0]).0 + 1.5).abs() < 1e-12);
    }

    #[test]
    fn risk_ascends_and_goes_on_beyond_the_knots() {
        let model = Model::read(TWO, &known()).unwrap();
        assert!((model.risk(0.0) - 0.5).abs() < 1e-9);
        let risks: Vec<f64> = [-9.0, -2.0, -1.0, 0.0, 0.5, 1.0, 3.0].iter().map(|margin| model.risk(*margin)).collect();
        assert!(risks.windows(2).all(|pair| pair[0] < pair[1]), "{risks:?}");
    }

    #[test]
    fn a_file_that_does_not_fit_is_refused() {
        for (from, to) in [
            (r#""ask":"a""#, r#""ask":"z""#),
            (r#"["a","b"]"#, r#"["a","z"]"#),
            (r#"[0.0,0.0]"#, r#"[0.0,9.0]"#),
            (r#""hold":0.6"#, r#""hold":0.9"#),
            (r#""other""#, r#""npm""#),
            (r#""schema_version":1"#, r#""schema_version":2"#),
        ] {
            assert!(Model::read(&TWO.replace(from, to), &known()).is_err(), "{from}");
        }
    }
}
