/** The forms that settings have: numbers, URIs, lists. A value of another form is refused with the rule. */
import { z } from "zod";
import { addressList } from "./access/addresses.ts";

export const whole = (fallback: number, minimum = 0, maximum = Number.MAX_SAFE_INTEGER) => {
  const range = maximum === Number.MAX_SAFE_INTEGER ? `not below ${minimum}` : `from ${minimum} to ${maximum}`;
  return z
    .string()
    .refine((text) => /^\d+$/.test(text) && Number(text) >= minimum && Number(text) <= maximum, {
      error: ({ input }) => `must be a whole number ${range}; it is ${JSON.stringify(input)}`,
    })
    .transform(Number)
    .default(fallback);
};

/** A URI that `parse` accepts. The message of its error becomes the rule that the user reads. */
export const uri = (schemes: RegExp, rule: string, parse: (uri: string) => unknown) =>
  z
    .string()
    .regex(schemes, { error: rule, abort: true })
    .superRefine((text, issues) => {
      try {
        parse(text);
      } catch (error) {
        issues.addIssue({ code: "custom", message: (error as Error).message });
      }
    })
    .optional();

/** Entries that commas or spaces separate. */
export const entries = z.string().transform((text) => text.split(/[\s,]+/).filter((entry) => entry !== ""));

export const isNumberOfProxies = (proxies: readonly string[]) => /^([1-9]|10)$/.test(proxies.join(","));

export const checkAddresses = (texts: readonly string[], issues: z.RefinementCtx) => {
  try {
    addressList(texts);
  } catch (error) {
    issues.addIssue({ code: "custom", message: (error as Error).message });
  }
};
