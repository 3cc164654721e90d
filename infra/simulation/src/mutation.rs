//! Mutations: what a mutant lacks. Each is made in a request on the simulated network, without a change of the product,
//! and shows whether the checks would find such a bug.

use serde_json::{Map, Value};
use shared::store::item_kind::ItemKind;
use std::{collections::BTreeMap, fmt};

/// The guard that a mutant lacks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mutation {
    /// One conjunct of the condition of a write.
    Conjunct {
        /// The write: `put`, `update` or `delete`, followed by `in a transaction` if it is in one.
        write: String,
        /// The kind of item.
        item: ItemKind,
        /// The whole condition.
        condition: String,
        /// The conjunct that the mutant lacks.
        conjunct: String,
    },
    /// One part of an update: an attribute that it removes, or a number that it counts on.
    Part {
        /// As in [`Mutation::Conjunct`].
        write: String,
        /// The kind of item.
        item: ItemKind,
        /// The whole expression.
        update: String,
        /// The part that the mutant lacks, with its `SET` or `REMOVE`.
        part: String,
    },
    /// A consistent read, which may show earlier versions in the mutant.
    ConsistentRead {
        /// `GetItem` or `Query`.
        operation: String,
        /// The kind of item.
        item: ItemKind,
    },
    /// The client token of transactions, without which a copy that the SDK sends is not recognised.
    ClientToken,
}

impl fmt::Display for Mutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mutation::Conjunct { write, item, condition, conjunct } if condition == conjunct => {
                write!(f, "{write} {item}: {conjunct}")
            }
            Mutation::Conjunct { write, item, condition, conjunct } => {
                write!(f, "{write} {item}: {conjunct} (of: {condition})")
            }
            Mutation::Part { write, item, update, part } => write!(f, "{write} {item}: {part} (of: {update})"),
            Mutation::ConsistentRead { operation, item } => write!(f, "{operation} {item}: consistent read"),
            Mutation::ClientToken => write!(f, "client token of a transaction"),
        }
    }
}

/// A condition as a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    And(Vec<Node>),
    Or(Vec<Node>),
    Leaf(String),
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |nodes: &[Node], with: &str| {
            let inner = |node: &Node| match node {
                Node::Leaf(text) => text.clone(),
                _ => format!("({node})"),
            };
            nodes.iter().map(inner).collect::<Vec<_>>().join(with)
        };
        match self {
            Node::And(nodes) => f.write_str(&joined(nodes, " AND ")),
            Node::Or(nodes) => f.write_str(&joined(nodes, " OR ")),
            Node::Leaf(text) => f.write_str(text),
        }
    }
}

/// Splits an expression at an operator that is outside all parentheses.
fn split<'a>(text: &'a str, operator: &str) -> Vec<&'a str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (index, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ if depth == 0 && index >= start && text[index..].starts_with(operator) => {
                parts.push(text[start..index].trim());
                start = index + operator.len();
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts
}

fn parse(text: &str) -> Node {
    let alternatives = split(text, " OR ");
    if alternatives.len() > 1 {
        return Node::Or(alternatives.into_iter().map(parse).collect());
    }
    let conjuncts = split(text, " AND ");
    if conjuncts.len() > 1 {
        return Node::And(conjuncts.into_iter().map(parse).collect());
    }
    match text.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
        Some(inner) => parse(inner),
        None => Node::Leaf(text.to_owned()),
    }
}

impl Node {
    /// Collects each conjunct, at any depth.
    fn conjuncts(&self, found: &mut Vec<String>) {
        match self {
            Node::And(nodes) => {
                for node in nodes {
                    found.push(node.to_string());
                    if let Node::Or(_) = node {
                        node.conjuncts(found);
                    }
                }
            }
            Node::Or(nodes) => nodes.iter().for_each(|node| node.conjuncts(found)),
            Node::Leaf(_) => {}
        }
    }

    /// The condition without a conjunct; `None` if nothing is left.
    fn without(&self, conjunct: &str) -> Option<Node> {
        match self {
            _ if self.to_string() == conjunct => None,
            Node::And(nodes) => {
                let mut left: Vec<Node> = nodes.iter().filter_map(|node| node.without(conjunct)).collect();
                if left.len() == 1 { left.pop() } else { Some(Node::And(left)) }
            }
            Node::Or(nodes) => {
                // An alternative of which nothing is left is always true, and with it the whole.
                let left: Option<Vec<Node>> = nodes.iter().map(|node| node.without(conjunct)).collect();
                left.map(Node::Or)
            }
            Node::Leaf(_) => Some(self.clone()),
        }
    }
}

