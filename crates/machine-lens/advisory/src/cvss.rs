//! CVSS vectors to base scores and qualitative ratings.
//!
//! In: a vector as OSV's `severity[].score` carries it (CVSS 2.0, 3.0, 3.1, 4.0; <https://www.first.org/cvss/>). Out: a
//! score of 0.0 to 10.0 in tenths. A vector that is malformed, names a metric twice or misses a base metric has no
//! score; temporal and environmental metrics of versions 2 and 3 are passed over, since OSV carries base vectors.

use bifocal_core::Severity;

/// The longest vector that is read, in bytes.
const MAX_VECTOR: usize = 512;

/// The score of a vector, 0.0 to 10.0, or `None` when it is not a complete vector of a known version.
pub fn score(vector: &str) -> Option<f64> {
    if vector.len() > MAX_VECTOR {
        return None;
    }
    if let Some(rest) = vector.strip_prefix("CVSS:4.0/") {
        return score_v4(&Metrics::read(rest)?);
    }
    if let Some(rest) = vector.strip_prefix("CVSS:3.1/").or_else(|| vector.strip_prefix("CVSS:3.0/")) {
        return score_v3(&Metrics::read(rest)?);
    }
    score_v2(&Metrics::read(vector.trim_start_matches('(').trim_end_matches(')'))?)
}

/// The rating of a score. CVSS 2 has no *critical*; its scores are rated on the scale of versions 3 and 4, as vulnerability
/// databases do today.
pub fn rating(score: f64) -> Severity {
    match score {
        s if s >= 9.0 => Severity::Critical,
        s if s >= 7.0 => Severity::High,
        s if s >= 4.0 => Severity::Medium,
        s if s > 0.0 => Severity::Low,
        _ => Severity::Info,
    }
}

/// The metrics of one vector by name.
struct Metrics<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Metrics<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let mut metrics: Vec<(&str, &str)> = Vec::new();
        for part in text.split('/').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once(':')?;
            if metrics.iter().any(|(known, _)| *known == name) {
                return None;
            }
            metrics.push((name, value));
        }
        Some(Metrics(metrics))
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// The weight that `table` gives to the value of `name`.
    fn weight(&self, name: &str, table: &[(&str, f64)]) -> Option<f64> {
        let value = self.get(name)?;
        table.iter().find(|(known, _)| *known == value).map(|(_, weight)| *weight)
    }
}

fn score_v2(m: &Metrics<'_>) -> Option<f64> {
    const IMPACT: &[(&str, f64)] = &[("N", 0.0), ("P", 0.275), ("C", 0.660)];
    let access = m.weight("AV", &[("L", 0.395), ("A", 0.646), ("N", 1.0)])?;
    let complexity = m.weight("AC", &[("H", 0.35), ("M", 0.61), ("L", 0.71)])?;
    let authentication = m.weight("Au", &[("M", 0.45), ("S", 0.56), ("N", 0.704)])?;
    let (c, i, a) = (m.weight("C", IMPACT)?, m.weight("I", IMPACT)?, m.weight("A", IMPACT)?);
    let impact = 10.41 * (1.0 - (1.0 - c) * (1.0 - i) * (1.0 - a));
    let exploitability = 20.0 * access * complexity * authentication;
    let factor = if impact == 0.0 { 0.0 } else { 1.176 };
    Some(tenths((0.6 * impact + 0.4 * exploitability - 1.5) * factor))
}

fn score_v3(m: &Metrics<'_>) -> Option<f64> {
    const IMPACT: &[(&str, f64)] = &[("H", 0.56), ("L", 0.22), ("N", 0.0)];
    let changed = match m.get("S")? {
        "C" => true,
        "U" => false,
        _ => return None,
    };
    let access = m.weight("AV", &[("N", 0.85), ("A", 0.62), ("L", 0.55), ("P", 0.2)])?;
    let complexity = m.weight("AC", &[("L", 0.77), ("H", 0.44)])?;
    let privileges = if changed { [("N", 0.85), ("L", 0.68), ("H", 0.5)] } else { [("N", 0.85), ("L", 0.62), ("H", 0.27)] };
    let privileges = m.weight("PR", &privileges)?;
    let interaction = m.weight("UI", &[("N", 0.85), ("R", 0.62)])?;
    let (c, i, a) = (m.weight("C", IMPACT)?, m.weight("I", IMPACT)?, m.weight("A", IMPACT)?);
    let base = 1.0 - (1.0 - c) * (1.0 - i) * (1.0 - a);
    let impact = if changed { 7.52 * (base - 0.029) - 3.25 * (base - 0.02).powi(15) } else { 6.42 * base };
    if impact <= 0.0 {
        return Some(0.0);
    }
    let sum = impact + 8.22 * access * complexity * privileges * interaction;
    Some(round_up(if changed { 1.08 * sum } else { sum }.min(10.0)))
}

