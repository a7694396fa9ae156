//! The JSON schema of the programme file, for editors that complete and check as one types.

use base::limits::{ID_BYTES_MAX, LANGUAGES_MAX, STAGE_MAX};
use serde_json::{Map, Value, json};

use crate::keys::{Choice, EVENT, Key, Shape};

/// The schema (JSON Schema, draft 2020-12). It is committed as `docs/programme.schema.json`.
pub fn schema() -> Value {
    let mut schema = object(EVENT, true);
    let head = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Programme file of a Plenary event",
        "$defs": {
            "id": {
                "type": "string",
                "pattern": "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$",
                "maxLength": ID_BYTES_MAX,
            },
        },
    });
    if let (Value::Object(schema), Value::Object(head)) = (&mut schema, head) {
        schema.extend(head);
    }
    schema
}

/// A table with these keys; without `id` where the table's own name is the identifier.
fn object(keys: &'static [Key], with_id: bool) -> Value {
    let keys = || keys.iter().filter(move |key| with_id || key.name != "id");
    let properties: Map<_, _> = keys().map(|key| (key.name.to_owned(), property(key))).collect();
    let required: Vec<_> = keys().filter(|key| key.required).map(|key| key.name).collect();
    let mut object = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    });
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}

fn property(key: &'static Key) -> Value {
    let mut schema = match &key.shape {
        Shape::Id => json!({ "$ref": "#/$defs/id" }),
        Shape::Text { chars_max } => json!({
            "anyOf": [
                { "type": "string", "minLength": 1, "maxLength": chars_max },
                {
                    "type": "object",
                    "minProperties": 1,
                    "propertyNames": { "pattern": "^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}$" },
                    "additionalProperties": {
                        "type": "string", "minLength": 1, "maxLength": chars_max,
                    },
                },
            ],
        }),
        Shape::Languages => json!({
            "type": "array",
            "items": { "type": "string", "pattern": "^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}$" },
            "minItems": 1,
            "maxItems": LANGUAGES_MAX,
            "uniqueItems": true,
        }),
        Shape::Moment | Shape::TimeZone => json!({ "type": "string" }),
        Shape::Country => json!({ "type": "string", "pattern": "^[A-Z]{2}$" }),
        Shape::Number { min, max, default } => {
            with_default(json!({ "type": "integer", "minimum": min, "maximum": max }), *default)
        }
        Shape::Flag { default } => with_default(json!({ "type": "boolean" }), Some(*default)),
        Shape::OneOf { choices, default } => with_default(words(choices), *default),
        Shape::SomeOf(choices) => json!({
            "anyOf": [
                words(choices),
                { "type": "array", "items": words(choices), "minItems": 1, "uniqueItems": true },
            ],
        }),
        Shape::People => json!({
            "anyOf": [
                { "$ref": "#/$defs/id" },
                {
                    "type": "array",
                    "items": { "$ref": "#/$defs/id" },
                    "maxItems": STAGE_MAX,
                    "uniqueItems": true,
                },
            ],
        }),
        Shape::Table(keys) => object(keys, true),
        Shape::Entries { keys, entries_max } => json!({
                "anyOf": [
                    {
                        "type": "array",
                        "items": object(keys, true),
                        "minItems": 1,
                        "maxItems": entries_max,
                    },
                    {
                        "type": "object",
                        "propertyNames": { "$ref": "#/$defs/id" },
                        "additionalProperties": object(keys, false),
                        "minProperties": 1,
                        "maxProperties": entries_max,
                    },
                ],
        }),
    };
    schema["description"] = json!(key.doc);
    schema
}

fn words(choices: &[Choice]) -> Value {
    let all: Vec<_> = choices
        .iter()
        .map(|choice| json!({ "const": choice.word, "description": choice.doc }))
        .collect();
    json!({ "oneOf": all })
}

fn with_default(mut schema: Value, default: Option<impl serde::Serialize>) -> Value {
    if let Some(default) = default {
        schema["default"] = json!(default);
    }
    schema
}
