import { IS_CHECKOUT } from "./checkout.ts";

/** What a person types to run a command, such as `token list`. A checkout has no program `isimud`. */
export function commandLine(words: string): string {
  return IS_CHECKOUT ? `npm run isimud -- ${words}` : `isimud ${words}`;
}
