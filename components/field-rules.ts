/** What the forms check while you type. The server checks again, with its limits. */

import { parseExactJson } from "./ui/exact-json.ts";
import { z } from "./zod.ts";

export const queueName = z
  .string()
  .trim()
  .min(1, "Enter a name.")
  .regex(/^[A-Za-z0-9_.-]+$/, "Only letters, digits, _, - and . are allowed.");

export const objectName = z.string().trim().min(1, "Enter a name.");

function readWhole(text: string): number | null {
  return text.trim() === "" ? null : Number(text.trim());
}

/** A whole number as text. Empty: null. */
export const wholeText = z
  .string()
  .regex(/^\s*\d*\s*$/, "This must be a whole number.")
  .transform(readWhole)
  .refine((value) => value === null || Number.isSafeInteger(value), "This number is too large.");

/** A whole number as text, required. */
export const neededWhole = z
  .string()
  .regex(/^\s*\d+\s*$/, "This must be a whole number.")
  .transform((text) => Number(text.trim()))
  .refine((value) => Number.isSafeInteger(value), "This number is too large.");

export const jsonText = z.string().refine((text) => parseExactJson(text) !== null, "This is not valid JSON.");

export const jsonObjectText = z
  .string()
  .refine((text) => parseExactJson(text)?.kind === "object", "This must be a JSON object, such as {}.");