/// The specification's own rounding up to a tenth, which is done on integers so that every machine agrees.
fn round_up(value: f64) -> f64 {
    let scaled = (value * 100_000.0).round() as i64;
    if scaled % 10_000 == 0 { scaled as f64 / 100_000.0 } else { ((scaled / 10_000) + 1) as f64 / 10.0 }
}

fn tenths(value: f64) -> f64 {
    (value.clamp(0.0, 10.0) * 10.0).round() / 10.0
}

/// How far a value lies below the worst one of its metric, in steps; the position in `order`.
fn steps(value: &str, order: &[&str]) -> Option<i32> {
    order.iter().position(|known| *known == value).and_then(|at| i32::try_from(at).ok())
}

/// The metrics of a version 4 vector after modified metrics and defaults are applied, as steps below the worst value.
struct V4 {
    av: i32,
    pr: i32,
    ui: i32,
    ac: i32,
    at: i32,
    vulnerable: [i32; 3],
    subsequent: [i32; 3],
    required: [i32; 3],
    exploit: usize,
}

impl V4 {
    fn read(m: &Metrics<'_>) -> Option<Self> {
        let base = |name: &str, modified: &str, order: &[&str]| -> Option<i32> {
            let plain = steps(m.get(name)?, order)?;
            match m.get(modified) {
                None | Some("X") => Some(plain),
                Some(value) => steps(value, order),
            }
        };
        let required = |name: &str| match m.get(name) {
            None | Some("X") => Some(0),
            Some(value) => steps(value, &["H", "M", "L"]),
        };
        const IMPACT: &[&str] = &["H", "L", "N"];
        // Only the modified forms may say S (safety); it lies one step above H.
        const SAFETY: &[&str] = &["S", "H", "L", "N"];
        if matches!(m.get("SI"), Some("S")) || matches!(m.get("SA"), Some("S")) || matches!(m.get("SC"), Some("S")) {
            return None;
        }
        Some(V4 {
            av: base("AV", "MAV", &["N", "A", "L", "P"])?,
            pr: base("PR", "MPR", &["N", "L", "H"])?,
            ui: base("UI", "MUI", &["N", "P", "A"])?,
            ac: base("AC", "MAC", &["L", "H"])?,
            at: base("AT", "MAT", &["N", "P"])?,
            vulnerable: [base("VC", "MVC", IMPACT)?, base("VI", "MVI", IMPACT)?, base("VA", "MVA", IMPACT)?],
            subsequent: [base("SC", "MSC", SAFETY)?, base("SI", "MSI", SAFETY)?, base("SA", "MSA", SAFETY)?],
            required: [required("CR")?, required("IR")?, required("AR")?],
            exploit: match m.get("E") {
                None | Some("X" | "A") => 0,
                Some("P") => 1,
                Some("U") => 2,
                Some(_) => return None,
            },
        })
    }

    /// The six equivalence classes.
    fn classes(&self) -> [usize; 6] {
        let open = [self.av, self.pr, self.ui].iter().filter(|step| **step == 0).count();
        let eq1 = match open {
            3 => 0,
            1 | 2 if self.av != 3 => 1,
            _ => 2,
        };
        let eq2 = usize::from(self.ac != 0 || self.at != 0);
        let [vc, vi, va] = self.vulnerable;
        let eq3 = if vc == 0 && vi == 0 { 0 } else { usize::from(vc != 0 && vi != 0 && va != 0) + 1 };
        let [sc, si, sa] = self.subsequent;
        let eq4 = if si == 0 || sa == 0 { 0 } else { usize::from(sc != 1 && si != 1 && sa != 1) + 1 };
        let heavy = self.vulnerable.iter().zip(self.required).any(|(harm, need)| *harm == 0 && need == 0);
        [eq1, eq2, eq3, eq4, self.exploit, usize::from(!heavy)]
    }
}

