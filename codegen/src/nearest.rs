//! "Did you mean": the known name that a misspelt one most likely stands for.

/// The nearest of the names, if one is near enough to be worth saying.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters = fold(word);
    let limit = (letters.len().max(3) / 3).min(3);
    known
        .into_iter()
        .map(|name| (distance(&letters, &fold(name)), name))
        .filter(|&(distance, _)| distance <= limit)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, name)| name)
}

/// `-` and `_`, and the cases of letters, are the same to someone who does not remember a name.
fn fold(name: &str) -> Vec<char> {
    name.chars()
        .filter(|letter| !matches!(letter, '-' | '_'))
        .flat_map(char::to_lowercase)
        .take(64)
        .collect()
}

/// Optimal string alignment: insertions, deletions, replacements and swaps of neighbours.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for (i, left) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, right) in b.iter().enumerate() {
            let at = |back: usize, column: usize| {
                rows.get((i + 1).wrapping_sub(back))
                    .and_then(|row| row.get(column))
                    .copied()
                    .unwrap_or(usize::MAX - 1)
            };
            let mut best = (at(1, j) + usize::from(left != right))
                .min(at(1, j + 1) + 1)
                .min(row.last().copied().unwrap_or(0) + 1);
            let swapped =
                i > 0 && j > 0 && a.get(i - 1) == Some(right) && b.get(j - 1) == Some(left);
            if swapped {
                best = best.min(at(2, j - 1) + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows.last().and_then(|row| row.last()).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_is_understood_and_another_word_is_not() {
        let known = ["allow", "one", "optional", "many", "transaction"];
        assert_eq!(nearest("alow", known), Some("allow"));
        assert_eq!(nearest("optoinal", known), Some("optional"));
        assert_eq!(nearest("Many", known), Some("many"));
        assert_eq!(nearest("transactoin", known), Some("transaction"));
        assert_eq!(nearest("page", known), None);
        assert_eq!(nearest("", known), None);
        assert_eq!(
            nearest("soft_delete_filter", ["soft-delete-filter"]),
            Some("soft-delete-filter")
        );
    }
}
