/** Typed changes of a queue's reserved attributes, as changes of its metadata. */
import { DomainError } from "../../errors.ts";
import { ATTRIBUTE_KEYS, POLICY_KEYS, type ReservedAttributes, type RetryPolicy } from "./queue-attributes.ts";
import type { MetadataChange } from "./queue-metadata.ts";

/** Left out: it stays. Null: it gets its default. A policy replaces all of the former one. */
export type AttributeChanges = {
  [K in Exclude<keyof ReservedAttributes, "retryPolicy">]?: ReservedAttributes[K] | null;
} & { retryPolicy?: { [K in keyof RetryPolicy]?: RetryPolicy[K] | null } | null };

const ATTRIBUTES = Object.entries(ATTRIBUTE_KEYS) as [keyof ReservedAttributes, string][];

export function attributeChanges(attributes: AttributeChanges): MetadataChange[] {
  return ATTRIBUTES.flatMap(([field, key]): MetadataChange[] => {
    const value = attributes[field];
    if (value === undefined) return [];
    if (value === null) return [{ op: "remove", key }];
    const stored = typeof value === "object" ? policyOf(value) : value;
    return [{ op: "add", key, valueText: JSON.stringify(stored) }];
  });
}

function policyOf(policy: object): object {
  const given = Object.entries(policy).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(given.map(([field, value]) => [POLICY_KEYS[field as keyof RetryPolicy], value]));
}

const FIELDS = new Map<string, string>([
  ...ATTRIBUTES.map(([field, key]): [string, string] => [key, `attributes.${field}`]),
  ...Object.entries(POLICY_KEYS).map(([field, key]): [string, string] => [key, field]),
]);

/** Runs `work`. An error calls an attribute by the name that the caller has given, not by its key in the metadata. */
export async function naming<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    const named = (text: string) =>
      text.replace(/\b_?[a-z]+(?:_[a-z]+)+\b|\b_(?:flavor|metrics)\b/g, (key) => FIELDS.get(key) ?? key);
    const { field } = error.details;
    const details = typeof field === "string" ? { ...error.details, field: named(field) } : error.details;
    throw new DomainError(error.code, named(error.message), { details, cause: error });
  }
}
