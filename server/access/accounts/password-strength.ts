/** The worker of `requireStrongPassword`: how hard a password is to guess. It gets one, tells, and is ended. */
import { parentPort, workerData } from "node:worker_threads";
import { ZxcvbnFactory } from "@zxcvbn-ts/core";
import * as common from "@zxcvbn-ts/language-common";
import * as english from "@zxcvbn-ts/language-en";

export interface Strength {
  /** 0 to 4. */
  score: number;
  warning: string | null;
  suggestions: string[];
}

/** It takes seconds for more of them. Whoever guesses a whole password guesses these. */
const SCORED_CHARACTERS = 40;

const { password, about } = workerData as { password: string; about: readonly string[] };
const zxcvbn = new ZxcvbnFactory({
  dictionary: { ...common.dictionary, ...english.dictionary },
  graphs: common.adjacencyGraphs,
  translations: english.translations,
  maxLength: SCORED_CHARACTERS,
});
// What others know is no secret: what is left without it must be hard to guess too.
const known = about.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|");
const secret = password.replace(new RegExp(known, "giu"), "");
const [weaker] = [...new Set([password, secret])].map((text) => zxcvbn.check(text)).sort((a, b) => a.score - b.score);
const { score, feedback } = weaker as ReturnType<typeof zxcvbn.check>;
parentPort?.postMessage({
  score,
  warning: feedback.warning ?? null,
  suggestions: feedback.suggestions,
} satisfies Strength);
