/** Which variables of the environment are settings, and which look as if they were meant as one. */
import { SETTING_NAMES } from "../../config.ts";
import { nearestName } from "../../nearest-name.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Letters of a variable's name for each one that may be wrong. */
const LETTERS_PER_MISTAKE = 5;

/** The settings that are not left out. */
export function givenSettings(environment: Environment): string[] {
  return SETTING_NAMES.filter((name) => Boolean(environment[name]));
}

/**
 * Variables that are no settings but look like one: with a few wrong letters, or with the name of this program in front.
 * Nothing reads them. OpenTelemetry has many variables with names alike, which its libraries read.
 */
export function misspeltSettings(environment: Environment): { name: string; meant: string }[] {
  return Object.keys(environment).flatMap((name) => {
    if (SETTING_NAMES.includes(name) || name.startsWith("OTEL_") || environment[name] === "") return [];
    const bare = name.replace(/^ISIMUD_/, "");
    const most = Math.max(1, Math.floor(bare.length / LETTERS_PER_MISTAKE));
    const meant = SETTING_NAMES.includes(bare) ? bare : nearestName(bare, SETTING_NAMES, most);
    return meant === null ? [] : [{ name, meant }];
  });
}