/// The conjuncts of a condition that a mutant can lack. A condition that is not a conjunction is one as a whole, too.
fn conjuncts(condition: &str) -> Vec<String> {
    let tree = parse(condition);
    let mut found = Vec::new();
    if !matches!(tree, Node::And(_)) {
        found.push(tree.to_string());
    }
    tree.conjuncts(&mut found);
    found
}

/// An update expression: `ADD`, then `SET`, then `REMOVE`, as the product writes them.
struct Update<'a> {
    adds: &'a str,
    sets: Vec<&'a str>,
    removes: Vec<&'a str>,
}

impl<'a> Update<'a> {
    fn parse(update: &'a str) -> Self {
        let list = |text: &'a str| text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
        let (before, removes) = update.split_once("REMOVE ").unwrap_or((update, ""));
        let (adds, sets) = before.split_once("SET ").unwrap_or((before, ""));
        Update { adds: adds.trim(), sets: list(sets), removes: list(removes) }
    }

    /// The parts that a mutant can lack: each attribute that is removed, and each number that is counted on. Not what
    /// is set to a given value: that says what the write does, and without it the write would not happen at all.
    fn parts(&self) -> Vec<String> {
        let counts =
            |set: &&&str| set.split_once(" = ").is_some_and(|(name, value)| value.starts_with(&format!("{name} ")));
        let sets = self.sets.iter().filter(counts).map(|set| format!("SET {set}"));
        sets.chain(self.removes.iter().map(|path| format!("REMOVE {path}"))).collect()
    }

    /// The expression without a part; `None` if nothing is left.
    fn without(&self, part: &str) -> Option<String> {
        let list = |verb: &str, parts: &[&str]| {
            let left: Vec<&str> = parts.iter().filter(|one| format!("{verb} {one}") != part).copied().collect();
            (!left.is_empty()).then(|| format!("{verb} {}", left.join(", ")))
        };
        let adds = (!self.adds.is_empty()).then(|| self.adds.to_owned());
        let left: Vec<String> =
            [adds, list("SET", &self.sets), list("REMOVE", &self.removes)].into_iter().flatten().collect();
        (!left.is_empty()).then(|| left.join(" "))
    }
}

/// The mutations that the requests of a run allow, each with how often its guard was sent.
pub type Guards = BTreeMap<Mutation, u64>;

/// One write of a request.
#[derive(Debug)]
pub struct Write<'a> {
    /// Its name, as in [`Mutation::Conjunct`].
    pub write: &'static str,
    /// The kind of item.
    pub item: ItemKind,
    /// Its parameters, in the JSON of DynamoDB's API.
    pub parameters: &'a mut Map<String, Value>,
}

/// Records the mutations that a write allows.
pub fn note(write: &Write<'_>, guards: &mut Guards) {
    let expression = |name: &str| write.parameters.get(name).and_then(Value::as_str);
    let (name, item) = (write.write.to_owned(), write.item);
    for conjunct in expression("ConditionExpression").map(conjuncts).unwrap_or_default() {
        let condition = expression("ConditionExpression").unwrap_or_default().to_owned();
        let mutation = Mutation::Conjunct { write: name.clone(), item, condition, conjunct };
        *guards.entry(mutation).or_default() += 1;
    }
    let Some(update) = expression("UpdateExpression") else { return };
    for part in Update::parse(update).parts() {
        let mutation = Mutation::Part { write: name.clone(), item, update: update.to_owned(), part };
        *guards.entry(mutation).or_default() += 1;
    }
}

/// Removes the guard from a write that has it; leaves any other write as it is.
pub fn apply(mutation: &Mutation, write: &mut Write<'_>) {
    let parameters = &mut *write.parameters;
    let is = |parameters: &Map<String, Value>, name: &str, text: &str| {
        parameters.get(name).and_then(Value::as_str) == Some(text)
    };
    let (name, left) = match mutation {
        Mutation::Conjunct { write: which, item, condition, conjunct }
            if which == write.write && *item == write.item && is(parameters, "ConditionExpression", condition) =>
        {
            ("ConditionExpression", parse(condition).without(conjunct).map(|rest| rest.to_string()))
        }
        Mutation::Part { write: which, item, update, part }
            if which == write.write && *item == write.item && is(parameters, "UpdateExpression", update) =>
        {
            ("UpdateExpression", Update::parse(update).without(part))
        }
        _ => return,
    };
    match left {
        Some(rest) => parameters.insert(name.to_owned(), rest.into()),
        None => parameters.remove(name),
    };
    drop_unused(parameters);
}

