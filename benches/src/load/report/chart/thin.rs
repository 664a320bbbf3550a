//! Fewer points where a line has more than can be seen.

/// Keeps of every stretch its lowest and its highest point, in their order; gaps stay gaps.
pub(crate) fn thin(points: &[Option<(f64, f64)>], most: usize) -> Vec<Option<(f64, f64)>> {
    if points.len() <= most {
        return points.to_vec();
    }
    let each = points.len().div_ceil((most / 2).max(1));
    let mut kept = Vec::with_capacity(most + 2);
    for stretch in points.chunks(each) {
        let present = || stretch.iter().enumerate().filter_map(|(at, point)| Some((at, (*point)?)));
        let low = present().min_by(|left, right| left.1.1.total_cmp(&right.1.1));
        let high = present().max_by(|left, right| left.1.1.total_cmp(&right.1.1));
        let (Some(low), Some(high)) = (low, high) else {
            kept.push(None);
            continue;
        };
        let (first, second) = if low.0 <= high.0 { (low, high) } else { (high, low) };
        kept.push(Some(first.1));
        if second.0 != first.0 {
            kept.push(Some(second.1));
        }
        if stretch.iter().any(Option::is_none) {
            kept.push(None);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peaks_and_gaps_outlive_thinning() {
        let mut points: Vec<Option<(f64, f64)>> =
            (0..6000).map(|at| Some((f64::from(at), 10.0))).collect();
        points[1234] = Some((1234.0, 900.0));
        points[4321] = Some((4321.0, 1.0));
        points[5000] = None;
        let thin = thin(&points, 240);
        assert!(thin.len() <= 260, "{}", thin.len());
        assert!(thin.contains(&Some((1234.0, 900.0))));
        assert!(thin.contains(&Some((4321.0, 1.0))));
        assert!(thin.contains(&None));
        let xs: Vec<f64> = thin.iter().flatten().map(|point| point.0).collect();
        assert!(xs.is_sorted());
    }

    #[test]
    fn short_lines_stay_whole() {
        let points = [Some((1.0, 2.0)), None];
        assert_eq!(thin(&points, 2), points);
    }
}
