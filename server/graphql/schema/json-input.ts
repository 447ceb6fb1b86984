/** How a request gives a JSON value: parsed with the request, or as text to the letter. */
import { DomainError } from "../../errors.ts";
import { builder } from "./builder.ts";

export const JsonInput = builder.inputType("JsonInput", {
  isOneOf: true,
  description: "A JSON value: exactly one of `json` and `text`.",
  fields: (t) => ({
    json: t.field({
      type: "JSON",
      description:
        'The value itself, such as `{ json: { a: 1 } }`. A number that JavaScript cannot hold exactly is refused: send it in `text`. So is the value null: send `{ text: "null" }`.',
    }),
    text: t.string({ description: "The value as JSON text. Exactly this text is stored and returned." }),
  }),
});

/** The JSON text of the value. */
export function textOf({ json, text }: typeof JsonInput.$inferInput): string {
  return text ?? (json as NonNullable<typeof json>).text;
}

/** Like textOf; undefined when the field was left out or is null. */
export function optionalTextOf(input: typeof JsonInput.$inferInput | null | undefined): string | undefined {
  return input === null || input === undefined ? undefined : textOf(input);
}

/**
 * The error with the path of the JSON as the caller wrote it in `input`: operations say `messages.0.body`, which is
 * `messages.0.body.text` or `messages.0.body.json` here.
 */
export function asWritten<T>(error: T, input: unknown): T {
  const field = error instanceof DomainError ? error.details.field : undefined;
  if (!(error instanceof DomainError) || typeof field !== "string") return error;
  const named = field.split(".").reduce<unknown>((value, part) => memberOf(value, part), input);
  const form = ["json", "text"].find((key) => memberOf(named, key) !== undefined);
  if (form === undefined) return error;
  const path = `${field}.${form}`;
  const { code, message, details, cause } = error;
  const says = message.startsWith(`${field} `) ? path + message.slice(field.length) : message;
  return new DomainError(code, says, { details: { ...details, field: path }, cause }) as T;
}

function memberOf(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}