fn macro_score(eq: [usize; 6]) -> Option<f64> {
    if eq[0] > 2 || eq[1] > 1 || eq[2] > 2 || eq[3] > 2 || eq[4] > 2 || eq[5] > 1 {
        return None;
    }
    let row = ((eq[0] * 2 + eq[1]) * 3 + eq[2]) * 3 + eq[3];
    match MACRO_VECTORS[row][eq[4] * 2 + eq[5]] {
        255 => None,
        value => Some(f64::from(value) / 10.0),
    }
}

/// The distance, in steps, from the first of the class's worst combinations that lies nowhere below the vector.
fn distance<const N: usize>(vector: [i32; N], worst: &[[i32; N]]) -> i32 {
    worst
        .iter()
        .find(|worst| vector.iter().zip(worst.iter()).all(|(have, top)| have >= top))
        .map_or(0, |worst| vector.iter().zip(worst.iter()).map(|(have, top)| have - top).sum())
}

fn score_v4(m: &Metrics<'_>) -> Option<f64> {
    let v = V4::read(m)?;
    if v.vulnerable == [2; 3] && v.subsequent == [3; 3] {
        return Some(0.0);
    }
    let eq = v.classes();
    let value = macro_score(eq)?;
    let lower = |index: usize| {
        let mut next = eq;
        next[index] += 1;
        macro_score(next)
    };

    let [vc, vi, va] = v.vulnerable;
    let [cr, ir, ar] = v.required;
    let worst1: &[[i32; 3]] = match eq[0] {
        0 => &[[0, 0, 0]],
        1 => &[[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        _ => &[[3, 0, 0], [1, 1, 1]],
    };
    let worst2: &[[i32; 2]] = if eq[1] == 0 { &[[0, 0]] } else { &[[1, 0], [0, 1]] };
    // In the order VC, VI, VA, CR, IR, AR.
    let (worst3, depth3): (&[[i32; 6]], f64) = match (eq[2], eq[5]) {
        (0, 0) => (&[[0, 0, 0, 0, 0, 0]], 7.0),
        (0, _) => (&[[0, 0, 1, 1, 1, 0], [0, 0, 0, 1, 1, 1]], 6.0),
        (1, 0) => (&[[1, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0]], 8.0),
        (1, _) => (&[[1, 0, 1, 0, 1, 0], [1, 0, 0, 0, 1, 1], [0, 1, 0, 1, 0, 1], [0, 1, 1, 1, 0, 0], [1, 1, 0, 0, 0, 1]], 8.0),
        _ => (&[[1, 1, 1, 0, 0, 0]], 10.0),
    };
    let worst4: &[[i32; 3]] = match eq[3] {
        0 => &[[1, 0, 0]],
        1 => &[[1, 1, 1]],
        _ => &[[2, 2, 2]],
    };
    let lower3 = match (eq[2], eq[5]) {
        (0, 0) => [lower(2), lower(5)].into_iter().flatten().reduce(f64::max),
        (1, 0) => lower(5),
        (0 | 1, _) => lower(2),
        _ => None,
    };

    let parts = [
        (lower(0), f64::from(distance([v.av, v.pr, v.ui], worst1)), [1.0, 4.0, 5.0][eq[0]]),
        (lower(1), f64::from(distance([v.ac, v.at], worst2)), [1.0, 2.0][eq[1]]),
        (lower3, f64::from(distance([vc, vi, va, cr, ir, ar], worst3)), depth3),
        (lower(3), f64::from(distance(v.subsequent, worst4)), [6.0, 5.0, 4.0][eq[3]]),
        (lower(4), 0.0, 1.0),
    ];
    let (mut sum, mut count) = (0.0, 0u32);
    for (lower, distance, depth) in parts {
        if let Some(lower) = lower {
            sum += (value - lower) * distance / depth;
            count += 1;
        }
    }
    let mean = if count == 0 { 0.0 } else { sum / f64::from(count) };
    Some(tenths(value - mean + 1e-9))
}

/// Scores of the macro vectors in tenths, by row EQ1 EQ2 EQ3 EQ4 and column EQ5 EQ6 (FIRST, CVSS 4.0 specification); 255
/// where the classes exclude each other.
const MACRO_VECTORS: [[u8; 6]; 54] = [
    [100, 99, 98, 95, 95, 92],
    [100, 96, 93, 87, 91, 81],
    [93, 90, 89, 80, 81, 68],
    [98, 95, 95, 92, 90, 84],
    [93, 92, 89, 81, 81, 65],
    [88, 80, 78, 70, 69, 48],
    [255, 92, 255, 82, 255, 72],
    [255, 79, 255, 69, 255, 50],
    [255, 69, 255, 55, 255, 27],
    [99, 97, 95, 92, 92, 85],
    [95, 91, 90, 83, 84, 71],
    [92, 81, 82, 71, 72, 53],
    [95, 93, 92, 85, 85, 73],
    [92, 82, 80, 72, 70, 59],
    [84, 70, 71, 52, 50, 30],
    [255, 86, 255, 75, 255, 52],
    [255, 71, 255, 52, 255, 29],
    [255, 63, 255, 29, 255, 17],
    [98, 95, 94, 87, 91, 81],
    [94, 89, 86, 74, 77, 64],
    [87, 75, 74, 63, 63, 49],
    [94, 89, 88, 77, 76, 67],
    [86, 76, 74, 58, 59, 50],
    [72, 57, 57, 52, 52, 25],
    [255, 83, 255, 70, 255, 54],
    [255, 65, 255, 58, 255, 26],
    [255, 53, 255, 21, 255, 13],
    [95, 90, 88, 76, 76, 70],
    [90, 77, 75, 62, 61, 53],
    [77, 66, 68, 59, 52, 30],
    [89, 78, 76, 67, 62, 58],
    [74, 59, 57, 57, 47, 23],
    [61, 52, 57, 29, 24, 16],
    [255, 71, 255, 59, 255, 30],
    [255, 58, 255, 26, 255, 15],
    [255, 23, 255, 13, 255, 6],
    [93, 87, 86, 72, 75, 58],
    [86, 74, 74, 61, 56, 34],
    [70, 54, 52, 40, 40, 22],
    [85, 75, 74, 55, 62, 51],
    [72, 57, 55, 41, 46, 19],
    [53, 36, 34, 19, 19, 8],
    [255, 64, 255, 51, 255, 20],
    [255, 47, 255, 21, 255, 11],
    [255, 24, 255, 9, 255, 4],
    [88, 75, 73, 53, 60, 50],
    [73, 55, 59, 40, 41, 20],
    [54, 43, 45, 22, 20, 11],
    [75, 55, 58, 45, 40, 21],
    [61, 51, 48, 18, 20, 9],
    [46, 18, 17, 7, 8, 2],
    [255, 53, 255, 24, 255, 14],
    [255, 24, 255, 12, 255, 5],
    [255, 10, 255, 3, 255, 1],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_scores_come_out_in_every_version() {
        for (vector, expected) in [
            ("AV:N/AC:L/Au:N/C:P/I:P/A:P", 7.5),
            ("AV:N/AC:M/Au:N/C:N/I:P/A:N", 4.3),
            ("AV:L/AC:H/Au:M/C:N/I:N/A:N", 0.0),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8),
            ("CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H", 7.5),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0.0),
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 9.3),
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H", 10.0),
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:H/SC:N/SI:N/SA:N", 8.7),
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:L/SC:N/SI:N/SA:N", 6.9),
            ("CVSS:4.0/AV:L/AC:L/AT:N/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 8.5),
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:A/VC:N/VI:N/VA:N/SC:L/SI:L/SA:N", 5.1),
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:N/SI:N/SA:N", 0.0),
        ] {
            assert_eq!(score(vector), Some(expected), "{vector}");
        }
    }

    #[test]
    fn every_version_four_base_vector_has_a_score_and_more_harm_never_scores_less() {
        for (av, pr) in [("N", "N"), ("A", "L"), ("P", "H")] {
            for sc in ["H", "L", "N"] {
                let mut last = 11.0;
                for harm in ["H", "L", "N"] {
                    let vector = format!("CVSS:4.0/AV:{av}/AC:L/AT:N/PR:{pr}/UI:N/VC:{harm}/VI:{harm}/VA:{harm}/SC:{sc}/SI:N/SA:N");
                    let now = score(&vector).unwrap();
                    assert!((0.0..=10.0).contains(&now) && now <= last, "{vector}: {now} after {last}");
                    last = now;
                }
            }
        }
    }

    #[test]
    fn malformed_vectors_have_no_score() {
        for vector in ["", "CVSS:3.1/AV:N", "CVSS:9/AV:N", "AV:N/AV:N", "CVSS:4.0/AV:Q/AC:L", "\u{1b}[2J", &"A:B/".repeat(1000)] {
            assert_eq!(score(vector), None, "{vector:?}");
        }
    }
}
