//! In which order rows are inserted, so that what they refer to is there already. Deletes go the other way round.
//!
//! Entity types are ordered by a topological sort; where optional relations close a circle they are left out and
//! written by an extra update. Rows of one type that refer to one another are ordered the same way.

use petgraph::algo::{kosaraju_scc, toposort};
use petgraph::graph::{DiGraph, NodeIndex};

/// A graph of things that refer to one another, by their place in a list.
#[derive(Debug, Default)]
pub(crate) struct ReferenceGraph {
    pub(crate) nodes: usize,
    /// From, to, and whether the reference is required.
    pub(crate) references: Vec<(usize, usize, bool)>,
}

/// Nodes in an order in which each comes after those that it requires, and after those that it optionally refers to
/// as far as these do not go in circles. An error has the nodes of a required circle.
pub(crate) fn commit_order(graph: &ReferenceGraph) -> Result<Vec<usize>, Vec<usize>> {
    let full = build(graph, |_| true);
    let mut order = Vec::with_capacity(graph.nodes);
    // Components come out with those first that others point to. Of petgraph's two functions for it, this is the one
    // that does not recurse.
    for mut component in kosaraju_scc(&full) {
        component.sort_unstable();
        if component.len() == 1 {
            order.push(component[0].index());
            continue;
        }
        let inside = |node: usize| component.binary_search(&NodeIndex::new(node)).is_ok();
        let required = build(graph, |(from, to, required)| *required && inside(*from) && inside(*to));
        match toposort(&required, None) {
            Ok(sorted) => {
                // Edges lead from what refers to what is referred to.
                order.extend(sorted.into_iter().rev().map(NodeIndex::index).filter(|node| inside(*node)));
            }
            Err(_) => {
                let circle =
                    kosaraju_scc(&required).into_iter().find(|part| part.len() > 1).unwrap_or(component);
                let mut circle: Vec<usize> = circle.into_iter().map(NodeIndex::index).collect();
                circle.sort_unstable();
                return Err(circle);
            }
        }
    }
    Ok(order)
}

fn build(graph: &ReferenceGraph, keep: impl Fn(&(usize, usize, bool)) -> bool) -> DiGraph<(), ()> {
    let mut built = DiGraph::with_capacity(graph.nodes, graph.references.len());
    for _ in 0..graph.nodes {
        built.add_node(());
    }
    for reference in graph.references.iter().filter(|reference| reference.0 != reference.1 && keep(reference))
    {
        built.update_edge(NodeIndex::new(reference.0), NodeIndex::new(reference.1), ());
    }
    built
}

/// How many steps each node must wait: 0 for one that refers to no other, else one more than the deepest that it
/// refers to. References of a circle that are optional do not count. An error has the nodes of a required circle.
pub(crate) fn levels(graph: &ReferenceGraph) -> Result<Vec<usize>, Vec<usize>> {
    let order = commit_order(graph)?;
    let mut place = vec![0; graph.nodes];
    for (at, node) in order.iter().enumerate() {
        place[*node] = at;
    }
    let mut targets: Vec<Vec<usize>> = vec![Vec::new(); graph.nodes];
    for (from, to, _) in &graph.references {
        if place[*to] < place[*from] {
            targets[*from].push(*to);
        }
    }
    let mut levels = vec![0; graph.nodes];
    for node in order {
        levels[node] = targets[node].iter().map(|target| levels[*target] + 1).max().unwrap_or(0);
    }
    Ok(levels)
}

/// Nodes that lead to each other in one list, lists that others lead to first.
pub(crate) fn components(graph: &ReferenceGraph) -> Vec<Vec<usize>> {
    let components = kosaraju_scc(&build(graph, |_| true)).into_iter();
    components.map(|nodes| nodes.into_iter().map(NodeIndex::index).collect()).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[test]
    fn what_is_referred_to_comes_first() {
        check(&["Book -> Author", "Author -> Country"], expect!["Country, Author, Book"]);
    }

    #[test]
    fn an_optional_reference_still_orders() {
        check(&["Book ~> Author"], expect!["Author, Book"]);
    }

    #[test]
    fn an_optional_reference_breaks_a_circle() {
        check(&["Author ~> Book", "Book -> Author"], expect!["Author, Book"]);
    }

    #[test]
    fn required_references_in_a_circle_are_refused() {
        check(&["A -> B", "B -> C", "C -> A", "D -> A"], expect!["no order: A, B, C"]);
    }

    #[test]
    fn a_reference_to_itself_is_no_circle() {
        check(&["Node -> Node"], expect!["Node"]);
    }

    #[test]
    fn levels_count_the_steps_to_wait() {
        let graph = ReferenceGraph { nodes: 4, references: vec![(0, 1, true), (1, 2, false), (3, 2, true)] };
        assert_eq!(levels(&graph), Ok(vec![2, 1, 0, 1]));
    }

    #[test]
    fn a_long_chain_needs_no_deep_stack() {
        let nodes = 100_000;
        let references = (1..nodes).map(|node| (node, node - 1, true)).collect();
        let down = levels(&ReferenceGraph { nodes, references }).unwrap();
        assert_eq!(down[nodes - 1], nodes - 1);
        let references = (1..nodes).map(|node| (node - 1, node, true)).collect();
        let up = levels(&ReferenceGraph { nodes, references }).unwrap();
        assert_eq!(up[0], nodes - 1);
    }

    /// `->` is a required reference, `~>` an optional one.
    #[expect(clippy::needless_pass_by_value, reason = "an expectation is written in the call")]
    #[track_caller]
    fn check(references: &[&str], expected: Expect) {
        let mut names: Vec<&str> = Vec::new();
        let mut graph = ReferenceGraph::default();
        for reference in references {
            let required = reference.contains("->");
            let (from, to) = reference.split_once(if required { " -> " } else { " ~> " }).unwrap();
            let mut place = |name| {
                names.iter().position(|known| *known == name).unwrap_or_else(|| {
                    names.push(name);
                    names.len() - 1
                })
            };
            graph.references.push((place(from), place(to), required));
        }
        graph.nodes = names.len();
        let show =
            |nodes: Vec<usize>| nodes.into_iter().map(|node| names[node]).collect::<Vec<_>>().join(", ");
        let actual = match commit_order(&graph) {
            Ok(order) => show(order),
            Err(circle) => format!("no order: {}", show(circle)),
        };
        expected.assert_eq(&actual);
    }
}
