//! What a query asks for, with fragments unfolded and variables filled in.

use std::collections::HashMap;

use graphql_parser::query::{
    Definition, Document, OperationDefinition, Selection, SelectionSet, Type, TypeCondition,
    Value as Literal, VariableDefinition, parse_query,
};
use serde_json::{Map, Value};

use super::error::ApiError;

/// How deep selections may nest, fragments included. The vendor's own client
/// goes five deep.
const DEPTH_MAX: usize = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Query,
    Mutation,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    pub kind: Kind,
    pub fields: Vec<Field>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Its name in the answer.
    pub key: String,
    pub name: String,
    pub arguments: Map<String, Value>,
    /// Only for objects of this type.
    on: Option<String>,
    pub inside: Vec<Field>,
}

type Fragments<'q> = HashMap<&'q str, (&'q str, &'q SelectionSet<'q, String>)>;

struct Reading<'q> {
    fragments: Fragments<'q>,
    variables: &'q Map<String, Value>,
}

/// # Errors
/// What cannot be parsed, or names fragments, variables or operations that
/// are not there.
pub fn read(
    query: &str,
    operation_name: Option<&str>,
    variables: &Map<String, Value>,
) -> Result<Operation, ApiError> {
    let document = parse_query::<String>(query).map_err(|error| {
        ApiError::graphql("GRAPHQL_PARSE_FAILED", format!("Syntax Error: {error}"))
    })?;
    let (kind, declared, selected) = operation(&document, operation_name)?;
    check_variables(declared, variables)?;
    let fragments = document.definitions.iter().filter_map(|definition| match definition {
        Definition::Fragment(fragment) => {
            let TypeCondition::On(on) = &fragment.type_condition;
            Some((fragment.name.as_str(), (on.as_str(), &fragment.selection_set)))
        }
        Definition::Operation(_) => None,
    });
    let reading = Reading { fragments: fragments.collect(), variables };
    Ok(Operation { kind, fields: reading.fields(selected, None, 0)? })
}

type Chosen<'q> = (Kind, &'q [VariableDefinition<'q, String>], &'q SelectionSet<'q, String>);

fn operation<'q>(
    document: &'q Document<'q, String>,
    wanted: Option<&str>,
) -> Result<Chosen<'q>, ApiError> {
    let operations = document.definitions.iter().filter_map(|definition| match definition {
        Definition::Operation(operation) => Some(operation),
        Definition::Fragment(_) => None,
    });
    let mut fitting = operations.filter_map(|operation| {
        let (name, chosen): (_, Chosen<'q>) = match operation {
            OperationDefinition::Query(query) => (
                query.name.as_deref(),
                (Kind::Query, &query.variable_definitions, &query.selection_set),
            ),
            OperationDefinition::Mutation(mutation) => (
                mutation.name.as_deref(),
                (Kind::Mutation, &mutation.variable_definitions, &mutation.selection_set),
            ),
            OperationDefinition::SelectionSet(set) => (None, (Kind::Query, &[], set)),
            OperationDefinition::Subscription(_) => return None,
        };
        (wanted.is_none() || wanted == name).then_some(chosen)
    });
    match (fitting.next(), fitting.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(invalid("There is no such operation.")),
        (Some(_), Some(_)) => {
            Err(invalid("Must provide operation name if query contains multiple operations."))
        }
    }
}

