/** How the values of options are read. */
import { InvalidArgumentError } from "commander";

/** For an option that may be given several times. */
export const collect = (text: string, before: string[] | undefined): string[] => [...(before ?? []), text];

/** As `collect`, for values out of a list. */
export const collectOneOf =
  <Value extends string>(known: readonly Value[]) =>
  (text: string, before: Value[] | undefined): Value[] => {
    const value = known.find((one) => one === text);
    if (value === undefined) throw new InvalidArgumentError(`It is one of ${known.join(", ")}.`);
    return [...(before ?? []), value];
  };

export function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError("It must be a whole number.");
  return Number(text);
}

export function positiveNumber(text: string): number {
  const number = wholeNumber(text);
  if (number === 0) throw new InvalidArgumentError("It must be at least 1.");
  return number;
}

/** The position of a message in its queue, which is below 2^63. */
export function messageMarker(text: string): string {
  if (!/^\d{1,19}$/.test(text) || BigInt(text) >= 1n << 63n) {
    throw new InvalidArgumentError(
      "It takes the marker of a message, the number that tail prints after the time, or 0.",
    );
  }
  return text;
}

export interface Header {
  name: string;
  value: string;
}

/** `name=value`, which may be given several times. */
export function collectHeader(text: string, before: Header[] | undefined): Header[] {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new InvalidArgumentError("Write it as name=value.");
  return [...(before ?? []), { name, value }];
}