/// Removes names and values that no expression uses any more: DynamoDB would refuse the request for them.
fn drop_unused(parameters: &mut Map<String, Value>) {
    let expressions: Vec<String> = ["ConditionExpression", "UpdateExpression"]
        .iter()
        .filter_map(|name| parameters.get(*name)?.as_str().map(str::to_owned))
        .collect();
    let used = |name: &str| {
        let ends = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        expressions.iter().any(|text| text.match_indices(name).any(|(at, _)| ends(&text[at + name.len()..])))
    };
    for list in ["ExpressionAttributeNames", "ExpressionAttributeValues"] {
        let Some(named) = parameters.get_mut(list).and_then(Value::as_object_mut) else { continue };
        named.retain(|name, _| used(name));
        if named.is_empty() {
            parameters.remove(list);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_conjunct_is_found_at_any_depth() {
        assert_eq!(conjuncts("#status = :pending"), ["#status = :pending"]);
        assert_eq!(
            conjuncts("attribute_not_exists(pk) OR (#status = :held AND heldUntil <= :now)"),
            [
                "attribute_not_exists(pk) OR (#status = :held AND heldUntil <= :now)",
                "#status = :held",
                "heldUntil <= :now"
            ]
        );
        assert_eq!(conjuncts("a = :a AND (b > :b OR c > :c) AND d = :d"), ["a = :a", "b > :b OR c > :c", "d = :d"]);
    }

    #[test]
    fn the_rest_of_a_condition_stays_without_a_conjunct() {
        let without = |text: &str, conjunct: &str| parse(text).without(conjunct).map(|node| node.to_string());
        assert_eq!(without("a = :a AND (b > :b OR c > :c)", "b > :b OR c > :c").unwrap(), "a = :a");
        assert_eq!(without("x OR (a = :a AND b = :b)", "a = :a").unwrap(), "x OR b = :b");
        assert_eq!(without("a = :a", "a = :a"), None);
    }

    #[test]
    fn unused_names_and_values_are_removed() {
        let mut parameters = json!({
            "ConditionExpression": "#a = :a AND #ab = :ab",
            "UpdateExpression": "SET x = :x",
            "ExpressionAttributeNames": { "#a": "a", "#ab": "ab" },
            "ExpressionAttributeValues": { ":a": {}, ":ab": {}, ":x": {} },
        });
        let parameters = parameters.as_object_mut().unwrap();
        let mutation = Mutation::Conjunct {
            write: "update".to_owned(),
            item: ItemKind::Seat,
            condition: "#a = :a AND #ab = :ab".to_owned(),
            conjunct: "#a = :a".to_owned(),
        };
        apply(&mutation, &mut Write { write: "update", item: ItemKind::Seat, parameters });
        assert_eq!(parameters["ConditionExpression"], "#ab = :ab");
        assert_eq!(parameters["ExpressionAttributeNames"], json!({ "#ab": "ab" }));
        assert_eq!(parameters["ExpressionAttributeValues"], json!({ ":ab": {}, ":x": {} }));
    }

    #[test]
    fn an_update_can_lack_a_removal_or_a_count() {
        let update = "SET #status = :sold, version = version + :one REMOVE heldUntil, #ttl";
        let mut parameters = json!({
            "UpdateExpression": update,
            "ExpressionAttributeNames": { "#status": "status", "#ttl": "ttl" },
            "ExpressionAttributeValues": { ":sold": {}, ":one": {} },
        });
        let parameters = parameters.as_object_mut().unwrap();
        let mut guards = Guards::new();
        let write = "update in a transaction";
        note(&Write { write, item: ItemKind::Seat, parameters }, &mut guards);
        let [ttl, until, version] = guards.into_keys().collect::<Vec<_>>().try_into().unwrap();
        assert!(until.to_string().contains("REMOVE heldUntil (of: SET"), "{until}");
        apply(&ttl, &mut Write { write, item: ItemKind::Seat, parameters });
        assert_eq!(parameters["UpdateExpression"], "SET #status = :sold, version = version + :one REMOVE heldUntil");
        assert_eq!(parameters["ExpressionAttributeNames"], json!({ "#status": "status" }));
        parameters["UpdateExpression"] = json!(update);
        apply(&version, &mut Write { write, item: ItemKind::Seat, parameters });
        assert_eq!(parameters["UpdateExpression"], "SET #status = :sold REMOVE heldUntil, #ttl");
        assert_eq!(parameters["ExpressionAttributeValues"], json!({ ":sold": {} }));
        assert_eq!(Update::parse("ADD n :one SET t = :t").without("SET t = :t").as_deref(), Some("ADD n :one"));
        assert_eq!(Update::parse("REMOVE a").without("REMOVE a"), None);
    }
}