fn check_variables(
    declared: &[VariableDefinition<'_, String>],
    given: &Map<String, Value>,
) -> Result<(), ApiError> {
    for variable in declared {
        let required = matches!(variable.var_type, Type::NonNullType(_));
        let missing = given.get(&variable.name).is_none_or(Value::is_null);
        if required && missing && variable.default_value.is_none() {
            let message = format!(
                "Variable \"${}\" of required type \"{}\" was not provided.",
                variable.name, variable.var_type
            );
            return Err(ApiError::graphql("BAD_USER_INPUT", message));
        }
    }
    Ok(())
}

impl Reading<'_> {
    fn fields(
        &self,
        set: &SelectionSet<'_, String>,
        on: Option<&str>,
        depth: usize,
    ) -> Result<Vec<Field>, ApiError> {
        if depth > DEPTH_MAX {
            return Err(invalid("The query is nested too deeply."));
        }
        let mut fields = Vec::new();
        for selection in &set.items {
            match selection {
                Selection::Field(field) => fields.push(Field {
                    key: field.alias.as_ref().unwrap_or(&field.name).clone(),
                    name: field.name.clone(),
                    arguments: self.arguments(&field.arguments)?,
                    on: on.map(ToOwned::to_owned),
                    inside: self.fields(&field.selection_set, None, depth + 1)?,
                }),
                Selection::FragmentSpread(spread) => {
                    let name = spread.fragment_name.as_str();
                    let fragment = self.fragments.get(name);
                    let (on, set) =
                        fragment.ok_or_else(|| invalid(format!("Unknown fragment \"{name}\".")))?;
                    fields.extend(self.fields(set, Some(on), depth + 1)?);
                }
                Selection::InlineFragment(fragment) => {
                    let on = fragment.type_condition.as_ref().map(|TypeCondition::On(on)| on);
                    let on = on.map(String::as_str);
                    fields.extend(self.fields(&fragment.selection_set, on, depth + 1)?);
                }
            }
        }
        Ok(fields)
    }

    fn arguments(
        &self,
        given: &[(String, Literal<'_, String>)],
    ) -> Result<Map<String, Value>, ApiError> {
        given.iter().map(|(name, literal)| Ok((name.clone(), self.value(literal)?))).collect()
    }

    fn value(&self, literal: &Literal<'_, String>) -> Result<Value, ApiError> {
        Ok(match literal {
            Literal::Variable(name) => self.variables.get(name).cloned().unwrap_or(Value::Null),
            Literal::Int(number) => number.as_i64().into(),
            Literal::Float(number) => (*number).into(),
            Literal::String(text) | Literal::Enum(text) => text.as_str().into(),
            Literal::Boolean(flag) => (*flag).into(),
            Literal::Null => Value::Null,
            Literal::List(items) => {
                items.iter().map(|item| self.value(item)).collect::<Result<Vec<_>, _>>()?.into()
            }
            Literal::Object(members) => {
                let member =
                    |(name, value)| Ok::<_, ApiError>((String::clone(name), self.value(value)?));
                Value::Object(members.iter().map(member).collect::<Result<_, _>>()?)
            }
        })
    }
}

/// Refuses fields that objects like `shape` do not have, before anything is
/// done. Where the shape is null or an empty list, anything may be asked.
///
/// # Errors
/// Names the first unknown field.
pub fn check(fields: &[Field], shape: &Value) -> Result<(), ApiError> {
    let members = match shape {
        Value::Object(members) => members,
        Value::Array(items) => {
            return items.first().map_or(Ok(()), |item| check(fields, item));
        }
        _ => return Ok(()),
    };
    let kind = members.get("__typename").and_then(Value::as_str).unwrap_or("Query");
    for field in fields.iter().filter(|field| field.on.as_deref().is_none_or(|on| on == kind)) {
        let Some(member) = members.get(&field.name) else {
            let message = format!("Cannot query field \"{}\" on type \"{kind}\".", field.name);
            return Err(invalid(message));
        };
        check(&field.inside, member)?;
    }
    Ok(())
}

/// What of `value` was asked for.
pub fn select(fields: &[Field], value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| select(fields, item)).collect(),
        Value::Object(members) if !fields.is_empty() => {
            let kind = members.get("__typename").and_then(Value::as_str);
            let mut selected = Map::new();
            for field in fields {
                if field.on.as_deref().is_none_or(|on| kind.is_none_or(|kind| kind == on)) {
                    let member = members.get(&field.name).unwrap_or(&Value::Null);
                    merge(&mut selected, &field.key, select(&field.inside, member));
                }
            }
            Value::Object(selected)
        }
        other => other.clone(),
    }
}

/// A field asked for twice has the members of both.
fn merge(selected: &mut Map<String, Value>, key: &str, value: Value) {
    match (selected.get_mut(key), value) {
        (Some(Value::Object(earlier)), Value::Object(later)) => earlier.extend(later),
        (_, value) => {
            selected.insert(key.to_owned(), value);
        }
    }
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::graphql("GRAPHQL_VALIDATION_FAILED", message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(query: &str, variables: &Value) -> Vec<Field> {
        read(query, None, variables.as_object().unwrap()).unwrap().fields
    }

    #[test]
    fn fragments_and_variables_are_filled_in() {
        let query = "query issue($id: String!) { issue(id: $id) { ...Issue again: title } } \
                     fragment Issue on Issue { title team { id } }";
        let fields = fields(query, &json!({"id": "OPS-1"}));
        assert_eq!(fields[0].arguments["id"], "OPS-1");
        let issue = json!({"__typename": "Issue", "title": "t", "team": {"id": 7, "key": "OPS"}});
        let expected = json!({"title": "t", "again": "t", "team": {"id": 7}});
        assert_eq!(select(&fields[0].inside, &issue), expected);
    }

    #[test]
    fn an_unknown_field_is_named() {
        let fields = fields("{ issue { titel } }", &json!({}));
        let shape = json!({"issue": {"__typename": "Issue", "title": null}});
        assert!(check(&fields, &shape).is_err());
    }

    /// A refusal, whatever its words.
    fn refused(query: &str) {
        assert!(read(query, None, &Map::new()).is_err(), "{query}");
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        refused("query {");
        refused("{ ...Nobody }");
        refused("query q($id: String!) { issue(id: $id) { id } }");
        refused("query a { x } query b { x }");
        refused("{ ...Loop } fragment Loop on Query { ...Loop }");
    }
}
