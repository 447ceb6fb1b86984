/** How a request gives a JSON value: parsed with the request, or as text to the letter. */
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
